//! What is measured of a trained network: its responses beside its target's, and the geometry of its states.

use std::f64::consts::{PI, TAU};

use errare_analysis::densities::{ErrorDensities, response_densities};
use errare_analysis::fidelity::{Fidelity, FidelityTarget, Metric, Samples};
use errare_analysis::geometry::{
    AlignmentOptions, AlignmentOverTime, RingStatistics, TrialLabels, alignment_over_time,
};
use errare_analysis::mixture::{DistanceBins, swap_curve};
use errare_behaviour::{Display, DisplayGenerator, ResponseModel, nearest_unimodal, nearest_without_swaps};
use errare_core::angle::{difference, distance, wrap};
use errare_core::progress::Progress;
use errare_network::{LogEntry, Network, Responses, Schedule, Simulation, sample_oracle};

use super::Result;

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysisSize {
    /// Displays that responses are compared on.
    pub displays: usize,
    /// Responses to each, of the network and of every reference.
    pub samples: usize,
    /// Trials of each condition of the alignment analysis.
    pub geometry_samples: usize,
    /// Random rotations of the null distribution of alignment.
    pub null_draws: usize,
}

impl Default for AnalysisSize {
    /// 4,096 displays × 256 responses; 912 conditions × 64 trials; 1,000 rotations.
    fn default() -> Self {
        Self { displays: 4096, samples: 256, geometry_samples: 64, null_draws: 1000 }
    }
}

/// Responses of a network and of the references it is judged by, to the same displays.
#[derive(Debug)]
pub struct ResponseSets {
    /// The free-running network.
    pub network: Responses,
    /// The oracle sampler: what a perfect network would do.
    pub oracle: Responses,
    /// A second, independent oracle.
    pub oracle_replicate: Responses,
    /// Oracle of the no-swap model nearest to the target.
    pub no_swaps: Responses,
    /// Oracle of the unimodal model nearest to the target.
    pub unimodal: Responses,
}

/// Simulates the network and samples its references.
///
/// # Errors
/// When the network's schedule or displays are impossible, or a reference model cannot be fitted.
fn simulate_with_references(
    network: &Network,
    target: &dyn ResponseModel,
    size: AnalysisSize,
    seed: u64,
    progress: &Progress,
) -> Result<ResponseSets> {
    let stage = network.stage();
    let displays = stage.evaluation_displays(size.displays, seed)?;
    let schedule = stage.schedule()?;
    let ring = (stage.behaviour.radius, stage.spread());
    let bar = progress.bar("simulating", 5);
    let mut done = 0;
    let mut advance = |what: &str| {
        done += 1;
        bar.set(done, what);
    };
    let responses = Simulation::new(network, seed)?.responses(&displays, size.samples);
    advance("network");
    let mut oracle = |model: &dyn ResponseModel, replicate: u64, what: &str| {
        let sampled = sample_oracle(&schedule, model, ring, &displays, size.samples, (seed, replicate));
        advance(what);
        sampled
    };
    let no_swaps = nearest_without_swaps(target, &displays, seed)?;
    let sets = ResponseSets {
        oracle: oracle(target, 0, "oracle"),
        oracle_replicate: oracle(target, 1, "second oracle"),
        no_swaps: oracle(&no_swaps, 2, "no-swap model"),
        unimodal: unimodal_responses(&schedule, target, ring, &displays, size.samples, seed)?,
        network: responses,
    };
    advance("unimodal model");
    bar.finish();
    Ok(sets)
}

/// Oracle of the unimodal model nearest to the target.
///
/// # Errors
/// When the model cannot be fitted.
fn unimodal_responses(
    schedule: &Schedule,
    target: &dyn ResponseModel,
    ring: (f64, f64),
    displays: &[Display],
    samples: usize,
    seed: u64,
) -> Result<Responses> {
    let (unimodal, centred) = nearest_unimodal(target, displays, seed)?;
    let sampled = sample_oracle(schedule, &unimodal, ring, &centred, samples, (seed, 3));
    Ok(Responses { displays: displays.to_vec(), ..sampled })
}

