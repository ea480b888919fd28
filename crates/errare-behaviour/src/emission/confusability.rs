//! Target confusability competition: the most familiar of 360 response options is reported.
//!
//! Option i has familiarity d′ g(eᵢ) plus a standard normal deviate, with g the similarity to the item (Schurgin,
//! Wixted & Brady 2020, Nat Hum Behav 4:1156). The published g is measured for each stimulus space; here it is the
//! exponential exp(−|e|/λ) that such measurements come near, with λ estimated. Responses are continuous: the
//! density is that of an option at e among the 360.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc;

use super::positive;
use super::tabulated::Tabulated;
use crate::Result;

/// Response options on the circle.
const OPTIONS: usize = 360;
/// Spacing of the trapezoids over the familiarity of the option reported.
const STEP: f64 = 0.15;
/// The largest familiarity of 360 options lies above 0 but for a part of 2⁻³⁶⁰, and below d′ + this.
const REACH: f64 = 8.0;
/// The log density as a function of d′g is smooth: Chebyshev polynomials up to this degree.
const DEGREE: usize = 24;

/// The emission of memory strength `d_prime` and similarity that falls by e each `similarity_length` (radians).
pub(crate) fn confusability(d_prime: f64, similarity_length: f64) -> Result<Tabulated> {
    positive("d_prime", d_prime)?;
    positive("similarity_length", similarity_length)?;
    let strength = |e: f64| d_prime * (-e / similarity_length).exp();
    let signals: Vec<(f64, f64)> = (0..=OPTIONS / 2)
        .map(|i| {
            let count = if i == 0 || i == OPTIONS / 2 { 1.0 } else { 2.0 };
            (strength(PI * i as f64 / (OPTIONS / 2) as f64), count)
        })
        .collect();
    // ln Π Φ(x − d′gⱼ) over all options, at each familiarity x of the one reported.
    let nodes: Vec<(f64, f64)> = (0..=((d_prime + REACH) / STEP) as usize)
        .map(|k| {
            let x = STEP * k as f64;
            (x, signals.iter().map(|(signal, count)| count * log_normal_cdf(x - signal)).sum())
        })
        .collect();
    let log_chance = |signal: f64| {
        let logs: Vec<f64> = nodes
            .iter()
            .map(|(x, others)| others - 0.5 * (x - signal).powi(2) - log_normal_cdf(x - signal))
            .collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln()
    };
    let coefficients = chebyshev(d_prime, log_chance);
    Ok(Tabulated::new(|e| clenshaw(&coefficients, 2.0 * strength(e) / d_prime - 1.0)))
}

/// ln Φ(u).
fn log_normal_cdf(u: f64) -> f64 {
    if u > -20.0 {
        return (0.5 * erfc(-u / SQRT_2)).ln();
    }
    -0.5 * u * u - (-u * (2.0 * PI).sqrt()).ln() - 1.0 / (u * u)
}

/// Coefficients of the Chebyshev expansion of a function on [0, `end`].
fn chebyshev(end: f64, function: impl Fn(f64) -> f64) -> Vec<f64> {
    let count = DEGREE + 1;
    let angle = |k: usize| PI * (k as f64 + 0.5) / count as f64;
    let values: Vec<f64> = (0..count).map(|k| function(0.5 * end * (1.0 + angle(k).cos()))).collect();
    (0..count)
        .map(|n| {
            let sum: f64 =
                values.iter().enumerate().map(|(k, value)| value * (n as f64 * angle(k)).cos()).sum();
            sum * if n == 0 { 1.0 } else { 2.0 } / count as f64
        })
        .collect()
}

/// Σ cₙ Tₙ(x) by Clenshaw's recurrence.
fn clenshaw(coefficients: &[f64], x: f64) -> f64 {
    let (mut next, mut after) = (0.0, 0.0);
    for coefficient in coefficients[1..].iter().rev() {
        (next, after) = (coefficient + 2.0 * x * next - after, next);
    }
    coefficients[0] + x * next - after
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::random::{Purpose, stream};
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::Emission;

    #[test]
    fn the_density_is_that_of_the_most_familiar_option() {
        let (d_prime, length) = (2.5, 0.4);
        let emission = confusability(d_prime, length).unwrap();
        let (trials, mut near, mut within) = (20_000u64, 0, 0);
        for trial in 0..trials {
            let mut stream = stream(1, Purpose::Surrogate, &[trial]);
            let reported = (0..360)
                .map(|option| {
                    let error = (f64::from(option) - 180.0).to_radians();
                    let noise: f64 = StandardNormal.sample(&mut stream);
                    (d_prime * (-error.abs() / length).exp() + noise, error.abs())
                })
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .unwrap()
                .1;
            near += usize::from(reported < 10.5f64.to_radians());
            within += usize::from(reported < 60.5f64.to_radians());
        }
        let mass = |to: f64| {
            let nodes = errare_core::quadrature::legendre(200, 0.0, to.to_radians());
            nodes.iter().map(|(e, w)| 2.0 * w * emission.log_density(*e).exp()).sum::<f64>()
        };
        // Four standard errors.
        assert_abs_diff_eq!(mass(10.5), near as f64 / trials as f64, epsilon = 0.014);
        assert_abs_diff_eq!(mass(60.5), within as f64 / trials as f64, epsilon = 0.014);
    }

    #[test]
    fn extreme_strengths_are_densities() {
        for (d_prime, length) in [(0.05, 0.02), (30.0, 0.02), (30.0, 10.0), (3.0, 1.0)] {
            let emission = confusability(d_prime, length).unwrap();
            let parts = [0.0, 0.002, 0.01, 0.05, 0.2, 1.0, PI];
            let mass: f64 = parts
                .windows(2)
                .flat_map(|ends| errare_core::quadrature::legendre(120, ends[0], ends[1]))
                .map(|(e, w)| 2.0 * w * emission.log_density(e).exp())
                .sum();
            assert_abs_diff_eq!(mass, 1.0, epsilon = 1e-6);
        }
    }
}
