//! What the swap function may depend on: one basis each.

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;
use std::fmt::Debug;

use super::spectrum::wendland_spectrum;

/// Modes beside the constant one, refined until the variance they leave out is below `TRUNCATION`.
const MODES: [usize; 4] = [12, 16, 24, 32];
const TRUNCATION: f64 = 0.01;
/// The kernel is valid for τ from here on.
const MIN_TAU: f64 = 3.0;

/// What the swap function of BNS depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SwapDependence {
    /// Nothing: every uncued item is equally likely.
    None,
    /// The distance from the cued item in the probe feature.
    Probe,
}

impl SwapDependence {
    /// Every dependence there is.
    pub const ALL: [Self; 2] = [Self::Probe, Self::None];

    /// Name, as in the model name `bns:NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Probe => "probe",
        }
    }

    /// Whether displays need probe features.
    #[must_use]
    pub fn needs_probe(self) -> bool {
        self == Self::Probe
    }

    /// The basis of least resolution, and by [`SwapBasis::refined`] those above.
    pub(super) fn basis(self) -> Box<dyn SwapBasis> {
        self.basis_of(MODES[0])
    }

    /// The basis with a number of modes a feature.
    pub(super) fn basis_of(self, modes: usize) -> Box<dyn SwapBasis> {
        match self {
            Self::None => Box::new(Constant),
            Self::Probe => Box::new(Probe { modes }),
        }
    }
}

/// A normal prior of one hyperparameter on its whole line.
#[derive(Debug, Clone, Copy)]
pub(super) struct HyperPrior {
    pub(super) mean: f64,
    pub(super) sd: f64,
    /// Where the search starts.
    pub(super) start: f64,
}

/// Prior standard deviations of the coefficients, and how they move with the hyperparameters.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    /// One per feature.
    pub(super) values: Vec<f64>,
    /// ∂ ln value / ∂ hyperparameter, [hyperparameters][features].
    pub(super) log_slopes: Vec<Vec<f64>>,
}

/// A prior over swap functions f = level + Σ scale · w · φ(offsets), w ~ N(0, 1).
pub(super) trait SwapBasis: Debug + Send + Sync {
    /// Number of features φ.
    fn features(&self) -> usize;
    /// Modes a feature dimension, beside the constant one.
    fn modes(&self) -> usize;
    /// Features of an item at a probe and a report offset (radians; NaN where there is none).
    fn fill(&self, probe: f64, report: f64, features: &mut [f64]);
    /// Priors of the hyperparameters, on lines without bounds.
    fn hyperpriors(&self) -> Vec<HyperPrior>;
    /// Prior standard deviations at the hyperparameters `x`.
    fn scales(&self, x: &[f64]) -> Scales;
    /// Hyperparameters by name on their natural scales.
    fn named(&self, x: &[f64]) -> BTreeMap<String, f64>;
    /// A finer basis, when this one leaves out more than 1 % of the prior variance at `x`; its features begin
    /// with those of this one.
    fn refined(&self, x: &[f64]) -> Option<Box<dyn SwapBasis>>;
}

/// f is a constant.
#[derive(Debug)]
struct Constant;

impl SwapBasis for Constant {
    fn features(&self) -> usize {
        0
    }
    fn modes(&self) -> usize {
        0
    }
    fn fill(&self, _: f64, _: f64, _: &mut [f64]) {}
    fn hyperpriors(&self) -> Vec<HyperPrior> {
        Vec::new()
    }
    fn scales(&self, _: &[f64]) -> Scales {
        Scales { values: Vec::new(), log_slopes: Vec::new() }
    }
    fn named(&self, _: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
    fn refined(&self, _: &[f64]) -> Option<Box<dyn SwapBasis>> {
        None
    }
}

/// f is an even function of the probe offset: φₖ = √2 cos kΔ with prior variance s² sₖ(τ).
/// Hyperparameters: ln s and ln(τ − 3).
#[derive(Debug)]
struct Probe {
    modes: usize,
}

impl SwapBasis for Probe {
    fn features(&self) -> usize {
        self.modes + 1
    }

    fn modes(&self) -> usize {
        self.modes
    }

    fn fill(&self, probe: f64, _: f64, features: &mut [f64]) {
        fill_cosines(probe, features);
    }

    fn hyperpriors(&self) -> Vec<HyperPrior> {
        vec![
            HyperPrior { mean: 0.0, sd: 1.0, start: 0.0 },
            HyperPrior { mean: 3f64.ln(), sd: 0.7, start: 3f64.ln() },
        ]
    }

    fn scales(&self, x: &[f64]) -> Scales {
        let tau = MIN_TAU + x[1].exp();
        let spectrum = wendland_spectrum(tau, self.modes);
        let s = x[0].exp();
        Scales {
            values: spectrum.iter().map(|&(value, _)| s * value.max(TINY).sqrt()).collect(),
            log_slopes: vec![
                vec![1.0; spectrum.len()],
                spectrum
                    .iter()
                    .map(|&(value, slope)| 0.5 * (tau - MIN_TAU) * slope / value.max(TINY))
                    .collect(),
            ],
        }
    }

    fn named(&self, x: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::from([("scale".into(), x[0].exp()), ("tau_probe".into(), MIN_TAU + x[1].exp())])
    }

    fn refined(&self, x: &[f64]) -> Option<Box<dyn SwapBasis>> {
        let kept: f64 =
            wendland_spectrum(MIN_TAU + x[1].exp(), self.modes).iter().map(|&(value, _)| value).sum();
        let finer = MODES.into_iter().find(|&modes| modes > self.modes)?;
        (1.0 - kept > TRUNCATION).then(|| SwapDependence::Probe.basis_of(finer))
    }
}

/// Keeps the logarithm of a coefficient finite where it vanishes.
const TINY: f64 = 1e-14;

/// 1, √2 cos Δ, √2 cos 2Δ, …; without an offset (NaN) its average over the circle: 1, 0, 0, …
fn fill_cosines(offset: f64, features: &mut [f64]) {
    let cosine = offset.cos();
    let (mut previous, mut current) = (cosine, 1.0);
    for (k, feature) in features.iter_mut().enumerate() {
        *feature = match (k, offset.is_nan()) {
            (0, _) => 1.0,
            (_, true) => 0.0,
            (_, false) => SQRT_2 * current,
        };
        (previous, current) = (current, 2.0 * cosine * current - previous);
    }
}
