//! The signal discrimination model (Oberauer 2023, Psychol Rev 130:841).
//!
//! It needs no guesses. With swaps, responses come from a mixture of items as in the three-component model, each
//! with the same emission; in the published model the activations by all items are summed before one response is
//! chosen, which differs where items are near each other in the report feature.

use super::shares::Shares;
use super::{Items, Logits, Parameter, ParametricModel, Range};
use crate::EmissionParameters;

/// Signal discrimination, with or without swaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignalDiscrimination {
    pub(super) swaps: bool,
    pub(super) common: Option<usize>,
}

impl SignalDiscrimination {
    fn shares(&self) -> Shares {
        Shares { swaps: self.swaps, guesses: false, common: self.common }
    }
}

impl ParametricModel for SignalDiscrimination {
    fn parameters(&self) -> Vec<Parameter> {
        let parameter = |name, range, starts| Parameter { name, range, starts, shapes_emission: true };
        [
            parameter("strength", Range::Positive(1e-2, 2e2), &[1.0, 4.0]),
            parameter("kappa", Range::Positive(1e-2, 3e3), &[3.0, 15.0]),
        ]
        .into_iter()
        .chain(self.shares().parameters())
        .collect()
    }

    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits) {
        self.shares().logits(at, 2, items, logits);
    }

    fn emission(&self, at: &[f64]) -> EmissionParameters {
        EmissionParameters::SignalDiscrimination { strength: at[0], kappa: at[1] }
    }
}
