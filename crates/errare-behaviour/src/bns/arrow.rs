//! The posterior of a hierarchy: participants' coefficients around those of their population.
//!
//! A participant's coefficients are c_s = m + D₀w₀ + D₁w_s with w₀ and every w_s ~ N(0, I): the population and a
//! deviation of one's own. Participants meet in w₀ only, so that the precision of (w₀, w₁, …) has the shape of an arrow,
//! and everything costs O(participants × coefficients³). A strategy for the search in `inference`.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rayon::prelude::*;

use super::expectation::Expectation;
use super::inference::{Approximation, MIN_EIGENVALUE, Problem, scaled};
use crate::likelihood::LogEmissions;

/// Priors of the population's coefficients, and of participants' deviations from them.
#[derive(Debug, Clone)]
pub(super) struct ArrowPrior {
    pub(super) mean: DVector<f64>,
    /// Diagonals of D₀ and D₁.
    pub(super) population: DVector<f64>,
    pub(super) deviation: DVector<f64>,
}

/// An arrow-shaped symmetric matrix: its head, and for every participant the block beside the head and its own.
#[derive(Debug, Clone)]
pub(super) struct ArrowMatrix {
    head: DMatrix<f64>,
    /// [own coefficients × population's].
    side: Vec<DMatrix<f64>>,
    own: Vec<DMatrix<f64>>,
}

impl ArrowMatrix {
    fn identity(size: usize, participants: usize) -> Self {
        Self {
            head: DMatrix::identity(size, size),
            side: vec![DMatrix::zeros(size, size); participants],
            own: vec![DMatrix::identity(size, size); participants],
        }
    }

    fn blend(&self, other: &Self, step: f64) -> Self {
        let mix = |a: &DMatrix<f64>, b: &DMatrix<f64>| (1.0 - step) * a + step * b;
        let mix_all =
            |a: &[DMatrix<f64>], b: &[DMatrix<f64>]| a.iter().zip(b).map(|(a, b)| mix(a, b)).collect();
        Self {
            head: mix(&self.head, &other.head),
            side: mix_all(&self.side, &other.side),
            own: mix_all(&self.own, &other.own),
        }
    }

    /// Less a multiple of the identity.
    fn lowered(&self, by: f64) -> Self {
        let lower = |matrix: &DMatrix<f64>| {
            let mut lowered = matrix.clone();
            (0..lowered.nrows()).for_each(|index| lowered[(index, index)] -= by);
            lowered
        };
        Self { head: lower(&self.head), side: self.side.clone(), own: self.own.iter().map(lower).collect() }
    }
}

/// The inverse of an arrow by block elimination.
#[derive(Debug, Clone)]
struct Eliminated {
    /// Inverses of the own blocks, and those times the side blocks.
    inverses: Vec<DMatrix<f64>>,
    weights: Vec<DMatrix<f64>>,
    /// Covariance of the population's coefficients.
    head: DMatrix<f64>,
    log_det: f64,
}

impl Eliminated {
    /// `None` unless the arrow is positive definite.
    fn new(arrow: &ArrowMatrix) -> Option<Self> {
        let (mut inverses, mut weights, mut log_det) = (Vec::new(), Vec::new(), 0.0);
        let mut schur = arrow.head.clone();
        for (side, own) in arrow.side.iter().zip(&arrow.own) {
            let cholesky = own.clone().cholesky()?;
            log_det += 2.0 * cholesky.l_dirty().diagonal().map(f64::ln).sum();
            let weight = cholesky.solve(side);
            schur -= side.tr_mul(&weight);
            inverses.push(cholesky.inverse());
            weights.push(weight);
        }
        let cholesky = schur.cholesky()?;
        log_det += 2.0 * cholesky.l_dirty().diagonal().map(f64::ln).sum();
        Some(Self { inverses, weights, head: cholesky.inverse(), log_det })
    }

    /// Covariance of a participant's deviations with the population's coefficients, and of its own.
    fn covariances(&self, participant: usize) -> (DMatrix<f64>, DMatrix<f64>) {
        let weight = &self.weights[participant];
        let side = -(weight * &self.head);
        let own = &self.inverses[participant] - &side * weight.transpose();
        (side, own)
    }
}

/// q over (w₀, w₁, …).
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    pub(super) population: DVector<f64>,
    pub(super) deviations: Vec<DVector<f64>>,
    precision: ArrowMatrix,
    inverse: Eliminated,
}

/// Gradient and precision of a full step.
pub(super) struct ArrowProposal {
    population: DVector<f64>,
    deviations: Vec<DVector<f64>>,
    precision: ArrowMatrix,
}

impl Arrow {
    /// The population at `mean`, nobody different from it, all with unit covariance.
    pub(super) fn unit(mean: DVector<f64>, participants: usize) -> Self {
        let size = mean.len();
        let precision = ArrowMatrix::identity(size, participants);
        let inverse = Eliminated::new(&precision).expect("an identity");
        Self { population: mean, deviations: vec![DVector::zeros(size); participants], precision, inverse }
    }

    /// Mean and covariance of the population's coefficients.
    pub(super) fn population(&self, prior: &ArrowPrior) -> (DVector<f64>, DMatrix<f64>) {
        let mean = &prior.mean + prior.population.component_mul(&self.population);
        (mean, scaled(&self.inverse.head, &prior.population))
    }

    /// Mean and covariance of a participant's coefficients.
    pub(super) fn participant(&self, prior: &ArrowPrior, index: usize) -> (DVector<f64>, DMatrix<f64>) {
        let (mean, head) = self.population(prior);
        let (side, own) = self.inverse.covariances(index);
        let (d0, d1) = (&prior.population, &prior.deviation);
        let cross = DMatrix::from_fn(side.nrows(), side.ncols(), |i, j| d1[i] * side[(i, j)] * d0[j]);
        let covariance = head + cross.transpose() + cross + scaled(&own, d1);
        (mean + d1.component_mul(&self.deviations[index]), covariance)
    }

