//! The signal discrimination model: a response is chosen by noisy activations of all values of the feature.
//!
//! An item activates the values around it as c S(e), S(e) = √(κ/2π) exp(κ(cos e − 1)); with Gumbel noise on each
//! value, the largest lies at e with density ∝ exp(c S(e)) (Oberauer 2023, Psychol Rev 130:841). No guess is needed:
//! the density never falls below a floor, as activations are finite.

use std::f64::consts::TAU;

use super::positive;
use super::tabulated::Tabulated;
use crate::Result;

/// The emission of memory strength `strength` (c) and precision `kappa` (κ, 1/rad²).
pub(crate) fn signal_discrimination(strength: f64, kappa: f64) -> Result<Tabulated> {
    positive("strength", strength)?;
    positive("kappa", kappa)?;
    let peak = strength * (kappa / TAU).sqrt();
    Ok(Tabulated::new(|e| peak * (-2.0 * kappa * (0.5 * e).sin().powi(2)).exp()))
}
