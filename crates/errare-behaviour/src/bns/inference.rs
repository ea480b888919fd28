//! Gaussian variational inference by natural gradients with a line search, κ by its EM step.
//!
//! With w ~ N(0, I) the whitened coefficients, q = N(μ, Λ⁻¹), g and H the expected gradient and Hessian of the log
//! likelihood: Λ ← (1 − r) Λ + r [I − H]₊, μ ← μ + r Λ⁻¹(g − μ), the step r halved until the evidence lower bound
//! (ELBO) does not fall. The brackets keep eigenvalues at or above ½, since H is indefinite in general. Undamped
//! steps diverge on most data.

use errare_core::special::{MAX_KAPPA, bessel_ratio_inverse};
use errare_core::von_mises::VonMises;
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::basis::Scales;
use super::expectation::{Design, Expectation};
use crate::Result;
use crate::likelihood::LogEmissions;

/// Prior of the guess logit and of the level of the swap function: N(−2, 2²).
const LEVEL: (f64, f64) = (-2.0, 2.0);
const MIN_EIGENVALUE: f64 = 0.5;
/// Relative fall of the ELBO that rounding explains.
const SLACK: f64 = 1e-9;
/// A full step that gains less (nats) ends the search.
const TOLERANCE: f64 = 1e-5;
/// Longest step of ln κ in EM steps.
const MAX_RELAXATION: f64 = 8.0;
const MAX_ITERATIONS: usize = 200;
const MAX_HALVINGS: usize = 12;

/// Independent normal priors of the coefficients `[guess, level, features…]`.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub(super) mean: DVector<f64>,
    pub(super) sd: DVector<f64>,
}

impl Prior {
    /// The prior of the first `coefficients` coefficients.
    pub(super) fn new(coefficients: usize, scales: &Scales) -> Self {
        let at = |index: usize, level: f64, feature: fn(f64) -> f64| {
            if index < 2 { level } else { feature(scales.values[index - 2]) }
        };
        Self {
            mean: DVector::from_fn(coefficients, |index, _| at(index, LEVEL.0, |_| 0.0)),
            sd: DVector::from_fn(coefficients, |index, _| at(index, LEVEL.1, |scale| scale)),
        }
    }
}

/// q over the whitened coefficients.
#[derive(Debug, Clone)]
pub(super) struct Gaussian {
    pub(super) mean: DVector<f64>,
    pub(super) precision: DMatrix<f64>,
    pub(super) covariance: DMatrix<f64>,
    pub(super) log_det_precision: f64,
}

impl Gaussian {
    /// N(mean, I).
    pub(super) fn unit(mean: DVector<f64>) -> Self {
        let size = mean.len();
        let identity = DMatrix::identity(size, size);
        Self { mean, precision: identity.clone(), covariance: identity, log_det_precision: 0.0 }
    }

    /// `None` unless the precision is positive definite.
    fn new(mean: impl FnOnce(&DMatrix<f64>) -> DVector<f64>, precision: DMatrix<f64>) -> Option<Self> {
        let cholesky = precision.clone().cholesky()?;
        let log_det_precision = 2.0 * cholesky.l_dirty().diagonal().map(f64::ln).sum();
        let covariance = cholesky.inverse();
        Some(Self { mean: mean(&covariance), precision, covariance, log_det_precision })
    }

    /// The same with further coefficients at their prior.
    pub(super) fn extended(&self, size: usize) -> Self {
        let old = self.mean.len();
        let mut grown = Self::unit(DVector::zeros(size));
        grown.mean.rows_mut(0, old).copy_from(&self.mean);
        grown.precision.view_mut((0, 0), (old, old)).copy_from(&self.precision);
        grown.covariance.view_mut((0, 0), (old, old)).copy_from(&self.covariance);
        grown.log_det_precision = self.log_det_precision;
        grown
    }

    /// KL(q ‖ N(0, I)).
    pub(super) fn divergence(&self) -> f64 {
        let size = self.mean.len() as f64;
        0.5 * (self.covariance.trace() + self.mean.norm_squared() - size + self.log_det_precision)
    }
}

/// A value of the objective with all that its derivatives need.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) q: Gaussian,
    pub(super) kappa: f64,
    pub(super) elbo: f64,
    pub(super) expectation: Expectation,
}

/// The end of a search.
#[derive(Debug, Clone)]
pub(super) struct Optimum {
    pub(super) point: Point,
    /// Accepted steps.
    pub(super) iterations: usize,
}

impl Optimum {
    /// Whether the search ended because nothing was left to gain.
    pub(super) fn converged(&self) -> bool {
        self.iterations < MAX_ITERATIONS
    }
}

