//! Standard errors of a fitted mixture from the observed information.

use errare_core::special::{MAX_KAPPA, bessel_ratio};
use nalgebra::{DMatrix, DVector};

use super::expectation::{Parameters, expectations};
use crate::{Observations, Result};

/// Step of the central differences of the gradient, in logits and ln κ.
const STEP: f64 = 1e-4;
/// A probability closer than this to 0 or 1 is on the edge, where the asymptotics fail.
const EDGE: f64 = 1e-6;

/// Asymptotic standard errors, from the observed information.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StandardErrors {
    /// Of the concentration κ.
    pub kappa: f64,
    /// Of the weight of the cued item.
    pub target: f64,
    /// Of the weight of the other items; `None` when it is not estimated.
    pub nontarget: Option<f64>,
    /// Of the weight of guesses.
    pub uniform: f64,
}

/// The parameters on the whole line: logit P(guess | no swap), ln κ, and logit P(swap) if estimated.
pub(super) fn moved(at: Parameters, axis: usize, by: f64) -> Parameters {
    let shift = |p: f64| 1.0 / (1.0 + (1.0 / p - 1.0) * (-by).exp());
    match axis {
        0 => Parameters { guess: shift(at.guess), ..at },
        1 => Parameters { kappa: at.kappa * by.exp(), ..at },
        _ => Parameters { swap: shift(at.swap), ..at },
    }
}

/// Analytic gradient of the log likelihood on the whole line.
pub(super) fn gradient(observations: &Observations, at: Parameters) -> Result<[f64; 3]> {
    let sums = expectations(observations, at)?;
    Ok([
        sums.guess * (1.0 - at.guess) - sums.target * at.guess,
        at.kappa * (sums.cosine - (sums.target + sums.swap) * bessel_ratio(at.kappa)),
        sums.swap - sums.multiple * at.swap,
    ])
}

pub(super) fn standard_errors(
    observations: &Observations,
    at: Parameters,
    with_swaps: bool,
) -> Result<Option<StandardErrors>> {
    let inside = |p: f64| (EDGE..1.0 - EDGE).contains(&p);
    if !inside(at.guess) || (with_swaps && !inside(at.swap)) || !(EDGE..0.99 * MAX_KAPPA).contains(&at.kappa)
    {
        return Ok(None);
    }
    let size = if with_swaps { 3 } else { 2 };
    let mut information = DMatrix::zeros(size, size);
    for column in 0..size {
        let above = gradient(observations, moved(at, column, STEP))?;
        let below = gradient(observations, moved(at, column, -STEP))?;
        for row in 0..size {
            information[(row, column)] = -(above[row] - below[row]) / (2.0 * STEP);
        }
    }
    let symmetric = 0.5 * (&information + information.transpose());
    let Some(cholesky) = symmetric.cholesky() else { return Ok(None) };
    let covariance = cholesky.inverse();
    // Delta method: slopes of target, swap and uniform with respect to the coordinates.
    let (swap, guess) = (at.swap, at.guess);
    let (d_guess, d_swap) = (guess * (1.0 - guess), swap * (1.0 - swap));
    let error = |slopes: [f64; 3]| {
        let slopes = DVector::from_column_slice(&slopes[..size]);
        slopes.dot(&(&covariance * &slopes)).sqrt()
    };
    Ok(Some(StandardErrors {
        kappa: error([0.0, at.kappa, 0.0]),
        target: error([-(1.0 - swap) * d_guess, 0.0, -d_swap * (1.0 - guess)]),
        nontarget: with_swaps.then(|| error([0.0, 0.0, d_swap])),
        uniform: error([(1.0 - swap) * d_guess, 0.0, -d_swap * guess]),
    }))
}
