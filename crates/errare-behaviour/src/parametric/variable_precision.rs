//! Variable precision (van den Berg, Shin, Chou, George & Ma 2012, PNAS 109:8780), with guesses and, if wanted, swaps.
//!
//! Precision J ~ Gamma(mean J̄, scale τ); over mixed set sizes N its mean is J̄₁ N^−a. The published model has no guesses:
//! here their weight is estimated, and may be 0.

use super::shares::Shares;
use super::{Items, Logits, Parameter, ParametricModel, Range};
use crate::EmissionParameters;

/// Variable precision with guesses.
#[derive(Debug, Clone, Copy)]
pub(super) struct VariablePrecisionModel {
    pub(super) swaps: bool,
    pub(super) common: Option<usize>,
}

impl VariablePrecisionModel {
    fn shares(&self) -> Shares {
        Shares { swaps: self.swaps, guesses: true, common: self.common }
    }

    fn has_exponent(&self) -> bool {
        self.common.is_none()
    }
}

impl ParametricModel for VariablePrecisionModel {
    fn parameters(&self) -> Vec<Parameter> {
        let positive = |name, starts| Parameter {
            name,
            range: Range::Positive(1e-2, 1e5),
            starts,
            shapes_emission: true,
        };
        let exponent = Parameter {
            name: "precision_exponent",
            range: Range::Real(-5.0, 5.0),
            starts: &[1.0],
            shapes_emission: true,
        };
        [positive("mean_precision", &[4.0, 25.0]), positive("precision_scale", &[2.0, 20.0])]
            .into_iter()
            .chain(self.has_exponent().then_some(exponent))
            .chain(self.shares().parameters())
            .collect()
    }

    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits) {
        self.shares().logits(at, 2 + usize::from(self.has_exponent()), items, logits);
    }

    fn emission(&self, at: &[f64]) -> EmissionParameters {
        let precision_exponent = if self.has_exponent() { at[2] } else { 0.0 };
        EmissionParameters::VariablePrecision {
            mean_precision: at[0],
            precision_scale: at[1],
            precision_exponent,
        }
    }
}
