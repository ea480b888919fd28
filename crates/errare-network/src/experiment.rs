//! Experiment files: one TOML a network, read, checked and written back with every default spelled out.
//!
//! `[[stage]]` tables are a curriculum: each overrides keys of the base, in order; the base itself is the last
//! stage.

use std::path::{Path, PathBuf};

use errare_behaviour::{Display, DisplayGenerator};
use errare_core::random::{Purpose, Stream, stream};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::config::{
    BehaviourConfig, CleanTarget, Cue, DiffusionConfig, Dynamics, HandOff, NetworkConfig, ObjectiveConfig,
    ObjectiveKind, Swap, TaskConfig, TrainingConfig,
};
use crate::objective::Objective;
use crate::schedule::Schedule;
use crate::task::TUNED;
use crate::{Error, Result};

/// Deepest trees of dendritic and axonal dynamics, and the most ends of one.
const LARGEST_DEPTH: usize = 8;
const LARGEST_TREE: usize = 100_000;
/// Smallest spread of responses about an item (rad): targets are read from a grid as fine as that.
const SMALLEST_RESPONSE_SD: f64 = 1e-3;

/// What one stage of training needs to know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stage {
    /// Seed of weights, displays and noise.
    pub seed: u64,
    /// `[task]`
    pub task: TaskConfig,
    /// `[behaviour]`
    pub behaviour: BehaviourConfig,
    /// `[network]`
    pub network: NetworkConfig,
    /// `[objective]`
    pub objective: ObjectiveConfig,
    /// `[diffusion]`
    pub diffusion: DiffusionConfig,
    /// `[training]`
    pub training: TrainingConfig,
}

impl Stage {
    /// The diffusion schedule.
    ///
    /// # Errors
    /// When its constants lie outside their domains.
    pub fn schedule(&self) -> Result<Schedule> {
        let schedule = Schedule::new(self.task.epochs.response, self.diffusion.beta, self.network.alpha)?;
        Ok(schedule.with_reverse_variance(self.diffusion.reverse_variance, self.spread()))
    }

    /// The display generators, one for each set size.
    ///
    /// # Errors
    /// When the displays are impossible.
    pub fn generators(&self) -> Result<Vec<DisplayGenerator>> {
        let make = |&set_size: &usize| {
            Ok(match self.task.separation {
                Some(separation) => DisplayGenerator::new(set_size, separation, separation)?,
                None => DisplayGenerator::standard(set_size)?,
            })
        };
        self.task.set_sizes.iter().map(make).collect()
    }

    /// Displays to judge the network on, each from its own stream; none is ever trained on.
    ///
    /// # Errors
    /// When the displays are impossible.
    pub fn evaluation_displays(&self, count: usize, seed: u64) -> Result<Vec<Display>> {
        let generators = self.generators()?;
        Ok((0..count as u64)
            .map(|index| draw_display(&generators, &mut stream(seed, Purpose::Simulation, &[index])))
            .collect())
    }

    /// Largest set size.
    #[must_use]
    pub fn largest_set_size(&self) -> usize {
        self.task.set_sizes.iter().copied().max().unwrap_or(0)
    }

    /// s₀: standard deviation of clean responses in each dimension of the plane.
    #[must_use]
    pub fn spread(&self) -> f64 {
        self.behaviour.radius * self.behaviour.response_sd
    }

