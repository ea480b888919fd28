//! A BNS fit from trials to posterior.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::ops::Range;

use errare_core::random::{Purpose, stream};
use nalgebra::{DMatrix, DVector};

use super::basis::{Feature, SwapBasis, SwapDependence};
use super::design::Design;
use super::emission::{EmissionFamily, LogDensity};
use super::evidence::{Evidence, evidence};
use super::inference::{Gaussian, Optimum, Point, Prior, Problem, log_scale_slopes, optimise};
use super::posterior::{SwapCurvePoint, SwapPosterior, SwapSurfacePoint};
use crate::bfgs::{Stop, maximise};
use crate::emission::EmissionParameters;
use crate::likelihood::LogEmissions;
use crate::mixture::{MixtureEstimate, MixtureWeights, fit_mixture};
use crate::{Error, Observations, Result};

/// Points of the swap curve on [0, π], and of a swap surface along each side.
const CURVE: usize = 101;
const SURFACE: usize = 25;
/// Weights of the starting mixture are kept this far from 0.
const START_FLOOR: f64 = 1e-3;
/// A few thousandths of a nat do not change a conclusion.
const STOP: Stop = Stop { gain: 2e-3, steps: 40 };
/// The data narrow a hyperparameter to about this part of its prior's standard deviation.
pub(super) const SPREAD: f64 = 0.5;
/// Swaps to items nearer than so many standard deviations of the emission's peak pass for correct reports.
const EXCLUSION: f64 = 2.0;

/// What a BNS fit leaves open beside the dependence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BnsOptions {
    /// Seed of the importance sampling behind the evidence; every other number is deterministic.
    pub seed: u64,
    /// Family of the emission.
    pub emission: EmissionFamily,
    /// Whether there are uniform guesses; `None` for what is usual with the emission.
    pub uniform: Option<bool>,
    /// Report distance (radians) below which swaps are not told from correct reports; `None` for 2/√κ.
    pub exclude_report_radius: Option<f64>,
}

impl Default for BnsOptions {
    fn default() -> Self {
        Self { seed: 1, emission: EmissionFamily::default(), uniform: None, exclude_report_radius: None }
    }
}

impl BnsOptions {
    /// Whether there are uniform guesses.
    #[must_use]
    pub fn has_uniform(&self) -> bool {
        self.uniform.unwrap_or_else(|| self.emission.uniform_by_default())
    }

    /// Refuses a radius that is no distance on the circle: every swap would be told from a correct report, or none.
    pub(super) fn validate(&self) -> Result<()> {
        match self.exclude_report_radius {
            Some(value) if !(0.0..=PI).contains(&value) => {
                Err(Error::OutOfRange { name: "report radius", value, expected: "from 0 to pi" })
            }
            _ => Ok(()),
        }
    }
}

/// A fitted BNS model.
#[derive(Debug, Clone, PartialEq)]
pub struct BnsEstimate {
    /// Posterior means of the weights, averaged over the trials.
    pub weights: MixtureWeights,
    /// The emission.
    pub emission: EmissionParameters,
    /// Whether the model has uniform guesses.
    pub uniform: bool,
    /// Log likelihood of the predictive mixture, whose weights are posterior means (nats).
    pub log_likelihood: f64,
    /// Evidence lower bound at the fitted emission and hyperparameters (nats).
    pub elbo: f64,
    /// Log evidence at the fitted emission and hyperparameters, by importance sampling (nats).
    pub log_evidence: f64,
    /// Effective sample size of the importance sampling …
    pub ess: f64,
    /// … out of so many draws.
    pub evidence_draws: usize,
    /// Number of coefficients that the data, not the prior, determine: Σ (1 − posterior/prior variance).
    pub effective_coefficients: f64,
    /// Prior scale of the swap function (logits) and inverse length of each feature it depends on.
    pub hyperparameters: BTreeMap<String, f64>,
    /// Whether the search for the posterior ended because nothing was left to gain; in a hierarchy, whether the population of
    /// emissions had settled too.
    pub converged: bool,
    /// Posterior of the coefficients.
    pub posterior: SwapPosterior,
    /// Report distance (radians) below which swaps are not told from correct reports.
    pub exclusion_radius: f64,
    /// Mean weight, a trial, of the uncued items beyond that radius; `None` without uncued items.
    pub swap_mass: Option<f64>,
    /// Probability of a swap in a comparison of two items, over report distance when that is all the swap function
    /// depends on, else over probe distance; empty without uncued items.
    pub swap_curve: Vec<SwapCurvePoint>,
    /// The same over both distances, for dependences on both.
    pub swap_surface: Vec<SwapSurfacePoint>,
}

