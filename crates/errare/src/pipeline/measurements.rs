//! What was measured of a network, as files.

use std::path::Path;

use errare_core::run_dir::{RunDir, remove, write_atomic, write_json};

use super::Result;
use super::network::NetworkAnalysis;
use super::table::responses_as_parquet;

/// Name of the [verdict](super::Verdict) in a run directory.
pub const CRITERIA: &str = "criteria.json";

/// Writes `metrics.json`, `criteria.json`, `alignment.json` and `responses.parquet` into a folder. Where there is no alignment, that of an
/// earlier network goes.
///
/// # Errors
/// When a file cannot be written.
pub fn write_measurements(folder: &Path, analysis: &NetworkAnalysis) -> Result<()> {
    write_json(folder.join("metrics.json"), &analysis.fidelity.metrics)?;
    write_json(folder.join(CRITERIA), &analysis.verdict())?;
    let alignment = folder.join("alignment.json");
    match &analysis.alignment {
        Ok(found) => write_json(alignment, found)?,
        Err(_) => remove(alignment)?,
    }
    Ok(write_atomic(folder.join("responses.parquet"), &responses_as_parquet(&analysis.responses.network)?)?)
}

/// Removes what an analysis left in a run, and its figures and page: they are of a network that the run no longer holds.
///
/// # Errors
/// When a file cannot be removed.
pub(super) fn remove_measurements(run: &RunDir) -> Result<()> {
    const NAMES: [&str; 6] = [
        "metrics.json",
        CRITERIA,
        "alignment.json",
        "responses.parquet",
        "simulation.parquet",
        "report.html",
    ];
    for name in NAMES {
        remove(run.file(name))?;
    }
    Ok(run.remove_figures()?)
}
