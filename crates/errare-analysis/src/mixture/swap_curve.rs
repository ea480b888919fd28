//! Swap rates of a set of responses: in total, by probe distance, and display by display.
//!
//! Uncertainty is over displays drawn anew: standard errors hold that of the odds and that of which displays there
//! are.

use errare_behaviour::ResponseModel;
use errare_network::Responses;
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::evidence::Evidence;
use super::information::Information;
use super::likelihood::{Free, Mixture};
use super::target::{DistanceBins, MixtureTarget};
use crate::Result;
use crate::distance::check_responses;
use crate::interval::{standard_error_of_sum, wilson};
use crate::root_mean_square::root_mean_square;

/// A rate with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rate {
    /// Probability.
    pub value: f64,
    /// Standard error over displays.
    pub standard_error: f64,
    /// 95 % interval.
    pub ci: [f64; 2],
}

/// How often an uncued item is reported, by its probe distance from the cued one.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SwapCurve {
    /// Edges of the bins of probe distance (radians), one more than bins.
    pub edges: Vec<f64>,
    /// Mean probe distance (radians) of the uncued items in a bin; its middle where there are none.
    pub distance: Vec<f64>,
    /// Probability that an uncued item at that distance is reported; 0 where there are none.
    pub rate: Vec<f64>,
    /// Standard error of the rate over displays.
    pub standard_error: Vec<f64>,
    /// Lower end of the 95 % interval.
    pub lo: Vec<f64>,
    /// Upper end of the 95 % interval.
    pub hi: Vec<f64>,
    /// Responses to displays with an uncued item in the bin, counted once for each such item.
    pub responses: Vec<usize>,
    /// Probability that any uncued item is reported.
    pub total: Rate,
    /// What each display adds to each rate and, last, to the total: display-major, summing to 0.
    #[serde(skip)]
    pub(crate) influence: Vec<f64>,
}

/// Estimates the swap rate of responses in each bin of probe distance, with κ and guesses of the target held
/// fixed. For more than two items the rate is that of each distractor by its own distance.
///
/// # Errors
/// When a response has no angle, a display no probe feature, or the target precisions or guess weights of other displays.
pub fn swap_curve(responses: &Responses, target: &MixtureTarget, bins: &DistanceBins) -> Result<SwapCurve> {
    Ok(SwapCurve::of_mixture(&Mixture::fit(responses, target, bins, Free::Swaps)?, responses, bins))
}

impl SwapCurve {
    pub(crate) fn of_mixture(mixture: &Mixture, responses: &Responses, bins: &DistanceBins) -> Self {
        let displays = mixture.bins.len();
        let samples = mixture.samples();
        let count = bins.count();
        let mut items = vec![0usize; count];
        let mut distance = vec![0.0; count];
        let mut rates = vec![0.0; count + 1];
        // Derivative of each rate, and of the total, with respect to the log odds of each bin; guesses are fixed.
        let mut slopes = DMatrix::<f64>::zeros(count + 1, count + 2);
        for (display, item_bins) in mixture.bins.iter().enumerate() {
            let weights = &mixture.weights[display];
            let chosen = 1.0 - weights[0];
            for (item, &bin) in item_bins.iter().enumerate() {
                let weight = weights[2 + item];
                items[bin] += 1;
                distance[bin] += responses.displays[display].probe_offset(1 + item).map_or(0.0, f64::abs);
                rates[bin] += weight;
                rates[count] += weight / displays as f64;
                for (other, &other_bin) in item_bins.iter().enumerate() {
                    let slope = weight * (f64::from(other == item) - weights[2 + other] / chosen);
                    slopes[(bin, other_bin)] += slope;
                    slopes[(count, other_bin)] += slope / displays as f64;
                }
            }
        }
        for bin in 0..count {
            let number = items[bin].max(1) as f64;
            rates[bin] /= number;
            slopes.row_mut(bin).scale_mut(1.0 / number);
            distance[bin] = match items[bin] {
                0 => 0.5 * (bins.edges()[bin] + bins.edges()[bin + 1]),
                number => distance[bin] / number as f64,
            };
        }
        let mut influence = Information::of(mixture, count).influence(&slopes);
        add_composition(&mut influence, mixture, &rates, &items);
        let standard_error: Vec<f64> = (0..=count)
            .map(|rate| standard_error_of_sum(influence.iter().skip(rate).step_by(count + 1).copied()))
            .collect();
        let intervals: Vec<[f64; 2]> = (0..=count)
            .map(|rate| {
                let responses = if rate < count { items[rate] * samples } else { displays * samples };
                if responses == 0 { [0.0, 1.0] } else { wilson(rates[rate], standard_error[rate], responses) }
            })
            .collect();
        Self {
            edges: bins.edges().to_vec(),
            distance,
            lo: intervals[..count].iter().map(|ci| ci[0]).collect(),
            hi: intervals[..count].iter().map(|ci| ci[1]).collect(),
            responses: items.iter().map(|items| items * samples).collect(),
            total: Rate { value: rates[count], standard_error: standard_error[count], ci: intervals[count] },
            rate: rates[..count].to_vec(),
            standard_error: standard_error[..count].to_vec(),
            influence,
        }
    }

