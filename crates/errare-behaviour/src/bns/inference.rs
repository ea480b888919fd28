//! Gaussian variational inference by natural gradients with a line search, emissions by their M step.
//!
//! With w ~ N(0, I) the whitened coefficients, q = N(μ, Λ⁻¹), g and H the expected gradient and Hessian of the log
//! likelihood: Λ ← (1 − r) Λ + r [I − H]₊, μ ← μ + r Λ⁻¹(g − μ), the step r halved until the evidence lower bound
//! (ELBO) does not fall. The brackets keep eigenvalues at or above ½, since H is indefinite in general. Undamped
//! steps diverge on most data. The search knows q by the trait [`Approximation`]: [`Gaussian`] over one vector of
//! coefficients, or the arrow of a hierarchy.

use std::ops::Range;

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::basis::Scales;
use super::design::Design;
use super::emission::{Deviations, Family, LogDensity, Population};
use super::expectation::Expectation;
use crate::likelihood::LogEmissions;

/// Prior of the guess logit and of the level of the swap function: N(−2, 2²).
const LEVEL: (f64, f64) = (-2.0, 2.0);
pub(super) const MIN_EIGENVALUE: f64 = 0.5;
/// Relative fall of the ELBO that rounding explains.
const SLACK: f64 = 1e-9;
/// A full step that gains less (nats) ends the search.
const TOLERANCE: f64 = 1e-5;
/// Longest step of an emission's coordinates in M steps.
const MAX_RELAXATION: f64 = 8.0;
const MAX_ITERATIONS: usize = 200;
const MAX_HALVINGS: usize = 12;

/// The trials, and the emissions of groups of them that follow each other.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) design: Design<'a>,
    pub(super) family: &'static dyn Family,
    /// Trials of each participant, or all of them.
    pub(super) groups: Vec<Range<usize>>,
    /// What the groups' emissions are drawn from, in a hierarchy.
    pub(super) population: Option<Population>,
}

impl Problem<'_> {
    /// Log emissions at the coordinates of each group.
    pub(super) fn log_emissions(&self, coordinates: &[Vec<f64>]) -> LogEmissions {
        let densities: Vec<LogDensity> = coordinates.iter().map(|x| self.family.log_density(x)).collect();
        let cosines = self.design.observations.cosines();
        let group = |trial| self.groups.partition_point(|group| group.end <= trial);
        LogEmissions::by_item(self.design.observations, |trial, item| densities[group(trial)](cosines[item]))
    }

    /// The items of a group.
    pub(super) fn items(&self, group: usize) -> Range<usize> {
        let trials = &self.groups[group];
        let observations = self.design.observations;
        observations.items(trials.start).start..observations.items(trials.end - 1).end
    }
}

/// Independent normal priors of the coefficients `[guess, level, features…]`.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    pub(super) mean: DVector<f64>,
    pub(super) sd: DVector<f64>,
}

impl Prior {
    pub(super) fn new(design: &Design<'_>, scales: &Scales) -> Self {
        let (first, size) = (design.first_feature(), design.coefficients());
        let at = |index: usize, level: f64, feature: fn(f64) -> f64| {
            if index < first { level } else { feature(scales.values[index - first]) }
        };
        Self {
            mean: DVector::from_fn(size, |index, _| at(index, LEVEL.0, |_| 0.0)),
            sd: DVector::from_fn(size, |index, _| at(index, LEVEL.1, |scale| scale)),
        }
    }
}

/// A Gaussian over whitened coefficients that can be improved by natural-gradient steps.
pub(super) trait Approximation: Clone + Send + Sync {
    /// The prior that whitens its coefficients.
    type Prior: Sync;
    /// Where a full step leads.
    type Proposal;

    /// Expectations under the coefficients of each block of trials that shares them.
    fn expectations(
        &self,
        problem: &Problem<'_>,
        prior: &Self::Prior,
        emissions: &LogEmissions,
    ) -> Vec<Expectation>;

    /// KL(q ‖ prior).
    fn divergence(&self) -> f64;

    /// The full step at the expectations of this q.
    fn proposal(&self, prior: &Self::Prior, expectations: &[Expectation]) -> Self::Proposal;

    /// A part of the step; `None` unless the precision is positive definite.
    fn moved(&self, proposal: &Self::Proposal, step: f64) -> Option<Self>;
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

