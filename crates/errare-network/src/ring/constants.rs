//! What E[x₀ | x_τ] depends on besides x_τ and the centres.

use crate::schedule::Schedule;

/// Constants of E[x₀ | x_τ] = g x_τ + (1 − g√ᾱ) E[centre | x_τ].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PosteriorConstants {
    pub(crate) scale: f64,
    pub(crate) variance: f64,
    pub(crate) gain: f64,
}

impl PosteriorConstants {
    pub(crate) fn new(schedule: &Schedule, tau: usize, spread: f64) -> Self {
        let alpha_bar = schedule.alpha_bar[tau];
        let scale = alpha_bar.sqrt();
        let variance = alpha_bar * spread * spread + 1.0 - alpha_bar;
        Self { scale, variance, gain: scale * spread * spread / variance }
    }
}
