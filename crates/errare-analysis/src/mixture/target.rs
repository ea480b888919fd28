//! What is held fixed in a mixture, and the bins of probe distance in which the rest is estimated.

use std::f64::consts::PI;

use errare_behaviour::{Display, Emission, ResponseModel};
use errare_core::special::{MAX_KAPPA, bessel_ratio_inverse};

use crate::{Error, Result};

/// Bins of a swap curve.
pub const SWAP_CURVE_BINS: usize = 8;

/// Precision and guesses of a target distribution, as they are held fixed while swaps are estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureTarget {
    /// One for all displays, or one each.
    kappa: Vec<f64>,
    /// The same.
    uniform: Vec<f64>,
}

impl MixtureTarget {
    /// A von Mises concentration κ and the probability of a uniform guess.
    ///
    /// # Errors
    /// Unless 0 < κ ≤ 10⁷ and 0 ≤ `uniform_weight` < 1.
    pub fn new(kappa: f64, uniform_weight: f64) -> Result<Self> {
        Self { kappa: vec![kappa], uniform: vec![uniform_weight] }.checked()
    }

    /// As [`MixtureTarget::new`], from the circular standard deviation (radians) of responses about an item:
    /// κ = A⁻¹(exp(−sd²/2)). A target without an emission has the angular standard deviation s₀/R of its
    /// isotropic read-out noise s₀ on a ring of radius R.
    ///
    /// # Errors
    /// As [`MixtureTarget::new`].
    pub fn from_standard_deviation(sd: f64, uniform_weight: f64) -> Result<Self> {
        Self::new(bessel_ratio_inverse((-0.5 * sd * sd).exp()), uniform_weight)
    }

