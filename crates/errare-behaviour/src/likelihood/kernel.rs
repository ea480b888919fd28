//! The likelihood of one trial and of all: L = ln Σ exp(a + l) − ln Σ exp(a) for logits a, log emissions l.
//!
//! With π = softmax(a) and ρ = softmax(a + l): ∂L/∂a = ρ − π and
//! −∂²L/∂a² = [diag π − ππᵀ] − [diag ρ − ρρᵀ], which is indefinite in general.

use std::ops::Range;

use rayon::prelude::*;

use super::{EmissionRow, LogEmissions};

/// Trials per chunk: sums are taken within a chunk and then over the chunks in order, whatever the number
/// of threads. Many trials have longer chunks, so that the sums of all chunks together take little memory.
const CHUNK: usize = 128;
const MAX_CHUNKS: usize = 64;

/// Below this the product of weights and relative emissions has lost its digits.
const UNDERFLOW: f64 = 1e-280;

/// Mixture weights of logits (−∞ is a weight of 0); returns ln Σ exp(a).
pub fn softmax(logits: &[f64], weights: &mut [f64]) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for (weight, logit) in weights.iter_mut().zip(logits) {
        *weight = (logit - top).exp();
        sum += *weight;
    }
    let scale = 1.0 / sum;
    weights.iter_mut().for_each(|weight| *weight *= scale);
    top + sum.ln()
}

/// Responsibilities of the components given their weights; returns ln Σ πₙ Eₙ.
pub(crate) fn posterior(weights: &[f64], row: EmissionRow<'_>, responsibilities: &mut [f64]) -> f64 {
    posterior_or(weights, row, responsibilities, |component| weights[component].ln())
}

/// Log likelihood of one trial; fills the weights π and the responsibilities ρ, each of length
/// set size + 1. The gradient with respect to the logits is ρ − π.
pub fn trial_log_likelihood(
    logits: &[f64],
    row: EmissionRow<'_>,
    weights: &mut [f64],
    responsibilities: &mut [f64],
) -> f64 {
    let log_sum = softmax(logits, weights);
    posterior_or(weights, row, responsibilities, |component| logits[component] - log_sum)
}

/// Log likelihood of one trial alone; `scratch` holds twice as many numbers as the trial has components.
pub(crate) fn trial_value(logits: &[f64], row: EmissionRow<'_>, scratch: &mut [f64]) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut all, mut joint) = (0.0, 0.0);
    for (logit, relative) in logits.iter().zip(row.relative) {
        let weight = (logit - top).exp();
        all += weight;
        joint += weight * relative;
    }
    if joint > UNDERFLOW {
        return row.peak + (joint / all).ln();
    }
    let (weights, responsibilities) = scratch[..2 * logits.len()].split_at_mut(logits.len());
    trial_log_likelihood(logits, row, weights, responsibilities)
}

/// Multiplies weights by relative emissions; falls back on logarithms where the product underflows.
#[inline]
fn posterior_or(
    weights: &[f64],
    row: EmissionRow<'_>,
    responsibilities: &mut [f64],
    log_weight: impl Fn(usize) -> f64,
) -> f64 {
    let mut sum = 0.0;
    for ((responsibility, weight), relative) in responsibilities.iter_mut().zip(weights).zip(row.relative) {
        *responsibility = weight * relative;
        sum += *responsibility;
    }
    if sum > UNDERFLOW {
        let scale = 1.0 / sum;
        responsibilities.iter_mut().for_each(|responsibility| *responsibility *= scale);
        return row.peak + sum.ln();
    }
    let joint: Vec<f64> =
        row.log.iter().enumerate().map(|(component, log)| log_weight(component) + log).collect();
    softmax(&joint, responsibilities)
}

/// Minus the second derivative of a trial's log likelihood with respect to two logits:
/// [δᵢⱼπᵢ − πᵢπⱼ] − [δᵢⱼρᵢ − ρᵢρⱼ].
#[inline]
#[must_use]
pub fn negative_hessian(weights: &[f64], responsibilities: &[f64], i: usize, j: usize) -> f64 {
    let diagonal = if i == j { weights[i] - responsibilities[i] } else { 0.0 };
    diagonal - weights[i] * weights[j] + responsibilities[i] * responsibilities[j]
}

/// The likelihood of all trials.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureEvaluation {
    /// Σ over trials (nats).
    pub log_likelihood: f64,
    /// Weights π, [trials × (items + 1)].
    pub weights: Vec<f64>,
    /// Responsibilities ρ, [trials × (items + 1)].
    pub responsibilities: Vec<f64>,
}

/// The likelihood of all trials at `logits`, [trials × (items + 1)] in the order of `emissions`.
///
/// Parallel over trials; the bytes do not depend on the number of threads.
///
/// # Panics
/// When there is not one logit per entry of `emissions`.
#[must_use]
pub fn mixture_likelihood(logits: &[f64], emissions: &LogEmissions) -> MixtureEvaluation {
    assert_eq!(logits.len(), emissions.entries(), "one logit per component of every trial");
    let chunk = |trials: Range<usize>| {
        let entries = emissions.range(trials.start).start..emissions.range(trials.end - 1).end;
        let mut part = MixtureEvaluation {
            log_likelihood: 0.0,
            weights: vec![0.0; entries.len()],
            responsibilities: vec![0.0; entries.len()],
        };
        for trial in trials {
            let range = emissions.range(trial);
            let local = range.start - entries.start..range.end - entries.start;
            part.log_likelihood += trial_log_likelihood(
                &logits[range],
                emissions.row(trial),
                &mut part.weights[local.clone()],
                &mut part.responsibilities[local],
            );
        }
        part
    };
    sum_over_chunks(emissions.len(), chunk, |sum, part| {
        sum.log_likelihood += part.log_likelihood;
        sum.weights.extend(part.weights);
        sum.responsibilities.extend(part.responsibilities);
    })
    .unwrap_or(MixtureEvaluation { log_likelihood: 0.0, weights: vec![], responsibilities: vec![] })
}

