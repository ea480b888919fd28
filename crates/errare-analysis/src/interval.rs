//! Confidence intervals that respect what was sampled: displays, not single responses.
//!
//! Responses to one display share its geometry and a network's idiosyncrasies there, so displays are the
//! units that are resampled. All intervals are 95 %.

use errare_core::random::{Purpose, stream};
use errare_core::special::NORMAL_975;
use rand::RngExt;
use rayon::prelude::*;

/// Resamples of units (displays, trials) with replacement; the same resamples for every statistic of one
/// seed, so that differences between statistics are paired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bootstrap {
    pub(crate) units: usize,
    pub(crate) draws: usize,
    pub(crate) seed: u64,
}

impl Bootstrap {
    /// A statistic of each resample; it is given how often each unit was drawn.
    pub(crate) fn resamples<T: Send>(&self, statistic: impl Fn(&[f64]) -> T + Sync) -> Vec<T> {
        (0..self.draws)
            .into_par_iter()
            .map_init(
                || vec![0.0; self.units],
                |times, draw| {
                    times.fill(0.0);
                    let mut stream = stream(self.seed, Purpose::Bootstrap, &[draw as u64]);
                    for _ in 0..self.units {
                        times[stream.random_range(0..self.units)] += 1.0;
                    }
                    statistic(times)
                },
            )
            .collect()
    }

    /// Sorted values of a statistic over the resamples.
    pub(crate) fn distribution(&self, statistic: impl Fn(&[f64]) -> f64 + Sync) -> Vec<f64> {
        let mut values = self.resamples(statistic);
        values.sort_by(f64::total_cmp);
        values
    }

    /// Percentile interval of a statistic.
    pub(crate) fn interval(&self, statistic: impl Fn(&[f64]) -> f64 + Sync) -> [f64; 2] {
        central(&self.distribution(statistic))
    }

    /// Percentile interval of the mean over units.
    pub(crate) fn mean_interval(&self, values: &[f64]) -> [f64; 2] {
        self.interval(|times| weighted_mean(values, times))
    }
}

/// Mean of `values`, each taken `times` times.
pub(crate) fn weighted_mean(values: &[f64], times: &[f64]) -> f64 {
    let total: f64 = values.iter().zip(times).map(|(value, times)| value * times).sum();
    total / times.iter().sum::<f64>()
}

/// Arithmetic mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Quantile `p` of sorted values, linear between order statistics.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    quantile_by(sorted, |&value| value, p)
}

/// [`quantile`] of the values of what is sorted by them.
pub(crate) fn quantile_by<T>(sorted: &[T], value: impl Fn(&T) -> f64, p: f64) -> f64 {
    let position = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (below, above) = (value(&sorted[below]), value(&sorted[above]));
    below + position.fract() * (above - below)
}

/// The central 95 % of sorted values.
pub(crate) fn central(sorted: &[f64]) -> [f64; 2] {
    [quantile(sorted, 0.025), quantile(sorted, 0.975)]
}

/// Standard error of a mean over equally weighted units.
pub(crate) fn standard_error(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * (n - 1.0).max(1.0))).sqrt()
}

/// Standard error of a figure that is a sum of what each unit adds to it, about 0.
pub(crate) fn standard_error_of_sum(influence: impl Iterator<Item = f64>) -> f64 {
    let (n, squares) = influence.fold((0.0, 0.0), |(n, squares), i| (n + 1.0, squares + i * i));
    (squares * n / f64::max(n - 1.0, 1.0)).sqrt()
}

/// Wilson (1927) interval of a proportion whose standard error over displays is known: the number of
/// responses is replaced by the number of independent ones that would give that error (at most `responses`).
/// Unlike the normal interval it keeps a width at 0 and 1.
pub(crate) fn wilson(proportion: f64, standard_error: f64, responses: usize) -> [f64; 2] {
    let p = proportion.clamp(0.0, 1.0);
    let most = responses.max(1) as f64;
    let effective = p * (1.0 - p) / standard_error.powi(2);
    let n = if effective.is_finite() && effective > 0.0 { effective.clamp(1.0, most) } else { most };
    let z2 = NORMAL_975 * NORMAL_975 / n;
    let centre = (p + 0.5 * z2) / (1.0 + z2);
    let half = NORMAL_975 / (1.0 + z2) * (p * (1.0 - p) / n + 0.25 * z2 / n).sqrt();
    [(centre - half).max(0.0).min(p), (centre + half).min(1.0).max(p)]
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    #[test]
    fn wilson_of_textbook_counts() {
        // 81 of 263, Newcombe (1998), table I.
        let p = 81.0 / 263.0;
        let [lo, hi] = wilson(p, (p * (1.0 - p) / 263.0f64).sqrt(), 263);
        assert_abs_diff_eq!(lo, 0.2553, epsilon = 5e-5);
        assert_abs_diff_eq!(hi, 0.3662, epsilon = 5e-5);
        let [lo, hi] = wilson(0.0, 0.0, 20);
        assert_eq!(lo, 0.0);
        assert_abs_diff_eq!(hi, 0.1611, epsilon = 5e-5);
    }

    #[test]
    fn bootstrap_of_a_mean_has_its_standard_error() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let bootstrap = Bootstrap { units: values.len(), draws: 2000, seed: 3 };
        let [lo, hi] = bootstrap.mean_interval(&values);
        let expected = NORMAL_975 * standard_error(&values);
        assert_abs_diff_eq!(mean(&values) - lo, expected, epsilon = 0.1 * expected);
        assert_abs_diff_eq!(hi - mean(&values), expected, epsilon = 0.1 * expected);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.25), 1.5);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
    }
}
