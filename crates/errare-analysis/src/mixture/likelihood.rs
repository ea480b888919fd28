//! The mixture likelihood of responses and the steps of its EM algorithm.
//!
//! The weight of uncued item j is (1 − u) oⱼ / (1 + Σₖ oₖ), with odds oⱼ shared by all items in one bin of
//! probe distance. The M-step for the odds is the minorise–maximise update of choice models (Hunter 2004),
//! so the likelihood never falls.

use errare_core::special::bessel_ratio_inverse;
use errare_network::Responses;
use rayon::prelude::*;

use super::evidence::{Evidence, MAX_ITERATIONS, TOLERANCE, cosine};
use super::target::{DistanceBins, MixtureTarget};
use crate::Result;
use crate::distance::check_responses;

/// Odds at the start, against 1 of the cued item.
pub(super) const START_ODDS: f64 = 0.05;
/// No odds above this, so that an item that is always chosen has finite ones.
pub(super) const MOST_ODDS: f64 = 1e12;
/// Guess rate at the start, where it is free.
pub(super) const START_UNIFORM: f64 = 0.02;

/// What is estimated beside the swap odds; what is not keeps the target's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Free {
    /// Nothing.
    Swaps,
    /// One guess rate and κ as well.
    All,
}

/// Parameters of a mixture in which all is free.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    /// Odds of an uncued item against the cued one, by bin of probe distance.
    pub(super) odds: Vec<f64>,
    /// Probability of a guess.
    pub(super) guesses: f64,
    /// Concentration about the items.
    pub(super) kappa: f64,
}

/// A mixture fitted to responses.
#[derive(Debug)]
pub(crate) struct Mixture {
    /// What was estimated beside the swap odds.
    pub(crate) free: Free,
    /// Concentration about the items, the target's or one for all displays that is fitted; by display.
    pub(crate) kappa: Vec<f64>,
    /// Bin of every uncued item, by display.
    pub(crate) bins: Vec<Vec<usize>>,
    /// Fitted weights `[uniform, item 0, …]`, by display.
    pub(crate) weights: Vec<Vec<f64>>,
    /// Expected responses from each source `[uniform, item 0, …]`, by display.
    pub(crate) masses: Vec<Vec<f64>>,
    /// Sum of γ cos(error) over responses and items, by display.
    cosines: Vec<f64>,
    evidence: Evidence,
}

impl Mixture {
    /// A mixture of which nothing is estimated yet.
    pub(super) fn unfitted(
        responses: &Responses,
        target: &MixtureTarget,
        distance: &DistanceBins,
        free: Free,
    ) -> Result<Self> {
        check_responses(responses, 1)?;
        let count = responses.displays.len();
        target.check_displays(count)?;
        let displays = responses.displays.iter().enumerate();
        Ok(Self {
            free,
            kappa: (0..count).map(|display| target.kappa(display)).collect(),
            bins: displays
                .map(|(index, display)| distance.of_display(index, display))
                .collect::<Result<_>>()?,
            weights: Vec::new(),
            masses: Vec::new(),
            cosines: Vec::new(),
            evidence: Evidence::new(responses, target, |display| {
                free == Free::All || target.uniform_weight(display) > 0.0
            }),
        })
    }

    /// EM of the swap odds alone.
    pub(super) fn fit_swaps(&mut self, target: &MixtureTarget, bins: usize) {
        let uniform: Vec<f64> = (0..self.bins.len()).map(|display| target.uniform_weight(display)).collect();
        let mut odds = vec![START_ODDS; bins];
        for _ in 0..MAX_ITERATIONS {
            self.expect(&odds, &uniform);
            let next = self.improved_odds(&odds, &uniform);
            let moved = largest_move(&odds, &next);
            odds = next;
            if moved < TOLERANCE {
                break;
            }
        }
        self.expect(&odds, &uniform);
    }

    /// One step of EM from the parameters at which the mixture is, to those it returns, and by how much it moved the
    /// most.
    pub(super) fn em_step(&mut self, from: &Parameters) -> (Parameters, f64) {
        let uniform = vec![from.guesses; self.bins.len()];
        let odds = self.improved_odds(&from.odds, &uniform);
        let guesses: f64 = self.masses.iter().map(|masses| masses[0]).sum();
        let chosen = self.responses() as f64 - guesses;
        let guesses = guesses / self.responses() as f64;
        let kappa = bessel_ratio_inverse(self.cosines.iter().sum::<f64>() / chosen);
        let moved = largest_move(&from.odds, &odds)
            .max((guesses - from.guesses).abs())
            .max(1e-3 * (kappa / self.kappa[0] - 1.0).abs());
        let next = Parameters { odds, guesses, kappa };
        self.move_to(&next);
        (next, moved)
    }

    /// Puts the mixture at these parameters.
    pub(super) fn move_to(&mut self, parameters: &Parameters) {
        let kappa = parameters.kappa;
        self.kappa.fill(kappa);
        self.evidence.concentrate(|_| kappa);
        self.expect(&parameters.odds, &vec![parameters.guesses; self.bins.len()]);
    }

