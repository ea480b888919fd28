//! Maximum likelihood of a mixture in which swaps, guesses and κ are all free: a few steps of EM, then Newton's method.
//!
//! EM alone needs tens of thousands of steps for a network that has not learnt its task: of responses that hardly
//! depend on the items, a low κ and many guesses are nearly the same distribution, and rates of some bins drift towards
//! 0 or 1 without end. Newton's steps take both along; they stop when another would gain next to nothing.

use errare_core::special::MAX_KAPPA;

use super::evidence::TOLERANCE;
use super::information::Information;
use super::likelihood::{MOST_ODDS, Mixture, Parameters, START_ODDS, START_UNIFORM};

/// Steps of EM first, which find the neighbourhood.
const EM_STEPS: usize = 20;
const MOST_STEPS: usize = 100;
/// Gain (nats of all responses together) below which another step is the last: a standard error changes the
/// log-likelihood by a half.
const GAIN: f64 = 1e-5;
/// Longest step, in units of log odds and of ln κ.
const LONGEST: f64 = 2.0;
const HALVINGS: usize = 5;
/// Likelihoods closer than this (nats a response) are not told apart: densities are kept in single precision.
const ROUNDING: f64 = 1e-9;
/// κ is not moved below this, where no response tells it from 0.
const LEAST_KAPPA: f64 = 1e-6;

/// Fits all parameters by maximum likelihood.
pub(super) fn fit_all(mixture: &mut Mixture, bins: usize) {
    let mut at = Parameters { odds: vec![START_ODDS; bins], guesses: START_UNIFORM, kappa: mixture.kappa[0] };
    mixture.expect(&at.odds, &vec![at.guesses; mixture.bins.len()]);
    for _ in 0..EM_STEPS {
        let (next, moved) = mixture.em_step(&at);
        at = next;
        if moved < TOLERANCE {
            break;
        }
    }
    climb(mixture, at);
}

/// Newton's steps from the parameters at which the mixture is, with a step of EM after each for what Newton's method leaves
/// alone.
fn climb(mixture: &mut Mixture, mut at: Parameters) {
    let bins = at.odds.len();
    let mut restarted = vec![false; bins + 1];
    for _ in 0..MOST_STEPS {
        let information = Information::of(mixture, bins);
        let (step, gain) = information.newton_step(at.kappa);
        at = climbed(mixture, &at, &step);
        let (next, _) = mixture.em_step(&at);
        let neglected = neglected(&at, &next, &information, &restarted);
        at = next;
        if gain > GAIN {
            continue;
        }
        if neglected.is_empty() {
            break;
        }
        for parameter in neglected {
            restarted[parameter] = true;
            match at.odds.get_mut(parameter) {
                Some(odds) => *odds = START_ODDS,
                None => at.guesses = START_UNIFORM,
            }
        }
        mixture.move_to(&at);
    }
}

/// As far along a step as the likelihood does not fall.
fn climbed(mixture: &mut Mixture, from: &Parameters, step: &[f64]) -> Parameters {
    let bins = from.odds.len();
    let longest = step.iter().fold(0.0, |most: f64, by| most.max(by.abs()));
    if !(longest > 0.0 && longest.is_finite()) {
        return from.clone();
    }
    let least = mixture.log_likelihood() - ROUNDING * mixture.responses() as f64;
    let mut scale = (LONGEST / longest).min(1.0);
    for _ in 0..HALVINGS {
        let by = |parameter: usize| (scale * step[parameter]).exp();
        let odds_of_guess = from.guesses / (1.0 - from.guesses) * by(bins);
        let to = Parameters {
            odds: (0..bins).map(|bin| (from.odds[bin] * by(bin)).min(MOST_ODDS)).collect(),
            guesses: odds_of_guess / (1.0 + odds_of_guess),
            kappa: match step[bins + 1] {
                0.0 => from.kappa,
                _ => (from.kappa * by(bins + 1)).clamp(LEAST_KAPPA, MAX_KAPPA),
            },
        };
        mixture.move_to(&to);
        if mixture.log_likelihood() >= least {
            return to;
        }
        scale *= 0.5;
    }
    mixture.move_to(from);
    from.clone()
}

