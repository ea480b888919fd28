//! Nodes and weights of Gaussian quadrature, in the form the models use them.

use gauss_quad::{GaussHermite, GaussLegendre};
use std::num::NonZeroUsize;

fn degree(nodes: usize) -> NonZeroUsize {
    NonZeroUsize::new(nodes).expect("a quadrature rule has at least one node")
}

/// Nodes and weights of `∫ₐᵇ f(x) dx ≈ Σ w f(x)` (Gauss–Legendre).
///
/// # Panics
/// When `nodes` is zero.
#[must_use]
pub fn legendre(nodes: usize, from: f64, to: f64) -> Vec<(f64, f64)> {
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    GaussLegendre::new(degree(nodes))
        .as_node_weight_pairs()
        .iter()
        .map(|&(x, w)| (middle + half * x, half * w))
        .collect()
}

/// Nodes and weights of `E f(z) ≈ Σ w f(z)` for a standard normal z (Gauss–Hermite).
///
/// # Panics
/// When `nodes` is zero.
#[must_use]
pub fn normal(nodes: usize) -> Vec<(f64, f64)> {
    let scale = std::f64::consts::PI.sqrt();
    GaussHermite::new(degree(nodes))
        .as_node_weight_pairs()
        .iter()
        .map(|&(x, w)| (std::f64::consts::SQRT_2 * x, w / scale))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legendre_integrates_polynomials() {
        let integral: f64 = legendre(8, 0.0, 2.0).iter().map(|(x, w)| w * x.powi(7)).sum();
        assert!((integral - 32.0).abs() < 1e-11);
    }

    #[test]
    fn normal_moments() {
        let nodes = normal(20);
        for (power, expected) in [(0, 1.0), (2, 1.0), (4, 3.0), (8, 105.0)] {
            let moment: f64 = nodes.iter().map(|(x, w)| w * x.powi(power)).sum();
            assert!((moment - expected).abs() < 1e-9 * expected, "moment {power}: {moment}");
        }
    }
}
