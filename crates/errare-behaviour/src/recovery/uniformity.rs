//! Whether ranks are uniform.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// p-value of the χ² test that counts, one a bin, come from equally likely bins.
///
/// # Panics
/// With fewer than two bins.
#[must_use]
pub fn chi_square_uniform(counts: &[usize]) -> f64 {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let statistic = counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
    let freedom = counts.len() as f64 - 1.0;
    ChiSquared::new(freedom).expect("at least two bins").sf(statistic)
}

/// p-value of the Kolmogorov–Smirnov test that values come from the uniform distribution on [0, 1], with Stephens'
/// (1970) correction for their number.
#[must_use]
pub fn kolmogorov_smirnov_uniform(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = sorted.iter().enumerate().fold(0.0f64, |largest, (index, value)| {
        largest.max(value - index as f64 / n).max((index + 1) as f64 / n - value)
    });
    let scaled = distance * (n.sqrt() + 0.12 + 0.11 / n.sqrt());
    if scaled < 0.3 {
        // The series alternates without converging; the p-value is 1 to five digits.
        return 1.0;
    }
    let sum: f64 = (1..=100)
        .map(|k| {
            let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
            sign * (-2.0 * f64::from(k * k) * scaled * scaled).exp()
        })
        .sum();
    sum.clamp(0.0, 1.0)
}
