//! The posterior of the coefficients by NUTS, at the fitted emission and hyperparameters as the variational posterior
//! approximates it, over the same whitened coefficients: ln p(y | w) − ½|w|².

use errare_core::random::{Purpose, stream};
use nalgebra::DVector;
use nuts_rs::{Chain, CpuMath, DiagNutsSettings, Settings};
use rayon::prelude::*;

use super::check::{CoefficientCheck, GoldStandard, NutsOptions};
use super::density::Density;
use super::diagnostics;
use crate::bns::SwapDependence;
use crate::bns::estimate::{BnsOptions, End, first_start, search, whole};
use crate::{Error, Observations, Result};

/// Chains start this far (prior standard deviations) from the variational mean: far enough to disagree at first.
const START_SPREAD: f64 = 1.0;

/// Fits BNS and samples the posterior of its coefficients.
pub(super) fn sample(
    observations: &Observations,
    dependence: SwapDependence,
    options: &BnsOptions,
    nuts: NutsOptions,
) -> Result<GoldStandard> {
    // Two halves of a chain are compared, each with a variance.
    for (name, value, least, expected) in
        [("chains", nuts.chains, 1, "at least 1"), ("draws of a chain", nuts.draws, 4, "at least 4")]
    {
        if value < least {
            return Err(Error::OutOfRange { name, value: value as f64, expected });
        }
    }
    let start = first_start(observations, dependence);
    search(observations, &whole(observations), dependence, options, start, |end, _| of_end(end, nuts))
}

fn of_end(end: &End<'_>, nuts: NutsOptions) -> Result<GoldStandard> {
    let (search, point) = (end.search, &end.optimum.point);
    let prior = search.prior(end.x);
    let emissions = search.problem.log_emissions(&point.coordinates);
    let density = Density::new(&search.problem.design, &emissions, &prior);
    let chains: Vec<(Vec<DVector<f64>>, usize)> = (0..nuts.chains)
        .into_par_iter()
        .map(|chain| run(&density, &point.q.mean, nuts, chain))
        .collect::<Result<_>>()?;
    let (mean, covariance) = point.q.coefficients(&prior);
    let design = &search.problem.design;
    let coefficients = (0..mean.len())
        .map(|index| {
            let draws: Vec<Vec<f64>> = chains
                .iter()
                .map(|(draws, _)| {
                    draws.iter().map(|draw| prior.mean[index] + prior.sd[index] * draw[index]).collect()
                })
                .collect();
            let all = || draws.iter().flatten();
            let count = all().count() as f64;
            let nuts_mean = all().sum::<f64>() / count;
            let variance = all().map(|value| (value - nuts_mean).powi(2)).sum::<f64>() / (count - 1.0);
            let (ess, r_hat) = diagnostics::bulk(&draws);
            CoefficientCheck {
                name: design.coefficient_name(index),
                mean: mean[index],
                sd: covariance[(index, index)].sqrt(),
                nuts_mean,
                nuts_sd: variance.sqrt(),
                ess,
                r_hat,
            }
        })
        .collect();
    let divergences = chains.iter().map(|(_, divergences)| divergences).sum();
    Ok(GoldStandard { chains: nuts.chains, draws: nuts.draws, divergences, coefficients })
}

/// One chain: its draws after tuning, and how many of them diverged.
fn run(
    density: &Density<'_>,
    centre: &DVector<f64>,
    nuts: NutsOptions,
    chain: u64,
) -> Result<(Vec<DVector<f64>>, usize)> {
    use rand::RngExt;
    let failed = |error: &dyn std::fmt::Display| Error::Sampler { chain, problem: error.to_string() };
    let settings = DiagNutsSettings { num_tune: nuts.tuning, num_draws: nuts.draws, ..Default::default() };
    let mut random = stream(nuts.seed, Purpose::Posterior, &[u64::MAX - 1, chain]);
    let start: Vec<f64> = centre
        .iter()
        .map(|mean| mean + START_SPREAD * random.sample::<f64, _>(rand_distr::StandardNormal))
        .collect();
    let mut sampler = settings
        .new_chain(chain, CpuMath::new(density.clone()), &mut random)
        .map_err(|error| failed(&error))?;
    sampler.set_position(&start).map_err(|error| failed(&error))?;
    let (mut draws, mut divergences) = (Vec::with_capacity(nuts.draws as usize), 0);
    for step in 0..nuts.tuning + nuts.draws {
        let (position, progress) = sampler.draw().map_err(|error| failed(&error))?;
        if step >= nuts.tuning {
            divergences += usize::from(progress.diverging);
            draws.push(DVector::from_vec(position.into_vec()));
        }
    }
    Ok((draws, divergences))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, SwapFunction};

    fn checked(observations: &Observations, dependence: SwapDependence, threads: usize) -> GoldStandard {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let nuts = NutsOptions::default();
        pool.install(|| sample(observations, dependence, &BnsOptions::default(), nuts)).unwrap()
    }

    /// Means within 0.2 standard deviations, and the standard deviations within a fifth.
    #[test]
    fn the_variational_posterior_is_that_of_nuts() {
        let graded = SwapFunction::Distance { width: 0.8, offset: 0.0 };
        for (dependence, set_size, trials) in
            [(SwapDependence::Probe, 2, 400), (SwapDependence::Both, 3, 300), (SwapDependence::None, 4, 200)]
        {
            let trials = simulated(&graded, &DisplayGenerator::standard(set_size).unwrap(), trials, 7);
            let check = checked(&observations(&trials), dependence, 2);
            assert!(check.smallest_ess() > 400.0 && check.largest_r_hat() < 1.01, "{check:#?}");
            assert!(check.divergences < 20, "{}", check.divergences);
            assert!(check.largest_shift() < 0.2, "{dependence:?}: {check:#?}");
            for coefficient in &check.coefficients {
                assert!((0.8..1.2).contains(&(coefficient.sd / coefficient.nuts_sd)), "{coefficient:#?}");
            }
        }
    }

    #[test]
    fn no_draws_are_refused() {
        let flat = SwapFunction::Flat { swap_probability: 0.2 };
        let trials = simulated(&flat, &DisplayGenerator::standard(3).unwrap(), 20, 2);
        let nuts = NutsOptions { draws: 1, ..Default::default() };
        let error = sample(&observations(&trials), SwapDependence::None, &BnsOptions::default(), nuts);
        assert!(error.unwrap_err().to_string().contains("draws of a chain is 1"));
    }

    #[test]
    fn the_draws_do_not_depend_on_the_threads() {
        let flat = SwapFunction::Flat { swap_probability: 0.2 };
        let trials = simulated(&flat, &DisplayGenerator::standard(3).unwrap(), 60, 2);
        let observations = observations(&trials);
        let of = |threads| checked(&observations, SwapDependence::None, threads);
        assert_eq!(of(1), of(3));
    }
}
