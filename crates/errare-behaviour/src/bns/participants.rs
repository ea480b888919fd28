//! Participants fitted together: one swap function with an emission each, or a hierarchy.
//!
//! In a hierarchy every participant has a swap function, a guess logit and an emission of their own, drawn from those of a
//! population: deviations of the features are as smooth as the population's function, with a scale relative to its;
//! deviations of the level, of the guess logit and of the emission's coordinates are normal. The population's emission is
//! estimated by EM with Laplace variances, the other hyperparameters as those of one fit.

use std::ops::Range;

use super::arrow::{Arrow, ArrowPrior};
use super::basis::{HyperPrior, SwapBasis, SwapDependence};
use super::emission::{Deviations, Population};
use super::estimate::{
    BnsEstimate, BnsOptions, Description, End, SPREAD, Search, Start, describe, evidence_of, first_start,
    search, whole,
};
use super::inference::{Optimum, Prior, optimise};
use crate::bfgs::{Stop, maximise};
use crate::{Observations, Result};

/// How participants are fitted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One swap function and guess logit, an emission for everyone.
    Emissions,
    /// Everything around a population.
    Hierarchical,
}

/// Participants fitted together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParticipantsEstimate {
    /// What they share: the common swap function, or that of the population; its emission is the mean one. The evidence is
    /// that of all; of a hierarchy its lower bound, without sampling.
    pub(crate) population: BnsEstimate,
    /// Every participant, in the order given.
    pub(crate) participants: Vec<BnsEstimate>,
}

/// Of ln of the deviations' scale relative to the population's, and of ln of their standard deviations in logits.
const DEVIATION: HyperPrior = HyperPrior { mean: -0.7, sd: 0.7, start: -0.7 };
const STOP: Stop = Stop { gain: 1e-2, steps: 25 };
/// Rounds of hyperparameters and population of emissions, until the latter moves less than this part of its spread.
const ROUNDS: usize = 40;
const SETTLED: f64 = 0.05;
/// Standard deviation of the emission's coordinates at the start, and the least.
const START_SPREAD: f64 = 0.3;
const MIN_SPREAD: f64 = 0.02;

/// Fits participants together.
///
/// # Errors
/// As [`fit_bns`](super::fit_bns); there must be a participant.
pub(crate) fn fit_participants(
    trials: &[&Observations],
    dependence: SwapDependence,
    options: &BnsOptions,
    sharing: Sharing,
) -> Result<ParticipantsEstimate> {
    options.validate()?;
    let all = Observations::concatenated(trials)?;
    let mut groups: Vec<Range<usize>> = Vec::with_capacity(trials.len());
    for own in trials {
        let first = groups.last().map_or(0, |group| group.end);
        groups.push(first..first + own.len());
    }
    let start = first_start(&all, dependence);
    match sharing {
        Sharing::Emissions => {
            search(&all, &groups, dependence, options, start, |end, _| Ok(shared(end, trials, options)))
        }
        Sharing::Hierarchical => {
            let start = search(&all, &whole(&all), dependence, options, start, |_, start| Ok(start))?;
            hierarchy(&all, groups, trials, dependence, options, start)
        }
    }
}

/// Emissions of their own, everything else in common.
fn shared(end: &End<'_>, trials: &[&Observations], options: &BnsOptions) -> ParticipantsEstimate {
    let (search, point) = (end.search, &end.optimum.point);
    let family = search.problem.family;
    let prior = search.prior(end.x);
    let evidence = evidence_of(search, &prior, point, options);
    let (mean, covariance) = point.q.coefficients(&prior);
    let description = Description {
        basis: search.basis,
        dependence: end.dependence,
        hyperparameters: search.basis.named(end.x),
        elbo: point.elbo,
        evidence,
        converged: end.optimum.converged,
        effective_coefficients: point.q.effective_coefficients(),
    };
    let of = |observations: &Observations, coordinates: &[f64]| {
        let density = family.log_density(coordinates);
        let emission = (&density, family.parameters(coordinates));
        describe(observations, &description, (mean.clone(), covariance.clone()), emission, options)
    };
    let participants: Vec<BnsEstimate> =
        trials.iter().zip(&point.coordinates).map(|(own, coordinates)| of(own, coordinates)).collect();
    let mut population = of(search.problem.design.observations, &centre(&point.coordinates));
    population.log_likelihood = participants.iter().map(|own| own.log_likelihood).sum();
    ParticipantsEstimate { population, participants }
}

