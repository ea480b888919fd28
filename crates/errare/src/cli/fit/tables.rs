//! The files of a directory of fits.

use errare::behaviour::{Fit, Fits, ParticipantMeans, Shrinkage};
use errare::core::run_dir::RunDir;
use errare::pipeline::figures::shrinkage_by_participant;
use serde::Serialize;

use crate::cli::failure::{Failure, Stage};
use crate::cli::output::csv;

/// Writes everything a directory of fits holds; what an earlier fit had and this one has not goes.
pub(super) fn write_tables(
    dir: &RunDir,
    fits: &Fits,
    means: &[ParticipantMeans],
    shrinkage: &[Shrinkage],
) -> Result<(), Failure> {
    fits.write(dir.path()).or_failed()?;
    let fits = &fits.fits;
    dir.write("fits.csv", &csv(fits.iter().map(row))?).or_failed()?;
    write_rows(dir, "parameters.csv", fits.iter().flat_map(parameters))?;
    write_rows(dir, "participant_means.csv", means.iter().flat_map(mean_rows))?;
    write_rows(dir, "swap_curves.csv", fits.iter().flat_map(curve))?;
    write_rows(dir, "swap_surface.csv", fits.iter().flat_map(surface))?;
    write_rows(dir, "shrinkage.csv", shrinkage.iter())?;
    if shrinkage.is_empty() {
        dir.remove("figures/shrinkage.svg").or_failed()?;
        dir.remove("figures/shrinkage.csv").or_failed()
    } else {
        shrinkage_by_participant(shrinkage).write(&dir.path().join("figures")).or_failed().map(drop)
    }
}

/// Writes a table, or removes that of an earlier fit when there are no rows.
fn write_rows<R: Serialize>(dir: &RunDir, name: &str, rows: impl Iterator<Item = R>) -> Result<(), Failure> {
    let rows: Vec<R> = rows.collect();
    if rows.is_empty() { dir.remove(name).or_failed() } else { dir.write(name, &csv(&rows)?).or_failed() }
}

/// An estimate as a row of `parameters.csv`.
#[derive(Serialize)]
struct ParameterRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    name: &'a str,
    value: f64,
    standard_error: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
}

fn parameters(fit: &Fit) -> impl Iterator<Item = ParameterRow<'_>> {
    fit.parameters.iter().map(|estimate| {
        let interval = estimate.interval();
        ParameterRow {
            participant: fit.participant.as_deref(),
            condition: fit.condition.as_deref(),
            set_size: fit.set_size,
            name: &estimate.name,
            value: estimate.value,
            standard_error: estimate.standard_error,
            lo: interval.map(|ends| ends.0),
            hi: interval.map(|ends| ends.1),
        }
    })
}

/// A mean over participants as a row of `participant_means.csv`.
#[derive(Serialize)]
struct MeanRow<'a> {
    condition: Option<&'a str>,
    set_size: Option<usize>,
    participants: usize,
    name: &'a str,
    mean: f64,
    lo: Option<f64>,
    hi: Option<f64>,
}

fn mean_rows(group: &ParticipantMeans) -> impl Iterator<Item = MeanRow<'_>> {
    group.parameters.iter().map(|one| MeanRow {
        condition: group.condition.as_deref(),
        set_size: group.set_size,
        participants: group.participants,
        name: &one.name,
        mean: one.mean,
        lo: one.lo,
        hi: one.hi,
    })
}

/// A fit as a row of `fits.csv`.
#[derive(Serialize)]
struct FitRow<'a> {
    model: String,
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    trials: usize,
    log_likelihood: f64,
    kappa: Option<f64>,
    kappa_se: Option<f64>,
    target: f64,
    target_se: Option<f64>,
    nontarget: Option<f64>,
    nontarget_se: Option<f64>,
    uniform: f64,
    uniform_se: Option<f64>,
    log_evidence: Option<f64>,
    ess: Option<f64>,
}

fn row(fit: &Fit) -> FitRow<'_> {
    let errors = fit.standard_errors;
    FitRow {
        model: fit.model.to_string(),
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        trials: fit.trials,
        log_likelihood: fit.log_likelihood,
        kappa: fit.emission.kappa(),
        kappa_se: errors.map(|errors| errors.kappa),
        target: fit.weights.target,
        target_se: errors.map(|errors| errors.target),
        nontarget: fit.weights.nontarget,
        nontarget_se: errors.and_then(|errors| errors.nontarget),
        uniform: fit.weights.uniform,
        uniform_se: errors.map(|errors| errors.uniform),
        log_evidence: fit.bns.as_ref().map(|bns| bns.log_evidence),
        ess: fit.bns.as_ref().map(|bns| bns.ess),
    }
}

/// A point of a swap curve as a row of `swap_curves.csv`.
#[derive(Serialize)]
struct CurveRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    distance: f64,
    mean: f64,
    lo: f64,
    hi: f64,
    has_data: bool,
}

fn curve(fit: &Fit) -> impl Iterator<Item = CurveRow<'_>> {
    fit.bns.iter().flat_map(|bns| &bns.swap_curve).map(|point| CurveRow {
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        distance: point.distance,
        mean: point.mean,
        lo: point.lo,
        hi: point.hi,
        has_data: point.has_data,
    })
}

/// A point of a swap surface as a row of `swap_surface.csv`.
#[derive(Serialize)]
struct SurfaceRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    probe: f64,
    report: f64,
    odds: f64,
    mean: f64,
    lo: f64,
    hi: f64,
    has_data: bool,
}

fn surface(fit: &Fit) -> impl Iterator<Item = SurfaceRow<'_>> {
    fit.bns.iter().flat_map(|bns| &bns.swap_surface).map(|point| SurfaceRow {
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        probe: point.probe,
        report: point.report,
        odds: point.odds,
        mean: point.mean,
        lo: point.lo,
        hi: point.hi,
        has_data: point.has_data,
    })
}