/// The search over hyperparameters in one basis.
pub(super) struct Search<'a> {
    pub(super) basis: &'a dyn SwapBasis,
    pub(super) problem: Problem<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        observations: &'a Observations,
        basis: &'a dyn SwapBasis,
        dependence: SwapDependence,
        options: &BnsOptions,
        groups: &[Range<usize>],
    ) -> Result<Self> {
        let design = Design::new(observations, basis, dependence, options.has_uniform())?;
        let groups = groups.to_vec();
        let family = options.emission.inference();
        Ok(Self { basis, problem: Problem { design, family, groups, population: None } })
    }

    pub(super) fn prior(&self, x: &[f64]) -> Prior {
        Prior::new(&self.problem.design, &self.basis.scales(x))
    }

    /// Best ELBO over q and the emission plus the log prior of the hyperparameters, with its gradient.
    pub(super) fn objective(
        &self,
        x: &[f64],
        q: Gaussian,
        coordinates: Vec<Vec<f64>>,
    ) -> (f64, Vec<f64>, Optimum) {
        let scales = self.basis.scales(x);
        let prior = Prior::new(&self.problem.design, &scales);
        let optimum = optimise(&self.problem, &prior, q, coordinates);
        let slopes = log_scale_slopes(&optimum.point, &prior, self.problem.design.first_feature());
        let (mut value, mut gradient) = (optimum.point.elbo, Vec::with_capacity(x.len()));
        for ((x, hyper), log_slopes) in x.iter().zip(self.basis.hyperpriors()).zip(&scales.log_slopes) {
            let deviation = (x - hyper.mean) / hyper.sd;
            value -= 0.5 * deviation * deviation;
            let likelihood: f64 = slopes.iter().zip(log_slopes).map(|(slope, log)| slope * log).sum();
            gradient.push(likelihood - deviation / hyper.sd);
        }
        (value, gradient, optimum)
    }

    /// q at the weights of a fitted mixture.
    fn start(&self, mixture: &MixtureEstimate, prior: &Prior) -> Gaussian {
        let design = &self.problem.design;
        let weight = |value: f64| value.max(START_FLOOR);
        let target = weight(mixture.weights.target);
        let mut mean = DVector::zeros(design.coefficients());
        let whiten = |logit: f64, index: usize| (logit - prior.mean[index]) / prior.sd[index];
        if let Some(guess) = design.guess() {
            mean[guess] = whiten((weight(mixture.weights.uniform) / target).ln(), guess);
        }
        if let Some(level) = design.level() {
            let others = design.observations.max_set_size() as f64 - 1.0;
            let nontarget = weight(mixture.weights.nontarget.unwrap_or(0.0)) / others;
            mean[level] = whiten((nontarget / target).ln(), level);
        }
        Gaussian::unit(mean)
    }
}

/// Where a search begins: hyperparameters, q and the emissions in a basis.
pub(super) struct Start {
    pub(super) basis: Box<dyn SwapBasis>,
    pub(super) x: Vec<f64>,
    pub(super) point: Option<(Gaussian, Vec<Vec<f64>>)>,
}

/// The start of a search that knows nothing yet.
pub(super) fn first_start(observations: &Observations, dependence: SwapDependence) -> Start {
    // A single item leaves nothing to swap with, hence no swap function.
    let swaps = observations.max_set_size() > 1;
    let basis = if swaps { dependence } else { SwapDependence::None }.basis();
    let x = basis.hyperpriors().iter().map(|hyper| hyper.start).collect();
    Start { basis, x, point: None }
}

/// Fits BNS. Every number but the evidence is deterministic.
///
/// Set sizes may be mixed: they then share the swap function, the guess logit and the emission. Displays of one item
/// have guesses and correct reports only.
///
/// # Errors
/// [`Error::MissingProbe`] when the swap function depends on probe features that the displays lack,
/// [`Error::OutOfRange`] for a report radius that is not from 0 to π.
pub fn fit_bns(
    observations: &Observations,
    dependence: SwapDependence,
    options: &BnsOptions,
) -> Result<BnsEstimate> {
    options.validate()?;
    let mut start = first_start(observations, dependence);
    if observations.len() > FULL {
        // The optimum of a part of the trials is where that of all is sought: the last steps, which decide, see them all.
        let part = part_of(observations);
        // A part of single items would have no swap function to begin with.
        if (part.max_set_size() > 1) == (observations.max_set_size() > 1) {
            start = search(&part, &whole(&part), dependence, options, start, |_, start| Ok(start))?;
        }
    }
    search(observations, &whole(observations), dependence, options, start, |end, _| Ok(finish(end, options)))
}

