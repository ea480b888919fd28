//! What is measured of one set of responses on its own.

use errare_core::angle::distance;
use errare_core::special::{MAX_KAPPA, NORMAL_975};
use errare_network::Responses;
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::metric::Metric;
use super::target::FidelityTarget;
use crate::Result;
use crate::interval::{
    Bootstrap, mean, quantile, quantile_by, standard_error, standard_error_of_sum, wilson,
};
use crate::mixture::{Free, Information, Mixture, SwapCurve};

/// A response is off the ring beyond this many read-out noise sds.
const OFF_RING_SDS: f64 = 3.0;
/// A response is off every mode beyond this many response sds from each item.
const OFF_MODE_SDS: f64 = 5.0;
/// A response is intermediate beyond this angle (radians) from every item: 60°.
const INTERMEDIATE: f64 = std::f64::consts::FRAC_PI_3;

/// A share of responses, by display.
pub(crate) struct Share(Vec<f64>);

impl Share {
    /// Share over all displays.
    pub(crate) fn value(&self) -> f64 {
        mean(&self.0)
    }

    fn metric(&self, responses: usize) -> Metric {
        let ci = wilson(self.value(), standard_error(&self.0), responses);
        Metric::new(self.value(), Some(ci), responses, "probability")
    }
}

/// Measures of one set of responses.
pub(crate) struct Portrait {
    pub(crate) curve: SwapCurve,
    pub(crate) off_ring: Share,
    pub(crate) off_mode: Share,
    pub(crate) intermediate: Share,
    responses: usize,
    has_swaps: bool,
    /// Absolute errors (radians) about the chosen item, sorted, with their display.
    errors: Vec<(f64, u32)>,
    /// Sums of cos and sin of the errors about the chosen item, by display.
    moments: Vec<[f64; 2]>,
    /// The mixture with κ and guesses free.
    free: Mixture,
}