/// Mean coordinates.
fn centre(coordinates: &[Vec<f64>]) -> Vec<f64> {
    let count = coordinates.len() as f64;
    (0..coordinates[0].len()).map(|axis| coordinates.iter().map(|x| x[axis]).sum::<f64>() / count).collect()
}

/// Hyperparameters of a hierarchy: those of the basis, the deviations' scale, and the standard deviations of the guess
/// logit and of the level where there are such.
struct Hierarchy<'a> {
    search: &'a Search<'a>,
}

impl Hierarchy<'_> {
    fn hyperpriors(&self) -> Vec<HyperPrior> {
        let extra = 1 + self.search.problem.design.first_feature();
        self.search.basis.hyperpriors().into_iter().chain(vec![DEVIATION; extra]).collect()
    }

    fn prior(&self, x: &[f64]) -> ArrowPrior {
        let design = &self.search.problem.design;
        let (basis, own) = x.split_at(self.search.basis.hyperpriors().len());
        let Prior { mean, sd } = Prior::new(design, &self.search.basis.scales(basis));
        let first = design.first_feature();
        let deviation = nalgebra::DVector::from_fn(sd.len(), |index, _| {
            if index < first { own[1 + index].exp() } else { own[0].exp() * sd[index] }
        });
        ArrowPrior { mean, population: sd, deviation }
    }

    /// Best ELBO plus the log prior of the hyperparameters, with its gradient.
    fn objective(&self, x: &[f64], q: Arrow, coordinates: Vec<Vec<f64>>) -> (f64, Vec<f64>, Optimum<Arrow>) {
        let prior = self.prior(x);
        let optimum = optimise(&self.search.problem, &prior, q, coordinates);
        let point = &optimum.point;
        let (population, deviation) = point.q.log_scale_slopes(&prior, &point.expectations);
        let first = self.search.problem.design.first_feature();
        let count = self.search.basis.hyperpriors().len();
        let scales = self.search.basis.scales(&x[..count]);
        let mut slopes: Vec<f64> = scales
            .log_slopes
            .iter()
            .map(|log_slopes| {
                let features = log_slopes.iter().enumerate();
                features.map(|(k, slope)| slope * (population[first + k] + deviation[first + k])).sum()
            })
            .collect();
        slopes.push(deviation[first..].iter().sum());
        slopes.extend(&deviation[..first]);
        let mut value = point.elbo;
        for ((slope, x), hyper) in slopes.iter_mut().zip(x).zip(self.hyperpriors()) {
            let distance = (x - hyper.mean) / hyper.sd;
            value -= 0.5 * distance * distance;
            *slope -= distance / hyper.sd;
        }
        (value, slopes, optimum)
    }
}