/// Trials drawn from all, the same ones every time: tables have an order, and every k-th trial may be of one kind.
fn part_of(observations: &Observations) -> Observations {
    let mut stream = stream(0, Purpose::Starts, &[observations.len() as u64]);
    let mut chosen = rand::seq::index::sample(&mut stream, observations.len(), PART).into_vec();
    chosen.sort_unstable();
    observations.select(chosen)
}

/// All trials as one group.
pub(super) fn whole(observations: &Observations) -> Vec<Range<usize>> {
    std::iter::once(0..observations.len()).collect()
}

/// More trials than this are first searched in part.
const FULL: usize = 50_000;
/// Trials of the part.
const PART: usize = 20_000;

/// The end of a search over hyperparameters.
pub(super) struct End<'a> {
    pub(super) search: &'a Search<'a>,
    pub(super) dependence: SwapDependence,
    pub(super) x: &'a [f64],
    pub(super) optimum: &'a Optimum,
}

/// Searches hyperparameters, and refines the basis where they need it; `then` turns the end into a result. Groups of
/// trials have an emission each.
pub(super) fn search<T>(
    observations: &Observations,
    groups: &[Range<usize>],
    dependence: SwapDependence,
    options: &BnsOptions,
    start: Start,
    then: impl FnOnce(&End<'_>, Start) -> Result<T>,
) -> Result<T> {
    let Start { mut basis, mut x, mut point } = start;
    let mixture = if point.is_none() { Some(fit_mixture(observations, true)?) } else { None };
    loop {
        let search = Search::new(observations, basis.as_ref(), dependence, options, groups)?;
        let spread: Vec<f64> = basis.hyperpriors().iter().map(|hyper| SPREAD * hyper.sd).collect();
        let end = maximise(x, &spread, STOP, |x, before: Option<&Optimum>| {
            let (q, coordinates) = match (before, &point, &mixture) {
                (Some(optimum), ..) => (optimum.point.q.clone(), optimum.point.coordinates.clone()),
                (None, Some(point), _) => point.clone(),
                (None, None, mixture) => {
                    let mixture = mixture.as_ref().expect("fitted where no point is given");
                    let coordinates = search.problem.family.start(mixture.kappa);
                    (search.start(mixture, &search.prior(x)), vec![coordinates; groups.len()])
                }
            };
            Ok::<_, Error>(search.objective(x, q, coordinates))
        });
        let (end, optimum) = end?;
        x = end;
        let Some((finer, places)) = basis.refined(&x) else {
            let end = End { search: &search, dependence, x: &x, optimum: &optimum };
            let Point { q, coordinates, .. } = optimum.point.clone();
            let start = Start {
                basis: same_basis(basis.as_ref(), dependence),
                x: x.clone(),
                point: Some((q, coordinates)),
            };
            return then(&end, start);
        };
        // The guess logit and the level come before the features.
        let first = search.problem.design.first_feature();
        let places: Vec<usize> = (0..first).chain(places.iter().map(|place| place + first)).collect();
        let Point { q, coordinates, .. } = optimum.point;
        point = Some((q.extended(first + finer.features(), &places), coordinates));
        basis = finer;
    }
}

/// The same basis once more.
fn same_basis(basis: &dyn SwapBasis, dependence: SwapDependence) -> Box<dyn SwapBasis> {
    if basis.features() == 0 { SwapDependence::None.basis() } else { dependence.basis_of(basis.modes()) }
}

pub(super) fn finish(end: &End<'_>, options: &BnsOptions) -> BnsEstimate {
    let End { search, dependence, x, optimum } = *end;
    let (point, prior) = (&optimum.point, search.prior(x));
    let family = search.problem.family;
    let coordinates = &point.coordinates[0];
    let description = Description {
        basis: search.basis,
        dependence,
        hyperparameters: search.basis.named(x),
        elbo: point.elbo,
        evidence: evidence_of(search, &prior, point, options),
        converged: optimum.converged,
        effective_coefficients: point.q.effective_coefficients(),
    };
    describe(
        search.problem.design.observations,
        &description,
        point.q.coefficients(&prior),
        (&family.log_density(coordinates), family.parameters(coordinates)),
        options,
    )
}

/// Evidence of the end of a search.
pub(super) fn evidence_of(
    search: &Search<'_>,
    prior: &Prior,
    point: &Point,
    options: &BnsOptions,
) -> Evidence {
    let emissions = search.problem.log_emissions(&point.coordinates);
    evidence(&search.problem, prior, &point.q, &emissions, options.seed)
}

/// What an estimate says that its trials, coefficients and emission do not tell.
pub(super) struct Description<'a> {
    pub(super) basis: &'a dyn SwapBasis,
    pub(super) dependence: SwapDependence,
    pub(super) hyperparameters: BTreeMap<String, f64>,
    pub(super) elbo: f64,
    pub(super) evidence: Evidence,
    pub(super) converged: bool,
    pub(super) effective_coefficients: f64,
}

