//! Geometry of a trained network's states: the conditions that are simulated for it, and what they show.

use std::f64::consts::{PI, TAU};

use errare_analysis::geometry::{
    AlignmentOptions, AlignmentOverTime, RingStatistics, TrialLabels, alignment_over_time,
};
use errare_behaviour::Display;
use errare_core::angle::{difference, distance, wrap};
use errare_core::progress::Progress;
use errare_network::{Network, Simulation};

use super::Result;

/// Values of the report feature in the conditions of the alignment analysis.
const GRID: usize = 24;
/// Colour bins of a ring.
const BINS: usize = 16;
/// States are held in memory for some 1,500 trials at once.
const CHUNK: usize = 1536;

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
            // A separation that the grid holds is kept or not whatever its last digits are.
            if distance(reports[0], reports[1]) < separation + 1e-9 {
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

/// Why a network has no alignment of colour planes.
#[derive(Debug, thiserror::Error)]
pub enum NoAlignment {
    /// It answers one item, or more than two.
    #[error("the network was never shown two items, for which it is defined")]
    NeverTwoItems,
    /// It was not asked for.
    #[error("it was not measured")]
    NotAsked,
    /// Its states span no planes: too few neurons, or one colour or none is ever reported without a swap.
    #[error("{0}")]
    Undefined(errare_analysis::Error),
}

/// Alignment of the two items' colour planes at every step of the trial, for items at opposite probe
/// features, from `samples` trials a condition (0 for none) and `null_draws` random rotations.
///
/// # Errors
/// When the schedule is impossible, or the network's cue cannot show two items.
pub(super) fn alignment_of(
    network: &Network,
    samples: usize,
    null_draws: usize,
    seed: u64,
    progress: &Progress,
) -> Result<std::result::Result<AlignmentOverTime, NoAlignment>> {
    let stage = network.stage();
    if samples == 0 {
        return Ok(Err(NoAlignment::NotAsked));
    }
    if !stage.task.set_sizes.contains(&2) {
        return Ok(Err(NoAlignment::NeverTwoItems));
    }
    let separation = stage.task.separation.unwrap_or(PI / 4.1);
    let displays = alignment_displays(PI, separation);
    let simulation = Simulation::new(network, seed)?;
    let times = simulation.times();
    let mut rings = RingStatistics::new(times.len(), stage.network.neurons, 2, BINS)?;
    let bar = progress.bar("geometry", displays.len() as u64);
    let mut done = 0;
    for chunk in displays.chunks((CHUNK / samples).max(1)) {
        // Noise 0 is that of the responses that are compared with the oracle's.
        let trials = simulation.trajectories(chunk, samples, 1 + (done * samples) as u64)?;
        for (index, (display, response, _)) in trials.responses.polar().enumerate() {
            let [cued, other] = [0, 1].map(|item| difference(response, display.report[item]).abs());
            let labels = TrialLabels {
                slot: display.cued_slot,
                response,
                swap: other < cued,
                sample: index % samples,
            };
            for step in 0..times.len() {
                rings.add(step, &labels, trials.state(index, step));
            }
        }
        done += chunk.len();
        bar.set(done as u64, "");
    }
    bar.finish();
    let options = AlignmentOptions {
        projector: Some(network.readout().to_vec()),
        null_draws,
        seed,
        ..AlignmentOptions::default()
    };
    Ok(alignment_over_time(&rings, &times, &options, progress).map_err(NoAlignment::Undefined))
}

#[cfg(test)]
mod tests {
    use super::*;

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
