//! What is measured of a trained network: its responses beside its target's, and by [`super::geometry`] its
//! states.

use errare_analysis::densities::{ErrorDensities, response_densities};
use errare_analysis::fidelity::{Fidelity, FidelityTarget, Metric, Samples};
use errare_analysis::geometry::AlignmentOverTime;
use errare_analysis::mixture::swap_curve;
use errare_behaviour::{Display, DisplayGenerator, ResponseModel, nearest_unimodal, nearest_without_swaps};
use errare_core::progress::Progress;
use errare_network::{LogEntry, Network, Responses, Ring, Schedule, Simulation, sample_oracle};

use super::Result;
use super::geometry::{NoAlignment, alignment_of};
use super::verdict::{JudgedOn, Verdict};

/// How much is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalysisSize {
    /// Displays that responses are compared on.
    pub displays: usize,
    /// Responses to each, of the network and of every reference.
    pub samples: usize,
    /// Trials of each condition of the alignment analysis; 0 for no such analysis.
    pub geometry_samples: usize,
    /// Random rotations of the null distribution of alignment.
    pub null_draws: usize,
}

impl Default for AnalysisSize {
    /// 4,096 displays × 256 responses; 912 conditions × 64 trials; 1,000 rotations.
    fn default() -> Self {
        let JudgedOn { displays, samples } = JudgedOn::DEFINITION;
        Self { displays, samples, geometry_samples: 64, null_draws: 1000 }
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
    let ring = stage.ring();
    let own = (displays.len() * size.samples) as u64;
    // A reference takes about so much of the network's time.
    let reference = own.div_ceil(16);
    let bar = progress.bar("simulating", own + 4 * reference);
    let responses = Simulation::new(network, seed)?
        .responses(&displays, size.samples, |so_far| bar.set(so_far, "network"))?;
    let mut done = own;
    let mut advance = |what: &str| {
        done += reference;
        bar.set(done, what);
    };
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
    ring: Ring,
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
    /// Alignment of the two items' colour planes, or why there is none.
    pub alignment: std::result::Result<AlignmentOverTime, NoAlignment>,
    /// Radius R of the ring of clean responses.
    pub radius: f64,
}

impl NetworkAnalysis {
    /// What makes the swap rates say little: responses of the network that lie near no item, if they are many.
    #[must_use]
    pub fn strays(&self) -> Option<String> {
        const MANY: f64 = 0.05;
        let share = |name: &str| self.fidelity.metrics.get(name)?.value;
        // Of single items there are no swaps.
        share("swap_rate")?;
        let (network, oracle) = (share("off_mode_mass")?, share("off_mode_mass_oracle")?);
        (network - oracle > MANY).then(|| {
            let percent = |share: f64| format!("{:.0} %", 100.0 * share);
            format!(
                "{} of the network's responses lie near no item (the oracle's: {}). Unless the target has guesses, each \
                 counts as a report of the item nearest to it, so swap rates say little here.",
                percent(network),
                percent(oracle)
            )
        })
    }

    /// Whether the network is faithful.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Responses { displays, samples, .. } = &self.responses.network;
        Verdict {
            faithful: self.fidelity.is_faithful(),
            judged_on: JudgedOn { displays: displays.len(), samples: *samples },
            criteria: self.fidelity.criteria.clone(),
        }
    }
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
    let bar = progress.busy("comparing responses");
    let mut fidelity = Fidelity::compare(&samples, &fidelity_target, seed)?;
    // What the same estimate makes of responses that hold no swap at all.
    let without = swap_curve(&responses.no_swaps, &fidelity_target.mixture, &fidelity_target.bins)?.total;
    let metric = match displays.iter().any(|display| display.set_size() > 1) {
        true => Metric::new(without.value, Some(without.ci), responses.no_swaps.points.len(), "probability"),
        false => Metric::undefined("probability"),
    };
    fidelity.metrics.insert("swap_rate_no_swaps".into(), metric);
    if let Some(excess) = mean_excess(log) {
        fidelity.judge_loss(excess);
    }
    let densities = densities_of(&responses, seed)?;
    bar.finish();
    let alignment = alignment_of(network, size.geometry_samples, size.null_draws, seed, progress)?;
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
    const EXCHANGES: usize = 200;
    Ok([
        response_densities(&sets.network, EXCHANGES, seed)?,
        response_densities(&sets.oracle, EXCHANGES, seed)?,
    ])
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
        let responses = unimodal_responses(&schedule, &target, Ring::default(), &displays, 64, 1).unwrap();
        assert_eq!(responses.displays, displays);
        let (x, y) = responses.points.iter().fold((0.0, 0.0), |(x, y), p| (x + p[0], y + p[1]));
        let (mean, expected) = (y.atan2(x), (0.4 * 1.5f32.sin()).atan2(0.6 + 0.4 * 1.5f32.cos()));
        assert!((mean - expected).abs() < 0.05, "{mean} {expected}");
    }
}
