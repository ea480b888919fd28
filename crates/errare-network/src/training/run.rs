//! Training into a run directory: log, checkpoints, resuming.

use std::path::Path;

use errare_behaviour::ResponseModel;
use errare_core::progress::Progress as Bars;
use errare_core::run_dir::{EventLog, RunDir, read_events};

use super::CHECKPOINT;
use super::checkpoint::Saved;
use super::monitor::Ending;
use super::trainer::{LogEntry, Trainer};
use crate::experiment::Experiment;
use crate::landmarks::Plateau;
use crate::{Error, Result};

/// Name of the experiment in a run directory.
pub const EXPERIMENT: &str = "experiment.toml";
/// Name of the log in a run directory.
pub const EVENTS: &str = "events.jsonl";

/// How a training ended.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TrainingSummary {
    /// Steps in all, those before a resumption included.
    pub steps: u64,
    /// Steps that this call took.
    pub taken: u64,
    /// Smoothed objective of the last stage, without penalties.
    pub loss: f64,
    /// What a perfect network would reach.
    pub floor: f64,
    /// Mean over τ of (smoothed loss − floor)/max(floor, mean floor).
    pub excess: f64,
    /// The same at each τ = 1…T.
    pub excess_per_step: Vec<f64>,
    /// The plateau that the loss ended on.
    pub plateau: Option<Plateau>,
    /// How the last stage ended.
    pub ended: Option<Ending>,
}

/// Trains into a claimed run directory until the last stage is over. A directory with a checkpoint is
/// resumed, to the same bytes as if it had never stopped.
///
/// The directory holds a checkpoint from the start. A later one replaces it only when its weights are *sound*: the
/// next batch was computed with them, and neither it nor those before gave reason to doubt them. Behind the last batch of a
/// stage there is none to try its weights, which are finite.
///
/// `targets` holds the response model of each stage; `on_log` sees every line of the log as it is written.
/// `inject_nan_at` makes the gradient of that step not a number, to see training fail.
///
/// # Errors
/// When a file cannot be read or written, when the checkpoint is of another experiment, or when training
/// diverges ([`Error::Diverged`]; the last good checkpoint then stays).
pub fn train(
    dir: &RunDir,
    experiment: Experiment,
    targets: Vec<Box<dyn ResponseModel>>,
    bars: &Bars,
    inject_nan_at: Option<u64>,
    mut on_log: impl FnMut(&LogEntry),
) -> Result<TrainingSummary> {
    let (total, stages) = (experiment.total_steps(), experiment.stages().len());
    let text = experiment.to_toml().to_owned();
    let fresh = !dir.file(CHECKPOINT).exists();
    let mut trainer = begin_training(dir.path(), experiment, targets)?;
    let before = trainer.progress().step;
    trainer.inject_nan_at(inject_nan_at);
    dir.write(EXPERIMENT, text.as_bytes()).map_err(Error::Writing)?;
    if fresh {
        dir.write(CHECKPOINT, &trainer.checkpoint()?).map_err(Error::Writing)?;
    }
    let mut log = EventLog::open_truncated_to(dir.file(EVENTS), trainer.progress().step)?;
    let bar = bars.bar("training", total);
    bar.start_at(trainer.progress().step);
    let mut untried: Option<Vec<u8>> = None;
    while !trainer.progress().finished {
        let every = trainer.checkpoint_every();
        let stage = trainer.progress().stage;
        if let Some(entry) = trainer.step()? {
            log.append(entry.step, &entry).map_err(Error::Writing)?;
            bar.set(entry.step, &progress_line(&entry, stages));
            on_log(&entry);
        }
        // The log first, always: a checkpoint never knows of steps that the log does not.
        if let Some(tried) = untried.take().filter(|_| trainer.is_sound()) {
            log.sync().map_err(Error::Writing)?;
            dir.write(CHECKPOINT, &tried).map_err(Error::Writing)?;
        }
        let progress = trainer.progress();
        if progress.finished || (progress.stage != stage && trainer.is_sound()) {
            // The next batch, if there is one, is of another stage and tells nothing about these weights.
            log.sync().map_err(Error::Writing)?;
            dir.write(CHECKPOINT, &trainer.checkpoint()?).map_err(Error::Writing)?;
        } else if progress.step.is_multiple_of(every) {
            untried = Some(trainer.checkpoint()?);
        }
    }
    bar.finish();
    Ok(summary(&trainer, before))
}