    /// Bins that hold responses.
    fn occupied<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        (0..self.rate.len()).filter(|&bin| self.responses[bin] > 0 && other.responses[bin] > 0)
    }

    /// Root mean squared difference of the rates of two curves over the bins that hold responses.
    #[must_use]
    pub fn rmse(&self, other: &Self) -> f64 {
        root_mean_square(&self.differences(other))
    }

    /// Root mean squared difference between the curve and the best constant rate, which is the mean of its
    /// bins: what a network that ignores probe distance would score.
    #[must_use]
    pub fn rmse_of_best_constant(&self) -> f64 {
        root_mean_square(&self.deviations())
    }

    /// Differences between the rates of two curves in the bins that hold responses.
    pub(crate) fn differences(&self, other: &Self) -> Vec<f64> {
        self.occupied(other).map(|bin| self.rate[bin] - other.rate[bin]).collect()
    }

    /// What [`SwapCurve::differences`] change by when each display is drawn `times` times.
    pub(crate) fn resampled_differences(&self, other: &Self, times: &[f64]) -> Vec<f64> {
        let (a, b) = (self.resampled(times), other.resampled(times));
        self.occupied(other).map(|bin| (a[bin] - self.rate[bin]) - (b[bin] - other.rate[bin])).collect()
    }

    /// Deviations of the rates from their mean over the bins that hold responses.
    pub(crate) fn deviations(&self) -> Vec<f64> {
        about_mean(self.occupied(self).map(|bin| self.rate[bin]))
    }

    /// What [`SwapCurve::deviations`] change by when each display is drawn `times` times.
    pub(crate) fn resampled_deviations(&self, times: &[f64]) -> Vec<f64> {
        let rates = self.resampled(times);
        about_mean(self.occupied(self).map(|bin| rates[bin] - self.rate[bin]))
    }

    /// The rates, and last the total, when each display is drawn `times` times.
    pub(crate) fn resampled(&self, times: &[f64]) -> Vec<f64> {
        let mut rates = self.rate.clone();
        rates.push(self.total.value);
        for (row, times) in self.influence.chunks_exact(rates.len()).zip(times) {
            for (rate, influence) in rates.iter_mut().zip(row) {
                *rate += (times - 1.0) * influence;
            }
        }
        rates
    }
}

fn about_mean(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mean = crate::interval::mean(&values);
    values.into_iter().map(|value| value - mean).collect()
}

/// Adds the influence of each display by its items alone, whose weights are not those of the average display.
fn add_composition(influence: &mut [f64], mixture: &Mixture, rates: &[f64], items: &[usize]) {
    let (displays, bins) = (mixture.bins.len() as f64, items.len());
    for ((row, item_bins), weights) in
        influence.chunks_exact_mut(bins + 1).zip(&mixture.bins).zip(&mixture.weights)
    {
        row[bins] -= rates[bins] / displays;
        for (&bin, weight) in item_bins.iter().zip(&weights[2..]) {
            row[bin] += (weight - rates[bin]) / items[bin] as f64;
            row[bins] += weight / displays;
        }
    }
}

/// The probability that a model reports an uncued item, by bin of probe distance, averaged over the uncued
/// items of the displays; `None` for a bin without items.
///
/// # Errors
/// When a display has no probe feature.
pub fn expected_swap_rates(
    model: &dyn ResponseModel,
    displays: &[errare_behaviour::Display],
    bins: &DistanceBins,
) -> Result<Vec<Option<f64>>> {
    let mut sums = vec![(0usize, 0.0); bins.count()];
    for (index, display) in displays.iter().enumerate() {
        let weights = model.weights(display);
        for (bin, weight) in bins.of_display(index, display)?.into_iter().zip(&weights[2..]) {
            sums[bin].0 += 1;
            sums[bin].1 += weight;
        }
    }
    Ok(sums.into_iter().map(|(count, sum)| (count > 0).then(|| sum / count as f64)).collect())
}

