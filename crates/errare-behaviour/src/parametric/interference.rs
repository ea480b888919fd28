//! The interference measurement model (Oberauer & Lin 2017, Psychol Rev 124:21).
//!
//! An item at distance d from the cue in the probe feature is activated by c exp(−s d) + a: by the cue, in proportion to
//! its similarity, and by anything that was in the display. Guesses have activation b = 1, which sets the scale, and a
//! source is reported in proportion to its activation. `abc` takes away the gradient (s → ∞: uncued items have a
//! only), `bsc` the activation of all items alike (a = 0). The published model also has a focus of attention,
//! which raises the precision of one item; here all items share κ.

use super::{Items, Logits, Parameter, ParametricModel, Range};
use crate::EmissionParameters;

/// Which parts of the model there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Abc,
    Bsc,
    Full,
}

/// The interference measurement model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interference {
    pub(super) variant: Variant,
    pub(super) common: Option<usize>,
}

/// Positions of the parameters, of which kappa and c are always there.
const C: usize = 1;

impl Interference {
    /// Positions of a and s; a single item leaves neither.
    fn indices(&self) -> (Option<usize>, Option<usize>) {
        match self.variant {
            _ if self.common == Some(1) => (None, None),
            Variant::Abc => (Some(2), None),
            Variant::Bsc => (None, Some(2)),
            Variant::Full => (Some(2), Some(3)),
        }
    }
}

impl ParametricModel for Interference {
    fn parameters(&self) -> Vec<Parameter> {
        let (a, s) = self.indices();
        let parameter =
            |name, range, starts, shapes_emission| Parameter { name, range, starts, shapes_emission };
        let kappa = parameter("kappa", Range::Positive(1e-3, 1e6), &[5.0, 20.0], true);
        let c = parameter("c", Range::Positive(1e-4, 1e6), &[3.0, 30.0], false);
        let a = a.map(|_| parameter("a", Range::Positive(1e-6, 1e4), &[0.05, 0.5], false));
        let s = s.map(|_| parameter("s", Range::Positive(1e-3, 1e2), &[0.5, 3.0], false));
        [kappa, c].into_iter().chain(a).chain(s).collect()
    }

    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits) {
        let (a_index, s_index) = self.indices();
        let (c, a) = (at[C], a_index.map_or(0.0, |index| at[index]));
        logits.values[0] = 0.0;
        for item in 0..items.set_size {
            // Similarity to the cue, and its derivative with respect to s.
            let (similarity, slope) = match (item, s_index, items.probe_offsets) {
                (0, ..) => (1.0, 0.0),
                (_, None, _) => (0.0, 0.0),
                (_, Some(s), Some(offsets)) => {
                    let distance = offsets[item].abs();
                    let similarity = (-at[s] * distance).exp();
                    (similarity, -distance * similarity)
                }
                (_, Some(s), None) => average_similarity(at[s]),
            };
            let activation = c * similarity + a;
            logits.values[item + 1] = activation.ln();
            if activation <= 0.0 {
                continue;
            }
            logits.slopes_of(C)[item + 1] = similarity / activation;
            if let Some(index) = a_index {
                logits.slopes_of(index)[item + 1] = 1.0 / activation;
            }
            if let Some(index) = s_index {
                logits.slopes_of(index)[item + 1] = c * slope / activation;
            }
        }
    }

    fn emission(&self, at: &[f64]) -> EmissionParameters {
        EmissionParameters::VonMises { kappa: at[0] }
    }
}

/// Similarity averaged over the circle, for displays without probe features, and its derivative.
fn average_similarity(s: f64) -> (f64, f64) {
    let reach = std::f64::consts::PI * s;
    let average = -(-reach).exp_m1() / reach;
    (average, ((-reach).exp() - average) / s)
}