/// A trainer at the checkpoint of the run directory `run`, or where there is none at the start: with the weights of the run
/// that the experiment starts from, if it names one.
///
/// # Errors
/// When the experiment's constants are impossible, a file cannot be read, or a checkpoint is of another experiment.
pub fn begin_training(
    run: &Path,
    experiment: Experiment,
    targets: Vec<Box<dyn ResponseModel>>,
) -> Result<Trainer> {
    let start_from = experiment.started_from().map(|run| experiment.folder().join(run));
    let mut trainer = Trainer::new(experiment, targets)?;
    let checkpoint = run.join(CHECKPOINT);
    if checkpoint.exists() {
        trainer.restore(&read(&checkpoint)?, &checkpoint)?;
    } else if let Some(run) = start_from {
        let path = run.join(CHECKPOINT);
        trainer.start_from(&read(&path)?, &path)?;
    }
    Ok(trainer)
}

fn progress_line(entry: &LogEntry, stages: usize) -> String {
    let LogEntry { stage, smoothed_loss, floor, excess, .. } = entry;
    let mut line = if stages > 1 { format!("stage {stage} of {stages}, ") } else { String::new() };
    line.push_str(&format!("loss {smoothed_loss:.3} (floor {floor:.3}, excess {excess:.2})"));
    if let Some(plateau) = entry.plateau {
        line.push_str(&format!(", on a plateau: {plateau}"));
    }
    line
}

fn summary(trainer: &Trainer, before: u64) -> TrainingSummary {
    let (progress, landmarks) = (trainer.progress(), trainer.landmarks());
    TrainingSummary {
        steps: progress.step,
        taken: progress.step - before,
        loss: progress.monitor.smoothed_loss,
        floor: landmarks.floor,
        excess: progress.monitor.excess(landmarks),
        excess_per_step: progress.monitor.excess_per_step(landmarks),
        plateau: progress.monitor.plateau(landmarks),
        ended: progress.ended,
    }
}

/// Reads the experiment of a run directory.
///
/// # Errors
/// As [`Experiment::read`].
pub fn read_experiment(run: impl AsRef<Path>) -> Result<Experiment> {
    Experiment::read(run.as_ref().join(EXPERIMENT))
}

