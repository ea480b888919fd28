//! What the keys of an experiment may be, section by section. An error names the key, its value and the domain.

use std::f64::consts::{PI, TAU};
use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use super::Stage;
use crate::circuit::draw_readout;
use crate::config::{
    BehaviourConfig, CleanTarget, Cue, Dynamics, NetworkConfig, ObjectiveConfig, ObjectiveKind, Swap,
    TaskConfig, TrainingConfig,
};
use crate::task::TUNED;
use crate::{Error, Result};

/// Longest epochs before the response, and the longest response (steps).
const LONGEST_EPOCH: usize = 10_000;
const LONGEST_RESPONSE: usize = 1_000;
/// Deepest trees of dendritic and axonal dynamics, and the most ends of one.
const LARGEST_DEPTH: usize = 8;
const LARGEST_TREE: usize = 100_000;
/// Most parameters of a network: training keeps some twenty numbers for each.
const LARGEST_NETWORK: usize = 100_000_000;
/// Most trajectories of a training step.
const LARGEST_BATCH: usize = 1 << 24;
/// Numbers of any size: training computes in f32, in which what lies far beyond is 0, or overflows in a product.
const SMALLEST_NUMBER: f64 = 1e-6;
const LARGEST_NUMBER: f64 = 1e6;
/// Largest share of the trajectories that explore or run freely: the loss that is logged is that of the others.
const MOST_APART: f64 = 0.999;
/// Smallest spread of responses about an item (rad): targets are read from a grid as fine as that.
const SMALLEST_RESPONSE_SD: f64 = 1e-3;

pub(super) fn validate(stage: &Stage) -> Result<()> {
    let expected = format!("at most {}, the largest whole number of TOML", i64::MAX);
    require(i64::try_from(stage.seed).is_ok(), "seed", stage.seed, &expected)?;
    task(&stage.task)?;
    behaviour(&stage.behaviour)?;
    network(&stage.network)?;
    let readout = draw_readout(stage.network.neurons, stage.seed);
    let parameters = stage.circuit::<f32>(&readout).layout.len();
    between("the number of parameters of [network]", parameters, 1..=LARGEST_NETWORK)?;
    objective(&stage.objective)?;
    objective_of_batch(stage)?;
    training(&stage.training)?;
    let key = match stage.training.until.and_then(|until| until.at_most_steps) {
        Some(_) => "training.until.at_most_steps",
        None => "training.steps",
    };
    require(stage.steps() >= 1, key, stage.steps(), "at least 1")?;
    stage.schedule()?;
    stage.generators()?;
    Ok(())
}

fn task(task: &TaskConfig) -> Result<()> {
    let sizes = &task.set_sizes;
    require_listed(!sizes.is_empty(), "task.set_sizes", sizes, "at least one set size")?;
    let in_range = sizes.iter().all(|n| (1..=8).contains(n));
    require_listed(in_range, "task.set_sizes", sizes, "set sizes from 1 to 8")?;
    let slots_known = task.cue == Cue::Feature || sizes.len() == 1;
    require_listed(slots_known, "task.set_sizes", sizes, "one set size with an index cue")?;
    if let Some(separation) = task.separation {
        let items = sizes.iter().copied().max().unwrap_or(0);
        let (largest, expected) = match items {
            0..=2 => (PI, "0 to π (rad)".to_owned()),
            _ => {
                let expected = format!("0 to 2π/{items} (rad), for {items} items to have room on the circle");
                (TAU / items as f64, expected)
            }
        };
        require((0.0..=largest).contains(&separation), "task.separation", separation, &expected)?;
    }
    let epochs = &task.epochs;
    let [shortest, longest] = epochs.delay;
    require_listed(shortest <= longest, "task.epochs.delay", &epochs.delay, "[shortest, longest]")?;
    between("task.epochs.stimulus", epochs.stimulus, 0..=LONGEST_EPOCH)?;
    between("task.epochs.delay", longest, 0..=LONGEST_EPOCH)?;
    between("task.epochs.cue", epochs.cue, 0..=LONGEST_EPOCH)?;
    between("task.epochs.gap", epochs.gap, 1..=LONGEST_EPOCH)?;
    between("task.epochs.response", epochs.response, 1..=LONGEST_RESPONSE)?;
    positive("task.dt", task.dt)
}

fn behaviour(behaviour: &BehaviourConfig) -> Result<()> {
    if let Swap::Function(function) = behaviour.swap {
        function.validate().map_err(|error| match error {
            errare_behaviour::Error::OutOfRange { name, value, expected } => {
                Error::invalid(&format!("behaviour.swap.{name}"), value, expected)
            }
            other => other.into(),
        })?;
    }
    positive("behaviour.radius", behaviour.radius)?;
    let sd = behaviour.response_sd;
    let in_range = (SMALLEST_RESPONSE_SD..=PI).contains(&sd);
    require(in_range, "behaviour.response_sd", sd, &format!("{SMALLEST_RESPONSE_SD} to π (rad)"))
}

