//! Expectation maximisation from several starts.
//!
//! κ is updated from the mean cosine of the errors weighted by their responsibilities, which is the maximum of the
//! likelihood. The toolbox of Bays, Catalao & Husain (2009) takes the resultant length, which leaves a constant bias out of
//! the spread: where errors are biased its κ is larger, and its likelihood below the maximum.
//!
//! For a given κ and displays of one set size the likelihood is a concave function of the weights: maxima then differ in κ
//! only, and so do the starts.

use errare_core::special::{MAX_KAPPA, bessel_ratio, bessel_ratio_inverse};
use rayon::prelude::*;

use super::expectation::{Parameters, expectations};
use super::information::{StandardErrors, standard_errors};
use crate::{Observations, Result};

/// Starting values of κ, and those of p_N and p_U.
const START_KAPPA: [f64; 5] = [1.0, 4.0, 15.0, 60.0, 250.0];
const START_WEIGHT: f64 = 0.1;
/// Every start takes so many steps, and so many of the best go on; those that are left run until a step gains less than
/// `TOLERANCE` (nats).
const SCREENING: [(usize, usize); 2] = [(3, 2), (6, 1)];
const TOLERANCE: f64 = 1e-8;
const MAX_ITERATIONS: usize = 10_000;

/// Probabilities of the sources of a response; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MixtureWeights {
    /// The cued item.
    pub target: f64,
    /// Any of the other items together; `None` where there is no other item.
    pub nontarget: Option<f64>,
    /// A uniform guess.
    pub uniform: f64,
}

/// A fitted two- or three-component mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureEstimate {
    /// Weights; with mixed set sizes those of the displays of several items.
    pub weights: MixtureWeights,
    /// Concentration κ of the von Mises emission.
    pub kappa: f64,
    /// Maximised log likelihood (nats, over all trials).
    pub log_likelihood: f64,
    /// Standard errors; `None` when a parameter lies on the edge of its range.
    pub standard_errors: Option<StandardErrors>,
}

/// κ whose mean cosine is `cosine`, sought from a κ that is likely near.
fn concentration(cosine: f64, near: f64) -> f64 {
    let mut kappa = near;
    for _ in 0..6 {
        if !(0.1..500.0).contains(&kappa) {
            break;
        }
        let ratio = bessel_ratio(kappa);
        let step = (ratio - cosine) / (1.0 - ratio * ratio - ratio / kappa);
        kappa -= step;
        if step.abs() < 1e-10 * kappa {
            return kappa;
        }
    }
    bessel_ratio_inverse(cosine)
}

/// One step: the log likelihood at `at`, and the parameters after it.
fn step(observations: &Observations, at: Parameters) -> Result<(f64, Parameters)> {
    let sums = expectations(observations, at)?;
    // Errors that point away from all items leave κ = 0.
    let cosine = (sums.cosine / (sums.target + sums.swap)).max(0.0);
    let next = Parameters {
        swap: if at.swap > 0.0 { sums.swap / sums.multiple } else { 0.0 },
        guess: sums.guess / (sums.guess + sums.target),
        kappa: concentration(cosine, at.kappa),
    };
    Ok((sums.log_likelihood, next))
}

/// Takes plain steps; returns the last parameters evaluated with their log likelihood.
pub(super) fn advance(
    observations: &Observations,
    start: Parameters,
    steps: usize,
    tolerance: f64,
) -> Result<(Parameters, f64)> {
    let mut at = start;
    let (mut value, mut next) = step(observations, at)?;
    for _ in 0..steps {
        let (reached, after) = step(observations, next)?;
        let gain = reached - value;
        (at, value, next) = (next, reached, after);
        if gain.abs() < tolerance {
            break;
        }
    }
    Ok((at, value))
}

/// Runs to the end by squared extrapolation (SQUAREM, scheme S3 of Varadhan & Roland 2008, Scand J Stat 35:335): the same
/// fixed point as that of plain steps in far fewer of them.
fn finish(observations: &Observations, start: Parameters) -> Result<(Parameters, f64)> {
    let mut at = start;
    let mut last = (at, f64::NEG_INFINITY);
    for _ in 0..MAX_ITERATIONS {
        let (value, first) = step(observations, at)?;
        let (reached, second) = step(observations, first)?;
        last = (first, reached);
        if (reached - value).abs() < TOLERANCE {
            break;
        }
        let far = extrapolated([at, first, second]);
        at = second;
        if let Some(far) = far {
            let (beyond, after) = step(observations, far)?;
            if beyond >= reached {
                at = after;
            }
        }
    }
    Ok(last)
}

/// Where three successive points seem to lead; `None` at the edges of the parameters' ranges.
fn extrapolated(points: [Parameters; 3]) -> Option<Parameters> {
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let [a, b, c] = points.map(|at| {
        let swap = if at.swap > 0.0 { logit(at.swap) } else { 0.0 };
        [swap, logit(at.guess), at.kappa.ln()]
    });
    let (mut first, mut second) = ([0.0; 3], [0.0; 3]);
    for axis in 0..3 {
        first[axis] = b[axis] - a[axis];
        second[axis] = c[axis] - b[axis] - first[axis];
    }
    let norm = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = (norm(first) / norm(second)).max(1.0);
    let mut x = [0.0; 3];
    for axis in 0..3 {
        x[axis] = a[axis] + 2.0 * length * first[axis] + length * length * second[axis];
    }
    let probability = |x: f64| 1.0 / (1.0 + (-x).exp());
    let far = Parameters {
        swap: if points[0].swap > 0.0 { probability(x[0]) } else { 0.0 },
        guess: probability(x[1]),
        kappa: x[2].exp(),
    };
    let inside = x.iter().all(|x| x.abs() < 30.0) && far.kappa < MAX_KAPPA;
    inside.then_some(far)
}

/// One start for each κ.
fn starts(with_swaps: bool) -> Vec<Parameters> {
    let swap = if with_swaps { START_WEIGHT } else { 0.0 };
    START_KAPPA.map(|kappa| Parameters { swap, guess: START_WEIGHT / (1.0 - swap), kappa }).to_vec()
}

/// Fits the two-component (`with_swaps` false) or three-component mixture by maximum likelihood.
///
/// κ is limited to [`MAX_KAPPA`], which is where responses without any error end. Displays of one item have no swaps
/// whatever `with_swaps` says.
///
/// # Errors
/// Only when an update leaves the domain of the von Mises distribution, which finite errors cannot cause.
pub fn fit_mixture(observations: &Observations, with_swaps: bool) -> Result<MixtureEstimate> {
    let multiple = observations.max_set_size() > 1;
    let with_swaps = with_swaps && multiple;
    let mut points = starts(with_swaps);
    for (steps, keep) in SCREENING {
        let mut ends: Vec<_> = points
            .into_par_iter()
            .map(|start| advance(observations, start, steps, TOLERANCE))
            .collect::<Result<_>>()?;
        ends.sort_by(|a, b| b.1.total_cmp(&a.1));
        points = ends.into_iter().take(keep).map(|(end, _)| end).collect();
    }
    let ends: Vec<_> =
        points.into_par_iter().map(|start| finish(observations, start)).collect::<Result<_>>()?;
    let (best, log_likelihood) =
        ends.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("some points are kept");
    Ok(MixtureEstimate {
        weights: MixtureWeights {
            target: (1.0 - best.swap) * (1.0 - best.guess),
            nontarget: multiple.then_some(best.swap),
            uniform: (1.0 - best.swap) * best.guess,
        },
        kappa: best.kappa,
        log_likelihood,
        standard_errors: standard_errors(observations, best, with_swaps)?,
    })
}
