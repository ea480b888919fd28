//! What BNS must find: the generator of simulated trials, the effects in human data, within a time.

use std::time::Instant;

use super::*;
use crate::likelihood::testing::human_where;

fn evidence(observations: &crate::Observations, dependence: SwapDependence) -> f64 {
    fit_bns(observations, dependence, &BnsOptions::default()).unwrap().log_evidence
}

/// `cargo test --release -p errare-behaviour the_evidence_picks -- --nocapture` prints the evidences.
#[test]
#[expect(clippy::print_stdout, reason = "tells the figures")]
fn the_evidence_picks_the_generator() {
    let dependences =
        [SwapDependence::None, SwapDependence::Probe, SwapDependence::Report, SwapDependence::Both];
    let generators = [
        generator(0.0, 0.0, -1.75),
        generator(1.3, 0.0, -1.95),
        generator(0.0, 1.2, -1.9),
        generator(1.3, 1.2, -2.1),
    ];
    let displays = DisplayGenerator::standard(4).unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for (truth, generator) in generators.iter().enumerate() {
        for seed in 0..5 {
            let trials = simulated(generator, &displays, 960, 100 + seed);
            let swaps: f64 = trials
                .iter()
                .map(|(display, _)| generator.weights(display)[2..].iter().sum::<f64>())
                .sum::<f64>()
                / trials.len() as f64;
            let observations = observations(&trials);
            let values = dependences.map(|dependence| evidence(&observations, dependence));
            let best = (0..4).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap();
            println!(
                "{:?} seed {seed} swaps {swaps:.2}: {values:.2?} -> {:?}",
                dependences[truth], dependences[best]
            );
            right += usize::from(best == truth);
            wrong.extend((best != truth).then(|| values[best] - values[truth]));
        }
    }
    println!("{right} of 20; wrong wins by {wrong:.2?}");
    assert!(right >= 17 && wrong.iter().all(|gain| *gain <= 3.0));
}

/// `cargo test --release -p errare-behaviour fits_take -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: run by hand on a quiet machine"]
#[expect(clippy::print_stdout, reason = "tells the figures")]
fn fits_take_seconds_on_one_core() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (dependence, set_size, trials, limit) in
        [(SwapDependence::Probe, 2, 5000, 1.0), (SwapDependence::Both, 4, 1000, 5.0)]
    {
        let generator = generator(1.3, 0.5, -1.5);
        let trials = simulated(&generator, &DisplayGenerator::standard(set_size).unwrap(), trials, 3);
        let observations = observations(&trials);
        let clock = Instant::now();
        let fit = pool.install(|| fit_bns(&observations, dependence, &BnsOptions::default()).unwrap());
        let seconds = clock.elapsed().as_secs_f64();
        println!(
            "{dependence:?}, set size {set_size}, {} trials: {seconds:.2} s (limit {limit} s), {} modes, ess {:.0} of {}",
            observations.len(),
            fit.posterior.modes,
            fit.ess,
            fit.evidence_draws
        );
        assert!(seconds < limit, "{seconds:.2} s, but the limit is {limit} s");
    }
}

/// Oberauer & Lin (2017), experiment 4: swaps fall with colour distance when the cue is a colour.
#[test]
#[expect(clippy::print_stdout, reason = "tells the figures")]
fn colour_cues_make_swaps_fall_with_colour_distance() {
    let mut gains = Vec::new();
    for condition in ["cue_color", "cue_location"] {
        let Some(trials) = human_where("oberauer_lin2017_e4", "probe2", &[("condition", condition)]) else {
            return;
        };
        let observations = observations(&trials);
        let fit = fit_bns(&observations, SwapDependence::Probe, &BnsOptions::default()).unwrap();
        let gain = fit.log_evidence - evidence(&observations, SwapDependence::None);
        let seen: Vec<_> = fit.swap_curve.iter().filter(|point| point.has_data).collect();
        let (near, far) = (seen[0].mean, seen[seen.len() - 1].mean);
        println!(
            "{condition}: {} trials, probe over none {gain:.2} nats, swap {near:.3} to {far:.3}",
            trials.len()
        );
        gains.push((gain, near / far));
    }
    assert!(gains[0].0 >= 3.0 && gains[0].1 > 1.5, "{gains:?}");
    assert!(gains[1].0 < 3.0, "{gains:?}");
}

/// van den Berg et al. (2012), orientation: no swaps to speak of at set size 4 and below.
///
/// `cargo test --release -p errare-behaviour orientation_has -- --nocapture` prints what is found.
#[test]
#[expect(clippy::print_stdout, reason = "tells the figures")]
fn orientation_has_few_swaps() {
    for set_size in ["2", "4", "6", "8"] {
        let Some(trials) = human_where("vandenberg2012_orientation", "probe", &[("set_size", set_size)])
        else {
            return;
        };
        let observations = observations(&trials);
        let none = fit_bns(&observations, SwapDependence::None, &BnsOptions::default()).unwrap();
        let mass = none.swap_mass.unwrap();
        println!("set size {set_size}, {} trials: swap mass {mass:.3}", trials.len());
        for dependence in
            [SwapDependence::Probe, SwapDependence::Report, SwapDependence::Both, SwapDependence::Additive]
        {
            let fit = fit_bns(&observations, dependence, &BnsOptions::default()).unwrap();
            let gain = fit.log_evidence - none.log_evidence;
            println!("  {dependence:?}: {gain:.2} nats over none, swap mass {:.3}", fit.swap_mass.unwrap());
            assert!(set_size > "4" || gain < 3.0, "{set_size} {dependence:?}: {gain}");
        }
        assert!(set_size > "4" || mass <= 0.05);
    }
}