    /// Log-likelihood (nats) of all responses where the mixture is.
    pub(super) fn log_likelihood(&self) -> f64 {
        let of = |display| self.evidence.log_likelihood(display, &self.weights[display], self.kappa[display]);
        let by_display: Vec<f64> = (0..self.bins.len()).into_par_iter().map(of).collect();
        by_display.iter().sum()
    }

    /// E-step: weights of the current odds, and what they make of the responses.
    pub(super) fn expect(&mut self, odds: &[f64], uniform: &[f64]) {
        let displays = self.bins.len();
        self.weights = (0..displays).map(|d| choice_weights(&self.bins[d], odds, uniform[d])).collect();
        let summed: Vec<(Vec<f64>, f64)> = (0..displays)
            .into_par_iter()
            .map(|display| {
                let mut masses = vec![0.0; self.weights[display].len()];
                let mut cosines = 0.0;
                let (directions, items) = (self.evidence.of(display), &self.evidence.items[display]);
                self.responsibilities(display, |sample, shares| {
                    masses.iter_mut().zip(shares).for_each(|(mass, share)| *mass += share);
                    for (item, share) in items.iter().zip(&shares[1..]) {
                        cosines += share * cosine(&directions[sample], item);
                    }
                });
                (masses, cosines)
            })
            .collect();
        (self.masses, self.cosines) = summed.into_iter().unzip();
    }

    /// M-step of the odds: those of the strengths of Hunter's update, that of the cued item among them. For displays of
    /// two items and one bin it is exact.
    fn improved_odds(&self, odds: &[f64], uniform: &[f64]) -> Vec<f64> {
        let (mut swaps, mut cued) = (vec![0.0; odds.len()], 0.0);
        let (mut chances, mut cued_chances) = (vec![0.0; odds.len()], 0.0);
        for (display, bins) in self.bins.iter().enumerate() {
            let masses = &self.masses[display];
            let chosen: f64 = masses[1..].iter().sum();
            // The cued item's weight is (1 − u) / (1 + Σ o).
            let per_strength = chosen * self.weights[display][1] / (1.0 - uniform[display]);
            cued += masses[1];
            cued_chances += per_strength;
            for (&bin, mass) in bins.iter().zip(&masses[2..]) {
                swaps[bin] += mass;
                chances[bin] += per_strength;
            }
        }
        let improved = |(bin, &odds): (usize, &f64)| match chances[bin] {
            chances if chances > 0.0 && swaps[bin] > 0.0 => {
                (swaps[bin] / chances * cued_chances / cued).min(MOST_ODDS)
            }
            chances if chances > 0.0 => 0.0,
            _ => odds,
        };
        odds.iter().enumerate().map(improved).collect()
    }

    /// Hands the responsibilities `[uniform, item 0, …]` of every response to a display to `visit`.
    pub(crate) fn responsibilities(&self, display: usize, visit: impl FnMut(usize, &[f64])) {
        self.evidence.responsibilities(display, &self.weights[display], visit);
    }

    /// cos of the error of a response about an item.
    pub(crate) fn cosine_of(&self, display: usize, sample: usize, item: usize) -> f64 {
        cosine(&self.evidence.of(display)[sample], &self.evidence.items[display][item])
    }

    /// Responses in all.
    pub(crate) fn responses(&self) -> usize {
        self.bins.len() * self.evidence.samples
    }

    /// Responses to one display.
    pub(crate) fn samples(&self) -> usize {
        self.evidence.samples
    }

    /// Errors (radians) of the responses to a display about the item with the highest responsibility, told apart by
    /// logarithms: beside a guess the densities of all items may be too small for numbers.
    pub(crate) fn errors_about_chosen(&self, display: usize) -> Vec<f64> {
        let mut errors = Vec::with_capacity(self.samples());
        let (items, kappa) = (&self.evidence.items[display], self.kappa[display]);
        let log_weights: Vec<f64> = self.weights[display][1..].iter().map(|weight| weight.ln()).collect();
        for response in self.evidence.of(display) {
            let log = |item: usize| log_weights[item] + kappa * cosine(response, &items[item]);
            let chosen =
                (1..items.len()).fold(0, |best, item| if log(item) > log(best) { item } else { best });
            let ([x, y], [c, s]) = (*response, items[chosen]);
            errors.push((y * c - x * s).atan2(x * c + y * s));
        }
        errors
    }
}

/// Largest change of a rate from odds to others.
fn largest_move(from: &[f64], to: &[f64]) -> f64 {
    from.iter().zip(to).map(|(a, b)| (a / (1.0 + a) - b / (1.0 + b)).abs()).fold(0.0, f64::max)
}

