//! Feature cue: a palimpsest of conjunctions of probe and report feature, the cue a probe feature alone.
//!
//! Von Mises tuning φⱼ(θ) = exp(κ(cos(θ − cⱼ) − 1)), κ = 5, 16 centres for each feature. The stimulus map
//! Σ_k φ(report_k) φ(probe_k)ᵀ sums all items: there are no slots. The cue map is constant along the report
//! axis. A learned bilinear projection makes one input for each pair of a probe and a report column (6 × 6 as
//! published); because it is bilinear, the 16 × 16 map itself is never formed.

use std::ops::Range;

use errare_behaviour::Display;

use super::{Encoder, Phase};
use crate::kernel::Real;
use crate::parameters::{Initial, Layout};
use crate::{Error, Result};

/// Tuned units for each feature.
pub(crate) const TUNED: usize = 16;
/// Concentration of the tuning curves.
const TUNING_KAPPA: f64 = 5.0;

/// The palimpsest code, for any set size.
#[derive(Debug, Clone)]
pub(crate) struct FeatureCue {
    report: Projection,
    probe: Projection,
}

/// Where the weights of a factor of the projection are, `[tuned unit][column]`.
#[derive(Debug, Clone)]
struct Projection {
    weights: Range<usize>,
    columns: usize,
}

impl FeatureCue {
    /// `gain` scales the initial projection; 1 is uniform in ±1/√16. The factors have `report_columns` and
    /// `probe_columns`.
    pub(crate) fn new(layout: &mut Layout, gain: f64, report_columns: usize, probe_columns: usize) -> Self {
        let start = Initial::Uniform(gain / (TUNED as f64).sqrt());
        let mut factor =
            |name, columns| Projection { weights: layout.add(name, &[TUNED, columns], start), columns };
        Self { report: factor("input.report", report_columns), probe: factor("input.probe", probe_columns) }
    }

    /// (report map, probe map) of each conjunction that is on.
    fn conjunctions(display: &Display, phase: Phase) -> Vec<([f64; TUNED], [f64; TUNED])> {
        match phase {
            Phase::Stimulus => {
                display.report.iter().zip(&display.probe).map(|(&r, &p)| (tuning(r), tuning(p))).collect()
            }
            Phase::Cue => vec![([1.0; TUNED], tuning(display.probe[0]))],
        }
    }
}

fn tuning(angle: f64) -> [f64; TUNED] {
    std::array::from_fn(|j| {
        let centre = std::f64::consts::TAU * j as f64 / TUNED as f64 - std::f64::consts::PI;
        (TUNING_KAPPA * ((angle - centre).cos() - 1.0)).exp()
    })
}

impl Projection {
    /// `weightsᵀ map`.
    fn of<T: Real>(&self, parameters: &[T], map: &[f64; TUNED]) -> Vec<T> {
        let mut out = vec![T::ZERO; self.columns];
        for (row, &m) in parameters[self.weights.clone()].chunks_exact(self.columns).zip(map) {
            for (o, w) in out.iter_mut().zip(row) {
                *o += *w * T::from_f64(m);
            }
        }
        out
    }

    /// Adjoint of [`Self::of`] with respect to the weights.
    fn adjoint<T: Real>(&self, map: &[f64; TUNED], d_out: &[T], gradient: &mut [T]) {
        for (row, &m) in gradient[self.weights.clone()].chunks_exact_mut(self.columns).zip(map) {
            for (g, d) in row.iter_mut().zip(d_out) {
                *g += *d * T::from_f64(m);
            }
        }
    }
}

impl<T: Real> Encoder<T> for FeatureCue {
    fn inputs(&self) -> usize {
        self.report.columns * self.probe.columns
    }

    fn check(&self, name: &str, display: &Display) -> Result<()> {
        let (items, probes) = (display.set_size(), display.probe.len());
        if items == 0 {
            return Err(Error::invalid(&format!("the number of items of {name}"), items, "at least 1"));
        }
        if probes != items {
            let expected = format!("{items}, one for each item, as the cue is one of them");
            return Err(Error::invalid(
                &format!("the number of probe features of {name}"),
                probes,
                &expected,
            ));
        }
        Ok(())
    }

    fn encode(&self, parameters: &[T], display: &Display, phase: Phase, input: &mut [T]) {
        input.fill(T::ZERO);
        for (report, probe) in Self::conjunctions(display, phase) {
            let report = self.report.of(parameters, &report);
            let probe = self.probe.of(parameters, &probe);
            for (inputs, p) in input.chunks_exact_mut(report.len()).zip(probe) {
                for (input, r) in inputs.iter_mut().zip(&report) {
                    *input += p * *r;
                }
            }
        }
    }

    fn adjoint(&self, parameters: &[T], display: &Display, phase: Phase, d_input: &[T], gradient: &mut [T]) {
        for (report_map, probe_map) in Self::conjunctions(display, phase) {
            let report = self.report.of(parameters, &report_map);
            let probe = self.probe.of(parameters, &probe_map);
            let (mut d_report, mut d_probe) = (vec![T::ZERO; report.len()], vec![T::ZERO; probe.len()]);
            for ((d_inputs, p), d_p) in d_input.chunks_exact(report.len()).zip(probe).zip(&mut d_probe) {
                for ((d, r), d_r) in d_inputs.iter().zip(&report).zip(&mut d_report) {
                    *d_p += *d * *r;
                    *d_r += *d * p;
                }
            }
            self.report.adjoint(&report_map, &d_report, gradient);
            self.probe.adjoint(&probe_map, &d_probe, gradient);
        }
    }
}