    /// The same among further coefficients at their prior; `places` are those of the present ones.
    pub(super) fn extended(&self, size: usize, places: &[usize]) -> Self {
        let mut grown = Self::unit(DVector::zeros(size));
        for (i, &row) in places.iter().enumerate() {
            grown.mean[row] = self.mean[i];
            for (j, &column) in places.iter().enumerate() {
                grown.precision[(row, column)] = self.precision[(i, j)];
                grown.covariance[(row, column)] = self.covariance[(i, j)];
            }
        }
        grown.log_det_precision = self.log_det_precision;
        grown
    }

    /// Number of coefficients that the data determine.
    pub(super) fn effective_coefficients(&self) -> f64 {
        self.mean.len() as f64 - self.covariance.trace()
    }

    /// Mean and covariance of the coefficients themselves.
    pub(super) fn coefficients(&self, prior: &Prior) -> (DVector<f64>, DMatrix<f64>) {
        (&prior.mean + prior.sd.component_mul(&self.mean), scaled(&self.covariance, &prior.sd))
    }
}

impl Approximation for Gaussian {
    type Prior = Prior;
    type Proposal = (DVector<f64>, DMatrix<f64>);

    fn expectations(
        &self,
        problem: &Problem<'_>,
        prior: &Prior,
        emissions: &LogEmissions,
    ) -> Vec<Expectation> {
        let (mean, covariance) = self.coefficients(prior);
        let all = 0..problem.design.observations.len();
        vec![problem.design.expectation(all, emissions, &mean, &covariance, f64::INFINITY)]
    }

    fn divergence(&self) -> f64 {
        let size = self.mean.len() as f64;
        0.5 * (self.covariance.trace() + self.mean.norm_squared() - size + self.log_det_precision)
    }

    fn proposal(&self, prior: &Prior, expectations: &[Expectation]) -> Self::Proposal {
        let gradient = prior.sd.component_mul(&expectations[0].gradient) - &self.mean;
        let size = gradient.len();
        let curvature = scaled(&expectations[0].curvature, &prior.sd);
        (gradient, floored(DMatrix::identity(size, size) + curvature))
    }

    fn moved(&self, (gradient, target): &Self::Proposal, step: f64) -> Option<Self> {
        let precision = (1.0 - step) * &self.precision + step * target;
        let cholesky = precision.clone().cholesky()?;
        let log_det_precision = 2.0 * cholesky.l_dirty().diagonal().map(f64::ln).sum();
        let covariance = cholesky.inverse();
        Some(Self {
            mean: &self.mean + step * (&covariance * gradient),
            precision,
            covariance,
            log_det_precision,
        })
    }
}

/// A value of the objective with all that its derivatives need.
#[derive(Debug, Clone)]
pub(super) struct Point<A = Gaussian> {
    pub(super) q: A,
    /// Coordinates of the emission of each group.
    pub(super) coordinates: Vec<Vec<f64>>,
    /// The ELBO, plus the log density of the emissions in their population.
    pub(super) elbo: f64,
    /// Of each block of trials that shares coefficients, in order.
    pub(super) expectations: Vec<Expectation>,
}

/// The end of a search.
#[derive(Debug, Clone)]
pub(super) struct Optimum<A = Gaussian> {
    pub(super) point: Point<A>,
    /// Accepted steps, which the tests bound.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests"))]
    pub(super) iterations: usize,
    /// Whether the search ended because nothing was left to gain, rather than at its limit of steps or because no
    /// step led upwards.
    pub(super) converged: bool,
}

/// The ELBO at q and emissions.
pub(super) fn evaluate<A: Approximation>(
    problem: &Problem<'_>,
    prior: &A::Prior,
    q: A,
    coordinates: Vec<Vec<f64>>,
) -> Point<A> {
    let emissions = problem.log_emissions(&coordinates);
    let expectations = q.expectations(problem, prior, &emissions);
    let likelihood: f64 = expectations.iter().map(|part| part.log_likelihood).sum();
    let population: f64 = problem
        .population
        .iter()
        .flat_map(|population| coordinates.iter().map(|x| population.log_density(x).0))
        .sum();
    let elbo = likelihood - q.divergence() + population;
    Point { q, coordinates, elbo, expectations }
}

/// D A D for a diagonal D.
pub(super) fn scaled(matrix: &DMatrix<f64>, diagonal: &DVector<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| diagonal[i] * matrix[(i, j)] * diagonal[j])
}

/// Raises the eigenvalues of a symmetric matrix to at least ½.
pub(super) fn floored(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let mut shifted = matrix.clone();
    (0..shifted.nrows()).for_each(|index| shifted[(index, index)] -= MIN_EIGENVALUE);
    if shifted.cholesky().is_some() {
        return matrix;
    }
    let mut eigen = SymmetricEigen::new(matrix);
    eigen.eigenvalues.apply(|value| *value = value.max(MIN_EIGENVALUE));
    eigen.recompose()
}

