//! Root mean squares of estimates, and intervals of what they estimate.
//!
//! Errors of the estimates add to their root mean square: between two samples of one law it is never 0. An interval about
//! the value that was found would therefore leave out 0 where nothing differs.

use crate::interval::quantile;

/// Root mean square; 0 of nothing.
pub(crate) fn root_mean_square(values: &[f64]) -> f64 {
    mean_product(values, values).sqrt()
}

fn mean_product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len().max(1) as f64
}

/// 95 % interval of the root mean square of true values, of which `found` are estimates; `errors` are resamples of their
/// errors, as many values each.
///
/// It holds the multiples of what was found that, with such errors, would give the root mean square that was found: its lower
/// end is the multiple for which that is at the upper 2.5 %, and 0 if it is not even for 0 (the test of Neyman 1937,
/// inverted along one direction). The upper end is never below the value itself.
pub(crate) fn interval(found: &[f64], errors: &[Vec<f64>]) -> [f64; 2] {
    let square = mean_product(found, found);
    // Mean squares of a multiple m of the values with errors are m² · square + 2 m · cross + own.
    let terms: Vec<[f64; 2]> =
        errors.iter().map(|errors| [mean_product(found, errors), mean_product(errors, errors)]).collect();
    let at = |multiple: f64, p: f64| {
        let mut squares: Vec<f64> = terms
            .iter()
            .map(|[cross, own]| multiple * multiple * square + 2.0 * multiple * cross + own)
            .collect();
        squares.sort_by(f64::total_cmp);
        quantile(&squares, p)
    };
    if terms.is_empty() || square == 0.0 {
        return [0.0, square.sqrt()];
    }
    // The largest multiple whose quantile `p` is not above what was found.
    let largest = |p: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        while at(high, p) <= square {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            if at(middle, p) <= square { low = middle } else { high = middle }
        }
        low
    };
    let value = square.sqrt();
    [value * largest(0.975).min(1.0), value * largest(0.025).max(1.0)]
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    #[test]
    fn intervals_cover_small_and_large_truths() {
        const RUNS: u64 = 200;
        let normals = |seed: u64, draw: u64| -> Vec<f64> {
            let mut stream = stream(seed, Purpose::Surrogate, &[draw]);
            (0..8).map(|_| StandardNormal.sample(&mut stream)).collect()
        };
        for truth in [0.0, 0.5, 1.0, 3.0, 20.0] {
            let mut covered = 0;
            for seed in 0..RUNS {
                let direction = normals(seed, 0);
                let scale = truth / root_mean_square(&direction);
                let found: Vec<f64> =
                    direction.iter().zip(normals(seed, 1)).map(|(of, error)| scale * of + error).collect();
                let errors: Vec<Vec<f64>> = (2..402).map(|draw| normals(seed, draw)).collect();
                let [lo, hi] = interval(&found, &errors);
                assert!(lo <= root_mean_square(&found) && root_mean_square(&found) <= hi);
                covered += usize::from(lo <= truth && truth <= hi);
            }
            let coverage = covered as f64 / RUNS as f64;
            assert!(coverage > 0.91, "95 % intervals of {truth} cover {coverage}");
        }
    }

    #[test]
    fn without_errors_the_interval_is_the_value() {
        let [lo, hi] = interval(&[3.0, -3.0], &vec![vec![0.0, 0.0]; 10]);
        assert!((lo - 3.0).abs() < 1e-6 && (hi - 3.0).abs() < 1e-6, "[{lo}, {hi}]");
        assert_eq!(interval(&[0.0], &[vec![0.0]]), [0.0, 0.0]);
        assert_eq!(interval(&[], &[]), [0.0, 0.0]);
    }
}
