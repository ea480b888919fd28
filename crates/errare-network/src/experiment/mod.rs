//! Experiment files: one TOML a network, read, checked and written back with every default spelled out.
//!
//! `[[stage]]` tables are a curriculum: each overrides keys of the base, in order; the base itself is the last
//! stage. Its `training.until` is its own.

mod stage;
mod validity;

use std::path::{Path, PathBuf};

use errare_core::explain_toml;
use serde::{Deserialize, Serialize};

use crate::config::{
    BehaviourConfig, Cue, DiffusionConfig, NetworkConfig, ObjectiveConfig, TaskConfig, TrainingConfig,
};
use crate::{Error, Result};

pub use stage::Stage;
pub(crate) use stage::draw_display;

/// A validated experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    stages: Vec<Stage>,
    text: String,
    folder: PathBuf,
    /// What messages name: the file, or the folder where there is none.
    path: PathBuf,
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
        of_file(Self::parse(&text, &folder), path)
    }

    /// Parses and checks the text of an experiment file; relative paths in it start at `folder`.
    ///
    /// # Errors
    /// As [`Experiment::read`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Experiment { path: folder.into(), reason };
        // The first pass finds errors of syntax and of unknown keys at their place in the file.
        let spelled: Spelled =
            toml::from_str(text).map_err(|error| fail(explain_toml(&error.to_string())))?;
        let mut base: toml::Table = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        base.remove("stage");
        // When the last stage ends, no other one does.
        let mut shared = base.clone();
        if let Some(training) = shared.get_mut("training").and_then(toml::Value::as_table_mut) {
            training.remove("until");
        }
        let mut stages = Vec::new();
        let count = spelled.stage.len() + 1;
        for (index, mut overrides) in spelled.stage.into_iter().enumerate() {
            let until = overrides.remove("until");
            let training = overrides.get("training").and_then(toml::Value::as_table);
            if until.is_some() && training.is_some_and(|training| training.contains_key("until")) {
                let reason = "`until` and `training.until` are the same key: give one of them";
                return Err(fault(folder, index, count, reason));
            }
            let mut merged = merge(shared.clone(), overrides);
            if let Some(until) = until {
                let training = merged.entry("training").or_insert(toml::Table::new().into());
                if let Some(training) = training.as_table_mut() {
                    let until = toml::Table::from_iter([("until".to_owned(), until)]);
                    *training = merge(std::mem::take(training), until);
                }
            }
            let stage: Stage = merged.try_into().map_err(|error: toml::de::Error| {
                fault(folder, index, count, &explain_toml(&error.to_string()))
            })?;
            stages.push(stage);
        }
        let last: Stage =
            base.try_into().map_err(|error: toml::de::Error| fail(explain_toml(&error.to_string())))?;
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
        // The last one first: what is wrong with the top level of the file is wrong with every stage that takes it over.
        let count = stages.len();
        for (index, stage) in stages.iter().enumerate().cycle().skip(count - 1).take(count) {
            check(stage, &stages[0], last).map_err(|reason| fault(folder, index, count, &reason))?;
        }
        let text = written(&stages)
            .map_err(|error| Error::Experiment { path: folder.into(), reason: error.to_string() })?;
        Ok(Self { stages, text, folder: folder.into(), path: folder.into() })
    }

    /// The same experiment with another seed.
    ///
    /// # Errors
    /// When TOML cannot hold the seed.
    pub fn with_seed(&self, seed: u64) -> Result<Self> {
        let mut stages = self.stages.clone();
        stages.iter_mut().for_each(|stage| stage.seed = seed);
        of_file(Self::from_stages(stages, &self.folder), &self.path)
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

    /// What is wrong with the stage at `index`, as an error that names file and stage.
    pub(crate) fn fault_of(&self, index: usize, reason: &str) -> Error {
        fault(&self.path, index, self.stages.len(), reason)
    }

    /// The run whose weights the first stage starts from, if it does not start from random ones.
    pub(crate) fn started_from(&self) -> Option<&PathBuf> {
        self.stages[0].training.start_from.as_ref()
    }

    /// Steps of all stages together, at most.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.stages.iter().map(Stage::steps).sum()
    }
}

/// Names the file, where the folder was named.
fn of_file(experiment: Result<Experiment>, path: &Path) -> Result<Experiment> {
    match experiment {
        Ok(experiment) => Ok(Experiment { path: path.into(), ..experiment }),
        Err(Error::Experiment { reason, .. }) => Err(Error::Experiment { path: path.into(), reason }),
        Err(other) => Err(Error::Experiment { path: path.into(), reason: other.to_string() }),
    }
}

