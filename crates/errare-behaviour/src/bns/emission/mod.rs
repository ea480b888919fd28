//! The families of emissions that BNS estimates: log densities and the M step.
//!
//! A family has coordinates on lines without bounds, in which steps are taken and in which participants are normally
//! distributed. Its M step raises Σ weight · ln E(ε) plus, where there is one, the log prior of the coordinates.

mod von_mises;
mod von_mises_mixture;
mod wrapped_stable;

use std::fmt::{self, Debug};
use std::str::FromStr;

use crate::data::listing;
use crate::emission::EmissionParameters;
use crate::{Error, Result};

/// The family of distributions of responses around the chosen item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EmissionFamily {
    /// von Mises.
    #[default]
    VonMises,
    /// Two von Mises distributions at one mean.
    VonMisesMixture,
    /// Wrapped symmetric stable: its heavy tails may stand in for guesses.
    WrappedStable,
}

impl EmissionFamily {
    /// Every family there is.
    pub const ALL: [Self; 3] = [Self::VonMises, Self::VonMisesMixture, Self::WrappedStable];

    /// Name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VonMises => "von-mises",
            Self::VonMisesMixture => "von-mises-mixture",
            Self::WrappedStable => "wrapped-stable",
        }
    }

    /// Whether models with it have guesses unless one says otherwise: heavy tails take their place.
    #[must_use]
    pub fn uniform_by_default(self) -> bool {
        self != Self::WrappedStable
    }

    /// Its inference.
    pub(super) fn inference(self) -> &'static dyn Family {
        match self {
            Self::VonMises => &von_mises::VonMisesFamily,
            Self::VonMisesMixture => &von_mises_mixture::MixtureFamily,
            Self::WrappedStable => &wrapped_stable::StableFamily,
        }
    }
}

impl fmt::Display for EmissionFamily {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for EmissionFamily {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|family| family.name() == text).ok_or_else(|| Error::UnknownName {
            what: "emission",
            name: text.to_owned(),
            hint: format!(
                "the emissions are {}",
                listing(text, &Self::ALL.map(|family| family.name().to_owned()))
            ),
        })
    }
}

/// Deviations from the items of some trials, with the responsibilities of the items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deviations<'a> {
    pub(super) cosines: &'a [f64],
    pub(super) weights: &'a [f64],
}

impl Deviations<'_> {
    fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.cosines.iter().copied().zip(self.weights.iter().copied())
    }
}

/// Independent normal distributions of the coordinates over participants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Population {
    pub(super) mean: Vec<f64>,
    pub(super) sd: Vec<f64>,
}

impl Population {
    /// Log density up to its constant, with its gradient.
    pub(super) fn log_density(&self, coordinates: &[f64]) -> (f64, Vec<f64>) {
        let mut value = 0.0;
        let slopes = coordinates.iter().zip(&self.mean).zip(&self.sd).map(|((x, mean), sd)| {
            let deviation = (x - mean) / sd;
            value -= 0.5 * deviation * deviation + sd.ln();
            -deviation / sd
        });
        let slopes = slopes.collect();
        (value, slopes)
    }
}

/// Log density as a function of the cosine of a deviation.
pub(super) type LogDensity = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// A parametric family of emissions.
pub(super) trait Family: Debug + Send + Sync {
    /// Coordinates of a distribution like a von Mises one of concentration κ.
    fn start(&self, kappa: f64) -> Vec<f64>;

    /// The parameters at given coordinates; whatever they are, they make an emission.
    fn parameters(&self, coordinates: &[f64]) -> EmissionParameters;

    /// Log density at given coordinates.
    fn log_density(&self, coordinates: &[f64]) -> LogDensity;