/// The swap rate of each display on its own (the probability that any uncued item is reported), with κ and
/// guesses of the target held fixed and each item's weight free.
///
/// # Errors
/// As [`swap_curve`].
pub fn swap_rates_by_display(responses: &Responses, target: &MixtureTarget) -> Result<Vec<f64>> {
    check_responses(responses, 1)?;
    target.check_displays(responses.displays.len())?;
    let evidence = Evidence::new(responses, target, |display| target.uniform_weight(display) > 0.0);
    Ok((0..responses.displays.len())
        .into_par_iter()
        .map(|display| evidence.weights_of_display(display, target.uniform_weight(display))[2..].iter().sum())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{displays, mixture_responses, mixture_responses_to, swap_at};
    use errare_behaviour::Display;

    const SEPARATION: f64 = std::f64::consts::PI / 4.1;

    fn bins() -> DistanceBins {
        DistanceBins::uniform(SEPARATION, 8).unwrap()
    }

    fn falling(display: &Display, item: usize) -> f64 {
        let distance = display.probe_offset(item).unwrap().abs();
        0.5 * (-(distance - SEPARATION)).exp()
    }

    /// The true rate of each bin, averaged over the items that the bin holds.
    fn truth(responses: &Responses, swap: &dyn Fn(&Display, usize) -> f64, bins: &DistanceBins) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); bins.count()];
        for display in &responses.displays {
            for item in 1..display.set_size() {
                let bin = bins.index(display.probe_offset(item).unwrap().abs());
                sums[bin].0 += swap(display, item);
                sums[bin].1 += 1.0;
            }
        }
        sums.iter().map(|(sum, count)| sum / count).collect()
    }

    #[test]
    fn flat_rates_are_recovered() {
        for (sd, rate) in [(0.05, 0.05), (0.05, 0.3), (0.35, 0.1)] {
            let responses = mixture_responses(1000, 2, 32, 5, sd, &swap_at(rate));
            let target = MixtureTarget::from_standard_deviation(sd, 0.0).unwrap();
            let total = swap_curve(&responses, &target, &bins()).unwrap().total;
            // Isotropic noise of sd 0.35 R is not quite a von Mises in angle: allow a small bias there.
            let tolerance = 3.5 * total.standard_error + if sd > 0.1 { 0.006 } else { 0.0 };
            assert!((total.value - rate).abs() < tolerance, "{rate}: {total:?}");
            assert!(total.standard_error < 0.006 && total.ci[0] < total.value && total.value < total.ci[1]);
        }
    }

    #[test]
    fn a_rate_that_falls_with_distance_is_recovered() {
        let responses = mixture_responses(2000, 2, 32, 5, 0.05, &falling);
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let curve = swap_curve(&responses, &target, &bins()).unwrap();
        let truth = truth(&responses, &falling, &bins());
        for bin in 0..8 {
            let z = (curve.rate[bin] - truth[bin]) / curve.standard_error[bin];
            assert!(z.abs() < 3.5, "bin {bin}: {} against {}, z = {z}", curve.rate[bin], truth[bin]);
            assert!(curve.standard_error[bin] < 0.015);
        }
        assert!(curve.responses.iter().sum::<usize>() == 2000 * 32);
        assert!(curve.rmse_of_best_constant() > 0.1);
    }

    #[test]
    fn each_distractor_of_four_has_the_rate_of_its_own_distance() {
        // A separation at which four items can be near or far.
        let swap = |display: &Display, item: usize| 0.5 * falling(display, item);
        let responses = mixture_responses(1500, 4, 32, 6, 0.05, &swap);
        let bins = DistanceBins::uniform(std::f64::consts::PI / 8.1, 8).unwrap();
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let curve = swap_curve(&responses, &target, &bins).unwrap();
        let truth = truth(&responses, &swap, &bins);
        for bin in 0..8 {
            let error = curve.rate[bin] - truth[bin];
            assert!(error.abs() < 3.5 * curve.standard_error[bin] + 0.004, "bin {bin}: {error}");
        }
        let expected =
            truth.iter().zip(&curve.responses).map(|(r, n)| r * *n as f64).sum::<f64>() / (1500.0 * 32.0);
        assert!((curve.total.value - expected).abs() < 3.5 * curve.total.standard_error);
    }

    #[test]
    fn standard_errors_cover() {
        let target = MixtureTarget::from_standard_deviation(0.3, 0.0).unwrap();
        let bins = DistanceBins::uniform(SEPARATION, 2).unwrap();
        let (mut covered, mut total) = (0, 0);
        for seed in 0..60 {
            let responses = mixture_responses(120, 2, 8, 100 + seed, 0.3, &swap_at(0.2));
            let curve = swap_curve(&responses, &target, &bins).unwrap();
            for bin in 0..2 {
                covered += usize::from(curve.lo[bin] < 0.2 && 0.2 < curve.hi[bin]);
                total += 1;
            }
        }
        let coverage = f64::from(covered as u32) / f64::from(total as u32);
        assert!((0.87..=1.0).contains(&coverage), "95 % intervals cover {coverage}");
    }

    /// Where displays differ in how often they are swapped, other displays would have given another rate.
    #[test]
    fn standard_errors_hold_the_choice_of_displays() {
        let steep = |display: &Display, item: usize| {
            0.5 * (-1.5 * (display.probe_offset(item).unwrap().abs() - SEPARATION)).exp()
        };
        let two = |display: &Display| steep(display, 1);
        let population = displays(20_000, 2, 1);
        let truth = population.iter().map(two).sum::<f64>() / population.len() as f64;
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let mut covered = [0u32; 2];
        let mut squares = [[0.0; 2]; 2];
        const RUNS: u32 = 100;
        for seed in 0..RUNS {
            let responses = mixture_responses_to(displays(80, 2, 100 + u64::from(seed)), 64, 7, 0.05, &steep);
            for (case, bins) in [bins(), DistanceBins::single()].into_iter().enumerate() {
                let total = swap_curve(&responses, &target, &bins).unwrap().total;
                covered[case] += u32::from(total.ci[0] < truth && truth < total.ci[1]);
                squares[case][0] += total.standard_error.powi(2);
                squares[case][1] += (total.value - truth).powi(2);
            }
        }
        for covered in covered {
            let coverage = f64::from(covered) / f64::from(RUNS);
            assert!((0.88..=1.0).contains(&coverage), "95 % intervals cover {coverage}");
        }
        for [claimed, found] in squares {
            let ratio = f64::sqrt(claimed / found);
            assert!((0.8..1.25).contains(&ratio), "standard errors are {ratio} times the errors");
        }
    }

    #[test]
    fn without_swaps_the_interval_still_has_a_width() {
        let responses = mixture_responses(200, 2, 16, 5, 0.05, &swap_at(0.0));
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let curve = swap_curve(&responses, &target, &bins()).unwrap();
        assert!(curve.total.value < 1e-6);
        assert!(curve.total.ci[1] > 1e-4 && curve.total.ci[1] < 0.01, "{:?}", curve.total);
    }

    #[test]
    fn guesses_are_not_taken_for_swaps() {
        let mut responses = mixture_responses(1000, 2, 32, 5, 0.05, &swap_at(0.1));
        // Every tenth response is a guess, spread evenly.
        for (index, point) in responses.points.iter_mut().enumerate().filter(|(i, _)| i % 10 == 0) {
            let angle = (index as f64 * 0.618_034).fract() * std::f64::consts::TAU;
            *point = [angle.cos() as f32, angle.sin() as f32];
        }
        let with = MixtureTarget::from_standard_deviation(0.05, 0.1).unwrap();
        let without = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let rate = |target| swap_curve(&responses, target, &bins()).unwrap().total;
        assert!((rate(&with).value - 0.09).abs() < 3.5 * rate(&with).standard_error);
        assert!(rate(&without).value > 0.12);
    }

    #[test]
    fn every_display_has_its_own_rate() {
        let swap = |display: &Display, _: usize| if display.probe[0] > 0.0 { 0.4 } else { 0.1 };
        let responses = mixture_responses(200, 2, 200, 8, 0.05, &swap);
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        let rates = swap_rates_by_display(&responses, &target).unwrap();
        for (display, rate) in responses.displays.iter().zip(rates) {
            let expected = swap(display, 1);
            assert!((rate - expected).abs() < 4.5 * (expected * (1.0 - expected) / 200.0f64).sqrt());
        }
    }

    #[test]
    fn one_thread_or_many_give_the_same_bytes() {
        let responses = mixture_responses(200, 3, 16, 5, 0.3, &swap_at(0.1));
        let target = MixtureTarget::from_standard_deviation(0.3, 0.0).unwrap();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| swap_curve(&responses, &target, &bins()).unwrap())
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn displays_without_probe_or_angle_are_refused() {
        let mut responses = mixture_responses(20, 2, 4, 5, 0.05, &swap_at(0.1));
        let target = MixtureTarget::from_standard_deviation(0.05, 0.0).unwrap();
        responses.displays[7].probe.clear();
        let error = swap_curve(&responses, &target, &bins()).unwrap_err().to_string();
        assert!(error.contains("display 7"), "{error}");
        assert!(swap_curve(&responses, &target, &DistanceBins::single()).is_ok());
        responses.points[9] = [0.0, f32::NAN];
        let error = swap_curve(&responses, &target, &DistanceBins::single()).unwrap_err().to_string();
        assert!(error.contains("response 1 to display 2"), "{error}");
    }
}