    /// Number of coefficients that the data determine.
    pub(super) fn effective_coefficients(&self) -> f64 {
        self.dimension() - self.trace()
    }

    fn dimension(&self) -> f64 {
        (self.population.len() * (1 + self.deviations.len())) as f64
    }

    fn trace(&self) -> f64 {
        let own: f64 =
            (0..self.deviations.len()).map(|index| self.inverse.covariances(index).1.trace()).sum();
        self.inverse.head.trace() + own
    }

    /// ∂ ELBO / ∂ ln of the diagonals of D₀ and D₁ at fixed q, by Stein's identity.
    pub(super) fn log_scale_slopes(
        &self,
        prior: &ArrowPrior,
        expectations: &[Expectation],
    ) -> (Vec<f64>, Vec<f64>) {
        let size = self.population.len();
        let (mut population, mut deviation) = (vec![0.0; size], vec![0.0; size]);
        let (d0, d1) = (&prior.population, &prior.deviation);
        for (index, part) in expectations.iter().enumerate() {
            let (side, own) = self.inverse.covariances(index);
            for p in 0..size {
                let (mut by_population, mut by_deviation) = (0.0, 0.0);
                for q in 0..size {
                    // Of coefficient q with w₀ and with w_s at p.
                    let with_population = d0[q] * self.inverse.head[(q, p)] + d1[q] * side[(q, p)];
                    let with_deviation = d0[q] * side[(p, q)] + d1[q] * own[(q, p)];
                    by_population += part.curvature[(p, q)] * with_population;
                    by_deviation += part.curvature[(p, q)] * with_deviation;
                }
                population[p] += d0[p] * (part.gradient[p] * self.population[p] - by_population);
                deviation[p] += d1[p] * (part.gradient[p] * self.deviations[index][p] - by_deviation);
            }
        }
        (population, deviation)
    }
}

/// The precision that curvatures of the participants' coefficients make with the prior.
fn precision<'a>(prior: &ArrowPrior, curvatures: impl Iterator<Item = &'a DMatrix<f64>>) -> ArrowMatrix {
    let size = prior.mean.len();
    let (d0, d1) = (&prior.population, &prior.deviation);
    let mut arrow = ArrowMatrix::identity(size, 0);
    for curvature in curvatures {
        arrow.head += scaled(curvature, d0);
        arrow.side.push(DMatrix::from_fn(size, size, |i, j| d1[i] * curvature[(i, j)] * d0[j]));
        arrow.own.push(DMatrix::identity(size, size) + scaled(curvature, d1));
    }
    arrow
}

/// A curvature without its negative directions, on the scale of a participant's prior.
fn without_negative(curvature: &DMatrix<f64>, prior: &ArrowPrior) -> DMatrix<f64> {
    let scale = prior.population.zip_map(&prior.deviation, f64::hypot);
    let mut eigen = SymmetricEigen::new(scaled(curvature, &scale));
    eigen.eigenvalues.apply(|value| *value = value.max(0.0));
    scaled(&eigen.recompose(), &scale.map(f64::recip))
}

impl Approximation for Arrow {
    type Prior = ArrowPrior;
    type Proposal = ArrowProposal;

    fn expectations(
        &self,
        problem: &Problem<'_>,
        prior: &ArrowPrior,
        emissions: &LogEmissions,
    ) -> Vec<Expectation> {
        (0..self.deviations.len())
            .into_par_iter()
            .map(|index| {
                let (mean, covariance) = self.participant(prior, index);
                let trials = problem.groups[index].clone();
                problem.design.expectation(trials, emissions, &mean, &covariance, f64::INFINITY)
            })
            .collect()
    }

    fn divergence(&self) -> f64 {
        let squares: f64 = self.deviations.iter().map(DVector::norm_squared).sum();
        let squares = squares + self.population.norm_squared();
        0.5 * (self.trace() + squares - self.dimension() + self.inverse.log_det)
    }

    fn proposal(&self, prior: &ArrowPrior, expectations: &[Expectation]) -> ArrowProposal {
        let mut population = -&self.population;
        let mut deviations = Vec::with_capacity(expectations.len());
        for (part, at) in expectations.iter().zip(&self.deviations) {
            population += prior.population.component_mul(&part.gradient);
            deviations.push(prior.deviation.component_mul(&part.gradient) - at);
        }
        let mut full = precision(prior, expectations.iter().map(|part| &part.curvature));
        if Eliminated::new(&full.lowered(MIN_EIGENVALUE)).is_none() {
            let positive: Vec<DMatrix<f64>> =
                expectations.iter().map(|part| without_negative(&part.curvature, prior)).collect();
            full = precision(prior, positive.iter());
        }
        ArrowProposal { population, deviations, precision: full }
    }

    fn moved(&self, proposal: &ArrowProposal, step: f64) -> Option<Self> {
        let precision = self.precision.blend(&proposal.precision, step);
        let inverse = Eliminated::new(&precision)?;
        let mut right = proposal.population.clone();
        for (weight, gradient) in inverse.weights.iter().zip(&proposal.deviations) {
            right -= weight.tr_mul(gradient);
        }
        let head = &inverse.head * right;
        let deviations = (0..self.deviations.len())
            .map(|index| {
                let own = &inverse.inverses[index] * &proposal.deviations[index];
                &self.deviations[index] + step * (own - &inverse.weights[index] * &head)
            })
            .collect();
        Some(Self { population: &self.population + step * head, deviations, precision, inverse })
    }
}