/// Lengthens the M steps of an emission's coordinates, which alone creep where guesses and spread trade off: the secant
/// estimate of the fixed point from the last two steps.
#[derive(Debug, Default, Clone)]
struct EmissionSteps {
    /// Coordinates and the M step from there.
    last: Option<(Vec<f64>, Vec<f64>)>,
    plain: bool,
}

impl EmissionSteps {
    fn next(&mut self, at: &[f64], updated: &[f64]) -> Vec<f64> {
        let step: Vec<f64> = updated.iter().zip(at).map(|(updated, at)| updated - at).collect();
        let mut factor = 1.0;
        if let (Some((before, shrunk)), false) = (&self.last, self.plain) {
            let changes = || shrunk.iter().zip(&step).map(|(shrunk, step)| shrunk - step);
            let square: f64 = changes().map(|change| change * change).sum();
            let product: f64 =
                at.iter().zip(before).zip(changes()).map(|((a, b), change)| (a - b) * change).sum();
            let secant = product / square;
            factor = if secant.is_finite() { secant.clamp(1.0, MAX_RELAXATION) } else { 1.0 };
        }
        let moved = at.iter().zip(&step).map(|(at, step)| at + factor * step).collect();
        (self.last, self.plain) = (Some((at.to_vec(), step)), false);
        moved
    }

    /// The last step was too long: the next one is the M step.
    fn reset(&mut self) {
        (self.last, self.plain) = (None, true);
    }
}

/// The M step of every group.
fn emission_steps<A: Approximation>(problem: &Problem<'_>, point: &Point<A>) -> Vec<Vec<f64>> {
    use rayon::prelude::*;
    let cosines = problem.design.observations.cosines();
    (0..problem.groups.len())
        .into_par_iter()
        .map(|group| {
            let items = problem.items(group);
            let weights = match &point.expectations[..] {
                [all] => &all.responsibilities[items.clone()],
                groups => &groups[group].responsibilities,
            };
            let deviations = Deviations { cosines: &cosines[items], weights };
            problem.family.step(&point.coordinates[group], deviations, problem.population.as_ref())
        })
        .collect()
}

/// Maximises the ELBO over q and the emissions.
pub(super) fn optimise<A: Approximation>(
    problem: &Problem<'_>,
    prior: &A::Prior,
    q: A,
    coordinates: Vec<Vec<f64>>,
) -> Optimum<A> {
    let mut point = evaluate(problem, prior, q, coordinates);
    let mut step = 1.0f64;
    let mut emission = vec![EmissionSteps::default(); problem.groups.len()];
    let (mut iterations, mut converged) = (0, false);
    'search: while iterations < MAX_ITERATIONS {
        let proposal = point.q.proposal(prior, &point.expectations);
        let updated = emission_steps(problem, &point);
        for _ in 0..=MAX_HALVINGS {
            let coordinates = emission
                .iter_mut()
                .zip(&point.coordinates)
                .zip(&updated)
                .map(|((steps, at), updated)| steps.next(at, updated))
                .collect();
            if let Some(q) = point.q.moved(&proposal, step) {
                let candidate = evaluate(problem, prior, q, coordinates);
                if candidate.elbo >= point.elbo - SLACK * point.elbo.abs() {
                    let gain = candidate.elbo - point.elbo;
                    let small = gain < TOLERANCE * step;
                    (point, step) = (candidate, (2.0 * step).min(1.0));
                    iterations += 1;
                    if small {
                        converged = true;
                        break 'search;
                    }
                    continue 'search;
                }
            }
            emission.iter_mut().for_each(EmissionSteps::reset);
            step *= 0.5;
        }
        break;
    }
    Optimum { point, iterations, converged }
}

/// ∂ ELBO / ∂ ln scale of every feature at fixed q: by Stein's identity gₚμₚ + (HC)ₚₚ. At an optimum over q and the
/// emission it is the total derivative, and equals μₚ² + Cₚₚ − 1 there.
pub(super) fn log_scale_slopes(point: &Point, prior: &Prior, first_feature: usize) -> Vec<f64> {
    let expectation = &point.expectations[0];
    let gradient = prior.sd.component_mul(&expectation.gradient);
    let curvature = scaled(&expectation.curvature, &prior.sd);
    let q = &point.q;
    (first_feature..gradient.len())
        .map(|p| gradient[p] * q.mean[p] - curvature.row(p).dot(&q.covariance.row(p)))
        .collect()
}
