//! The tables of a directory of recoveries.

use errare::core::run_dir::RunDir;
use errare::pipeline::Recovery;
use serde::Serialize;

use crate::cli::failure::{Failure, Stage};
use crate::cli::output::csv;

#[derive(Serialize)]
struct EstimateRow<'a> {
    truth: &'a str,
    model: String,
    set: usize,
    parameter: &'a str,
    true_value: f64,
    estimate: f64,
}

#[derive(Serialize)]
struct ScoreRow<'a> {
    truth: &'a str,
    set: u64,
    model: String,
    score: f64,
}

#[derive(Serialize)]
struct RankRow<'a> {
    quantity: &'a str,
    set: usize,
    rank: usize,
}

#[derive(Serialize)]
struct CoefficientRow<'a> {
    truth: &'a str,
    coefficient: &'a str,
    mean: f64,
    sd: f64,
    nuts_mean: f64,
    nuts_sd: f64,
    ess: f64,
    r_hat: f64,
}

pub(super) fn write_tables(dir: &RunDir, recovery: &Recovery) -> Result<(), Failure> {
    let mut estimates = Vec::new();
    for recovered in &recovery.parameters {
        for summary in &recovered.parameters {
            estimates.extend(summary.estimates.iter().enumerate().map(|(set, &estimate)| EstimateRow {
                truth: &recovered.truth,
                model: recovered.model.to_string(),
                set,
                parameter: &summary.name,
                true_value: summary.truth,
                estimate,
            }));
        }
    }
    dir.write("parameters.csv", &csv(&estimates)?).or_failed()?;
    if let Some(models) = &recovery.models {
        let mut scores = Vec::new();
        for outcome in &models.outcomes {
            scores.extend(models.models.iter().zip(&outcome.scores).map(|(model, &score)| ScoreRow {
                truth: &outcome.truth,
                set: outcome.set,
                model: model.to_string(),
                score,
            }));
        }
        dir.write("models.csv", &csv(&scores)?).or_failed()?;
    }
    if let Some(calibration) = &recovery.calibration {
        let mut ranks = Vec::new();
        for quantity in &calibration.quantities {
            ranks.extend(quantity.ranks.iter().enumerate().map(|(set, &rank)| RankRow {
                quantity: &quantity.name,
                set,
                rank,
            }));
        }
        dir.write("ranks.csv", &csv(&ranks)?).or_failed()?;
    }
    if !recovery.posteriors.is_empty() {
        let mut rows = Vec::new();
        for recovered in &recovery.posteriors {
            rows.extend(recovered.check.coefficients.iter().map(|check| CoefficientRow {
                truth: &recovered.truth,
                coefficient: &check.name,
                mean: check.mean,
                sd: check.sd,
                nuts_mean: check.nuts_mean,
                nuts_sd: check.nuts_sd,
                ess: check.ess,
                r_hat: check.r_hat,
            }));
        }
        dir.write("posteriors.csv", &csv(&rows)?).or_failed()?;
    }
    Ok(())
}
