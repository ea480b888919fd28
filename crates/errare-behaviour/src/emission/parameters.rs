//! Emissions as fits keep them: a kind and its parameters.

use std::sync::Arc;

use errare_core::von_mises::VonMises;

use super::{
    AveragedSlots, Emission, VariablePrecision, VonMisesMixture, WrappedStable, confusability,
    signal_discrimination,
};
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
    /// Slots and averaging: an item is held in ⌊c/N⌋ slots or one more (Zhang & Luck 2008).
    AveragedSlots {
        /// Number of slots c.
        capacity: f64,
        /// Concentration κ₁ with one slot (1/rad²).
        kappa: f64,
    },
    /// Gamma-distributed precision (van den Berg et al. 2012).
    VariablePrecision {
        /// Mean precision J̄₁ of a single item (1/rad²); with an exponent of 0, that of any set size.
        mean_precision: f64,
        /// Scale τ of the gamma distribution (1/rad²).
        precision_scale: f64,
        /// Exponent a of J̄ = J̄₁ N^−a.
        precision_exponent: f64,
    },
    /// Signal discrimination (Oberauer 2023).
    SignalDiscrimination {
        /// Memory strength c.
        strength: f64,
        /// Precision κ (1/rad²).
        kappa: f64,
    },
    /// Target confusability competition (Schurgin, Wixted & Brady 2020).
    Confusability {
        /// Memory strength d′.
        d_prime: f64,
        /// Distance (radians) over which similarity falls by e.
        similarity_length: f64,
    },
}

impl EmissionParameters {
    /// The emission in displays of `set_size` items.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a parameter outside of its range, as an edited file may have.
    pub fn emission(&self, set_size: usize) -> Result<Arc<dyn Emission>> {
        Ok(match *self {
            Self::VonMises { kappa } => Arc::new(VonMises::new(kappa)?),
            Self::VonMisesMixture { lambda, kappa_1, kappa_2 } => {
                Arc::new(VonMisesMixture::new(lambda, kappa_1, kappa_2)?)
            }
            Self::WrappedStable { alpha, gamma } => Arc::new(WrappedStable::new(alpha, gamma)?),
            Self::AveragedSlots { capacity, kappa } => {
                Arc::new(AveragedSlots::new(capacity, kappa, set_size)?)
            }
            Self::VariablePrecision { mean_precision, precision_scale, precision_exponent } => {
                let mean = mean_precision * (set_size as f64).powf(-precision_exponent);
                Arc::new(VariablePrecision::new(mean, precision_scale)?)
            }
            Self::SignalDiscrimination { strength, kappa } => {
                Arc::new(signal_discrimination(strength, kappa)?)
            }
            Self::Confusability { d_prime, similarity_length } => {
                Arc::new(confusability(d_prime, similarity_length)?)
            }
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

    /// Concentration (1/rad²) of the peak of the distribution: κ, κ₁, or that of a normal distribution, 1/2γ²; of the
    /// emissions of other classical models 1/σ² with one item.
    #[must_use]
    pub fn peak_concentration(&self) -> f64 {
        match *self {
            Self::VonMises { kappa } | Self::VonMisesMixture { kappa_1: kappa, .. } => kappa,
            Self::WrappedStable { gamma, .. } => 0.5 / (gamma * gamma),
            _ => self.emission(1).map_or(0.0, |emission| emission.standard_deviation().powi(-2)),
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
            Self::AveragedSlots { capacity, kappa } => vec![("capacity", capacity), ("kappa", kappa)],
            Self::VariablePrecision { mean_precision, precision_scale, precision_exponent } => vec![
                ("mean_precision", mean_precision),
                ("precision_scale", precision_scale),
                ("precision_exponent", precision_exponent),
            ],
            Self::SignalDiscrimination { strength, kappa } => {
                vec![("strength", strength), ("kappa", kappa)]
            }
            Self::Confusability { d_prime, similarity_length } => {
                vec![("d_prime", d_prime), ("similarity_length", similarity_length)]
            }
        }
    }
}
