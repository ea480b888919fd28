//! Emissions as fits keep them: a kind and its parameters.

use std::sync::Arc;

use errare_core::von_mises::VonMises;

use super::{Emission, VonMisesMixture, WrappedStable};
use crate::Result;

/// The distribution of responses around the chosen item.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EmissionParameters {
    /// A von Mises distribution.
    VonMises {
        /// Concentration κ (1/rad²).
        kappa: f64,
    },
    /// Two von Mises distributions at one mean, λ vM(κ₁) + (1 − λ) vM(κ₂) with κ₁ ≥ κ₂.
    VonMisesMixture {
        /// Share λ of the narrower one.
        lambda: f64,
        /// Its concentration κ₁ (1/rad²).
        kappa_1: f64,
        /// Concentration κ₂ of the wider one (1/rad²).
        kappa_2: f64,
    },
    /// A wrapped symmetric stable distribution.
    WrappedStable {
        /// Exponent α in [0.5, 2]; 2 is the wrapped normal, 1 the wrapped Cauchy.
        alpha: f64,
        /// Scale γ (radians).
        gamma: f64,
    },
}

impl EmissionParameters {
    /// The emission in displays of `set_size` items.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a parameter outside of its range, as an edited file may have.
    pub fn emission(&self, _set_size: usize) -> Result<Arc<dyn Emission>> {
        Ok(match *self {
            Self::VonMises { kappa } => Arc::new(VonMises::new(kappa)?),
            Self::VonMisesMixture { lambda, kappa_1, kappa_2 } => {
                Arc::new(VonMisesMixture::new(lambda, kappa_1, kappa_2)?)
            }
            Self::WrappedStable { alpha, gamma } => Arc::new(WrappedStable::new(alpha, gamma)?),
        })
    }

    /// Concentration κ of a von Mises distribution; `None` for any other.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        match *self {
            Self::VonMises { kappa } => Some(kappa),
            _ => None,
        }
    }

    /// Concentration (1/rad²) of the peak of the distribution: κ, κ₁, or that of a normal distribution, 1/2γ².
    #[must_use]
    pub fn peak_concentration(&self) -> f64 {
        match *self {
            Self::VonMises { kappa } | Self::VonMisesMixture { kappa_1: kappa, .. } => kappa,
            Self::WrappedStable { gamma, .. } => 0.5 / (gamma * gamma),
        }
    }

    /// The free parameters by name.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::VonMises { kappa } => vec![("kappa", kappa)],
            Self::VonMisesMixture { lambda, kappa_1, kappa_2 } => {
                vec![("lambda", lambda), ("kappa_1", kappa_1), ("kappa_2", kappa_2)]
            }
            Self::WrappedStable { alpha, gamma } => vec![("alpha", alpha), ("gamma", gamma)],
        }
    }
}