/// The estimate of trials whose coefficients have a normal posterior with this mean and covariance.
pub(super) fn describe(
    observations: &Observations,
    description: &Description<'_>,
    (mean, covariance): (DVector<f64>, DMatrix<f64>),
    (log_density, emission): (&LogDensity, EmissionParameters),
    options: &BnsOptions,
) -> BnsEstimate {
    let Description { basis, dependence, .. } = *description;
    let exclusion_radius =
        options.exclude_report_radius.unwrap_or(EXCLUSION / emission.peak_concentration().sqrt());
    let factor = covariance.clone().cholesky().expect("a scaled inverse of a precision").unpack();
    let posterior = SwapPosterior::new(dependence, basis.modes(), options.has_uniform(), &mean, &factor);
    // One participant may have seen single items only, where others give the swap function.
    let design = Design::with_width(observations, basis, options.has_uniform(), posterior.has_swaps());
    let cosines = observations.cosines();
    let emissions = LogEmissions::by_item(observations, |_, item| log_density(cosines[item]));
    let all = 0..observations.len();
    let expectation = design.expectation(all, &emissions, &mean, &covariance, exclusion_radius);
    let trials = observations.len() as f64;
    let [uniform, target, nontarget] = expectation.weights.map(|sum| sum / trials);
    let range = match dependence.curve_feature() {
        Feature::Probe => observations.probe_range(),
        Feature::Report => observations.report_range().map(|(low, high)| (low.max(exclusion_radius), high)),
    };
    let swaps = observations.max_set_size() > 1;
    BnsEstimate {
        weights: MixtureWeights { target, nontarget: swaps.then_some(nontarget), uniform },
        emission,
        uniform: options.has_uniform(),
        log_likelihood: expectation.predictive,
        elbo: description.elbo,
        log_evidence: description.evidence.log,
        ess: description.evidence.effective,
        evidence_draws: description.evidence.draws,
        converged: description.converged,
        effective_coefficients: description.effective_coefficients,
        hyperparameters: description.hyperparameters.clone(),
        swap_curve: posterior.swap_curve(CURVE, range),
        swap_surface: if dependence.is_joint() {
            posterior.swap_surface(SURFACE, observations, exclusion_radius)
        } else {
            Vec::new()
        },
        exclusion_radius,
        swap_mass: swaps.then_some(expectation.beyond / trials),
        posterior,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Display, DisplayGenerator};

    #[test]
    fn a_part_of_a_large_table_has_trials_of_every_kind() {
        // Every third trial, as many as the part is of all, shows one item.
        let generators = [1, 4, 4].map(|set_size| DisplayGenerator::standard(set_size).unwrap());
        let displays: Vec<Display> = (0..3 * PART)
            .map(|trial| generators[trial % 3].draw(&mut stream(1, Purpose::Displays, &[trial as u64])))
            .collect();
        let observations = Observations::new(displays.iter().map(|display| (display, 0.3))).unwrap();
        let part = part_of(&observations);
        let singles = (0..part.len()).filter(|&trial| part.set_size(trial) == 1).count();
        assert_eq!(part.len(), PART);
        assert!((singles as f64 / PART as f64 - 1.0 / 3.0).abs() < 0.02, "{singles} of {PART}");
    }
}