/// Evaluates fixed chunks of `0..count` in parallel and adds them up in order; `None` for a count of 0.
pub(crate) fn sum_over_chunks<T: Send>(
    count: usize,
    evaluate: impl Fn(Range<usize>) -> T + Sync,
    mut add: impl FnMut(&mut T, T),
) -> Option<T> {
    let length = CHUNK * count.div_ceil(CHUNK * MAX_CHUNKS);
    let parts: Vec<T> = (0..count.div_ceil(length.max(1)))
        .into_par_iter()
        .map(|chunk| evaluate(chunk * length..((chunk + 1) * length).min(count)))
        .collect();
    let mut parts = parts.into_iter();
    let mut sum = parts.next()?;
    parts.for_each(|part| add(&mut sum, part));
    Some(sum)
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::angle::wrap;
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;
    use rand::RngExt;

    use super::*;
    use crate::{DisplayGenerator, Observations};

    fn simulated(trials: u64, kappa: f64) -> (Vec<f64>, LogEmissions) {
        let data: Vec<_> = (0..trials)
            .map(|trial| {
                let mut stream = stream(3, Purpose::Displays, &[trial]);
                let display = DisplayGenerator::standard(1 + trial as usize % 5).unwrap().draw(&mut stream);
                let response = wrap(display.report[0] + stream.random::<f64>());
                (display, response)
            })
            .collect();
        let observations = Observations::new(data.iter().map(|(display, y)| (display, *y))).unwrap();
        let emissions = LogEmissions::von_mises(&observations, &VonMises::new(kappa).unwrap());
        let mut stream = stream(4, Purpose::Starts, &[]);
        let logits = (0..emissions.entries()).map(|_| 4.0 * stream.random::<f64>() - 2.0).collect();
        (logits, emissions)
    }

    #[test]
    fn both_ways_to_log_emissions_agree() {
        let display = DisplayGenerator::standard(3).unwrap().draw(&mut stream(1, Purpose::Displays, &[]));
        let observations = Observations::new([(&display, 0.7)]).unwrap();
        let emission = VonMises::new(400.0).unwrap();
        let fast = LogEmissions::von_mises(&observations, &emission);
        let general = LogEmissions::new(&observations, &emission);
        for (a, b) in fast.row(0).log.iter().zip(general.row(0).log) {
            assert_abs_diff_eq!(a, b, epsilon = 1e-9);
        }
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let (logits, emissions) = simulated(5, 6.0);
        let trial = 3;
        let row = emissions.row(trial);
        let n = row.log.len();
        let at = |a: &[f64]| {
            let (mut weights, mut responsibilities) = (vec![0.0; n], vec![0.0; n]);
            let value = trial_log_likelihood(a, row, &mut weights, &mut responsibilities);
            (value, weights, responsibilities)
        };
        let base = &logits[emissions.range(trial)];
        let (_, weights, responsibilities) = at(base);
        let h = 1e-5;
        for i in 0..n {
            let mut up = base.to_vec();
            let mut down = base.to_vec();
            up[i] += h;
            down[i] -= h;
            let (above, above_weights, above_resp) = at(&up);
            let (below, below_weights, below_resp) = at(&down);
            assert_abs_diff_eq!(
                responsibilities[i] - weights[i],
                (above - below) / (2.0 * h),
                epsilon = 1e-9
            );
            for j in 0..n {
                let numeric =
                    ((above_resp[j] - above_weights[j]) - (below_resp[j] - below_weights[j])) / (2.0 * h);
                assert_abs_diff_eq!(
                    negative_hessian(&weights, &responsibilities, i, j),
                    -numeric,
                    epsilon = 1e-9
                );
            }
        }
    }

    #[test]
    fn extreme_logits_and_concentrations_stay_finite() {
        let (mut logits, emissions) = simulated(40, 1e4);
        logits.iter_mut().for_each(|logit| *logit *= 600.0);
        let all = mixture_likelihood(&logits, &emissions);
        assert!(all.log_likelihood.is_finite());
        for trial in 0..emissions.len() {
            let range = emissions.range(trial);
            // Against the definition, with every sum in logarithms.
            let sum = |terms: Vec<f64>| {
                let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                top + terms.iter().map(|term| (term - top).exp()).sum::<f64>().ln()
            };
            let joint =
                logits[range.clone()].iter().zip(emissions.row(trial).log).map(|(a, l)| a + l).collect();
            let expected = sum(joint) - sum(logits[range.clone()].to_vec());
            let (mut weights, mut resp) = (vec![0.0; range.len()], vec![0.0; range.len()]);
            let value =
                trial_log_likelihood(&logits[range.clone()], emissions.row(trial), &mut weights, &mut resp);
            assert_abs_diff_eq!(value, expected, epsilon = 1e-9 * expected.abs().max(1.0));
            let mut scratch = vec![0.0; 2 * range.len()];
            let alone = trial_value(&logits[range.clone()], emissions.row(trial), &mut scratch);
            assert_abs_diff_eq!(alone, expected, epsilon = 1e-9 * expected.abs().max(1.0));
            assert_abs_diff_eq!(resp.iter().sum::<f64>(), 1.0, epsilon = 1e-12);
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_threads() {
        let (logits, emissions) = simulated(1000, 8.0);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mixture_likelihood(&logits, &emissions))
        };
        assert_eq!(with(1), with(3));
    }
}
