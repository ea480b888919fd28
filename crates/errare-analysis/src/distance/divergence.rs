//! Jensen–Shannon divergence between the error histograms of two sets of responses.

use std::f64::consts::{LN_2, PI, TAU};

use errare_core::angle::{difference, wrap};
use errare_core::random::{Purpose, stream};
use errare_network::Responses;
use rand::RngExt;
use rayon::prelude::*;

use super::{check_displays, check_responses};
use crate::interval::quantile;
use crate::{Error, Result};

/// Bins of an error histogram: 5° each.
pub const ERROR_BINS: usize = 72;
/// Random splits of the null distribution.
const SPLITS: usize = 400;

/// Jensen–Shannon divergence (bits, at most 1) between two histograms of counts.
///
/// Entropies carry the Miller–Madow correction (Miller 1955), so the value is near 0, and may be below it,
/// for two samples of one law.
#[must_use]
pub fn jensen_shannon(a: &[f64], b: &[f64]) -> f64 {
    // The mixture weighs the two histograms equally, whatever their sizes.
    let (total_a, total_b) = (a.iter().sum::<f64>(), b.iter().sum::<f64>());
    let mixture: Vec<f64> = a.iter().zip(b).map(|(a, b)| 0.5 * (a / total_a + b / total_b)).collect();
    let plain = |probabilities: &mut dyn Iterator<Item = f64>| -> f64 {
        probabilities.filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum()
    };
    let occupied = |counts: &[f64]| counts.iter().filter(|&&count| count > 0.0).count() as f64;
    let corrected = |counts: &[f64], total: f64| {
        plain(&mut counts.iter().map(|count| count / total)) + (occupied(counts) - 1.0) / (2.0 * total)
    };
    let mixed =
        plain(&mut mixture.iter().copied()) + (occupied(&mixture) - 1.0) / (2.0 * (total_a + total_b));
    (mixed - 0.5 * corrected(a, total_a) - 0.5 * corrected(b, total_b)) / LN_2
}

/// Jensen–Shannon divergence (bits) between the histograms of errors about the cued item of two sets of
/// responses, in [`ERROR_BINS`] bins, and the 95th percentile of its null distribution: which of the two sets
/// a display's responses belong to is exchanged at random.
///
/// # Errors
/// When the two sets answer different displays, one holds more responses a display than the other, or a response has no
/// angle.
pub fn error_divergence(a: &Responses, b: &Responses, seed: u64) -> Result<(f64, f64)> {
    check_displays(a, b)?;
    check_responses(a, 1)?;
    check_responses(b, 1)?;
    if a.samples != b.samples {
        return Err(Error::SizeMismatch {
            what: "responses per display of two sets that are exchanged",
            left: a.samples,
            right: b.samples,
        });
    }
    let (a, b) = (histograms(a), histograms(b));
    let divergence = |exchange: &dyn Fn(usize) -> bool| {
        let mut totals = ([0.0; ERROR_BINS], [0.0; ERROR_BINS]);
        for (display, (a, b)) in a.iter().zip(&b).enumerate() {
            let (first, second) = if exchange(display) { (b, a) } else { (a, b) };
            for bin in 0..ERROR_BINS {
                totals.0[bin] += f64::from(first[bin]);
                totals.1[bin] += f64::from(second[bin]);
            }
        }
        jensen_shannon(&totals.0, &totals.1)
    };
    let mut null: Vec<f64> = (0..SPLITS)
        .into_par_iter()
        .map(|split| {
            let mut stream = stream(seed, Purpose::Null, &[split as u64]);
            let exchanged: Vec<bool> = (0..a.len()).map(|_| stream.random()).collect();
            divergence(&|display| exchanged[display])
        })
        .collect();
    null.sort_by(f64::total_cmp);
    Ok((divergence(&|_| false), quantile(&null, 0.95)))
}

/// The bin of an error (radians) among `bins` equal ones on [−π, π).
pub(crate) fn error_bin(error: f64, bins: usize) -> usize {
    (((wrap(error) + PI) / TAU * bins as f64) as usize).min(bins - 1)
}

/// Histogram of the errors about the cued item, one a display.
fn histograms(responses: &Responses) -> Vec<[u32; ERROR_BINS]> {
    (0..responses.displays.len())
        .into_par_iter()
        .map(|display| {
            let cued = responses.displays[display].report[0];
            let mut counts = [0; ERROR_BINS];
            for point in responses.of(display) {
                let angle = f64::from(point[1]).atan2(f64::from(point[0]));
                counts[error_bin(difference(angle, cued), ERROR_BINS)] += 1;
            }
            counts
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;
    use crate::testing::{mixture_responses, swap_at};

    #[test]
    fn disjoint_histograms_are_one_bit_apart() {
        let found = jensen_shannon(&[1e9, 0.0], &[0.0, 1e9]);
        assert_abs_diff_eq!(found, 1.0, epsilon = 1e-6);
    }

    #[test]
    fn the_correction_removes_the_bias_of_small_samples() {
        // Two samples of a uniform law on 72 bins: without the correction the mean would be about 0.045 bits.
        let mut sum = 0.0;
        for pair in 0..200u64 {
            let draw = |half: u64| {
                let mut stream = stream(1, Purpose::Null, &[pair, half]);
                let mut counts = [0.0; ERROR_BINS];
                (0..580).for_each(|_| counts[stream.random_range(0..ERROR_BINS)] += 1.0);
                counts
            };
            sum += jensen_shannon(&draw(0), &draw(1));
        }
        assert_abs_diff_eq!(sum / 200.0, 0.0, epsilon = 2e-3);
    }

    #[test]
    fn more_swaps_exceed_the_null() {
        let a = mixture_responses(300, 2, 64, 1, 0.05, &swap_at(0.05));
        let same = mixture_responses(300, 2, 64, 2, 0.05, &swap_at(0.05));
        let more = mixture_responses(300, 2, 64, 3, 0.05, &swap_at(0.15));
        let (value, null) = error_divergence(&a, &same, 1).unwrap();
        assert!(value < 2.0 * null, "{value} against {null}");
        let (value, null) = error_divergence(&a, &more, 1).unwrap();
        assert!(value > 5.0 * null, "{value} against {null}");
        assert!(error_divergence(&a, &mixture_responses(300, 2, 32, 2, 0.05, &swap_at(0.05)), 1).is_err());
    }
}
