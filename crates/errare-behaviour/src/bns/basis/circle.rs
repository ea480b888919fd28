//! Even functions of the offset in one feature: φₖ = √2 cos kΔ with prior variance s² sₖ(τ).
//!
//! Hyperparameters: ln s and ln(τ − 3).

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;

use super::super::spectrum::wendland_spectrum;
use super::{Feature, HyperPrior, MIN_TAU, Scales, SwapBasis, TRUNCATION};

/// Modes beside the constant one, refined until the variance they leave out is below `TRUNCATION`.
pub(super) const MODES: [usize; 4] = [12, 16, 24, 32];
/// Keeps the logarithm of a coefficient finite where it vanishes.
const TINY: f64 = 1e-14;

#[derive(Debug, Clone, Copy)]
pub(super) struct Circle {
    pub(super) feature: Feature,
    pub(super) modes: usize,
}

impl SwapBasis for Circle {
    fn features(&self) -> usize {
        self.modes + 1
    }

    fn modes(&self) -> usize {
        self.modes
    }

    fn fill(&self, probe: f64, report: f64, features: &mut [f64]) {
        fill_cosines(if self.feature == Feature::Probe { probe } else { report }, features);
    }

    fn hyperpriors(&self) -> Vec<HyperPrior> {
        vec![HyperPrior::SCALE, HyperPrior::inverse_length()]
    }

    fn scales(&self, x: &[f64]) -> Scales {
        let s = x[0].exp();
        let line = Line::new(x[1], self.modes);
        Scales {
            values: line.sds.iter().map(|sd| s * sd).collect(),
            log_slopes: vec![vec![1.0; line.sds.len()], line.log_slopes],
        }
    }

    fn named(&self, x: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::from([("scale".into(), x[0].exp()), (format!("tau_{}", self.feature.name()), tau(x[1]))])
    }

    fn refined(&self, x: &[f64]) -> Option<(Box<dyn SwapBasis>, Vec<usize>)> {
        let modes = MODES.into_iter().find(|&modes| modes > self.modes)?;
        let finer: Box<dyn SwapBasis> = Box::new(Self { modes, ..*self });
        (1.0 - kept(x[1], self.modes) > TRUNCATION).then(|| (finer, (0..self.features()).collect()))
    }
}

/// τ at its hyperparameter.
pub(super) fn tau(x: f64) -> f64 {
    MIN_TAU + x.exp()
}

/// Share of the prior variance in the constant mode and the first `modes` others.
pub(super) fn kept(x: f64, modes: usize) -> f64 {
    wendland_spectrum(tau(x), modes).iter().map(|&(value, _)| value).sum()
}

/// Prior of the modes of one feature at unit scale.
#[derive(Debug)]
pub(super) struct Line {
    /// √sₖ.
    pub(super) sds: Vec<f64>,
    /// ∂ ln √sₖ / ∂ ln(τ − 3).
    pub(super) log_slopes: Vec<f64>,
}

impl Line {
    pub(super) fn new(x: f64, modes: usize) -> Self {
        let spectrum = wendland_spectrum(tau(x), modes);
        let slope = |&(value, slope): &(f64, f64)| 0.5 * x.exp() * slope / value.max(TINY);
        Self {
            sds: spectrum.iter().map(|&(value, _)| value.max(TINY).sqrt()).collect(),
            log_slopes: spectrum.iter().map(slope).collect(),
        }
    }
}

/// 1, √2 cos Δ, √2 cos 2Δ, …; without an offset (NaN) its average over the circle: 1, 0, 0, …
pub(super) fn fill_cosines(offset: f64, features: &mut [f64]) {
    let cosine = offset.cos();
    if cosine.is_nan() {
        features.fill(0.0);
        features[0] = 1.0;
        return;
    }
    let (mut previous, mut current) = (SQRT_2, SQRT_2 * cosine);
    features[0] = 1.0;
    for feature in &mut features[1..] {
        *feature = current;
        (previous, current) = (current, 2.0 * cosine * current - previous);
    }
}
