//! Evidence of a fit by importance sampling from its variational posterior, at the fitted emission and hyperparameters.

use errare_core::random::{Purpose, stream};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::inference::{Gaussian, Prior, Problem};
use crate::likelihood::{LogEmissions, softmax};

/// Draws from q, doubled until `EFFECTIVE` of them count or there are `MAX_DRAWS`.
const DRAWS: usize = 1000;
const MAX_DRAWS: usize = 8000;
const EFFECTIVE: f64 = 400.0;
/// With many trials q is the posterior, and so many draws tell its evidence to a hundredth of a nat.
const LARGE: (usize, usize) = (100_000, 250);

/// An estimate of the log evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// ln p(responses) in nats.
    pub(super) log: f64,
    /// Effective sample size (Σw)²/Σw² …
    pub(super) effective: f64,
    /// … out of so many draws.
    pub(super) draws: usize,
}

/// ln Z ≈ ln mean of p(y | w) p(w) / q(w) over draws w ~ q.
pub(super) fn evidence(
    problem: &Problem<'_>,
    prior: &Prior,
    q: &Gaussian,
    emissions: &LogEmissions,
    seed: u64,
) -> Evidence {
    let factor = q.covariance.clone().cholesky().expect("the inverse of a precision").unpack();
    let size = q.mean.len();
    let log_weights_of = |first: usize, count: usize| -> Vec<f64> {
        let normals: Vec<DVector<f64>> = (first..first + count)
            .map(|draw| {
                let mut stream = stream(seed, Purpose::Posterior, &[draw as u64]);
                DVector::from_fn(size, |_, _| stream.sample::<f64, _>(StandardNormal))
            })
            .collect();
        let whitened: Vec<DVector<f64>> = normals.iter().map(|normals| &q.mean + &factor * normals).collect();
        let coefficients = DMatrix::from_fn(size, count, |index, draw| {
            prior.mean[index] + prior.sd[index] * whitened[draw][index]
        });
        problem
            .design
            .log_likelihoods(emissions, &coefficients)
            .iter()
            .zip(normals.iter().zip(&whitened))
            .map(|(log_likelihood, (normals, whitened))| {
                log_likelihood - 0.5 * whitened.norm_squared() + 0.5 * normals.norm_squared()
                    - 0.5 * q.log_det_precision
            })
            .collect()
    };
    let (many, few) = LARGE;
    let (first, enough) = if emissions.len() > many { (few, 0.3 * few as f64) } else { (DRAWS, EFFECTIVE) };
    let mut log_weights = Vec::new();
    loop {
        let more = if log_weights.is_empty() { first } else { log_weights.len() };
        log_weights.extend(log_weights_of(log_weights.len(), more));
        let draws = log_weights.len();
        let mut shares = vec![0.0; draws];
        let log_sum = softmax(&log_weights, &mut shares);
        let effective = 1.0 / shares.iter().map(|share| share * share).sum::<f64>();
        if effective >= enough || draws >= MAX_DRAWS {
            return Evidence { log: log_sum - (draws as f64).ln(), effective, draws };
        }
    }
}