/// Everything that is measured of a trained network.
#[derive(Debug)]
pub struct NetworkAnalysis {
    /// Responses of the network and of its references.
    pub responses: ResponseSets,
    /// Fidelity to the target, with floors.
    pub fidelity: Fidelity,
    /// Error densities of network and oracle.
    pub densities: [ErrorDensities; 2],
    /// Alignment of the two items' colour planes; `None` for networks that were never shown two items.
    pub alignment: Option<AlignmentOverTime>,
    /// Radius R of the ring of clean responses.
    pub radius: f64,
}

/// Simulates a network and measures it against the response model it was trained on. `log` is that of its
/// training, for the excess of the loss over its floor.
///
/// # Errors
/// When the network's task is impossible or an analysis refuses its responses.
pub fn analyse_network(
    network: &Network,
    target: &dyn ResponseModel,
    log: &[LogEntry],
    size: AnalysisSize,
    seed: u64,
    progress: &Progress,
) -> Result<NetworkAnalysis> {
    let stage = network.stage();
    let responses = simulate_with_references(network, target, size, seed, progress)?;
    let separation =
        stage.generators()?.iter().map(DisplayGenerator::probe_separation).fold(f64::INFINITY, f64::min);
    let displays = &responses.network.displays;
    let spread = stage.spread();
    let fidelity_target =
        FidelityTarget::of_model(target, displays, Some(separation), stage.behaviour.radius, spread)?;
    let samples = Samples {
        network: &responses.network,
        oracle: &responses.oracle,
        oracle_replicate: &responses.oracle_replicate,
        alternatives: &[("no_swaps", &responses.no_swaps), ("unimodal", &responses.unimodal)],
    };
    let bar = progress.bar("comparing responses", 1);
    let mut fidelity = Fidelity::compare(&samples, &fidelity_target, seed)?;
    // What the same estimate makes of responses that hold no swap at all.
    let without = swap_curve(&responses.no_swaps, &fidelity_target.mixture, &DistanceBins::single())?.total;
    let count = responses.no_swaps.points.len();
    let metric = Metric::new(without.value, Some(without.ci), count, "probability");
    fidelity.metrics.insert("swap_rate_no_swaps".into(), metric);
    if let Some(excess) = mean_excess(log) {
        fidelity.judge_loss(excess);
    }
    let densities = densities_of(&responses, seed)?;
    bar.finish();
    let alignment = alignment_of(network, size, seed, progress)?;
    Ok(NetworkAnalysis { responses, fidelity, densities, alignment, radius: stage.behaviour.radius })
}

/// The logged excess, averaged over the last tenth of the last stage; `None` without a log.
fn mean_excess(log: &[LogEntry]) -> Option<f64> {
    let last = log.last()?;
    let stage: Vec<&LogEntry> = log.iter().filter(|entry| entry.stage == last.stage).collect();
    let tail = &stage[stage.len() - stage.len().div_ceil(10)..];
    Some(tail.iter().map(|entry| entry.excess).sum::<f64>() / tail.len() as f64)
}

/// Error densities of network and oracle.
///
/// # Errors
/// When there are no responses.
fn densities_of(sets: &ResponseSets, seed: u64) -> Result<[ErrorDensities; 2]> {
    const EXCHANGES: usize = 40;
    Ok([
        response_densities(&sets.network, EXCHANGES, seed)?,
        response_densities(&sets.oracle, EXCHANGES, seed)?,
    ])
}

/// Values of the report feature in the conditions of the alignment analysis.
const GRID: usize = 24;
/// Colour bins of a ring.
const BINS: usize = 16;
/// Displays whose states are held in memory together.
const CHUNK: usize = 24;