fn hierarchy(
    all: &Observations,
    groups: Vec<Range<usize>>,
    trials: &[&Observations],
    dependence: SwapDependence,
    options: &BnsOptions,
    start: Start,
) -> Result<ParticipantsEstimate> {
    let Start { basis, x, point } = start;
    let (q, coordinates) = point.expect("a search leaves its end");
    let basis: &dyn SwapBasis = basis.as_ref();
    let mut search = Search::new(all, basis, dependence, options, &groups)?;
    let family = search.problem.family;
    let common = coordinates[0].clone();
    let mut population = Population { mean: common.clone(), sd: vec![START_SPREAD; common.len()] };
    let extra = 1 + search.problem.design.first_feature();
    let mut x: Vec<f64> = x.into_iter().chain(vec![DEVIATION.start; extra]).collect();
    let mut at = (Arrow::unit(q.mean, groups.len()), vec![common; groups.len()]);
    let mut round = 0;
    let (optimum, settled) = loop {
        search.problem.population = Some(population.clone());
        let hierarchy = Hierarchy { search: &search };
        let spread: Vec<f64> = hierarchy.hyperpriors().iter().map(|hyper| SPREAD * hyper.sd).collect();
        let end = maximise(x, &spread, STOP, |x, before: Option<&Optimum<Arrow>>| {
            let (q, coordinates) = before.map_or_else(
                || at.clone(),
                |optimum| (optimum.point.q.clone(), optimum.point.coordinates.clone()),
            );
            Ok::<_, crate::Error>(hierarchy.objective(x, q, coordinates))
        });
        let (moved, optimum) = end?;
        x = moved;
        let updated = updated_population(&search, &optimum, &population);
        let settled = (0..updated.mean.len()).all(|axis| {
            let by = (updated.mean[axis] - population.mean[axis])
                .abs()
                .max((updated.sd[axis] - population.sd[axis]).abs());
            by < SETTLED * population.sd[axis]
        });
        round += 1;
        if settled || round == ROUNDS {
            break (optimum, settled);
        }
        population = updated;
        at = (optimum.point.q, optimum.point.coordinates);
    };
    let prior = Hierarchy { search: &search }.prior(&x);
    let point = &optimum.point;
    // The search takes the emissions at their most probable; Laplace's approximation adds the room about that.
    let room = 0.5
        * variances_left(&search, &optimum, &population).iter().flatten().map(|left| left.ln()).sum::<f64>();
    let mut hyperparameters = basis.named(&x[..x.len() - extra]);
    let own = &x[x.len() - extra..];
    hyperparameters.insert("deviation_scale".into(), own[0].exp());
    let design = &search.problem.design;
    if let Some(guess) = design.guess() {
        hyperparameters.insert("deviation_guess".into(), own[1 + guess].exp());
    }
    if let Some(level) = design.level() {
        hyperparameters.insert("deviation_level".into(), own[1 + level].exp());
    }
    for (axis, sd) in population.sd.iter().enumerate() {
        hyperparameters.insert(format!("deviation_emission_{}", axis + 1), *sd);
    }
    let description = Description {
        basis,
        dependence,
        hyperparameters,
        elbo: point.elbo + room,
        evidence: super::evidence::Evidence { log: point.elbo + room, effective: 0.0, draws: 0 },
        converged: optimum.converged && settled,
        effective_coefficients: point.q.effective_coefficients(),
    };
    let of = |observations: &Observations, coefficients, coordinates: &[f64]| {
        let density = family.log_density(coordinates);
        let emission = (&density, family.parameters(coordinates));
        describe(observations, &description, coefficients, emission, options)
    };
    let participants: Vec<BnsEstimate> = (0..trials.len())
        .map(|index| of(trials[index], point.q.participant(&prior, index), &point.coordinates[index]))
        .collect();
    let mut everyone = of(all, point.q.population(&prior), &population.mean);
    everyone.log_likelihood = participants.iter().map(|own| own.log_likelihood).sum();
    Ok(ParticipantsEstimate { population: everyone, participants })
}

/// Moments of the emissions' coordinates, with the variance that the trials leave each of them.
fn updated_population(search: &Search<'_>, optimum: &Optimum<Arrow>, before: &Population) -> Population {
    let coordinates = &optimum.point.coordinates;
    let mean = centre(coordinates);
    let count = coordinates.len() as f64;
    let mut variance = vec![0.0; mean.len()];
    for (x, left) in coordinates.iter().zip(variances_left(search, optimum, before)) {
        for axis in 0..mean.len() {
            variance[axis] += ((x[axis] - mean[axis]).powi(2) + left[axis]) / count;
        }
    }
    Population { mean, sd: variance.iter().map(|variance| variance.sqrt().max(MIN_SPREAD)).collect() }
}

