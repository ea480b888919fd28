//! Variable precision: a von Mises distribution whose precision differs from trial to trial.
//!
//! J ~ Gamma(mean J̄, scale τ), with J = κ I₁(κ)/I₀(κ) the Fisher information of the response about the item (van
//! den Berg, Shin, Chou, George & Ma 2012, PNAS 109:8780). The mean over J is that over 64 equally probable values:
//! a mixture, so that density and sampler are of the same distribution.

use errare_core::random::Stream;
use errare_core::special::{bessel_ratio, bessel_ratio_derivative};
use errare_core::von_mises::VonMises;
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{gamma_lr, ln_gamma};

use super::positive;
use crate::{Emission, Result};

const NODES: usize = 64;
/// From this shape on the cube-root normal approximation of Wilson & Hilferty is good to 10⁻⁷.
const LARGE_SHAPE: f64 = 2000.0;

/// An equal mixture of von Mises distributions at the quantiles of a gamma distribution of precision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VariablePrecision {
    parts: Vec<VonMises>,
    /// Log density of each part at 0.
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
        let peaks = parts.iter().map(|part| part.log_density(0.0)).collect();
        Ok(Self { parts, peaks })
    }
}

impl Emission for VariablePrecision {
    fn log_density(&self, deviation: f64) -> f64 {
        let versine = -2.0 * (0.5 * deviation).sin().powi(2);
        let logs = || self.parts.iter().zip(&self.peaks).map(|(part, peak)| part.kappa() * versine + peak);
        let sum: f64 = logs().map(f64::exp).sum();
        if sum > 1e-280 {
            return (sum / NODES as f64).ln();
        }
        let top = logs().fold(f64::NEG_INFINITY, f64::max);
        top + (logs().map(|log| (log - top).exp()).sum::<f64>() / NODES as f64).ln()
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        let part = stream.random_range(0..self.parts.len());
        self.parts[part].sample(stream)
    }

    fn standard_deviation(&self) -> f64 {
        let resultant: f64 = self.parts.iter().map(|part| bessel_ratio(part.kappa())).sum();
        (-2.0 * (resultant / NODES as f64).ln()).max(0.0).sqrt()
    }

    fn resolution(&self) -> f64 {
        self.parts.iter().map(Emission::resolution).fold(f64::INFINITY, f64::min)
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

/// The quantiles (i + ½)/64 of a gamma distribution of unit scale.
fn gamma_quantiles(shape: f64) -> Vec<f64> {
    let normal = Normal::standard();
    let log_gamma = ln_gamma(shape);
    (0..NODES)
        .map(|i| {
            let p = (i as f64 + 0.5) / NODES as f64;
            let z = normal.inverse_cdf(p);
            let cube = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * shape.sqrt());
            if shape >= LARGE_SHAPE {
                return shape * cube.powi(3);
            }
            // P(x) ≈ xᵃ/Γ(a + 1) for small x.
            let mut log_x = (p.ln() + log_gamma + shape.ln()) / shape;
            if log_x > (0.1 * (shape + 1.0)).ln() && cube > 0.1 {
                log_x = (shape * cube.powi(3)).ln();
            }
            if log_x < -300.0 {
                return log_x.max(-700.0).exp();
            }
            for _ in 0..50 {
                let x = log_x.exp();
                let density = (shape * log_x - x - log_gamma).exp();
                let step = ((gamma_lr(shape, x) - p) / density).clamp(-1.0, 1.0);
                log_x -= step;
                if step.abs() < 1e-13 {
                    break;
                }
            }
            log_x.exp()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_gamma_distribution() {
        for shape in [0.05, 0.4, 1.0, 3.0, 40.0, 1500.0] {
            for (i, quantile) in gamma_quantiles(shape).into_iter().enumerate() {
                let expected = (i as f64 + 0.5) / 64.0;
                assert_relative_eq!(gamma_lr(shape, quantile), expected, max_relative = 1e-10);
            }
        }
        // Exponential: −ln(1 − p).
        assert_relative_eq!(gamma_quantiles(1.0)[63], -(0.5f64 / 64.0).ln(), max_relative = 1e-12);
        let (near, beyond) = (gamma_quantiles(LARGE_SHAPE * 0.999_999), gamma_quantiles(LARGE_SHAPE));
        assert_relative_eq!(near[10], beyond[10], max_relative = 3e-6);
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