    /// Σ weight · ln E and its gradient by the coordinates.
    fn expected(&self, coordinates: &[f64], deviations: Deviations<'_>) -> (f64, Vec<f64>);

    /// Coordinates that raise Σ weight · ln E, plus the log density of the population where there is one.
    fn step(
        &self,
        coordinates: &[f64],
        deviations: Deviations<'_>,
        population: Option<&Population>,
    ) -> Vec<f64>;
}

/// An M step by a few steps of BFGS: enough, since the next E step moves the weights.
fn climb(
    family: &dyn Family,
    coordinates: &[f64],
    deviations: Deviations<'_>,
    population: Option<&Population>,
    spread: &[f64],
) -> Vec<f64> {
    let stop = crate::bfgs::Stop { gain: 1e-7, steps: 8 };
    let end = crate::bfgs::maximise(coordinates.to_vec(), spread, stop, |x, _: Option<&()>| {
        let (mut value, mut slopes) = family.expected(x, deviations);
        if let Some(population) = population {
            let (prior, by) = population.log_density(x);
            value += prior;
            slopes.iter_mut().zip(by).for_each(|(slope, by)| *slope += by);
        }
        Ok::<_, std::convert::Infallible>((value, slopes, ()))
    });
    match end {
        Ok((x, ())) => x,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::random::{Purpose, stream};

    use super::*;

    fn sample(parameters: EmissionParameters, count: u64) -> (Vec<f64>, Vec<f64>) {
        let emission = parameters.emission(2).unwrap();
        let cosines =
            (0..count).map(|i| emission.sample(&mut stream(3, Purpose::Surrogate, &[i])).cos()).collect();
        (cosines, (0..count).map(|i| 0.2 + 0.8 * f64::from(i as u32 % 7) / 6.0).collect())
    }

    #[test]
    fn names_are_read_back() {
        for family in EmissionFamily::ALL {
            assert_eq!(family.to_string().parse::<EmissionFamily>().unwrap(), family);
        }
        let message = "von-misses".parse::<EmissionFamily>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"von-mises\""), "{message}");
    }

    #[test]
    fn slopes_match_finite_differences() {
        let (cosines, weights) = sample(EmissionParameters::WrappedStable { alpha: 1.4, gamma: 0.3 }, 300);
        let deviations = Deviations { cosines: &cosines, weights: &weights };
        for family in EmissionFamily::ALL.map(EmissionFamily::inference) {
            let mut at = family.start(9.0);
            at[0] += 0.13;
            let (value, slopes) = family.expected(&at, deviations);
            let log_density = family.log_density(&at);
            let direct: f64 = deviations.iter().map(|(cosine, weight)| weight * log_density(cosine)).sum();
            assert_abs_diff_eq!(value, direct, epsilon = 1e-9 * value.abs());
            for axis in 0..at.len() {
                let h = 1e-5;
                let moved = |by: f64| {
                    let mut x = at.clone();
                    x[axis] += by;
                    family.expected(&x, deviations).0
                };
                let numeric = (moved(h) - moved(-h)) / (2.0 * h);
                assert_abs_diff_eq!(slopes[axis], numeric, epsilon = 1e-5 * numeric.abs().max(1.0));
            }
        }
    }

    #[test]
    fn steps_recover_the_parameters_and_never_fall() {
        let truths = [
            EmissionParameters::VonMises { kappa: 14.0 },
            EmissionParameters::VonMisesMixture { lambda: 0.6, kappa_1: 40.0, kappa_2: 3.0 },
            EmissionParameters::WrappedStable { alpha: 1.5, gamma: 0.2 },
        ];
        for (family, truth) in EmissionFamily::ALL.into_iter().zip(truths) {
            let (cosines, weights) = sample(truth, 40_000);
            let deviations = Deviations { cosines: &cosines, weights: &weights };
            let family = family.inference();
            let mut at = family.start(8.0);
            let mut value = family.expected(&at, deviations).0;
            for _ in 0..60 {
                at = family.step(&at, deviations, None);
                let reached = family.expected(&at, deviations).0;
                assert!(reached >= value - 1e-9 * value.abs(), "{truth:?}: {reached} after {value}");
                value = reached;
            }
            for ((name, value), (_, expected)) in
                family.parameters(&at).named().into_iter().zip(truth.named())
            {
                assert!((value / expected - 1.0).abs() < 0.08, "{name}: {value} for {expected}");
            }
            // A tight population holds the coordinates where it is.
            let start = family.start(30.0);
            let population = Population { mean: start.clone(), sd: vec![1e-4; start.len()] };
            let held = family.step(&family.start(29.0), deviations, Some(&population));
            for (x, mean) in held.iter().zip(&population.mean) {
                assert_abs_diff_eq!(x, mean, epsilon = 2e-2);
            }
        }
    }
}
