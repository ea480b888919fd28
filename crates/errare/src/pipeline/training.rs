//! Training into a run directory that carries all it needs, and taking such a run up again.

use errare_core::progress::Progress;
use errare_core::run_dir::RunDir;
use errare_network::{CarriedExperiment, EXPERIMENT, Experiment, TrainingSummary, train};

use super::{Error, Result};

/// Kind of a run directory that holds a network.
pub const RUN: &str = "run";

/// Trains an experiment into a claimed run directory, or goes on where an earlier session stopped. `carried` is what
/// [`Experiment::carried_by`] makes of it for that directory, `inject_nan_at` as in [`train`].
///
/// # Errors
/// [`Error::OtherExperiment`] when the directory holds another experiment; otherwise as [`train`].
pub fn train_into(
    dir: &RunDir,
    carried: CarriedExperiment,
    progress: &Progress,
    inject_nan_at: Option<u64>,
) -> Result<TrainingSummary> {
    if !dir.file(EXPERIMENT).exists() {
        carried.write(dir)?;
    } else if !carried.is_held_by(dir)? {
        return Err(Error::OtherExperiment { path: dir.path().into() });
    }
    let experiment = carried.experiment;
    let targets = experiment.targets()?;
    Ok(train(dir, experiment, targets, progress, inject_nan_at, |_| {})?)
}

/// Goes on with the run of a claimed directory.
///
/// # Errors
/// As [`train`].
pub fn resume(dir: &RunDir, experiment: Experiment, progress: &Progress) -> Result<TrainingSummary> {
    let targets = experiment.targets()?;
    Ok(train(dir, experiment, targets, progress, None, |_| {})?)
}