    /// Number of training steps at most.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.training.until.and_then(|until| until.at_most_steps).unwrap_or(self.training.steps)
    }

    /// What becomes of the plane when the response begins: a task-optimal network, which is never forced, keeps its own.
    pub(crate) fn hand_off(&self) -> HandOff {
        match self.objective.kind {
            ObjectiveKind::Diffusion => self.diffusion.hand_off,
            ObjectiveKind::TaskOptimal => HandOff::Free,
        }
    }

    pub(crate) fn objective(&self, schedule: &Schedule) -> Objective {
        match self.objective.kind {
            ObjectiveKind::Diffusion => Objective::diffusion(schedule, self.objective.weighting),
            ObjectiveKind::TaskOptimal => {
                let steps = schedule.steps();
                Objective::task_optimal(steps, self.objective.last_steps.unwrap_or(steps))
            }
        }
    }

    fn validate(&self) -> Result<()> {
        let check = |ok: bool, key: &str, value: String, expected: &str| {
            if ok { Ok(()) } else { Err(Error::invalid(key, value, expected)) }
        };
        let positive = |key: &str, value: f64| {
            check(value.is_finite() && value > 0.0, key, value.to_string(), "a number above 0")
        };
        let not_negative = |key: &str, value: f64| {
            check(value.is_finite() && value >= 0.0, key, value.to_string(), "a number of at least 0")
        };
        let (task, network, training) = (&self.task, &self.network, &self.training);
        let sizes = format!("{:?}", task.set_sizes);
        check(!task.set_sizes.is_empty(), "task.set_sizes", sizes.clone(), "at least one set size")?;
        let in_range = task.set_sizes.iter().all(|n| (1..=8).contains(n));
        check(in_range, "task.set_sizes", sizes.clone(), "set sizes from 1 to 8")?;
        let one_size = task.set_sizes.len() == 1;
        check(
            task.cue == Cue::Feature || one_size,
            "task.set_sizes",
            sizes,
            "one set size with an index cue",
        )?;
        let [shortest, longest] = task.epochs.delay;
        let delay = format!("{:?}", task.epochs.delay);
        check(shortest <= longest, "task.epochs.delay", delay, "[shortest, longest]")?;
        check(task.epochs.gap >= 1, "task.epochs.gap", task.epochs.gap.to_string(), "at least 1 step")?;
        positive("task.dt", task.dt)?;
        if let Swap::Function(function) = self.behaviour.swap {
            function.validate().map_err(|error| match error {
                errare_behaviour::Error::OutOfRange { name, value, expected } => {
                    Error::invalid(&format!("behaviour.swap.{name}"), value.to_string(), expected)
                }
                other => other.into(),
            })?;
        }
        positive("behaviour.radius", self.behaviour.radius)?;
        let response_sd = self.behaviour.response_sd;
        let in_range = (SMALLEST_RESPONSE_SD..=std::f64::consts::PI).contains(&response_sd);
        let expected = format!("{SMALLEST_RESPONSE_SD} to π (rad)");
        check(in_range, "behaviour.response_sd", response_sd.to_string(), &expected)?;
        check(
            (3..=4096).contains(&network.neurons),
            "network.neurons",
            network.neurons.to_string(),
            "3 to 4096",
        )?;
        let branches = format!("{:?}", network.branches);
        let depth = (1..=LARGEST_DEPTH).contains(&network.branches.len());
        check(
            depth && network.branches.iter().all(|&b| b >= 1),
            "network.branches",
            branches.clone(),
            &format!("1 to {LARGEST_DEPTH} numbers of at least 1"),
        )?;
        let tree = network.branches.iter().try_fold(1usize, |product, &b| product.checked_mul(b));
        check(
            tree.is_some_and(|tree| tree <= LARGEST_TREE),
            "network.branches",
            branches,
            &format!("at most {LARGEST_TREE} ends a neuron"),
        )?;
        let hidden = network.hidden.unwrap_or(network.neurons);
        check(hidden >= 1, "network.hidden", hidden.to_string(), "at least 1")?;
        check(
            network.dynamics != Dynamics::LowRank
                || (1..=hidden.min(network.neurons)).contains(&network.rank),
            "network.rank",
            network.rank.to_string(),
            "1 to the smaller of network.neurons and network.hidden",
        )?;
        let code = network.time_code;
        check(
            code >= 2 && code.is_multiple_of(2),
            "network.time_code",
            code.to_string(),
            "even, at least 2",
        )?;
        // A network without input never gets one: both factors of the cue's projection, and so their gradients, are 0.
        positive("network.input_gain", network.input_gain)?;
        for (key, columns) in [
            ("network.report_columns", network.report_columns),
            ("network.probe_columns", network.probe_columns),
        ] {
            check((1..=TUNED).contains(&columns), key, columns.to_string(), &format!("1 to {TUNED}"))?;
        }
        not_negative("network.preparation_noise", network.preparation_noise.unwrap_or(0.0))?;
        not_negative("network.null_space_noise", network.null_space_noise.unwrap_or(0.0))?;
        not_negative("objective.hand_off_mean", self.objective.hand_off_mean)?;
        not_negative("objective.hand_off_spread", self.objective.hand_off_spread)?;
        not_negative("objective.activity", self.objective.activity)?;
        let exploration = self.objective.exploration;
        let in_range = (0.0..1.0).contains(&exploration);
        let expected = "at least 0 and less than 1";
        check(in_range, "objective.exploration", exploration.to_string(), expected)?;
        let exact = self.objective.target == CleanTarget::Expected;
        let expected = "0 unless objective.target is \"expected\": sampled targets would be biased";
        check(exact || exploration == 0.0, "objective.exploration", exploration.to_string(), expected)?;
        let free_running = self.objective.free_running;
        let in_range = free_running >= 0.0 && exploration + free_running < 1.0;
        let expected = "at least 0, and less than 1 together with objective.exploration";
        check(in_range, "objective.free_running", free_running.to_string(), expected)?;
        let known = exact && self.objective.kind == ObjectiveKind::Diffusion;
        let expected = "0 unless objective.kind is \"diffusion\" and objective.target \"expected\": the x_τ that a \
                        network runs into has no sampled response";
        check(known || free_running == 0.0, "objective.free_running", free_running.to_string(), expected)?;
        let spread = self.objective.hand_off_spread;
        let expected = "0 unless training.samples is at least 2: one sample has no spread";
        check(
            training.samples >= 2 || spread == 0.0,
            "objective.hand_off_spread",
            spread.to_string(),
            expected,
        )?;
        let last = self.objective.last_steps.unwrap_or(1);
        let response = task.epochs.response;
        check(
            (1..=response.max(1)).contains(&last),
            "objective.last_steps",
            last.to_string(),
            "1 to the response steps",
        )?;
        check(training.displays >= 1, "training.displays", training.displays.to_string(), "at least 1")?;
        check(training.samples >= 1, "training.samples", training.samples.to_string(), "at least 1")?;
        check(self.steps() >= 1, "training.steps", self.steps().to_string(), "at least 1")?;
        positive("training.learning_rate", training.learning_rate)?;
        positive("training.clip", training.clip)?;
        not_negative("training.final_rate", training.final_rate)?;
        let averaging = training.averaging;
        check(
            (0.0..1.0).contains(&averaging),
            "training.averaging",
            averaging.to_string(),
            "from 0 to below 1",
        )?;
        let until = training.until.unwrap_or_default();
        not_negative("training.until.loss_over_floor", until.loss_over_floor.unwrap_or(0.0))?;
        not_negative("training.until.excess", until.excess.unwrap_or(0.0))?;
        let improvement = until.min_improvement;
        let in_range = (0.0..1.0).contains(&improvement);
        check(in_range, "training.until.min_improvement", improvement.to_string(), "from 0 to below 1")?;
        for (key, every) in [
            ("training.until.patience", until.patience.unwrap_or(1)),
            ("training.log_every", training.log_every),
            ("training.checkpoint_every", training.checkpoint_every),
        ] {
            check(every >= 1, key, every.to_string(), "at least 1")?;
        }
        // A resumed run logs the same averages only if a line ends where the checkpoint is taken.
        check(
            training.checkpoint_every.is_multiple_of(training.log_every),
            "training.checkpoint_every",
            training.checkpoint_every.to_string(),
            "a multiple of training.log_every",
        )?;
        self.schedule()?;
        self.generators()?;
        Ok(())
    }
}