impl Portrait {
    pub(crate) fn of(responses: &Responses, target: &FidelityTarget) -> Result<Self> {
        let fixed = Mixture::fit(responses, &target.mixture, &target.bins, Free::Swaps)?;
        let by_display: Vec<Vec<f64>> = (0..responses.displays.len())
            .into_par_iter()
            .map(|display| fixed.errors_about_chosen(display))
            .collect();
        let moments = by_display
            .iter()
            .map(|errors| errors.iter().fold([0.0, 0.0], |[c, s], error| [c + error.cos(), s + error.sin()]))
            .collect();
        let mut errors: Vec<(f64, u32)> = by_display
            .iter()
            .enumerate()
            .flat_map(|(display, errors)| errors.iter().map(move |error| (error.abs(), display as u32)))
            .collect();
        errors.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));

        let share = |misplaced: &(dyn Fn(f64, f64) -> bool + Sync)| {
            let shares = (0..responses.displays.len()).into_par_iter().map(|display| {
                let report = &responses.displays[display].report;
                let count = responses.of(display).iter().filter(|[x, y]| {
                    let (x, y) = (f64::from(*x), f64::from(*y));
                    let angle = y.atan2(x);
                    let nearest = report.iter().map(|&item| distance(angle, item)).fold(f64::MAX, f64::min);
                    misplaced(x.hypot(y), nearest)
                });
                count.count() as f64 / responses.samples as f64
            });
            Share(shares.collect())
        };
        let (radius, ring_width) = (target.ring_radius, OFF_RING_SDS * target.readout_sd);
        let mode_width = OFF_MODE_SDS * target.response_sd;
        Ok(Self {
            curve: SwapCurve::of_mixture(&fixed, responses, &target.bins),
            off_ring: share(&|length, _| (length - radius).abs() > ring_width),
            off_mode: share(&|_, nearest| nearest > mode_width),
            intermediate: share(&|_, nearest| nearest > INTERMEDIATE),
            responses: responses.points.len(),
            has_swaps: responses.displays.iter().any(|display| display.set_size() > 1),
            errors,
            moments,
            free: Mixture::fit(responses, &target.mixture, &target.bins, Free::All)?,
        })
    }

    /// Median absolute error (radians) about the chosen item.
    pub(crate) fn median_error(&self) -> f64 {
        self.error_quantile(0.5)
    }

    fn error_quantile(&self, p: f64) -> f64 {
        quantile_by(&self.errors, |error| error.0, p)
    }

    /// Metrics of this set, as (name, metric).
    pub(crate) fn metrics(&self, bootstrap: Bootstrap) -> Vec<(&'static str, Metric)> {
        let n = self.responses;
        let swap_rate = match self.has_swaps {
            true => Metric::new(self.curve.total.value, Some(self.curve.total.ci), n, "probability"),
            false => Metric::undefined("probability"),
        };
        let [kappa, guess_rate] = self.precision_and_guesses();
        vec![
            ("swap_rate", swap_rate),
            ("off_ring_mass", self.off_ring.metric(n)),
            ("off_mode_mass", self.off_mode.metric(n)),
            ("intermediate_mass", self.intermediate.metric(n)),
            ("median_error", self.median_metric()),
            ("circular_sd", self.circular_sd(bootstrap)),
            ("kappa", kappa),
            ("guess_rate", guess_rate),
        ]
    }

    /// The median's interval is that of Woodruff (1952): the quantiles at ½ ± the error of the share of
    /// responses below the median, over displays.
    fn median_metric(&self) -> Metric {
        let mut below = vec![0.0; self.moments.len()];
        for &(_, display) in &self.errors[..self.errors.len() / 2] {
            below[display as usize] += 1.0;
        }
        let samples = self.errors.len() as f64 / below.len() as f64;
        below.iter_mut().for_each(|count| *count /= samples);
        let half = NORMAL_975 * standard_error(&below);
        let ci = [self.error_quantile(0.5 - half), self.error_quantile(0.5 + half)];
        Metric::new(self.median_error(), Some(ci), self.responses, "rad")
    }

    fn circular_sd(&self, bootstrap: Bootstrap) -> Metric {
        let samples = self.errors.len() as f64 / self.moments.len() as f64;
        let sd = |times: &dyn Fn(usize) -> f64| {
            let (mut cos, mut sin, mut count) = (0.0, 0.0, 0.0);
            for (display, [c, s]) in self.moments.iter().enumerate() {
                let times = times(display);
                cos += times * c;
                sin += times * s;
                count += times * samples;
            }
            (-2.0 * (f64::hypot(cos, sin) / count).min(1.0).ln()).sqrt()
        };
        let ci = bootstrap.interval(|times| sd(&|display| times[display]));
        Metric::new(sd(&|_| 1.0), Some(ci), self.responses, "rad")
    }

    /// κ and guess rate of the mixture in which both are free.
    fn precision_and_guesses(&self) -> [Metric; 2] {
        let Mixture { kappa, masses, .. } = &self.free;
        let kappa = kappa[0];
        let (n, bins) = (self.responses, self.curve.rate.len());
        let guesses = masses.iter().map(|masses| masses[0]).sum::<f64>() / n as f64;
        // Derivatives of ln κ and of the guess rate with respect to the odds, the log odds of a guess and κ.
        let mut slopes = DMatrix::zeros(2, bins + 2);
        slopes[(0, bins + 1)] = kappa.recip();
        slopes[(1, bins)] = guesses * (1.0 - guesses);
        let information = Information::of(&self.free, bins);
        let influence = information.influence(&slopes);
        let standard_error =
            |row: usize| standard_error_of_sum(influence.iter().skip(row).step_by(2).copied());
        let half = NORMAL_975 * standard_error(0);
        // At a limit of κ its likelihood has no maximum to bend about.
        let known = information.informs(bins + 1) && kappa < MAX_KAPPA && masses.len() > 1;
        let ci = known.then(|| [kappa * (-half).exp(), kappa * half.exp()]);
        [
            Metric::new(kappa, ci, n, "1"),
            Metric::new(guesses, Some(wilson(guesses, standard_error(1), n)), n, "probability"),
        ]
    }
}

/// 95th percentile of sorted values.
pub(crate) fn q95(sorted: &[f64]) -> f64 {
    quantile(sorted, 0.95)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use errare_behaviour::SwapFunction;

    use super::*;
    use crate::testing::{RADIUS, ring_responses};

    fn precision_and_guesses(responses: &Responses) -> [Metric; 2] {
        let none = SwapFunction::None;
        let target =
            FidelityTarget::of_model(&none, &responses.displays, None, RADIUS, 0.05 * RADIUS).unwrap();
        Portrait::of(responses, &target).unwrap().precision_and_guesses()
    }

    #[test]
    fn a_precision_that_nothing_tells_of_has_no_interval() {
        let opposite = ring_responses(50, 1, 8, |display, _| display.report[0] + PI);
        let exact = ring_responses(50, 1, 8, |display, _| display.report[0]);
        let spread =
            ring_responses(200, 2, 16, |display, sample| display.report[0] + TAU * sample as f64 / 16.0);
        for responses in [opposite, exact, spread] {
            let [kappa, guesses] = precision_and_guesses(&responses);
            assert!(kappa.ci.is_none(), "{kappa:?}, {guesses:?}");
            let [lo, hi] = guesses.ci.unwrap();
            assert!(lo < hi, "{guesses:?}");
        }
    }
}
