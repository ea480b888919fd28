//! Feature cue: a palimpsest of conjunctions of probe and report feature, the cue a probe feature alone.
//!
//! Von Mises tuning φⱼ(θ) = exp(κ(cos(θ − cⱼ) − 1)), κ = 5, 16 centres for each feature. The stimulus map
//! Σ_k φ(report_k) φ(probe_k)ᵀ sums all items: there are no slots. The cue map is constant along the report
//! axis. A learned bilinear projection (6 + 6 columns) makes the 36 inputs; because it is bilinear, the
//! 16 × 16 map itself is never formed.

use std::ops::Range;

use errare_behaviour::Display;

use super::{Encoder, Phase};
use crate::kernel::Real;
use crate::parameters::{Initial, Layout};

/// Tuned units for each feature.
const TUNED: usize = 16;
/// Concentration of the tuning curves.
const TUNING_KAPPA: f64 = 5.0;
/// Columns of each factor of the projection.
const COLUMNS: usize = 6;

/// The palimpsest code, for any set size.
#[derive(Debug, Clone)]
pub(crate) struct FeatureCue {
    report_projection: Range<usize>,
    probe_projection: Range<usize>,
}

impl FeatureCue {
    /// `gain` scales the initial projection; 1 is uniform in ±1/√16.
    pub(crate) fn new(layout: &mut Layout, gain: f64) -> Self {
        let start = Initial::Uniform(gain / (TUNED as f64).sqrt());
        Self {
            report_projection: layout.add("input.report", &[TUNED, COLUMNS], start),
            probe_projection: layout.add("input.probe", &[TUNED, COLUMNS], start),
        }
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

/// `projectionᵀ map`.
fn project<T: Real>(projection: &[T], map: &[f64; TUNED]) -> [T; COLUMNS] {
    let mut out = [T::ZERO; COLUMNS];
    for (row, &m) in projection.chunks_exact(COLUMNS).zip(map) {
        for (o, w) in out.iter_mut().zip(row) {
            *o += *w * T::from_f64(m);
        }
    }
    out
}

impl<T: Real> Encoder<T> for FeatureCue {
    fn inputs(&self) -> usize {
        COLUMNS * COLUMNS
    }

    fn encode(&self, parameters: &[T], display: &Display, phase: Phase, input: &mut [T]) {
        input.fill(T::ZERO);
        for (report, probe) in Self::conjunctions(display, phase) {
            let report = project(&parameters[self.report_projection.clone()], &report);
            let probe = project(&parameters[self.probe_projection.clone()], &probe);
            for (i, &p) in probe.iter().enumerate() {
                for (j, &r) in report.iter().enumerate() {
                    input[i * COLUMNS + j] += p * r;
                }
            }
        }
    }

    fn adjoint(&self, parameters: &[T], display: &Display, phase: Phase, d_input: &[T], gradient: &mut [T]) {
        for (report_map, probe_map) in Self::conjunctions(display, phase) {
            let report = project(&parameters[self.report_projection.clone()], &report_map);
            let probe = project(&parameters[self.probe_projection.clone()], &probe_map);
            let (mut d_report, mut d_probe) = ([T::ZERO; COLUMNS], [T::ZERO; COLUMNS]);
            for i in 0..COLUMNS {
                for j in 0..COLUMNS {
                    let d = d_input[i * COLUMNS + j];
                    d_probe[i] += d * report[j];
                    d_report[j] += d * probe[i];
                }
            }
            for (range, map, d) in [
                (&self.report_projection, &report_map, &d_report),
                (&self.probe_projection, &probe_map, &d_probe),
            ] {
                for (row, &m) in gradient[range.clone()].chunks_exact_mut(COLUMNS).zip(map) {
                    for (g, d) in row.iter_mut().zip(d) {
                        *g += *d * T::from_f64(m);
                    }
                }
            }
        }
    }
}
