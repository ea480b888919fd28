//! Variable precision: a von Mises distribution whose precision differs from trial to trial.
//!
//! J ~ Gamma(mean J̄, scale τ), with J = κ I₁(κ)/I₀(κ) the Fisher information of the response about the item (van
//! den Berg, Shin, Chou, George & Ma 2012, PNAS 109:8780). The mean over J is that over 64 of its values, by Gauss' rule: a
//! mixture, so that density and sampler are of the same distribution. The values are dense at both ends of the gamma
//! distribution, since the few trials of least precision alone make the tails of the density.

use std::sync::LazyLock;

use errare_core::quadrature::legendre;
use errare_core::random::Stream;
use errare_core::special::{bessel_ratio, bessel_ratio_derivative};
use errare_core::von_mises::VonMises;
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use super::positive;
use crate::{Emission, Result};

const NODES: usize = 64;
/// From this shape on the cube-root normal approximation of Wilson & Hilferty is good to 10⁻⁷.
const LARGE_SHAPE: f64 = 2000.0;
/// Parts this rare, all together, may be narrower than what the resolution shows.
const RARE: f64 = 1e-3;

/// A probability with its complement, and its weight in the rule.
#[derive(Debug, Clone, Copy)]
struct Node {
    below: f64,
    above: f64,
    weight: f64,
}

/// Gauss–Legendre nodes t under p = t³ (10 − 15t + 6t²), which is flat at 0 and 1: the outermost are 4 · 10⁻¹⁰ from the ends.
static RULE: LazyLock<Vec<Node>> = LazyLock::new(|| {
    let step = |t: f64| t.powi(3) * (10.0 + t * (6.0 * t - 15.0));
    let node = |(t, weight): (f64, f64)| Node {
        below: step(t),
        above: step(1.0 - t),
        weight: weight * 30.0 * (t * (1.0 - t)).powi(2),
    };
    legendre(NODES, 0.0, 1.0).into_iter().map(node).collect()
});

/// A mixture of von Mises distributions at quantiles of a gamma distribution of precision, ascending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VariablePrecision {
    parts: Vec<VonMises>,
    /// Weight × density of each part at 0, in logarithms.
    peaks: Vec<f64>,
}

impl VariablePrecision {
    /// Precision of mean `mean` and scale `scale` (both 1/rad²).
    pub(crate) fn new(mean: f64, scale: f64) -> Result<Self> {
        positive("mean_precision", mean)?;
        positive("precision_scale", scale)?;
        let parts = gamma_quantiles(mean / scale)
            .into_iter()
            .map(|quantile| Ok(VonMises::new(concentration(quantile * scale))?))
            .collect::<Result<Vec<_>>>()?;
        let peaks = parts.iter().zip(&*RULE).map(|(part, node)| node.weight.ln() + part.log_density(0.0));
        Ok(Self { peaks: peaks.collect(), parts })
    }

    /// Every part with its weight.
    fn weighted(&self) -> impl Iterator<Item = (&VonMises, f64)> {
        self.parts.iter().zip(RULE.iter().map(|node| node.weight))
    }
}

impl Emission for VariablePrecision {
    fn log_density(&self, deviation: f64) -> f64 {
        let versine = -2.0 * (0.5 * deviation).sin().powi(2);
        let logs = || self.parts.iter().zip(&self.peaks).map(|(part, peak)| part.kappa() * versine + peak);
        let sum: f64 = logs().map(f64::exp).sum();
        if sum > 1e-280 {
            return sum.ln();
        }
        let top = logs().fold(f64::NEG_INFINITY, f64::max);
        top + logs().map(|log| (log - top).exp()).sum::<f64>().ln()
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        let mut remaining: f64 = stream.random();
        let chosen = self.weighted().find(|(_, weight)| {
            remaining -= weight;
            remaining < 0.0
        });
        // The weights sum to 1 but for rounding.
        chosen.map_or(&self.parts[NODES / 2], |(part, _)| part).sample(stream)
    }

    fn standard_deviation(&self) -> f64 {
        let resultant: f64 = self.weighted().map(|(part, weight)| weight * bessel_ratio(part.kappa())).sum();
        (-2.0 * resultant.ln()).max(0.0).sqrt()
    }

    fn resolution(&self) -> f64 {
        let narrowest = RULE.iter().rposition(|node| node.above > RARE).unwrap_or(0);
        Emission::resolution(&self.parts[narrowest])
    }
}

/// κ with κ I₁(κ)/I₀(κ) = `information`, by Newton's method.
fn concentration(information: f64) -> f64 {
    let j = information;
    let mut kappa = if j < 1.0 { (2.0 * j).sqrt() } else { j + 0.5 };
    if kappa < 1e-6 {
        return kappa;
    }
    for _ in 0..20 {
        let ratio = bessel_ratio(kappa);
        let step = (kappa * ratio - j) / (ratio + kappa * bessel_ratio_derivative(kappa));
        let next = (kappa - step).clamp(0.5 * kappa, 2.0 * kappa);
        let moved = (next - kappa).abs();
        kappa = next;
        if moved <= 1e-13 * kappa {
            break;
        }
    }
    kappa
}

