//! BNS with everything but its coefficients known: truths drawn from its prior, and the posterior that inference makes of
//! their data. What simulation-based calibration needs, and nothing else does.

use errare_core::random::{Purpose, stream};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::basis::{SwapBasis, SwapDependence};
use super::design::Design;
use super::emission::{Deviations, EmissionFamily, Family, LogDensity, Population};
use super::estimate::Search;
use super::inference::{Gaussian, Prior, Problem, optimise};
use super::posterior::SwapPosterior;
use crate::emission::EmissionParameters;
use crate::{Display, Observations, Result};

/// The prior of BNS with its hyperparameters where a fit starts: s = 1 logit and τ = 6 in every feature.
#[derive(Debug)]
pub struct SwapPrior {
    dependence: SwapDependence,
    basis: Box<dyn SwapBasis>,
    hyperparameters: Vec<f64>,
}

impl SwapPrior {
    /// The prior of a swap function with this dependence, and of a guess logit.
    #[must_use]
    pub fn new(dependence: SwapDependence) -> Self {
        let basis = dependence.basis();
        let hyperparameters = basis.hyperpriors().iter().map(|hyper| hyper.start).collect();
        Self { dependence, basis, hyperparameters }
    }

    fn search<'a>(&'a self, observations: &'a Observations) -> Result<Search<'a>> {
        let basis = self.basis.as_ref();
        let design = Design::new(observations, basis, self.dependence, true)?;
        let groups = std::iter::once(0..observations.len()).collect();
        Ok(Search { basis, problem: Problem { design, family: &Held, groups, population: None } })
    }

    fn kept(&self, mean: &DVector<f64>, factor: &DMatrix<f64>) -> SwapPosterior {
        SwapPosterior::new(self.dependence, self.basis.modes(), true, mean, factor)
    }

    /// A truth drawn from the prior, the same for the same seed: a posterior without spread.
    ///
    /// # Panics
    /// Never: the prior does not depend on trials.
    #[must_use]
    pub fn draw(&self, seed: u64) -> SwapPosterior {
        // The prior has as many coefficients as displays of several items ask for.
        let any = Display { probe: vec![0.0, 1.0], report: vec![0.0, 1.0], cued_slot: 0 };
        let observations = Observations::new([(&any, 0.0)]).expect("a sound trial");
        let search = self.search(&observations).expect("a trial with probe features");
        let prior: Prior = search.prior(&self.hyperparameters);
        let mut stream = stream(seed, Purpose::Posterior, &[]);
        let normals = DVector::from_fn(prior.mean.len(), |_, _| stream.sample::<f64, _>(StandardNormal));
        let mean = &prior.mean + prior.sd.component_mul(&normals);
        self.kept(&mean, &DMatrix::zeros(mean.len(), mean.len()))
    }

    /// The posterior of data at these hyperparameters and a known concentration κ (1/rad²) of a von Mises emission.
    ///
    /// # Errors
    /// [`Error::MissingProbe`](crate::Error::MissingProbe) when the dependence needs probe features that the displays
    /// lack.
    ///
    /// # Panics
    /// Never: the inverse of a precision has a Cholesky factor.
    pub fn posterior(&self, observations: &Observations, kappa: f64) -> Result<SwapPosterior> {
        let search = self.search(observations)?;
        let prior = search.prior(&self.hyperparameters);
        let start = Gaussian::unit(DVector::zeros(prior.mean.len()));
        let coordinates = vec![search.problem.family.start(kappa)];
        let (mean, covariance) =
            optimise(&search.problem, &prior, start, coordinates).point.q.coefficients(&prior);
        let factor = covariance.cholesky().expect("a scaled inverse of a precision").unpack();
        Ok(self.kept(&mean, &factor))
    }
}

/// The von Mises family with a concentration that is known, so that its M step stays where it is.
#[derive(Debug)]
struct Held;

fn von_mises() -> &'static dyn Family {
    EmissionFamily::VonMises.inference()
}

impl Family for Held {
    fn start(&self, kappa: f64) -> Vec<f64> {
        von_mises().start(kappa)
    }

    fn parameters(&self, coordinates: &[f64]) -> EmissionParameters {
        von_mises().parameters(coordinates)
    }

    fn log_density(&self, coordinates: &[f64]) -> LogDensity {
        von_mises().log_density(coordinates)
    }

    fn expected(&self, coordinates: &[f64], deviations: Deviations<'_>) -> (f64, Vec<f64>) {
        von_mises().expected(coordinates, deviations)
    }

    fn step(&self, coordinates: &[f64], _: Deviations<'_>, _: Option<&Population>) -> Vec<f64> {
        coordinates.to_vec()
    }
}
