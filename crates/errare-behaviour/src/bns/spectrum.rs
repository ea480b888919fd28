//! Fourier coefficients of the C² Wendland kernel on the circle.
//!
//! k(θ) = (1 + τx)(1 − x)^τ with x = θ/π in [0, 1] (Gneiting 2013, Bernoulli 19:1327) equals
//! Σₖ sₖ(τ) cos kθ. The coefficients are non-negative, and the kernel valid, from τ = 3 on.

use std::f64::consts::PI;
use std::sync::LazyLock;

use errare_core::quadrature::legendre;

/// Nodes (x, weight) on [0, 1]; exact to 1e-13 for the modes and τ in use.
static NODES: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| legendre(300, 0.0, 1.0));

/// Coefficients s₀ … s_modes of the kernel with inverse length `tau`, each with its derivative by τ; they sum to
/// 1 over all modes.
#[must_use]
pub fn wendland_spectrum(tau: f64, modes: usize) -> Vec<(f64, f64)> {
    let mut spectrum = vec![(0.0, 0.0); modes + 1];
    for &(x, weight) in NODES.iter() {
        let power = (1.0 - x).powf(tau);
        let value = weight * (1.0 + tau * x) * power;
        let slope = weight * x * power + value * (1.0 - x).ln();
        // cos(kθ) by recurrence.
        let cosine = (PI * x).cos();
        let (mut previous, mut current) = (cosine, 1.0);
        for (k, sum) in spectrum.iter_mut().enumerate() {
            let factor = if k == 0 { 1.0 } else { 2.0 };
            sum.0 += factor * value * current;
            sum.1 += factor * slope * current;
            (previous, current) = (current, 2.0 * cosine * current - previous);
        }
    }
    spectrum
}
