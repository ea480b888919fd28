//! Training into a run directory that carries all it needs, and taking such a run up again.
//!
//! [`claim_run`] and [`claim_again`] refuse all that cannot be trained, and write nothing before they have: what goes
//! wrong later went wrong while running.

use std::path::Path;

use errare_core::progress::Progress;
use errare_core::run_dir::RunDir;
use errare_network::{
    CarriedExperiment, EXPERIMENT, Experiment, TrainingSummary, begin_training, read_experiment, train,
};

use super::measurements::remove_measurements;
use super::{Error, Result};

/// Kind of a run directory that holds a network.
pub const RUN: &str = "run";

/// Claims a directory for the run of an experiment, and says what the run carries with it.
///
/// # Errors
/// [`Error::OtherExperiment`] when the directory holds another experiment, those of [`RunDir::claim`], and whatever keeps
/// the experiment from being trained: targets, constants of a stage, the run it starts from, a checkpoint.
pub fn claim_run(experiment: &Experiment, run: &Path) -> Result<(RunDir, CarriedExperiment)> {
    let carried = experiment.carried_by(run)?;
    RunDir::check(run, RUN)?;
    // Before a directory is made, if there is none.
    if !run.join(EXPERIMENT).exists() {
        check_trainable(experiment, run)?;
    }
    let dir = RunDir::claim(run, RUN)?;
    if dir.file(EXPERIMENT).exists() {
        if !carried.is_held_by(&dir)? {
            return Err(Error::OtherExperiment { path: run.into() });
        }
        check_trainable(&carried.experiment, run)?;
    }
    Ok((dir, carried))
}

/// Claims a run directory to go on with what it holds.
///
/// # Errors
/// As [`claim_run`].
pub fn claim_again(run: &Path) -> Result<(RunDir, Experiment)> {
    let experiment = read_experiment(run)?;
    let dir = RunDir::claim(run, RUN)?;
    check_trainable(&experiment, run)?;
    Ok((dir, experiment))
}

/// Refuses an experiment that cannot be begun, or be gone on with from the checkpoint that `run` holds.
pub(super) fn check_trainable(experiment: &Experiment, run: &Path) -> Result<()> {
    for stage in experiment.stages() {
        stage.schedule()?;
        stage.generators()?;
    }
    Ok(begin_training(run, experiment.clone(), experiment.targets()?).map(drop)?)
}

/// Trains an experiment into a claimed run directory, or goes on where an earlier session stopped: both are what
/// [`claim_run`] gave. `inject_nan_at` as in [`train`].
///
/// # Errors
/// As [`train`].
pub fn train_into(
    dir: &RunDir,
    carried: CarriedExperiment,
    progress: &Progress,
    inject_nan_at: Option<u64>,
) -> Result<TrainingSummary> {
    if !dir.file(EXPERIMENT).exists() {
        carried.write(dir)?;
    }
    go_on(dir, carried.experiment, progress, inject_nan_at)
}

/// Goes on with the run of a claimed directory: both are what [`claim_again`] gave.
///
/// # Errors
/// As [`train`].
pub fn resume(dir: &RunDir, experiment: Experiment, progress: &Progress) -> Result<TrainingSummary> {
    go_on(dir, experiment, progress, None)
}

/// Trains to the end; what was measured of the network before goes with the first steps.
fn go_on(
    dir: &RunDir,
    experiment: Experiment,
    progress: &Progress,
    inject_nan_at: Option<u64>,
) -> Result<TrainingSummary> {
    let targets = experiment.targets()?;
    // The log tells of steps before a checkpoint does, and of the last one always.
    let mut cleared = None;
    let summary = train(dir, experiment, targets, progress, inject_nan_at, |_| {
        cleared.get_or_insert_with(|| remove_measurements(dir));
    })?;
    cleared.unwrap_or(Ok(()))?;
    Ok(summary)
}