/// Reads the log of a run directory up to its checkpoint. A killed training leaves later lines, and perhaps a torn one, of
/// steps that the network of the checkpoint has not taken.
///
/// # Errors
/// When the checkpoint or the log cannot be read, or a line is no log entry.
pub fn read_log(run: impl AsRef<Path>) -> Result<Vec<LogEntry>> {
    let path = run.as_ref().join(CHECKPOINT);
    let step = Saved::read(&read(&path)?, &path)?.step();
    Ok(read_events(run.as_ref().join(EVENTS), step)?)
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(path).map_err(|source| errare_core::Error::Io { path: path.into(), source })?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use errare_behaviour::{Display, SwapFunction};
    use errare_core::random::{Purpose, stream};

    use super::*;
    use crate::{HandOff, Network, Simulation};

    const TINY: &str = r#"
        seed = 5
        [task]
        epochs = { stimulus = 2, delay = [1, 3], cue = 2, gap = 1, response = 4 }
        [behaviour]
        swap = { kind = "flat", swap_probability = 0.2 }
        [network]
        neurons = 6
        branches = [2, 3]
        [training]
        displays = 40
        samples = 2
        steps = 40
        warm_up = 5
        log_every = 5
        checkpoint_every = 10
        [[stage]]
        until = { at_most_steps = 23 }
        objective.kind = "task-optimal"
        behaviour.swap = { kind = "none" }
    "#;

    fn targets() -> Vec<Box<dyn ResponseModel>> {
        vec![Box::new(SwapFunction::None), Box::new(SwapFunction::Flat { swap_probability: 0.2 })]
    }

    fn files(dir: &Path) -> [Vec<u8>; 3] {
        [CHECKPOINT, EVENTS, EXPERIMENT].map(|name| std::fs::read(dir.join(name)).unwrap())
    }

    /// Trains until the log panics at `stop`, as a kill would, and returns whether it did.
    fn train_until(dir: &Path, stop: u64) -> bool {
        train_text_until(TINY, dir, stop)
    }

    fn train_text_until(text: &str, dir: &Path, stop: u64) -> bool {
        let outcome = std::panic::catch_unwind(|| {
            let dir = RunDir::claim(dir, "run").unwrap();
            dir.write("provenance.json", br#"{"kind": "run"}"#).unwrap();
            let experiment = Experiment::parse(text, Path::new(".")).unwrap();
            train(&dir, experiment, targets(), &Bars::silent(), None, |entry| assert!(entry.step < stop))
                .unwrap()
        });
        outcome.is_err()
    }

    #[test]
    fn an_interrupted_run_resumes_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
        assert!(!train_until(&whole, u64::MAX));
        for stop in [5, 15, 23, 28, 45, 60] {
            assert!(train_until(&broken, stop), "stopped at {stop}");
        }
        assert!(!train_until(&broken, u64::MAX));
        assert!(files(&whole) == files(&broken));
        let log = read_log(&whole).unwrap();
        assert_eq!(log.last().map(|entry| (entry.step, entry.stage)), Some((63, 2)));
        assert_eq!(log[0].loss_per_step.len(), 4);
    }

    #[test]
    fn an_early_end_comes_at_the_same_step_after_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
        // Nothing halves the excess in 50 steps once the losses have settled.
        let until = "steps = 900\nuntil = { patience = 50, min_improvement = 0.5 }";
        let text = TINY.replace("steps = 40", until);
        assert!(!train_text_until(&text, &whole, u64::MAX));
        for stop in [428, 450] {
            assert!(train_text_until(&text, &broken, stop), "stopped at {stop}");
        }
        assert!(!train_text_until(&text, &broken, u64::MAX));
        assert!(files(&whole) == files(&broken));
        let last = read_log(&whole).unwrap().pop().unwrap();
        assert_eq!((last.step, last.ended), (23 + 400 + 50, Some(Ending::NoProgress)));
    }

    #[test]
    fn a_saved_network_simulates_like_the_trained_one() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        assert!(!train_until(&run, u64::MAX));
        let network = Network::load(&run).unwrap();
        let generator = network.stage().generators().unwrap()[0];
        let key = |i| stream(1, Purpose::Displays, &[i]);
        let displays: Vec<_> = (0..9).map(|i| generator.draw(&mut key(i))).collect();
        let simulation = Simulation::new(&network, 2).unwrap();
        let heard = AtomicU64::new(0);
        let hear = |so_far| {
            heard.fetch_max(so_far, Relaxed);
        };
        let responses = simulation.responses(&displays, 11, hear).unwrap();
        assert_eq!(heard.into_inner(), responses.points.len() as u64);
        let mut trainer = Trainer::new(Experiment::parse(TINY, Path::new(".")).unwrap(), targets()).unwrap();
        while !trainer.progress().finished {
            trainer.step().unwrap();
        }
        let trained = Network::of(&trainer);
        let again = Simulation::new(&trained, 2).unwrap().responses(&displays, 11, |_| {}).unwrap();
        assert_eq!(again, responses);
        let whole = simulation.trajectories(&displays, 11, 0).unwrap();
        assert_eq!(whole.responses, responses);
        assert_eq!(simulation.times()[0], -0.05 * 4.0, "five steps before the cue, the first of them over");
        for trajectory in [0, 50, 98] {
            let state = whole.state(trajectory, whole.steps - 1);
            for axis in 0..2 {
                let read: f64 =
                    network.readout()[axis].iter().zip(state).map(|(w, &r)| w * f64::from(r)).sum();
                assert!((read - f64::from(responses.points[trajectory][axis])).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn displays_that_a_cue_cannot_show_are_refused() {
        let of = |probe: &[f64], items: usize, cued_slot| Display {
            probe: probe.to_vec(),
            report: vec![0.5; items],
            cued_slot,
        };
        for (cue, display, words) in [
            ("index", of(&[], 3, 0), "the number of items of display 1 is 3, but it must be 2"),
            ("index", of(&[], 1, 0), "the number of items of display 1 is 1, but it must be 2"),
            ("index", of(&[], 2, 2), "cued_slot of display 1 is 2, but it must be below 2"),
            ("feature", of(&[], 2, 0), "the number of probe features of display 1 is 0, but it must be 2"),
            ("feature", of(&[], 0, 0), "the number of items of display 1 is 0, but it must be at least 1"),
        ] {
            let text = TINY.replace("[task]", &format!("[task]\ncue = \"{cue}\""));
            let trainer = Trainer::new(Experiment::parse(&text, Path::new(".")).unwrap(), targets()).unwrap();
            let network = Network::of(&trainer);
            let simulation = Simulation::new(&network, 2).unwrap();
            let displays = [of(&[0.0, 1.0], 2, 1), display];
            let errors = [
                simulation.responses(&displays, 3, |_| {}).unwrap_err(),
                simulation.trajectories(&displays, 3, 0).unwrap_err(),
            ];
            assert!(errors.iter().all(|error| error.to_string().contains(words)), "{errors:?}");
        }
    }

    #[test]
    fn only_a_network_that_was_forced_is_reset_at_hand_off() {
        for (kind, reset) in [("diffusion", true), ("task-optimal", false)] {
            let text = TINY.replace("[training]", &format!("[objective]\nkind = \"{kind}\"\n[training]"));
            let trainer = Trainer::new(Experiment::parse(&text, Path::new(".")).unwrap(), targets()).unwrap();
            let generator = Network::of(&trainer).stage().generators().unwrap()[0];
            let displays = [generator.draw(&mut stream(1, Purpose::Displays, &[]))];
            let [free, drawn] = [HandOff::Free, HandOff::Reset].map(|hand_off| {
                let network = Network::of(&trainer).with_hand_off(hand_off);
                Simulation::new(&network, 2).unwrap().responses(&displays, 3, |_| {}).unwrap()
            });
            assert_eq!(free != drawn, reset, "{kind}");
        }
    }

    #[test]
    fn weights_that_are_no_longer_finite_are_named() {
        let text = TINY.replace("steps = 40", "steps = 40\noptimiser = \"adam\"");
        let mut trainer = Trainer::new(Experiment::parse(&text, Path::new(".")).unwrap(), targets()).unwrap();
        trainer.optimiser.buffers_mut().for_each(|moments| moments.fill(f32::INFINITY));
        let error = trainer.step().unwrap_err().to_string();
        assert!(error.contains("a new weight of ") && error.contains(" at step 1"), "{error}");
    }

    #[test]
    fn the_bounds_of_keys_can_be_computed_with() {
        for keys in [
            "diffusion.beta = [1e-6, 1e-6]",
            "diffusion.beta = [0.9, 0.999]",
            "network.alpha = 1e-4",
            "network.alpha = 1.0",
            "network.preparation_noise = 1e6",
            "network.null_space_noise = 1e6",
            "network.input_gain = 1e-6",
            "network.input_gain = 1e6",
            "network.input_gain = 1e6\ntask.cue = \"feature\"",
            "behaviour.radius = 1e-6",
            "behaviour.radius = 1e6",
            "training.learning_rate = 1e-6",
            "training.clip = 1e-6",
            "training.clip = 1e6",
            "objective.hand_off_mean = 1e6",
            "objective.hand_off_spread = 1e6",
            "objective.activity = 1e6",
        ] {
            let (stage, _) = TINY.split_once("[[stage]]").unwrap();
            let mut table: toml::Table = toml::from_str(stage).unwrap();
            for (section, values) in toml::from_str::<toml::Table>(keys).unwrap() {
                let section = table.entry(section).or_insert(toml::Table::new().into());
                section.as_table_mut().unwrap().extend(values.as_table().unwrap().clone());
            }
            let experiment = Experiment::parse(&table.to_string(), Path::new(".")).unwrap();
            let mut trainer = Trainer::new(experiment, targets()).unwrap();
            let before = trainer.parameters.clone();
            for _ in 0..3 {
                trainer.step().unwrap_or_else(|error| panic!("{keys}: {error}"));
            }
            assert!(trainer.parameters != before, "{keys}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_not_the_inputs_fault() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::claim(folder.path().join("run"), "run").unwrap();
        std::fs::create_dir(dir.file(EXPERIMENT)).unwrap();
        let experiment = Experiment::parse(TINY, Path::new(".")).unwrap();
        let error = train(&dir, experiment, targets(), &Bars::silent(), None, |_| {}).unwrap_err();
        assert!(matches!(error, Error::Writing(_)) && !error.is_bad_input(), "{error}");
    }

    #[test]
    fn a_foreign_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CHECKPOINT);
        let experiment = |text: &str| Experiment::parse(text, Path::new(".")).unwrap();
        let trainer = Trainer::new(experiment(TINY), targets()).unwrap();
        let bytes = trainer.checkpoint().unwrap();
        let mut other = Trainer::new(experiment(&TINY.replace("seed = 5", "seed = 6")), targets()).unwrap();
        let error = other.restore(&bytes, &path).unwrap_err().to_string();
        assert!(error.contains("another experiment"), "{error}");
        let error = other.restore(&bytes[..100], &path).unwrap_err().to_string();
        assert!(error.contains("not a checkpoint"), "{error}");
        let larger = TINY.replace("neurons = 6", "neurons = 7");
        let error =
            Trainer::new(experiment(&larger), targets()).unwrap().start_from(&bytes, &path).unwrap_err();
        assert!(error.to_string().contains("has shape"), "{error}");
    }

    #[test]
    fn divergence_names_step_seed_and_quantity() {
        let text = TINY.replace("warm_up = 5", "warm_up = 1\nlearning_rate = 1e6");
        let experiment = Experiment::parse(&text, Path::new(".")).unwrap();
        let mut trainer = Trainer::new(experiment, targets()).unwrap();
        let error = (0..40).find_map(|_| trainer.step().err()).unwrap().to_string();
        assert!(
            error.contains("must be finite")
                && error.contains("seed 5")
                && error.contains("at step")
                && error.contains("became"),
            "{error}"
        );
    }
}