/// Rates (bins, then guesses) that a step of EM raises, but that are so low that no response tells of them: on the way
/// they went there for another κ, and it would take EM hundreds of steps to bring them back.
fn neglected(
    from: &Parameters,
    to: &Parameters,
    information: &Information,
    restarted: &[bool],
) -> Vec<usize> {
    let rates = |parameters: &Parameters| [parameters.odds.clone(), vec![parameters.guesses]].concat();
    let start = |parameter: usize| if parameter < from.odds.len() { START_ODDS } else { START_UNIFORM };
    let (from, to) = (rates(from), rates(to));
    (0..from.len())
        .filter(|&p| to[p] > from[p] && to[p] < start(p) && !information.informs(p) && !restarted[p])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use errare_behaviour::Display;
    use errare_network::Responses;

    use super::*;
    use crate::mixture::likelihood::Free;
    use crate::mixture::{DistanceBins, MixtureTarget};
    use crate::testing::{mixture_responses, ring_responses};

    const BINS: usize = 8;

    fn fitted(responses: &Responses, kappa_of_target: f64, free: Free) -> Mixture {
        let target = MixtureTarget::new(kappa_of_target, 0.0).unwrap();
        let bins = DistanceBins::uniform(PI / 4.1, BINS).unwrap();
        Mixture::fit(responses, &target, &bins, free).unwrap()
    }

    /// What Newton's method promises to gain (nats) where the mixture is.
    fn left_to_gain(mixture: &Mixture) -> f64 {
        Information::of(mixture, BINS).newton_step(mixture.kappa[0]).1
    }

    /// A network that had trained for 110 steps took EM 20,000 steps without an end (71 s for 32,768 responses; 0.3 s by
    /// Newton's method, to a higher likelihood).
    #[test]
    fn responses_that_hardly_depend_on_the_items_are_fitted_to_the_end() {
        let responses = ring_responses(300, 2, 16, |display, sample| {
            let place = TAU * (1e4 * display.report[1].abs() + 0.618_034 * sample as f64).fract();
            place + 0.1 * (display.report[0] - place).sin()
        });
        let mixture = fitted(&responses, 400.0, Free::All);
        assert!(left_to_gain(&mixture) < 1e-4, "{} nats are left", left_to_gain(&mixture));
        // Where EM used to be stopped.
        let mut by_em = fitted(&responses, 400.0, Free::Swaps);
        by_em.free = Free::All;
        let mut at = Parameters { odds: vec![START_ODDS; BINS], guesses: START_UNIFORM, kappa: 400.0 };
        by_em.move_to(&at);
        for _ in 0..2000 {
            at = by_em.em_step(&at).0;
        }
        assert!(left_to_gain(&by_em) > 1e-2, "{} nats are left to EM", left_to_gain(&by_em));
        let (newton, em) = (mixture.log_likelihood(), by_em.log_likelihood());
        assert!(newton > em + 0.1, "{newton} against {em} by EM");
    }

    fn imprecise() -> Responses {
        let swap = |display: &Display, item: usize| {
            if display.probe_offset(item).unwrap().abs() < 1.0 { 0.2 } else { 0.02 }
        };
        mixture_responses(512, 2, 64, 3, 0.55, &swap)
    }

    #[test]
    fn the_start_does_not_matter() {
        let responses = imprecise();
        let [far, near] = [400.0, 4.0].map(|kappa| fitted(&responses, kappa, Free::All));
        assert!((far.log_likelihood() - near.log_likelihood()).abs() < 1e-3);
        assert!((far.kappa[0] / near.kappa[0] - 1.0).abs() < 1e-4, "{} {}", far.kappa[0], near.kappa[0]);
    }

    /// From a κ a hundred times too high, rates of some bins fell to 10⁻¹⁰ before the guesses gave way.
    #[test]
    fn a_rate_that_was_lost_on_the_way_comes_back() {
        let mut mixture = fitted(&imprecise(), 400.0, Free::All);
        let (expected, kappa) = (mixture.log_likelihood(), mixture.kappa[0]);
        for lost in 0..=BINS {
            let mut at = Parameters { odds: vec![START_ODDS; BINS], guesses: START_UNIFORM, kappa };
            match at.odds.get_mut(lost) {
                Some(odds) => *odds = 1e-40,
                None => at.guesses = 1e-40,
            }
            mixture.move_to(&at);
            climb(&mut mixture, at);
            let found = mixture.log_likelihood();
            assert!((found - expected).abs() < 1e-3, "parameter {lost}: {found}, not {expected}");
        }
    }
}