/// The ELBO at q and κ.
pub(super) fn evaluate(design: &Design<'_>, prior: &Prior, q: Gaussian, kappa: f64) -> Result<Point> {
    let emissions = LogEmissions::von_mises(design.observations, &VonMises::new(kappa)?);
    let mean = &prior.mean + prior.sd.component_mul(&q.mean);
    let expectation = design.expectation(&emissions, &mean, &scaled(&q.covariance, &prior.sd));
    let elbo = expectation.log_likelihood - q.divergence();
    Ok(Point { q, kappa, elbo, expectation })
}

/// D A D for a diagonal D.
pub(super) fn scaled(matrix: &DMatrix<f64>, diagonal: &DVector<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| diagonal[i] * matrix[(i, j)] * diagonal[j])
}

/// Raises the eigenvalues of a symmetric matrix to at least ½.
fn floored(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let mut shifted = matrix.clone();
    (0..shifted.nrows()).for_each(|index| shifted[(index, index)] -= MIN_EIGENVALUE);
    if shifted.cholesky().is_some() {
        return matrix;
    }
    let mut eigen = SymmetricEigen::new(matrix);
    eigen.eigenvalues.apply(|value| *value = value.max(MIN_EIGENVALUE));
    eigen.recompose()
}

/// Lengthens the EM steps of ln κ, which alone creep where guesses and spread trade off: the secant estimate of
/// the fixed point from the last two steps.
#[derive(Debug, Default)]
struct KappaSteps {
    /// ln κ and the EM step from there.
    last: Option<(f64, f64)>,
    plain: bool,
}

impl KappaSteps {
    fn next(&mut self, kappa: f64, expectation: &Expectation) -> f64 {
        let updated = bessel_ratio_inverse(expectation.item_cosine / expectation.item_mass);
        if !(kappa > 0.0 && updated > 0.0) {
            return updated;
        }
        let (at, step) = (kappa.ln(), (updated / kappa).ln());
        let factor = match self.last {
            Some((before, shrunk)) if !self.plain && step != shrunk => (at - before) / (shrunk - step),
            _ => 1.0,
        };
        (self.last, self.plain) = (Some((at, step)), false);
        let factor = if factor.is_finite() { factor.clamp(1.0, MAX_RELAXATION) } else { 1.0 };
        (at + factor * step).exp().min(MAX_KAPPA)
    }

    /// The last step was too long: the next one is the EM step.
    fn reset(&mut self) {
        (self.last, self.plain) = (None, true);
    }
}

/// Maximises the ELBO over q and κ.
pub(super) fn optimise(design: &Design<'_>, prior: &Prior, q: Gaussian, kappa: f64) -> Result<Optimum> {
    let mut point = evaluate(design, prior, q, kappa)?;
    let mut step = 1.0f64;
    let mut kappa_steps = KappaSteps::default();
    let mut iterations = 0;
    'search: while iterations < MAX_ITERATIONS {
        let expectation = &point.expectation;
        let gradient = prior.sd.component_mul(&expectation.gradient) - &point.q.mean;
        let size = gradient.len();
        let target = floored(DMatrix::identity(size, size) + scaled(&expectation.curvature, &prior.sd));
        for _ in 0..=MAX_HALVINGS {
            let kappa = kappa_steps.next(point.kappa, expectation);
            let precision = (1.0 - step) * &point.q.precision + step * &target;
            let moved = |covariance: &DMatrix<f64>| &point.q.mean + step * (covariance * &gradient);
            if let Some(q) = Gaussian::new(moved, precision) {
                let candidate = evaluate(design, prior, q, kappa)?;
                if candidate.elbo >= point.elbo - SLACK * point.elbo.abs() {
                    let gain = candidate.elbo - point.elbo;
                    let small = gain < TOLERANCE * step;
                    (point, step) = (candidate, (2.0 * step).min(1.0));
                    iterations += 1;
                    if small {
                        break 'search;
                    }
                    continue 'search;
                }
            }
            kappa_steps.reset();
            step *= 0.5;
        }
        break;
    }
    Ok(Optimum { point, iterations })
}

/// ∂ ELBO / ∂ ln scale of every feature at fixed q: by Stein's identity gₚμₚ + (HC)ₚₚ. At an optimum over q and κ
/// it is the total derivative, and equals μₚ² + Cₚₚ − 1 there.
pub(super) fn log_scale_slopes(point: &Point, prior: &Prior) -> Vec<f64> {
    let gradient = prior.sd.component_mul(&point.expectation.gradient);
    let curvature = scaled(&point.expectation.curvature, &prior.sd);
    let q = &point.q;
    (2..gradient.len())
        .map(|p| gradient[p] * q.mean[p] - curvature.row(p).dot(&q.covariance.row(p)))
        .collect()
}