/// One display, of a set size drawn uniformly.
pub(crate) fn draw_display(generators: &[DisplayGenerator], stream: &mut Stream) -> Display {
    let choice = stream.random_range(0..generators.len());
    generators[choice].draw(stream)
}

/// A validated experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    stages: Vec<Stage>,
    text: String,
    folder: PathBuf,
}

impl Experiment {
    /// Reads and checks an experiment file.
    ///
    /// # Errors
    /// Names the file and the line, key and value at fault, and what would be valid.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| errare_core::Error::Io { path: path.into(), source })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        Self::parse(&text, &folder).map_err(|error| match error {
            Error::Experiment { reason, .. } => Error::Experiment { path: path.into(), reason },
            other => Error::Experiment { path: path.into(), reason: other.to_string() },
        })
    }

    /// Parses and checks the text of an experiment file; relative paths in it start at `folder`.
    ///
    /// # Errors
    /// As [`Experiment::read`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Experiment { path: folder.into(), reason };
        // The first pass finds errors of syntax and of unknown keys at their place in the file.
        let spelled: Spelled = toml::from_str(text).map_err(|error| fail(explain(&error.to_string())))?;
        let mut base: toml::Table = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        base.remove("stage");
        let mut stages = Vec::new();
        for (index, mut overrides) in spelled.stage.into_iter().enumerate() {
            if let Some(until) = overrides.remove("until") {
                let training = overrides.entry("training").or_insert(toml::Table::new().into());
                if let Some(training) = training.as_table_mut() {
                    training.insert("until".into(), until);
                }
            }
            let merged = merge(base.clone(), overrides);
            let stage: Stage = merged.try_into().map_err(|error: toml::de::Error| {
                fail(format!("stage {}: {}", index + 1, explain(error.message())))
            })?;
            stages.push(stage);
        }
        let last: Stage = base.try_into().map_err(|error: toml::de::Error| fail(explain(error.message())))?;
        stages.push(last);
        Self::from_stages(stages, folder)
    }

    /// An experiment of these stages; relative paths in them start at `folder`.
    ///
    /// # Errors
    /// Names the key whose value is outside its domain, or that a stage may not change.
    pub fn from_stages(stages: Vec<Stage>, folder: &Path) -> Result<Self> {
        let Some(last) = stages.last() else {
            return Err(Error::invalid("stage", "empty", "at least one stage"));
        };
        for (index, stage) in stages.iter().enumerate() {
            stage.validate().map_err(|error| Error::Experiment {
                path: folder.into(),
                reason: if stages.len() > 1 {
                    format!("stage {}: {error}", index + 1)
                } else {
                    error.to_string()
                },
            })?;
            let shape = |stage: &Stage| {
                let n = &stage.network;
                (
                    n.dynamics,
                    n.alpha,
                    n.input_gain,
                    n.neurons,
                    n.branches.clone(),
                    n.hidden,
                    n.rank,
                    n.time_code,
                    [n.report_columns, n.probe_columns],
                    stage.task.cue,
                    stage.seed,
                )
            };
            let start = &stage.training.start_from;
            if index > 0 && start.is_some() && *start != stages[0].training.start_from {
                return Err(Error::Experiment {
                    path: folder.into(),
                    reason: format!("stage {}: only the first stage starts from a run", index + 1),
                });
            }
            let slots = |stage: &Stage| (stage.task.cue == Cue::Index).then(|| stage.largest_set_size());
            if shape(stage) != shape(last) || slots(stage) != slots(last) {
                return Err(Error::Experiment {
                    path: folder.into(),
                    reason: format!(
                        "stage {}: a stage may not change the seed, the cue, the slots or the architecture",
                        index + 1
                    ),
                });
            }
        }
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            base: &'a Stage,
            #[serde(skip_serializing_if = "<[Stage]>::is_empty")]
            stage: &'a [Stage],
        }
        let written = Written { base: last, stage: &stages[..stages.len() - 1] };
        let text = toml::to_string(&written)
            .map_err(|error| Error::Experiment { path: folder.into(), reason: error.to_string() })?;
        Ok(Self { stages, text, folder: folder.into() })
    }

    /// The stages in order; the last is the base.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The last stage: what the finished network is.
    #[must_use]
    pub fn last(&self) -> &Stage {
        &self.stages[self.stages.len() - 1]
    }

    /// The experiment as TOML with every default written out.
    #[must_use]
    pub fn to_toml(&self) -> &str {
        &self.text
    }

    /// Where relative paths in the experiment start.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Steps of all stages together, at most.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.stages.iter().map(Stage::steps).sum()
    }
}

