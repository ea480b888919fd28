//! Evidence of a fit by importance sampling from its variational posterior, at the fitted κ and hyperparameters.

use errare_core::random::{Purpose, stream};
use errare_core::von_mises::VonMises;
use nalgebra::DVector;
use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::expectation::Design;
use super::inference::{Point, Prior};
use crate::Result;
use crate::likelihood::{LogEmissions, softmax, trial_log_likelihood};

/// Draws from q, doubled until `EFFECTIVE` of them count or there are `MAX_DRAWS`.
const DRAWS: usize = 1000;
const MAX_DRAWS: usize = 8000;
const EFFECTIVE: f64 = 400.0;

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
pub(super) fn evidence(design: &Design<'_>, prior: &Prior, point: &Point, seed: u64) -> Result<Evidence> {
    let emissions = LogEmissions::von_mises(design.observations, &VonMises::new(point.kappa)?);
    let q = &point.q;
    let factor = q.covariance.clone().cholesky().expect("the inverse of a precision").unpack();
    let widest = design.observations.max_set_size() + 1;
    let log_weight = |draw: u64| {
        let mut stream = stream(seed, Purpose::Posterior, &[draw]);
        let normals = DVector::from_fn(q.mean.len(), |_, _| stream.sample::<f64, _>(StandardNormal));
        let whitened = &q.mean + &factor * &normals;
        let coefficients = &prior.mean + prior.sd.component_mul(&whitened);
        let (mut logits, mut weights, mut rho) = (vec![0.0; widest], vec![0.0; widest], vec![0.0; widest]);
        let log_likelihood: f64 = (0..emissions.len())
            .map(|trial| {
                let row = emissions.row(trial);
                let components = row.log.len();
                design.logits(trial, coefficients.as_slice(), &mut logits[..components]);
                trial_log_likelihood(
                    &logits[..components],
                    row,
                    &mut weights[..components],
                    &mut rho[..components],
                )
            })
            .sum();
        log_likelihood - 0.5 * whitened.norm_squared() + 0.5 * normals.norm_squared()
            - 0.5 * q.log_det_precision
    };
    let mut log_weights = Vec::new();
    loop {
        let more = if log_weights.is_empty() { DRAWS } else { log_weights.len() };
        let first = log_weights.len();
        log_weights.par_extend((first..first + more).into_par_iter().map(|draw| log_weight(draw as u64)));
        let draws = log_weights.len();
        let mut shares = vec![0.0; draws];
        let log_sum = softmax(&log_weights, &mut shares);
        let effective = 1.0 / shares.iter().map(|share| share * share).sum::<f64>();
        if effective >= EFFECTIVE || draws >= MAX_DRAWS {
            return Ok(Evidence { log: log_sum - (draws as f64).ln(), effective, draws });
        }
    }
}