/// Weights `[uniform, item 0, …]` of a choice with odds by bin.
fn choice_weights(bins: &[usize], odds: &[f64], uniform: f64) -> Vec<f64> {
    let total = 1.0 + bins.iter().map(|&bin| odds[bin]).sum::<f64>();
    let scale = (1.0 - uniform) / total;
    let mut weights = vec![uniform, scale];
    weights.extend(bins.iter().map(|&bin| scale * odds[bin]));
    weights
}

#[cfg(test)]
mod tests {
    use errare_behaviour::Display;
    use errare_core::angle::distance;

    use super::*;
    use crate::testing::{mixture_responses, ring_responses, swap_at};

    #[test]
    fn precision_and_guesses_are_recovered_where_they_are_free() {
        let mut responses = mixture_responses(600, 2, 32, 5, 0.1, &swap_at(0.1));
        for (index, point) in responses.points.iter_mut().enumerate().filter(|(i, _)| i % 8 == 0) {
            let angle = (index as f64 * 0.618_034).fract() * std::f64::consts::TAU;
            *point = [angle.cos() as f32, angle.sin() as f32];
        }
        let target = MixtureTarget::new(30.0, 0.0).unwrap();
        let mixture = Mixture::fit(&responses, &target, &DistanceBins::single(), Free::All).unwrap();
        // sd 0.1 rad is κ = 100; 600 · 32 · 7/8 responses give it to about 1 %.
        assert!((mixture.kappa[0] - 100.0).abs() < 5.0, "κ = {}", mixture.kappa[0]);
        let guesses = mixture.masses.iter().map(|m| m[0]).sum::<f64>() / mixture.responses() as f64;
        assert!((guesses - 0.125).abs() < 0.006, "guesses {guesses}");
        let swaps = mixture.masses.iter().map(|m| m[2]).sum::<f64>() / mixture.responses() as f64;
        assert!((swaps - 0.0875).abs() < 0.006, "swaps {swaps}");
    }

    #[test]
    fn a_response_far_from_everything_stays_finite() {
        let mut responses = mixture_responses(10, 2, 4, 5, 0.05, &swap_at(0.0));
        for (display, point) in responses.points.chunks_mut(4).enumerate() {
            let [a, b] = responses.displays[display].report[..] else { unreachable!() };
            let opposite = (a.sin() + b.sin()).atan2(a.cos() + b.cos()) + std::f64::consts::PI;
            point[0] = [opposite.cos() as f32, opposite.sin() as f32];
        }
        let target = MixtureTarget::new(1e5, 0.0).unwrap();
        let mixture = Mixture::fit(&responses, &target, &DistanceBins::single(), Free::Swaps).unwrap();
        assert!(mixture.masses.iter().flatten().all(|mass| mass.is_finite()));
    }

    #[test]
    fn without_guesses_a_response_belongs_to_the_nearest_item_however_far_it_is() {
        // A radian off, where e^(κ (cos 1 − 1)) of the target's κ = 400 is no number in f32. One in five is a
        // swap.
        let off = |sample: usize| [1.0, -1.0][sample % 2];
        let mut responses = ring_responses(200, 2, 20, |display, sample| {
            display.report[usize::from(sample % 5 == 0)] + off(sample)
        });
        let apart = |display: &Display| distance(display.report[0], display.report[1]);
        let far_apart: Vec<_> = (0..200).filter(|&d| apart(&responses.displays[d]) > 2.2).collect();
        assert!(far_apart.len() > 30);
        responses.points = far_apart.iter().flat_map(|&d| responses.of(d).to_vec()).collect();
        responses.displays = far_apart.iter().map(|&d| responses.displays[d].clone()).collect();
        let target = MixtureTarget::new(400.0, 0.0).unwrap();
        let mixture = Mixture::fit(&responses, &target, &DistanceBins::single(), Free::Swaps).unwrap();
        assert!(mixture.masses.iter().all(|masses| (masses[2] - 4.0).abs() < 1e-6), "{:?}", mixture.masses);
        let errors = mixture.errors_about_chosen(0);
        assert!(errors.iter().all(|error| (error.abs() - 1.0).abs() < 1e-6), "{errors:?}");
        // With guesses they are guesses, about the same item.
        let guessing = MixtureTarget::new(400.0, 0.1).unwrap();
        let mixture = Mixture::fit(&responses, &guessing, &DistanceBins::single(), Free::Swaps).unwrap();
        assert!(mixture.masses.iter().all(|masses| masses[0] > 19.9));
        let errors = mixture.errors_about_chosen(0);
        assert!(errors.iter().all(|error| (error.abs() - 1.0).abs() < 1e-6), "{errors:?}");
    }

    #[test]
    fn a_network_that_always_swaps_has_a_rate_of_one() {
        let responses = ring_responses(100, 2, 16, |display, _| display.report[1]);
        let target = MixtureTarget::new(400.0, 0.0).unwrap();
        let mixture = Mixture::fit(&responses, &target, &DistanceBins::single(), Free::Swaps).unwrap();
        assert!(mixture.weights.iter().all(|weights| weights[2] > 1.0 - 1e-9), "{:?}", mixture.weights[0]);
    }
}