    /// Precision and guesses, display by display, of a response model whose responses are read out with
    /// angular noise of standard deviation `readout_sd` (radians): s₀/R.
    ///
    /// # Errors
    /// As [`MixtureTarget::new`].
    pub fn of_model(model: &dyn ResponseModel, displays: &[Display], readout_sd: f64) -> Result<Self> {
        let spread =
            |display: &Display| response_standard_deviation(model, std::slice::from_ref(display), readout_sd);
        Self {
            kappa: one_or_each(displays.iter().map(spread))
                .into_iter()
                .map(|sd| bessel_ratio_inverse((-0.5 * sd * sd).exp()))
                .collect(),
            uniform: one_or_each(displays.iter().map(|display| model.weights(display)[0])),
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        if let Some(&value) = self.kappa.iter().find(|kappa| !(**kappa > 0.0 && **kappa <= MAX_KAPPA)) {
            return Err(Error::OutOfRange {
                name: "kappa of the target",
                value,
                expected: "above 0 and at most 1e7",
            });
        }
        match self.uniform.iter().find(|weight| !(0.0..1.0).contains(*weight)) {
            Some(&value) => Err(Error::OutOfRange {
                name: "uniform weight of the target",
                value,
                expected: "at least 0 and below 1",
            }),
            None => Ok(self),
        }
    }

    /// Von Mises concentration about an item of display `display`.
    #[must_use]
    pub fn kappa(&self, display: usize) -> f64 {
        if self.kappa.len() == 1 { self.kappa[0] } else { self.kappa[display] }
    }

    /// Probability of a guess given display `display`.
    #[must_use]
    pub fn uniform_weight(&self, display: usize) -> f64 {
        if self.uniform.len() == 1 { self.uniform[0] } else { self.uniform[display] }
    }

    /// Refuses figures of another number of displays.
    pub(crate) fn check_displays(&self, displays: usize) -> Result<()> {
        for (what, left) in [
            ("precisions of the target and displays", self.kappa.len()),
            ("guess weights of the target and displays", self.uniform.len()),
        ] {
            if left != 1 && left != displays {
                return Err(Error::SizeMismatch { what, left, right: displays });
            }
        }
        Ok(())
    }
}

/// What all displays have in common, or one value each.
fn one_or_each(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    if values.iter().all(|value| *value == values[0]) {
        values.truncate(1);
    }
    values
}

/// Circular standard deviation (radians) of responses about the chosen item, over displays: emission and read-out
/// noise, whose mean resultants multiply.
pub(crate) fn response_standard_deviation(
    model: &dyn ResponseModel,
    displays: &[Display],
    readout_sd: f64,
) -> f64 {
    let spread = |display: &Display| model.emission(display).map_or(0.0, Emission::standard_deviation);
    let resultant: f64 = displays.iter().map(|display| (-0.5 * spread(display).powi(2)).exp()).sum();
    (-2.0 * (resultant / displays.len().max(1) as f64).ln()).max(0.0).sqrt().hypot(readout_sd)
}

/// Equal-width bins of probe distance (radians).
#[derive(Debug, Clone, PartialEq)]
pub struct DistanceBins {
    edges: Vec<f64>,
}

impl DistanceBins {
    /// `count` bins on [`separation`, π], `separation` being the smallest probe distance in a display; one bin
    /// where it is π, the only distance.
    ///
    /// # Errors
    /// When `count` is 0 or the separation is not in [0, π].
    pub fn uniform(separation: f64, count: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::OutOfRange { name: "number of bins", value: 0.0, expected: "at least 1" });
        }
        if !(0.0..=PI).contains(&separation) {
            return Err(Error::OutOfRange {
                name: "probe separation",
                value: separation,
                expected: "at least 0 and at most π",
            });
        }
        let count = if separation < PI { count } else { 1 };
        let width = (PI - separation) / count as f64;
        Ok(Self { edges: (0..=count).map(|edge| separation + width * edge as f64).collect() })
    }

    /// One bin for all distances, for displays without probe features too.
    #[must_use]
    pub fn single() -> Self {
        Self { edges: vec![0.0, PI] }
    }

    /// Number of bins.
    #[must_use]
    pub fn count(&self) -> usize {
        self.edges.len() - 1
    }

    /// Edges (radians), one more than bins.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The bin of a distance (radians); distances beyond the edges belong to the outermost bins.
    #[must_use]
    pub fn index(&self, distance: f64) -> usize {
        let (from, to) = (self.edges[0], self.edges[self.count()]);
        let position = (distance - from) / (to - from) * self.count() as f64;
        (position.max(0.0) as usize).min(self.count() - 1)
    }

    /// The bin of every uncued item of a display.
    pub(crate) fn of_display(&self, index: usize, display: &Display) -> Result<Vec<usize>> {
        (1..display.set_size())
            .map(|item| match display.probe_offset(item) {
                Some(offset) => Ok(self.index(offset.abs())),
                None if self.count() == 1 => Ok(0),
                None => Err(Error::NoProbe { display: index }),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use errare_behaviour::SwapFunction;
    use errare_core::von_mises::VonMises;

    use super::*;
    use crate::testing::displays;

    #[test]
    fn a_target_without_emission_has_the_precision_of_its_read_out() {
        let target = MixtureTarget::of_model(&SwapFunction::None, &displays(5, 2, 1), 0.05).unwrap();
        assert!((target.kappa(3) - 400.5).abs() < 0.5, "κ = {}", target.kappa(0));
        assert_eq!(target.uniform_weight(3), 0.0);
        assert!(target.check_displays(99).is_ok());
    }

    #[test]
    fn every_set_size_keeps_its_own_precision() {
        #[derive(Debug)]
        struct Worse([VonMises; 2]);
        impl ResponseModel for Worse {
            fn weights(&self, display: &Display) -> Vec<f64> {
                SwapFunction::None.weights(display)
            }
            fn emission(&self, display: &Display) -> Option<&dyn Emission> {
                Some(&self.0[usize::from(display.set_size() > 2)])
            }
        }
        let model = Worse([20.0, 10.0].map(|kappa| VonMises::new(kappa).unwrap()));
        let mixed = [displays(3, 2, 1), displays(2, 4, 1)].concat();
        let target = MixtureTarget::of_model(&model, &mixed, 0.0).unwrap();
        for (display, kappa) in [20.0, 20.0, 20.0, 10.0, 10.0].into_iter().enumerate() {
            assert!((target.kappa(display) - kappa).abs() < 1e-6, "{target:?}");
        }
        assert!(target.check_displays(4).unwrap_err().to_string().contains("precisions"));
    }

    #[test]
    fn impossible_targets_are_refused() {
        assert!(MixtureTarget::new(0.0, 0.1).unwrap_err().to_string().contains("kappa of the target is 0"));
        assert!(MixtureTarget::new(f64::NAN, 0.1).is_err());
        assert!(MixtureTarget::new(3.0, 1.0).is_err());
        assert!(MixtureTarget::of_model(&SwapFunction::None, &displays(5, 2, 1), 0.0).is_ok());
    }

    #[test]
    fn bins_take_every_distance() {
        let bins = DistanceBins::uniform(0.8, 8).unwrap();
        assert_eq!(bins.index(0.1), 0);
        assert_eq!(bins.index(0.8), 0);
        assert_eq!(bins.index(PI), 7);
        assert_eq!(bins.index(0.5 * (0.8 + PI) + 1e-9), 4);
        assert!(DistanceBins::uniform(4.0, 8).is_err());
        let opposite = DistanceBins::uniform(PI, 8).unwrap();
        assert_eq!((opposite.count(), opposite.index(PI), opposite.index(PI - 1e-12)), (1, 0, 0));
    }
}
