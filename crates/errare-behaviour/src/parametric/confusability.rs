//! Target confusability competition (Schurgin, Wixted & Brady 2020, Nat Hum Behav 4:1156).
//!
//! It needs no guesses. The published model takes similarity from measurements of the stimulus space and estimates
//! d′ only; here similarity is exponential and its length is estimated too. With swaps, responses come from a
//! mixture of items, each with the same emission.

use super::shares::Shares;
use super::{Items, Logits, Parameter, ParametricModel, Range};
use crate::EmissionParameters;

/// Target confusability competition, with or without swaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Confusability {
    pub(super) swaps: bool,
    pub(super) common: Option<usize>,
}

impl Confusability {
    fn shares(&self) -> Shares {
        Shares { swaps: self.swaps, guesses: false, common: self.common }
    }
}

impl ParametricModel for Confusability {
    fn parameters(&self) -> Vec<Parameter> {
        let parameter = |name, range, starts| Parameter { name, range, starts, shapes_emission: true };
        [
            parameter("d_prime", Range::Positive(5e-2, 30.0), &[1.5, 3.5]),
            parameter("similarity_length", Range::Positive(0.02, 10.0), &[0.2, 0.7]),
        ]
        .into_iter()
        .chain(self.shares().parameters())
        .collect()
    }

    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits) {
        self.shares().logits(at, 2, items, logits);
    }

    fn emission(&self, at: &[f64]) -> EmissionParameters {
        EmissionParameters::Confusability { d_prime: at[0], similarity_length: at[1] }
    }
}