/// The conditions of the alignment analysis for one probe pair (0, `probe_distance`): all separated pairs of
/// 24 report features, each item cued in turn.
#[must_use]
fn alignment_displays(probe_distance: f64, separation: f64) -> Vec<Display> {
    let angle = |k: usize| wrap(TAU * k as f64 / GRID as f64);
    let probes = [0.0, wrap(probe_distance)];
    let mut displays = Vec::new();
    for first in 0..GRID {
        for second in 0..GRID {
            let reports = [angle(first), angle(second)];
            if distance(reports[0], reports[1]) <= separation {
                continue;
            }
            for cued in 0..2 {
                displays.push(Display {
                    probe: vec![probes[cued], probes[1 - cued]],
                    report: vec![reports[cued], reports[1 - cued]],
                    cued_slot: cued,
                });
            }
        }
    }
    displays
}

/// Alignment of the two items' colour planes at every step of the trial, for items at opposite probe
/// features. `None` for networks that were never shown two items.
///
/// # Errors
/// When the states span no planes.
fn alignment_of(
    network: &Network,
    size: AnalysisSize,
    seed: u64,
    progress: &Progress,
) -> Result<Option<AlignmentOverTime>> {
    let stage = network.stage();
    if !stage.task.set_sizes.contains(&2) {
        return Ok(None);
    }
    let separation = stage.task.separation.unwrap_or(PI / 4.1);
    let displays = alignment_displays(PI, separation);
    let simulation = Simulation::new(network, seed)?;
    let times = simulation.times();
    let mut rings = RingStatistics::new(times.len(), stage.network.neurons, 2, BINS)?;
    let bar = progress.bar("geometry", displays.len() as u64);
    for (chunk_index, chunk) in displays.chunks(CHUNK).enumerate() {
        let first = 1 + (chunk_index * CHUNK * size.geometry_samples) as u64;
        let trials = simulation.trajectories(chunk, size.geometry_samples, first);
        for (index, (display, response, _)) in trials.responses.polar().enumerate() {
            let [cued, other] = [0, 1].map(|item| difference(response, display.report[item]).abs());
            let sample = index % size.geometry_samples;
            let labels = TrialLabels { slot: display.cued_slot, response, swap: other < cued, sample };
            for step in 0..times.len() {
                rings.add(step, &labels, trials.state(index, step));
            }
        }
        bar.set(((chunk_index + 1) * CHUNK).min(displays.len()) as u64, "");
    }
    bar.finish();
    let options = AlignmentOptions {
        projector: Some(network.readout().to_vec()),
        null_draws: size.null_draws,
        seed,
        ..AlignmentOptions::default()
    };
    Ok(Some(alignment_over_time(&rings, &times, &options, progress)?))
}

#[cfg(test)]
mod tests {
    use errare_behaviour::SwapFunction;

    use super::*;

    #[test]
    fn unimodal_responses_lie_about_the_mean_of_the_targets() {
        let schedule = Schedule::new(40, [0.01, 0.30], 0.1).unwrap();
        let target = SwapFunction::Flat { swap_probability: 0.4 };
        let display = Display { probe: vec![0.0, 2.0], report: vec![0.0, 1.5], cued_slot: 0 };
        let displays = vec![display; 40];
        let responses = unimodal_responses(&schedule, &target, (2.5, 0.125), &displays, 64, 1).unwrap();
        assert_eq!(responses.displays, displays);
        let (x, y) = responses.points.iter().fold((0.0, 0.0), |(x, y), p| (x + p[0], y + p[1]));
        let (mean, expected) = (y.atan2(x), (0.4 * 1.5f32.sin()).atan2(0.6 + 0.4 * 1.5f32.cos()));
        assert!((mean - expected).abs() < 0.05, "{mean} {expected}");
    }

    #[test]
    fn alignment_has_the_published_number_of_conditions() {
        let displays = alignment_displays(PI, PI / 4.1);
        assert_eq!(displays.len(), 912);
        assert!(displays.iter().all(|display| distance(display.report[0], display.report[1]) > PI / 4.1));
        // The item in slot 0 keeps its probe feature, whichever is cued.
        assert!(displays.iter().all(|display| display.probe[display.item_in_slot(0)] == 0.0));
        assert_eq!(displays.iter().filter(|display| display.cued_slot == 1).count(), 456);
    }
}