/// What is wrong with a stage of `count`, which is named where there are several.
fn fault(path: &Path, index: usize, count: usize, reason: &str) -> Error {
    let reason =
        if count > 1 { format!("{}: {reason}", stage_name(index, count)) } else { reason.to_owned() };
    Error::Experiment { path: path.into(), reason }
}

/// The name of a stage of `count` in messages: its number from 1, as in the log, and where it stands in the file.
fn stage_name(index: usize, count: usize) -> String {
    let number = index + 1;
    let place = match number {
        _ if number == count => "the top level of the file".to_owned(),
        1 => "the first [[stage]]".to_owned(),
        2 => "the second [[stage]]".to_owned(),
        3 => "the third [[stage]]".to_owned(),
        _ => format!("[[stage]] number {number}"),
    };
    format!("stage {number} of {count}, {place}")
}

/// What is wrong with a stage by itself, or beside the first and the last one.
fn check(stage: &Stage, first: &Stage, last: &Stage) -> std::result::Result<(), String> {
    validity::validate(stage).map_err(|error| error.to_string())?;
    let start = &stage.training.start_from;
    // A stage of a file has the start of the top level, or one that it names itself.
    let named = start.is_some() && *start != first.training.start_from;
    if named || start.is_none() && last.training.start_from.is_some() {
        return Err("only the first stage starts from a run".into());
    }
    let slots = |stage: &Stage| (stage.task.cue == Cue::Index).then(|| stage.largest_set_size());
    let circuit = |stage: &Stage| (stage.seed, stage.task.cue, slots(stage));
    if without_noise(stage) != without_noise(last) || circuit(stage) != circuit(last) {
        return Err("a stage may not change the seed, the cue, the slots or the architecture".into());
    }
    Ok(())
}

/// What of `[network]` all stages share.
fn without_noise(stage: &Stage) -> NetworkConfig {
    NetworkConfig { preparation_noise: None, null_space_noise: None, ..stage.network.clone() }
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

/// What gives a key in a stage its default back, whatever the base has.
const DEFAULT: &str = "default";
/// Keys whose values are paths, of which one may be called so.
const PATHS: [&str; 2] = ["path", "start_from"];

/// `base` with the keys of `overrides` replaced, table by table, and those that are [`DEFAULT`] removed. A `swap` that
/// names its `kind` replaces the base's whole.
fn merge(mut base: toml::Table, overrides: toml::Table) -> toml::Table {
    for (key, value) in overrides {
        let merged = match (base.remove(&key), value) {
            (_, toml::Value::Table(new)) if key == "swap" && new.contains_key("kind") => new.into(),
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new).into(),
            (_, toml::Value::Table(new)) => merge(toml::Table::new(), new).into(),
            (_, toml::Value::String(value)) if value == DEFAULT && !PATHS.contains(&&*key) => continue,
            (_, value) => value,
        };
        base.insert(key, merged);
    }
    base
}

/// Stages as a file from which they are read back as they are.
fn written(stages: &[Stage]) -> std::result::Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct Written<'a> {
        #[serde(flatten)]
        base: &'a Stage,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stage: Vec<WrittenStage<'a>>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum WrittenStage<'a> {
        Whole(&'a Stage),
        WithDefaults(toml::Table),
    }
    let (base, stages) = stages.split_last().expect("an experiment has a stage");
    let keys = toml::Table::try_from(base)?;
    let spelled = |stage| {
        let mut table = toml::Table::try_from(stage)?;
        Ok(match spell_defaults(&mut table, &keys) {
            false => WrittenStage::Whole(stage),
            true => WrittenStage::WithDefaults(table),
        })
    };
    let stage = stages.iter().map(spelled).collect::<std::result::Result<_, toml::ser::Error>>()?;
    toml::to_string(&Written { base, stage })
}

