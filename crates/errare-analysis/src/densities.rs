//! Densities of the errors about the cued item and about the others: where responses fall, and how much more
//! often near an uncued item than chance would put them.
//!
//! The error about an uncued item is never uniform, even without swaps: report features keep a minimum
//! separation, so responses near the cued item are rarely near another. The null density is therefore taken
//! from the data, by giving each response the uncued items of another trial relative to its own cued item
//! (the non-target excess of Bays 2016, with the separation kept).

use std::f64::consts::{PI, TAU};

use errare_behaviour::Display;
use errare_core::angle::difference;
use errare_core::random::{Purpose, stream};
use errare_network::Responses;
use rand::RngExt;
use rayon::prelude::*;

use crate::distance::{ERROR_BINS, check_responses, error_bin};
use crate::interval::quantile;
use crate::{Error, Result};

/// Densities of errors in bins of 5°; all vectors have [`ERROR_BINS`] entries.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ErrorDensities {
    /// Centre of each bin (radians).
    pub error: Vec<f64>,
    /// Density (per radian) of the error about the cued item.
    pub target: Vec<f64>,
    /// Errors about uncued items; `None` where every display holds a single item.
    pub distractor: Option<DistractorDensity>,
    /// Responses.
    pub responses: usize,
}

/// Density of the error about uncued items, beside what is expected without swaps.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DistractorDensity {
    /// Density (per radian), over all uncued items.
    pub density: Vec<f64>,
    /// Mean density when uncued items are exchanged between trials.
    pub expected: Vec<f64>,
    /// Lower end of the central 95 % over exchanges.
    pub expected_lo: Vec<f64>,
    /// Upper end.
    pub expected_hi: Vec<f64>,
    /// `density − expected`: a peak at 0 shows swaps.
    pub excess: Vec<f64>,
    /// Errors counted: uncued items over all responses.
    pub errors: usize,
}

/// Error densities of trials: `responses[i]` (radians) answers `displays[i]`. `exchanges` random exchanges of
/// the uncued items between trials of one set size give the null density (200 for a band of 95 %).
///
/// # Errors
/// When there is no trial, no exchange, not one response for each display, or a response is not finite.
pub fn error_densities(
    displays: &[Display],
    responses: &[f64],
    exchanges: usize,
    seed: u64,
) -> Result<ErrorDensities> {
    if displays.len() != responses.len() {
        return Err(Error::SizeMismatch {
            what: "displays and responses",
            left: displays.len(),
            right: responses.len(),
        });
    }
    if displays.is_empty() {
        return Err(Error::OutOfRange { name: "number of trials", value: 0.0, expected: "at least 1" });
    }
    if let Some(&value) = responses.iter().find(|response| !response.is_finite()) {
        return Err(Error::OutOfRange { name: "response", value, expected: "finite" });
    }
    densities(displays, 1, responses, exchanges, seed)
}

/// Error densities of the responses of a network or of its oracle; uncued items are exchanged between
/// displays.
///
/// # Errors
/// When there is no response, one without an angle, or no exchange.
pub fn response_densities(responses: &Responses, exchanges: usize, seed: u64) -> Result<ErrorDensities> {
    check_responses(responses, 1)?;
    let angles: Vec<f64> = responses.polar().map(|(_, angle, _)| angle).collect();
    densities(&responses.displays, responses.samples, &angles, exchanges, seed)
}

type Counts = [u64; ERROR_BINS];

fn densities(
    displays: &[Display],
    samples: usize,
    angles: &[f64],
    exchanges: usize,
    seed: u64,
) -> Result<ErrorDensities> {
    if exchanges == 0 {
        return Err(Error::OutOfRange { name: "exchanges", value: 0.0, expected: "at least 1" });
    }
    // Errors about the cued item, which an exchange leaves as they are.
    let errors: Vec<f64> = angles
        .iter()
        .enumerate()
        .map(|(index, &angle)| difference(angle, displays[index / samples].report[0]))
        .collect();
    let mut target = [0; ERROR_BINS];
    errors.iter().for_each(|&error| target[error_bin(error, ERROR_BINS)] += 1);
    let width = TAU / ERROR_BINS as f64;
    let offsets: Vec<Vec<f64>> = displays
        .iter()
        .map(|display| (1..display.set_size()).map(|item| display.report_offset(item)).collect())
        .collect();
    Ok(ErrorDensities {
        error: (0..ERROR_BINS).map(|bin| -PI + (bin as f64 + 0.5) * width).collect(),
        target: normalised(&target),
        distractor: (offsets.iter().any(|offsets| !offsets.is_empty()))
            .then(|| distractor_density(&offsets, samples, &errors, exchanges, seed)),
        responses: angles.len(),
    })
}