/// The file's keys as spelled, stages as plain tables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read only for the errors of their parsers")]
struct Spelled {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    task: TaskConfig,
    #[serde(default)]
    behaviour: BehaviourConfig,
    #[serde(default)]
    network: NetworkConfig,
    #[serde(default)]
    objective: ObjectiveConfig,
    #[serde(default)]
    diffusion: DiffusionConfig,
    #[serde(default)]
    training: TrainingConfig,
    #[serde(default)]
    stage: Vec<toml::Table>,
}

/// `base` with the keys of `overrides` replaced, table by table. A `swap` that names its `kind` replaces the base's whole.
fn merge(mut base: toml::Table, overrides: toml::Table) -> toml::Table {
    for (key, value) in overrides {
        let merged = match (base.remove(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => {
                let replaced = key == "swap" && new.contains_key("kind");
                toml::Value::Table(if replaced { new } else { merge(old, new) })
            }
            (_, value) => value,
        };
        base.insert(key, merged);
    }
    base
}

/// Adds the nearest known key to an "unknown field" error.
fn explain(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.contains("unknown field") || message.contains("unknown variant");
    if let (true, Some((wrong, known))) = (unknown, quoted.split_first()) {
        let nearest = known.iter().max_by(|a, b| strsim::jaro(wrong, a).total_cmp(&strsim::jaro(wrong, b)));
        if let Some(nearest) = nearest.filter(|nearest| strsim::jaro(wrong, nearest) > 0.6) {
            return format!("{}\ndid you mean `{nearest}`?", message.trim_end());
        }
    }
    message.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Experiment> {
        Experiment::parse(text, Path::new("here"))
    }

    const EXAMPLE: &str = r#"
        seed = 3
        [task]
        cue = "feature"
        [behaviour]
        swap = { kind = "distance", width = 1.5, offset = -2.0 }
        [training]
        steps = 100
        [[stage]]
        until = { loss_over_floor = 0.15, at_most_steps = 60 }
        objective.kind = "task-optimal"
        behaviour.swap = { kind = "none" }
        task.epochs = { delay = [1, 1], response = 5 }
    "#;

    #[test]
    fn stages_override_the_base_and_end_in_it() {
        let experiment = parse(EXAMPLE).unwrap();
        let [first, last] = experiment.stages() else { panic!("two stages") };
        assert_eq!(first.objective.kind, ObjectiveKind::TaskOptimal);
        assert_eq!((first.task.epochs.response, first.task.epochs.stimulus, first.steps()), (5, 5, 60));
        assert_eq!((last.objective.kind, last.task.epochs.response), (ObjectiveKind::Diffusion, 40));
        assert_eq!(experiment.total_steps(), 160);
    }

    #[test]
    fn the_written_form_reads_back() {
        let experiment = parse(EXAMPLE).unwrap();
        assert_eq!(parse(experiment.to_toml()).unwrap().stages(), experiment.stages());
        assert!(experiment.to_toml().contains("learning_rate = 0.001"), "defaults are written out");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("[netwrk]\nneurons = 3", "did you mean `network`"),
            ("[network]\nneuron = 3", "did you mean `neurons`"),
            ("[network]\ndynamics = \"dendritc\"", "did you mean `dendritic`"),
            ("[network]\nneurons = 1", "network.neurons is 1"),
            ("[network]\nbranches = []", "network.branches is []"),
            ("[network]\nbranches = [2, 0]", "at least 1"),
            ("[network]\nbranches = [1000, 1000]", "at most 100000 ends a neuron"),
            ("[network]\ndynamics = \"low-rank\"\nrank = 17", "network.rank is 17"),
            ("[network]\nreport_columns = 0", "network.report_columns is 0, but it must be 1 to 16"),
            ("[network]\nprobe_columns = 17", "network.probe_columns is 17, but it must be 1 to 16"),
            ("[network]\ndynamics = \"low_rank\"", "did you mean `low-rank`"),
            ("[behaviour]\nswap = { kind = \"distanc\", width = 1.0 }", "did you mean `distance`"),
            ("[behaviour]\nswap = { kind = \"distance\", width = 1.0 }", "offset"),
            ("[behaviour]\nswap = { kind = \"cue-noise\", kappa = -1.0 }", "behaviour.swap.kappa is -1"),
            (
                "[behaviour]\nswap = { kind = \"flat\", swap_probability = 1.5 }",
                "behaviour.swap.swap_probability is 1.5",
            ),
            (
                "[behaviour]\nresponse_sd = 1e-6",
                "behaviour.response_sd is 0.000001, but it must be 0.001 to π",
            ),
            ("[network]\ninput_gain = 0.0", "network.input_gain is 0"),
            ("[task]\nset_sizes = [2, 4]", "one set size with an index cue"),
            ("[diffusion]\nbeta = [0.1, 2.0]", "diffusion.beta"),
            ("[training]\nuntil = { patience = 0 }", "training.until.patience is 0"),
            ("[training]\nuntil = { exces = 0.1 }", "did you mean `excess`"),
            (
                "[objective]\nfree_running = 0.5\ntarget = \"sampled\"",
                "objective.free_running is 0.5, but it must be 0 unless",
            ),
            ("[objective]\nhand_off_spread = 0.1\n[training]\nsamples = 1", "one sample has no spread"),
            ("[diffusion]\nreverse_variance = \"posterio\"", "did you mean `posterior`"),
            ("[[stage]]\nnetwork.neurons = 20", "may not change"),
            ("[[stage]]\nnetwork.alpha = 0.2", "may not change"),
            ("[[stage]]\nnetwork.input_gain = 2.0", "may not change"),
            (
                "[[stage]]\ntraining.start_from = \"a\"\n[[stage]]\ntraining.start_from = \"b\"",
                "stage 2: only the first stage starts from a run",
            ),
            ("[[stage]]\nnetwork.probe_columns = 8", "may not change"),
            ("[[stage]]\ntraning.steps = 20", "did you mean `training`"),
            ("seed = \"one\"", "invalid type"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?} gives {error:?}");
        }
    }
}
