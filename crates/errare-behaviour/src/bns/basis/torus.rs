//! Functions of both offsets, even in each: products of the modes of the probe and of the report feature, with prior
//! variance s² sⱼ(τ of the probe) sₖ(τ of the report).
//!
//! Hyperparameters: ln s and one ln(τ − 3) a feature. Mode (j, k) stands at j · (modes + 1) + k.

use std::collections::BTreeMap;

use super::circle::{Line, fill_cosines, kept, tau};
use super::{HyperPrior, MAX_MODES, Scales, SwapBasis, TRUNCATION};

/// Modes a feature beside the constant one; 11 leave out 2 % of the variance at τ = 9 in both.
pub(super) const MODES: [usize; 2] = [8, 11];
/// The modes of both features, the constant ones among them, are no more.
const MAX_LINE: usize = 2 * (MAX_MODES + 1);

#[derive(Debug, Clone, Copy)]
pub(super) struct Torus {
    pub(super) modes: usize,
}

impl SwapBasis for Torus {
    fn features(&self) -> usize {
        (self.modes + 1).pow(2)
    }

    fn modes(&self) -> usize {
        self.modes
    }

    fn fill(&self, probe: f64, report: f64, features: &mut [f64]) {
        let count = self.modes + 1;
        let mut line = [0.0; MAX_LINE];
        let (probes, reports) = line[..2 * count].split_at_mut(count);
        fill_cosines(probe, probes);
        fill_cosines(report, reports);
        for (row, probe) in features.chunks_exact_mut(count).zip(&*probes) {
            row.iter_mut().zip(&*reports).for_each(|(feature, report)| *feature = probe * report);
        }
    }

    fn hyperpriors(&self) -> Vec<HyperPrior> {
        vec![HyperPrior::SCALE, HyperPrior::inverse_length(), HyperPrior::inverse_length()]
    }

    fn scales(&self, x: &[f64]) -> Scales {
        let s = x[0].exp();
        let [probe, report] = [x[1], x[2]].map(|x| Line::new(x, self.modes));
        let pairs = || (0..=self.modes).flat_map(|j| (0..=self.modes).map(move |k| (j, k)));
        Scales {
            values: pairs().map(|(j, k)| s * probe.sds[j] * report.sds[k]).collect(),
            log_slopes: vec![
                vec![1.0; self.features()],
                pairs().map(|(j, _)| probe.log_slopes[j]).collect(),
                pairs().map(|(_, k)| report.log_slopes[k]).collect(),
            ],
        }
    }

    fn named(&self, x: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::from([
            ("scale".into(), x[0].exp()),
            ("tau_probe".into(), tau(x[1])),
            ("tau_report".into(), tau(x[2])),
        ])
    }

    fn refined(&self, x: &[f64]) -> Option<(Box<dyn SwapBasis>, Vec<usize>)> {
        let modes = MODES.into_iter().find(|&modes| modes > self.modes)?;
        let left_out = 1.0 - kept(x[1], self.modes) * kept(x[2], self.modes);
        let count = self.modes + 1;
        let places = (0..self.features()).map(|at| at / count * (modes + 1) + at % count).collect();
        let finer: Box<dyn SwapBasis> = Box::new(Self { modes });
        (left_out > TRUNCATION).then_some((finer, places))
    }
}