/// Spells out what a stage leaves to its default but would take over from the base; true if there is any. A `swap` is
/// always written whole, and the base's `until` is its own.
fn spell_defaults(stage: &mut toml::Table, base: &toml::Table) -> bool {
    let mut any = false;
    for (key, value) in base.iter().filter(|(key, _)| *key != "swap" && *key != "until") {
        any |= match (stage.get_mut(key), value) {
            (Some(toml::Value::Table(stage)), toml::Value::Table(base)) => spell_defaults(stage, base),
            (Some(_), _) => false,
            (None, _) => {
                stage.insert(key.clone(), DEFAULT.into());
                true
            }
        };
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FitReference, ObjectiveKind, Swap, Until};

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
    fn a_stage_is_written_so_that_it_takes_nothing_over_that_it_has_not() {
        // All that may be left out, given or not: in a stage, in the base.
        let until = |keys: u32| Until {
            loss_over_floor: (keys & 1 > 0).then_some(0.5),
            excess: (keys & 2 > 0).then_some(0.25),
            patience: (keys & 4 > 0).then_some(9),
            at_most_steps: (keys & 8 > 0).then_some(70),
            ..Until::default()
        };
        let stage = |keys: u32| {
            let mut stage = Stage::default();
            stage.task.separation = (keys & 1 > 0).then_some(0.5);
            stage.network.preparation_noise = (keys & 2 > 0).then_some(0.03);
            stage.network.null_space_noise = (keys & 4 > 0).then_some(0.04);
            stage.objective.last_steps = (keys & 8 > 0).then_some(3);
            stage.training.until = (keys & 16 > 0).then(|| until(keys));
            let path = if keys & 4 > 0 { DEFAULT } else { "fits" };
            stage.behaviour.swap = Swap::Fit(FitReference {
                path: path.into(),
                set_size: (keys & 1 > 0).then_some(4),
                draw: (keys & 2 > 0).then_some(1),
            });
            stage
        };
        for first in 0..32 {
            for last in 0..32 {
                let stages = vec![stage(first), stage(last ^ 5), stage(last)];
                let experiment = Experiment::from_stages(stages, Path::new("here")).unwrap();
                let text = experiment.to_toml();
                assert_eq!(parse(text).unwrap(), experiment, "{first} {last}:\n{text}");
            }
        }
        let mut stages = vec![stage(0); 3];
        for index in [0, 2] {
            stages[index].training.start_from = Some(DEFAULT.into());
        }
        let error = Experiment::from_stages(stages.clone(), Path::new("here")).unwrap_err().to_string();
        assert!(error.contains("stage 2 of 3") && error.contains("only the first stage"), "{error}");
        stages[2].training.start_from = None;
        let experiment = Experiment::from_stages(stages, Path::new("here")).unwrap();
        assert_eq!(parse(experiment.to_toml()).unwrap(), experiment);
    }

    #[test]
    fn the_last_steps_are_those_of_stages_that_count_them() {
        let text = |kind: &str| {
            format!(
                "[objective]\nlast_steps = 10\n[[stage]]\ntask.epochs.response = 5\nobjective.kind = \"{kind}\""
            )
        };
        assert!(parse(&text("diffusion")).is_ok());
        let error = parse(&text("task-optimal")).unwrap_err().to_string();
        assert!(
            error.contains("objective.last_steps is 10, but it must be 1 to the response steps"),
            "{error}"
        );
    }

    #[test]
    fn the_last_stages_end_is_its_own() {
        let text = r#"
            [training]
            until = { excess = 0.1, patience = 7 }
            [[stage]]
            until = { at_most_steps = 3 }
            [[stage]]
            training.until.patience = 5
            [[stage]]
            training.steps = 30
        "#;
        let experiment = parse(text).unwrap();
        let ends: Vec<_> = experiment.stages().iter().map(|stage| stage.training.until).collect();
        let expected = [
            Some(Until { at_most_steps: Some(3), ..Until::default() }),
            Some(Until { patience: Some(5), ..Until::default() }),
            None,
            Some(Until { excess: Some(0.1), patience: Some(7), ..Until::default() }),
        ];
        assert_eq!(ends, expected);
        assert_eq!(parse(experiment.to_toml()).unwrap(), experiment);
    }

    #[test]
    fn a_stage_gives_a_key_its_default_back() {
        let text = r#"
            [task]
            separation = 0.5
            [network]
            preparation_noise = 0.03
            [training]
            steps = 100
            [[stage]]
            task.separation = "default"
            network.preparation_noise = "default"
            objective.last_steps = "default"
            training = "default"
            until = { at_most_steps = 60 }
        "#;
        let experiment = parse(text).unwrap();
        let [first, last] = experiment.stages() else { panic!("two stages") };
        assert_eq!((first.task.separation, first.network.preparation_noise), (None, None));
        assert_eq!((first.training.steps, first.steps()), (20_000, 60));
        assert_eq!((last.task.separation, last.network.preparation_noise), (Some(0.5), Some(0.03)));
        assert_eq!(parse(experiment.to_toml()).unwrap(), experiment);
    }

    #[test]
    fn a_seed_that_toml_cannot_hold_is_refused() {
        let stage = Stage { seed: u64::MAX, ..Stage::default() };
        let error = Experiment::from_stages(vec![stage], Path::new("here")).unwrap_err().to_string();
        assert!(error.contains("seed is 18446744073709551615"), "{error}");
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
            ("[network]\ninput_gain = 0.0", "network.input_gain is 0, but it must be 1e-6 to 1e6"),
            ("[network]\npreparation_noise = 1e300", "network.preparation_noise is 1"),
            ("[behaviour]\nradius = 1e30", "but it must be 1e-6 to 1e6"),
            ("[training]\nclip = 1e-300", "training.clip is 0.000"),
            ("[network]\nhidden = 1000000", "network.hidden is 1000000, but it must be 1 to 65536"),
            ("[network]\ntime_code = 7", "network.time_code is 7"),
            (
                "[network]\ndynamics = \"rate\"\nneurons = 4096\nhidden = 65536",
                "the number of parameters of [network] is 537858204, but it must be 1 to 100000000",
            ),
            ("[task]\nepochs = { response = 0 }", "task.epochs.response is 0, but it must be 1 to 1000"),
            ("[task]\nepochs = { delay = [1, 100000] }", "task.epochs.delay is 100000"),
            ("[training]\ndisplays = 10000\nsamples = 10000", "training.samples is 100000000"),
            ("[task]\nset_sizes = [2, 4]", "one set size with an index cue"),
            ("[diffusion]\nbeta = [0.1, 2.0]", "diffusion.beta"),
            ("[training]\nuntil = { patience = 0 }", "training.until.patience is 0"),
            ("[training]\nuntil = { at_most_steps = 0 }", "training.until.at_most_steps is 0"),
            ("[training]\nsteps = 0", "training.steps is 0, but it must be at least 1"),
            ("[task]\nseparation = 9.0", "task.separation is 9, but it must be 0 to π (rad)"),
            (
                "[task]\ncue = \"feature\"\nset_sizes = [6, 4]\nseparation = 1.1",
                "task.separation is 1.1, but it must be 0 to 2π/6 (rad), for 6 items to have room on the circle",
            ),
            (
                "[objective]\nexploration = 0.9999",
                "objective.exploration is 0.9999, but it must be 0 to 0.999",
            ),
            ("[training]\nfinal_rate = 1.5", "training.final_rate is 1.5, but it must be 0 to 1"),
            ("[training]\nuntil = { exces = 0.1 }", "did you mean `excess`"),
            (
                "[objective]\nfree_running = 0.5\ntarget = \"sampled\"",
                "objective.free_running is 0.5, but it must be 0 unless",
            ),
            ("[objective]\nhand_off_spread = 0.1\n[training]\nsamples = 1", "one sample has no spread"),
            ("[diffusion]\nreverse_variance = \"posterio\"", "did you mean `posterior`"),
            ("[[stage]]\nnetwork.alpha = 0.2", "may not change"),
            ("[[stage]]\nnetwork.input_gain = 2.0", "may not change"),
            (
                "[[stage]]\ntraining.start_from = \"a\"\n[[stage]]\ntraining.start_from = \"b\"",
                "stage 2 of 3, the second [[stage]]: only the first stage starts from a run",
            ),
            ("[[stage]]\nnetwork.neurons = 20", "stage 1 of 2, the first [[stage]]: a stage may not change"),
            (
                "[training]\ndisplays = 0\n[[stage]]\ntraining.samples = 2",
                "stage 2 of 2, the top level of the file: training.displays is 0",
            ),
            ("[[stage]]\nnetwork.probe_columns = 8", "may not change"),
            ("[[stage]]\ntraning.steps = 20", "did you mean `training`"),
            (
                "[[stage]]\nuntil = { patience = 5 }\ntraining.until = { excess = 0.1 }",
                "stage 1 of 2, the first [[stage]]: `until` and `training.until` are the same key",
            ),
            ("seed = \"one\"", "this is \"one\", but it must be a whole number from 0"),
            (
                "[[stage]]\ntraining.steps = \"many\"",
                "the first [[stage]]: `training.steps` is \"many\", but it must be a whole number from 0",
            ),
            ("[behaviour]\nswap = { kind = \"none\", width = 2.0 }", "unknown field `width`"),
            ("[behaviour]\nswap = { kind = \"sharp\", width = 2.0 }", "unknown field `width`"),
            ("[behaviour]\nswap = \"none\"", "but it must be a table such as { kind = \"none\" }"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?} gives {error:?}");
        }
    }
}