fn distractor_density(
    offsets: &[Vec<f64>],
    samples: usize,
    errors: &[f64],
    exchanges: usize,
    seed: u64,
) -> DistractorDensity {
    let counted = |partner: &dyn Fn(usize) -> usize| -> Counts {
        let mut counts = [0; ERROR_BINS];
        for (display, errors) in errors.chunks_exact(samples).enumerate() {
            for &offset in &offsets[partner(display)] {
                for &error in errors {
                    counts[error_bin(error - offset, ERROR_BINS)] += 1;
                }
            }
        }
        counts
    };
    let observed = counted(&|display| display);
    let null: Vec<Vec<f64>> = (0..exchanges)
        .into_par_iter()
        .map(|exchange| {
            let partners = partners(offsets, seed, exchange as u64);
            normalised(&counted(&|display| partners[display]))
        })
        .collect();
    let density = normalised(&observed);
    let by_bin: Vec<Vec<f64>> = (0..ERROR_BINS)
        .map(|bin| {
            let mut values: Vec<f64> = null.iter().map(|density| density[bin]).collect();
            values.sort_by(f64::total_cmp);
            values
        })
        .collect();
    let expected: Vec<f64> = by_bin.iter().map(|values| crate::interval::mean(values)).collect();
    DistractorDensity {
        excess: density.iter().zip(&expected).map(|(density, expected)| density - expected).collect(),
        density,
        expected,
        expected_lo: by_bin.iter().map(|values| quantile(values, 0.025)).collect(),
        expected_hi: by_bin.iter().map(|values| quantile(values, 0.975)).collect(),
        errors: observed.iter().sum::<u64>() as usize,
    }
}

/// A random permutation of the displays within each set size.
fn partners(offsets: &[Vec<f64>], seed: u64, exchange: u64) -> Vec<usize> {
    let mut stream = stream(seed, Purpose::Exchange, &[exchange]);
    let mut partners: Vec<usize> = (0..offsets.len()).collect();
    let most = offsets.iter().map(Vec::len).max().unwrap_or_default();
    for others in 1..=most {
        let members: Vec<usize> = (0..offsets.len()).filter(|&d| offsets[d].len() == others).collect();
        for last in (1..members.len()).rev() {
            let other = stream.random_range(0..=last);
            partners.swap(members[last], members[other]);
        }
    }
    partners
}

/// Density per radian of a histogram over the circle.
fn normalised(counts: &Counts) -> Vec<f64> {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let width = TAU / ERROR_BINS as f64;
    counts.iter().map(|&count| count as f64 / (total * width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{displays, mixture_responses, swap_at};

    /// Mass of a density within 15° of 0.
    fn near_zero(density: &[f64]) -> f64 {
        density[33..39].iter().sum::<f64>() * TAU / ERROR_BINS as f64
    }

    #[test]
    fn densities_integrate_to_one() {
        let responses = mixture_responses(200, 3, 10, 1, 0.1, &swap_at(0.1));
        let densities = response_densities(&responses, 5, 1).unwrap();
        let distractor = densities.distractor.unwrap();
        for density in [&densities.target, &distractor.density, &distractor.expected] {
            assert!((density.iter().sum::<f64>() * TAU / ERROR_BINS as f64 - 1.0).abs() < 1e-9);
        }
        assert_eq!((densities.responses, distractor.errors), (2000, 4000));
    }

    #[test]
    fn without_swaps_the_density_is_as_expected() {
        let responses = mixture_responses(1500, 2, 10, 1, 0.3, &swap_at(0.0));
        let distractor = response_densities(&responses, 200, 1).unwrap().distractor.unwrap();
        let inside = (0..ERROR_BINS).filter(|&bin| {
            (distractor.expected_lo[bin]..=distractor.expected_hi[bin]).contains(&distractor.density[bin])
        });
        assert!(inside.count() >= 60);
        // The minimum separation keeps responses away from the other item, with and without exchange.
        assert!(near_zero(&distractor.expected) < 0.5 * 30.0 / 360.0);
    }

    #[test]
    fn swaps_show_as_an_excess_at_the_other_item() {
        let responses = mixture_responses(1500, 2, 10, 1, 0.05, &swap_at(0.1));
        let densities = response_densities(&responses, 50, 1).unwrap();
        assert!((near_zero(&densities.target) - 0.9).abs() < 0.01);
        let distractor = densities.distractor.unwrap();
        // Swapped responses fall elsewhere when items are exchanged: a little of them near the other item.
        assert!((near_zero(&distractor.density) - 0.1).abs() < 0.01);
        assert!(near_zero(&distractor.excess) > 0.07);
    }

    #[test]
    fn trials_of_one_item_have_no_distractor() {
        let displays = displays(30, 1, 1);
        let angles: Vec<f64> = displays.iter().map(|display| display.report[0] + 0.01).collect();
        let densities = error_densities(&displays, &angles, 3, 1).unwrap();
        assert!(densities.distractor.is_none());
        assert!(densities.target[36] > 10.0);
        assert!(error_densities(&displays, &angles[1..], 3, 1).is_err());
        assert!(error_densities(&displays, &angles, 0, 1).is_err());
        let unknown = [&angles[1..], &[f64::NAN]].concat();
        assert!(error_densities(&displays, &unknown, 3, 1).is_err());
    }

    #[test]
    fn items_are_exchanged_within_a_set_size_only() {
        let offsets: Vec<Vec<f64>> = (0..40).map(|display| vec![0.0; display % 4]).collect();
        let partners = partners(&offsets, 1, 0);
        assert!(partners.iter().enumerate().all(|(a, &b)| offsets[a].len() == offsets[b].len()));
        assert!(partners.iter().enumerate().filter(|(a, b)| a != *b).count() > 20);
    }
}
