//! A sum of a function of the probe offset and one of the report offset: the modes of both, one after the other.
//!
//! Hyperparameters: ln s and ln(τ − 3) of the probe, then of the report.

use std::collections::BTreeMap;

use super::circle::{Circle, MODES, kept, tau};
use super::{Feature, HyperPrior, Scales, SwapBasis, TRUNCATION};

#[derive(Debug, Clone, Copy)]
pub(super) struct Additive {
    parts: [Circle; 2],
}

impl Additive {
    pub(super) fn new(modes: usize) -> Self {
        Self { parts: [Feature::Probe, Feature::Report].map(|feature| Circle { feature, modes }) }
    }
}

impl SwapBasis for Additive {
    fn features(&self) -> usize {
        self.parts.iter().map(Circle::features).sum()
    }

    fn modes(&self) -> usize {
        self.parts[0].modes
    }

    fn fill(&self, probe: f64, report: f64, features: &mut [f64]) {
        let (first, second) = features.split_at_mut(self.parts[0].features());
        self.parts[0].fill(probe, report, first);
        self.parts[1].fill(probe, report, second);
    }

    fn hyperpriors(&self) -> Vec<HyperPrior> {
        self.parts.iter().flat_map(Circle::hyperpriors).collect()
    }

    fn scales(&self, x: &[f64]) -> Scales {
        let [first, second] = [self.parts[0].scales(&x[..2]), self.parts[1].scales(&x[2..])];
        let (before, after) = (vec![0.0; first.values.len()], vec![0.0; second.values.len()]);
        let slopes = first.log_slopes.iter().map(|slopes| [slopes.as_slice(), &after].concat());
        let others = second.log_slopes.iter().map(|slopes| [&before, slopes.as_slice()].concat());
        Scales { log_slopes: slopes.chain(others).collect(), values: [first.values, second.values].concat() }
    }

    fn named(&self, x: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::from([
            ("scale_probe".into(), x[0].exp()),
            ("tau_probe".into(), tau(x[1])),
            ("scale_report".into(), x[2].exp()),
            ("tau_report".into(), tau(x[3])),
        ])
    }

    fn refined(&self, x: &[f64]) -> Option<(Box<dyn SwapBasis>, Vec<usize>)> {
        let modes = MODES.into_iter().find(|&modes| modes > self.modes())?;
        let left_out = 1.0 - kept(x[1], self.modes()).min(kept(x[3], self.modes()));
        let count = self.modes() + 1;
        let places = (0..self.features()).map(|at| at / count * (modes + 1) + at % count).collect();
        let finer: Box<dyn SwapBasis> = Box::new(Self::new(modes));
        (left_out > TRUNCATION).then_some((finer, places))
    }
}