/// The variance of each coordinate of each participant's emission, given the trials and the population.
fn variances_left(search: &Search<'_>, optimum: &Optimum<Arrow>, population: &Population) -> Vec<Vec<f64>> {
    let point = &optimum.point;
    let (problem, cosines) = (&search.problem, search.problem.design.observations.cosines());
    let of_participant = |(group, x): (usize, &Vec<f64>)| {
        let weights = &point.expectations[group].responsibilities;
        let deviations = Deviations { cosines: &cosines[problem.items(group)], weights };
        let left = |(axis, sd): (usize, &f64)| {
            let slope = |by: f64| {
                let mut moved = x.clone();
                moved[axis] += by;
                problem.family.expected(&moved, deviations).1[axis]
            };
            let h = 1e-3;
            let information = ((slope(-h) - slope(h)) / (2.0 * h)).max(0.0);
            1.0 / (information + sd.powi(-2))
        };
        population.sd.iter().enumerate().map(left).collect()
    };
    point.coordinates.iter().enumerate().map(of_participant).collect()
}

/// For the tests, with q and emissions at their optimum: the gradient of the search against finite differences, and the
/// variances of Laplace's approximation against integrals over the emissions.
#[cfg(test)]
pub(super) fn check_optimum(own: &[Observations]) {
    let trials: Vec<&Observations> = own.iter().collect();
    let all = Observations::concatenated(&trials).unwrap();
    let mut groups = Vec::new();
    for own in own {
        let first = groups.last().map_or(0, |group: &Range<usize>| group.end);
        groups.push(first..first + own.len());
    }
    let dependence = SwapDependence::Probe;
    let basis = dependence.basis_of(4);
    let options = BnsOptions::default();
    let mut search = Search::new(&all, basis.as_ref(), dependence, &options, &groups).unwrap();
    let population = Population { mean: vec![2.4], sd: vec![0.3] };
    search.problem.population = Some(population.clone());
    let hierarchy = Hierarchy { search: &search };
    let x = [0.1, 1.0, -0.5, -0.6, -0.4];
    let size = search.problem.design.coefficients();
    let at = |x: &[f64]| {
        let start = Arrow::unit(nalgebra::DVector::zeros(size), own.len());
        hierarchy.objective(x, start, vec![vec![2.4]; own.len()])
    };
    let (_, gradient, optimum) = at(&x);
    assert!(optimum.converged && optimum.iterations <= 40, "{} iterations", optimum.iterations);
    let h = 0.02;
    for axis in 0..x.len() {
        let value = |by: f64| {
            let mut moved = x;
            moved[axis] += by;
            at(&moved).0
        };
        let numeric = (value(h) - value(-h)) / (2.0 * h);
        approx::assert_abs_diff_eq!(gradient[axis], numeric, epsilon = 0.01 * numeric.abs().max(0.5));
    }
    let (problem, point) = (&search.problem, &optimum.point);
    let cosines = problem.design.observations.cosines();
    for (group, left) in variances_left(&search, &optimum, &population).iter().enumerate() {
        let weights = &point.expectations[group].responsibilities;
        let deviations = Deviations { cosines: &cosines[problem.items(group)], weights };
        let log_density = |by: f64| {
            let x = [point.coordinates[group][0] + by];
            problem.family.expected(&x, deviations).0 + population.log_density(&x).0
        };
        let (highest, sd) = (log_density(0.0), left[0].sqrt());
        let integral: f64 =
            (-800..=800).map(|k| (log_density(0.01 * f64::from(k) * sd) - highest).exp() * 0.01 * sd).sum();
        let room = (integral / std::f64::consts::TAU.sqrt()).ln();
        approx::assert_abs_diff_eq!(0.5 * left[0].ln(), room, epsilon = 0.02);
    }
}