/// People who differ, with few trials each.
fn people(count: u64, trials: u64, seed: u64) -> (Vec<crate::Observations>, Vec<Vec<(Display, f64)>>) {
    use errare_core::random::{Purpose, stream};
    use rand::RngExt;
    use rand_distr::StandardNormal;
    let mut own = Vec::new();
    let mut later = Vec::new();
    for person in 0..count {
        let mut normals = stream(seed, Purpose::Starts, &[person]);
        let mut normal = || normals.sample::<f64, _>(StandardNormal);
        let emission = VonMises::new(12.0 * (0.35 * normal()).exp()).unwrap();
        let truth = Generator {
            guess: 0.05,
            by_probe: 1.3 + 0.3 * normal(),
            by_report: 0.0,
            level: -1.6 + 0.5 * normal(),
            emission,
        };
        let all =
            simulated(&truth, &DisplayGenerator::standard(3).unwrap(), trials + 200, seed + 1000 * person);
        let (seen, unseen) = all.split_at(trials as usize);
        own.push(observations(seen));
        later.push(unseen.to_vec());
    }
    (own, later)
}

fn heldout(fit: &BnsEstimate, later: &[(Display, f64)]) -> f64 {
    let emission = fit.emission.emission(3).unwrap();
    later
        .iter()
        .map(|(display, response)| {
            let weights = fit.posterior.mean_weights(display);
            let items: f64 = display
                .report
                .iter()
                .zip(&weights[1..])
                .map(|(report, weight)| {
                    weight * emission.log_density(errare_core::angle::difference(*response, *report)).exp()
                })
                .sum();
            (weights[0] / (2.0 * PI) + items).ln()
        })
        .sum()
}

#[test]
#[expect(clippy::print_stdout, reason = "tells the figures")]
fn a_hierarchy_predicts_better_than_fits_of_one_by_one() {
    let (own, later) = people(12, 60, 5);
    let trials: Vec<&crate::Observations> = own.iter().collect();
    let options = BnsOptions::default();
    let score = |fits: &[BnsEstimate]| -> f64 {
        fits.iter().zip(&later).map(|(fit, later)| heldout(fit, later)).sum()
    };
    let separate: Vec<BnsEstimate> =
        own.iter().map(|own| fit_bns(own, SwapDependence::Probe, &options).unwrap()).collect();
    let [together, emissions] = [Sharing::Hierarchical, Sharing::Emissions]
        .map(|sharing| fit_participants(&trials, SwapDependence::Probe, &options, sharing).unwrap());
    let pooled =
        fit_bns(&crate::Observations::concatenated(&trials).unwrap(), SwapDependence::Probe, &options)
            .unwrap();
    let alone = score(&separate);
    let gains = [score(&together.participants), score(&emissions.participants), score(&vec![pooled; 12])]
        .map(|score| score - alone);
    println!("held-out nats over one by one, 2400 trials: hierarchical, emissions, pooled {gains:.1?}");
    println!("{:?}", together.population.hyperparameters);
    assert!(gains[0] > 10.0 && gains[0] > gains[2], "{gains:?}");
    // Participants lie between their own estimate and the population.
    let spread = |fits: &[BnsEstimate]| {
        let levels: Vec<f64> = fits.iter().map(|fit| fit.posterior.level().unwrap()).collect();
        let mean = levels.iter().sum::<f64>() / levels.len() as f64;
        levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>()
    };
    assert!(spread(&together.participants) > 0.0 && spread(&together.participants) < 2.0 * spread(&separate));
}

#[test]
fn few_trials_single_items_and_mixed_set_sizes_break_no_hierarchy() {
    let swaps = generator(1.3, 0.0, -1.6);
    let of = |set_sizes: &[usize], trials: u64, seed: u64| {
        let all: Vec<_> = set_sizes
            .iter()
            .flat_map(|&n| {
                simulated(&swaps, &DisplayGenerator::standard(n).unwrap(), trials, seed + n as u64)
            })
            .collect();
        observations(&all)
    };
    let mixed = [of(&[1, 2, 4], 40, 1), of(&[1], 30, 2), of(&[3], 20, 3), of(&[2], 1, 4)];
    let single = [of(&[1], 40, 5), of(&[1], 20, 6)];
    for (people, uniform) in
        [(&mixed[..], None), (&mixed[..], Some(false)), (&single[..], None), (&single[..], Some(false))]
    {
        let trials: Vec<&crate::Observations> = people.iter().collect();
        for sharing in [Sharing::Emissions, Sharing::Hierarchical] {
            let options = BnsOptions { uniform, ..BnsOptions::default() };
            let fit = fit_participants(&trials, SwapDependence::Probe, &options, sharing).unwrap();
            assert!(fit.population.log_evidence.is_finite());
            for own in &fit.participants {
                assert!(own.log_likelihood.is_finite() && own.emission.kappa().unwrap() > 0.0);
            }
        }
    }
}

/// Slopes of the hierarchy's bound by every prior scale, with q at its optimum, against finite differences; and the room
/// that its emissions have.
#[test]
fn slopes_and_room_of_a_hierarchy_match_differences_and_integrals() {
    participants::check_optimum(&people(3, 50, 8).0);
}
