//! What a fit says of its parameters: estimates by name, and the emission that they make.

use std::sync::Arc;

use errare_core::von_mises::VonMises;

use crate::{Emission, Result};

/// A parameter of a fitted model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The field's name, such as `kappa`.
    pub name: String,
    /// Its estimate, on its natural scale.
    pub value: f64,
    /// Asymptotic standard error; `None` on the edge of the parameter's range, and where none was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// An estimate with its standard error, where it has one.
    #[must_use]
    pub fn new(name: &str, value: f64, standard_error: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, standard_error }
    }
}

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
}

impl EmissionParameters {
    /// The emission in displays of `set_size` items.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a parameter outside of its range, as an edited file may have.
    pub fn emission(&self, _set_size: usize) -> Result<Arc<dyn Emission>> {
        Ok(match *self {
            Self::VonMises { kappa } => Arc::new(VonMises::new(kappa)?),
        })
    }

    /// Concentration κ of a von Mises distribution; `None` for any other.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        let Self::VonMises { kappa } = *self;
        Some(kappa)
    }
}
