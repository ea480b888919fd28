//! Whether ranks are uniform.

/// p-value of the χ² test that counts, one a bin, come from equally likely bins. The number of bins must be odd,
/// which gives the even degrees of freedom for which the distribution has a closed form.
///
/// # Panics
/// When the number of bins is even.
#[must_use]
pub fn chi_square_uniform(counts: &[usize]) -> f64 {
    assert!(counts.len() % 2 == 1, "an odd number of bins");
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let half = 0.5 * counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum::<f64>();
    let (mut term, mut sum) = (1.0, 0.0);
    for index in 0..(counts.len() - 1) / 2 {
        if index > 0 {
            term *= half / index as f64;
        }
        sum += term;
    }
    if sum > 0.0 { (-half).exp() * sum } else { 1.0 }
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
