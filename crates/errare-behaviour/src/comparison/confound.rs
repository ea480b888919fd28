//! Where an effect of report features may be a heavy tail: items that come close to the cued one in the report feature.
//!
//! A swap to an item nearer than about 2/√κ looks like a correct report. Where displays have no minimum separation, a swap
//! function of the report feature can therefore describe tails of the emission, or attraction, as swaps.

use super::ModelScore;
use crate::TrialTable;

/// Items within so many standard deviations 1/√κ of the cued one are near.
const REACH: f64 = 2.0;
/// Share of trials with a near item from which on it matters.
const SHARE: f64 = 0.01;

/// A warning where a model has swaps depend on report features and near items are common.
pub(super) fn warnings(table: &TrialTable, scores: &[ModelScore]) -> Vec<String> {
    let models: Vec<&ModelScore> = scores.iter().filter(|score| score.model.depends_on_report()).collect();
    let Some(first) = models.first() else { return Vec::new() };
    let spread = concentration(first).map_or(f64::NAN, |kappa| REACH / kappa.sqrt());
    let near = table
        .trials()
        .iter()
        .filter(|trial| {
            let display = &trial.display;
            (1..display.set_size()).any(|item| display.report_offset(item).abs() < spread)
        })
        .count();
    let share = near as f64 / table.len() as f64;
    if share < SHARE {
        return Vec::new();
    }
    let names: Vec<String> = models.iter().map(|score| score.model.to_string()).collect();
    vec![format!(
        "{} % of trials have an uncued item within 2/√κ = {spread:.2} rad of the cued one in the report feature, where a \
         swap looks like a correct report: what {} ascribe{} to report distance may be heavy tails of the emission. Before \
         claiming it, refit with a heavy-tailed emission and without the trials that have such items",
        (100.0 * share).round(),
        names.join(", "),
        if names.len() == 1 { "s" } else { "" },
    )]
}

/// κ of the emission, or that of a von Mises distribution of the same circular standard deviation.
fn concentration(score: &ModelScore) -> Option<f64> {
    let set_size = score.fit.set_size.unwrap_or(1);
    score.fit.emission.kappa().or_else(|| {
        let emission = score.fit.emission.emission(set_size).ok()?;
        let resultant = (-0.5 * emission.standard_deviation().powi(2)).exp();
        Some(errare_core::special::bessel_ratio_inverse(resultant))
    })
}