/// The quantiles of a gamma distribution of unit scale at the nodes of the rule.
fn gamma_quantiles(shape: f64) -> Vec<f64> {
    let normal = Normal::standard();
    let log_gamma = ln_gamma(shape);
    let quantile = |&Node { below, above, .. }: &Node| {
        let lower = below < above;
        let z = if lower { normal.inverse_cdf(below) } else { -normal.inverse_cdf(above) };
        let cube = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * shape.sqrt());
        if shape >= LARGE_SHAPE {
            return shape * cube.powi(3);
        }
        // P(x) ≈ xᵃ/Γ(a + 1) for small x.
        let mut log_x = (below.ln() + log_gamma + shape.ln()) / shape;
        if log_x > (0.1 * (shape + 1.0)).ln() && cube > 0.1 {
            log_x = (shape * cube.powi(3)).ln();
        }
        if log_x < -300.0 {
            return log_x.max(-700.0).exp();
        }
        for _ in 0..50 {
            let x = log_x.exp();
            let density = (shape * log_x - x - log_gamma).exp();
            // Of the smaller tail, which keeps its digits.
            let excess = if lower { gamma_lr(shape, x) - below } else { above - gamma_ur(shape, x) };
            let step = (excess / density).clamp(-1.0, 1.0);
            log_x -= step;
            if step.abs() < 1e-13 {
                break;
            }
        }
        log_x.exp()
    };
    RULE.iter().map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_gamma_distribution() {
        for shape in [0.05, 0.4, 1.0, 3.0, 40.0, 1500.0] {
            for (node, quantile) in RULE.iter().zip(gamma_quantiles(shape)) {
                assert_relative_eq!(gamma_lr(shape, quantile), node.below, max_relative = 1e-10);
                assert_relative_eq!(gamma_ur(shape, quantile), node.above, max_relative = 1e-10);
            }
        }
        // Exponential: −ln(1 − p).
        assert_relative_eq!(gamma_quantiles(1.0)[63], -RULE[63].above.ln(), max_relative = 1e-12);
        let (near, beyond) = (gamma_quantiles(LARGE_SHAPE * 0.999_999), gamma_quantiles(LARGE_SHAPE));
        assert_relative_eq!(near[10], beyond[10], max_relative = 3e-6);
    }

    /// Against trapezoids over ln J. With 64 equally probable precisions the density at 3 rad was a twentieth of what it is
    /// at J̄ = 60, τ = 30 (1/rad²), since no response was less precise than the 128th part of them, and fits took the tail for
    /// guesses.
    #[test]
    fn the_density_is_the_mean_over_the_gamma_distribution() {
        for (mean, scale) in [(5.0, 2.0), (5.0, 10.0), (20.0, 5.0), (20.0, 60.0), (60.0, 30.0)] {
            let shape: f64 = mean / scale;
            let emission = VariablePrecision::new(mean, scale).unwrap();
            let step = 2e-3;
            let parts: Vec<(f64, VonMises)> = (-25_000..2500)
                .map(|i| step * f64::from(i))
                .map(|log_x| {
                    let density = (shape * log_x - log_x.exp() - ln_gamma(shape)).exp();
                    (step * density, VonMises::new(concentration(log_x.exp() * scale)).unwrap())
                })
                .collect();
            for deviation in [0.0, 0.1, 0.3, 0.8, 1.5, 2.2, 3.0] {
                let density: f64 =
                    parts.iter().map(|(weight, part)| weight * part.log_density(deviation).exp()).sum();
                assert_relative_eq!(emission.log_density(deviation), density.ln(), epsilon = 2e-6);
            }
        }
    }

    #[test]
    fn information_is_inverted() {
        for kappa in [1e-3, 0.2, 1.0, 7.0, 300.0, 1e5] {
            assert_relative_eq!(concentration(kappa * bessel_ratio(kappa)), kappa, max_relative = 1e-9);
        }
    }

    #[test]
    fn a_small_scale_is_a_single_von_mises() {
        let emission = VariablePrecision::new(20.0, 1e-4).unwrap();
        let single = VonMises::new(concentration(20.0)).unwrap();
        for deviation in [0.0, 0.3, 1.0] {
            let (a, b) = (emission.log_density(deviation), single.log_density(deviation));
            assert_relative_eq!(a, b, epsilon = 1e-3);
        }
        assert_relative_eq!(emission.standard_deviation(), single.standard_deviation(), max_relative = 1e-4);
    }
}