fn network(network: &NetworkConfig) -> Result<()> {
    between("network.neurons", network.neurons, 3..=4096)?;
    let branches = &network.branches;
    let deep = (1..=LARGEST_DEPTH).contains(&branches.len()) && branches.iter().all(|&b| b >= 1);
    let expected = format!("1 to {LARGEST_DEPTH} numbers of at least 1");
    require_listed(deep, "network.branches", branches, &expected)?;
    let tree = branches.iter().try_fold(1usize, |product, &b| product.checked_mul(b));
    let small = tree.is_some_and(|tree| tree <= LARGEST_TREE);
    require_listed(small, "network.branches", branches, &format!("at most {LARGEST_TREE} ends a neuron"))?;
    let hidden = network.hidden.unwrap_or(network.neurons);
    between("network.hidden", hidden, 1..=65_536)?;
    let rank = network.rank;
    let in_range = (1..=hidden.min(network.neurons)).contains(&rank);
    let expected = "1 to the smaller of network.neurons and network.hidden";
    require(network.dynamics != Dynamics::LowRank || in_range, "network.rank", rank, expected)?;
    let code = network.time_code;
    let in_range = (2..=1024).contains(&code) && code.is_multiple_of(2);
    require(in_range, "network.time_code", code, "even, 2 to 1024")?;
    // A network without input never gets one: both factors of the cue's projection, and so their gradients, are 0.
    positive("network.input_gain", network.input_gain)?;
    between("network.report_columns", network.report_columns, 1..=TUNED)?;
    between("network.probe_columns", network.probe_columns, 1..=TUNED)?;
    not_negative("network.preparation_noise", network.preparation_noise.unwrap_or(0.0))?;
    not_negative("network.null_space_noise", network.null_space_noise.unwrap_or(0.0))
}

fn objective(objective: &ObjectiveConfig) -> Result<()> {
    not_negative("objective.hand_off_mean", objective.hand_off_mean)?;
    not_negative("objective.hand_off_spread", objective.hand_off_spread)?;
    not_negative("objective.activity", objective.activity)?;
    let (exploration, free_running) = (objective.exploration, objective.free_running);
    let exact = objective.target == CleanTarget::Expected;
    let key = "objective.exploration";
    require((0.0..=MOST_APART).contains(&exploration), key, exploration, "0 to 0.999")?;
    let expected = "0 unless objective.target is \"expected\": sampled targets would be biased";
    require(exact || exploration == 0.0, key, exploration, expected)?;
    let key = "objective.free_running";
    let in_range = free_running >= 0.0 && exploration + free_running <= MOST_APART;
    let expected = "at least 0, and at most 0.999 together with objective.exploration";
    require(in_range, key, free_running, expected)?;
    let known = exact && objective.kind == ObjectiveKind::Diffusion;
    let expected = "0 unless objective.kind is \"diffusion\" and objective.target \"expected\": the x_τ that a \
                    network runs into has no sampled response";
    require(known || free_running == 0.0, key, free_running, expected)
}

/// What `[objective]` asks of the trials and of the batch.
fn objective_of_batch(stage: &Stage) -> Result<()> {
    let spread = stage.objective.hand_off_spread;
    let has_spread = stage.training.samples >= 2;
    let expected = "0 unless training.samples is at least 2: one sample has no spread";
    require(has_spread || spread == 0.0, "objective.hand_off_spread", spread, expected)?;
    let last = stage.objective.last_steps.unwrap_or(1);
    let used = stage.objective.kind == ObjectiveKind::TaskOptimal;
    let in_range = (1..=stage.task.epochs.response).contains(&last);
    require(!used || in_range, "objective.last_steps", last, "1 to the response steps")
}

fn training(training: &TrainingConfig) -> Result<()> {
    let (displays, samples) = (training.displays, training.samples);
    between("training.displays", displays, 1..=LARGEST_BATCH)?;
    between("training.samples", samples, 1..=LARGEST_BATCH)?;
    between("training.displays × training.samples", displays * samples, 1..=LARGEST_BATCH)?;
    positive("training.learning_rate", training.learning_rate)?;
    positive("training.clip", training.clip)?;
    let share = training.final_rate;
    require((0.0..=1.0).contains(&share), "training.final_rate", share, "0 to 1: it is a share of the peak")?;
    let averaging = training.averaging;
    require((0.0..1.0).contains(&averaging), "training.averaging", averaging, "from 0 to below 1")?;
    let until = training.until.unwrap_or_default();
    not_negative("training.until.loss_over_floor", until.loss_over_floor.unwrap_or(0.0))?;
    not_negative("training.until.excess", until.excess.unwrap_or(0.0))?;
    let improvement = until.min_improvement;
    let in_range = (0.0..1.0).contains(&improvement);
    require(in_range, "training.until.min_improvement", improvement, "from 0 to below 1")?;
    let (log_every, checkpoint_every) = (training.log_every, training.checkpoint_every);
    for (key, every) in [
        ("training.until.patience", until.patience.unwrap_or(1)),
        ("training.log_every", log_every),
        ("training.checkpoint_every", checkpoint_every),
    ] {
        require(every >= 1, key, every, "at least 1")?;
    }
    // A resumed run logs the same averages only if a line ends where the checkpoint is taken.
    let aligned = checkpoint_every.is_multiple_of(log_every);
    require(aligned, "training.checkpoint_every", checkpoint_every, "a multiple of training.log_every")
}

fn require(ok: bool, key: &str, value: impl Display, expected: &str) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::invalid(key, value, expected)) }
}

fn require_listed(ok: bool, key: &str, value: &impl Debug, expected: &str) -> Result<()> {
    require(ok, key, format_args!("{value:?}"), expected)
}

fn between(key: &str, value: usize, range: RangeInclusive<usize>) -> Result<()> {
    let expected = format!("{} to {}", range.start(), range.end());
    require(range.contains(&value), key, value, &expected)
}

fn positive(key: &str, value: f64) -> Result<()> {
    require((SMALLEST_NUMBER..=LARGEST_NUMBER).contains(&value), key, value, "1e-6 to 1e6")
}

fn not_negative(key: &str, value: f64) -> Result<()> {
    require((0.0..=LARGEST_NUMBER).contains(&value), key, value, "0 to 1e6")
}
