//! Where an effect of report features may be a heavy tail: items that come close to the cued one in the report feature.
//!
//! A swap to an item nearer than about 2/√κ looks like a correct report. Where displays have no minimum separation, a swap
//! function of the report feature can therefore describe tails of the emission, or attraction, as swaps.

use super::ModelScore;
use crate::TrialTable;

/// Share of trials with a near item from which on it matters.
const SHARE: f64 = 0.01;

/// A warning where a model has swaps depend on report features and near items are common.
pub(super) fn warnings(table: &TrialTable, scores: &[ModelScore]) -> Vec<String> {
    let models: Vec<&ModelScore> = scores.iter().filter(|score| score.model.depends_on_report()).collect();
    let Some(first) = models.first() else { return Vec::new() };
    let Some(radius) = first.fit.bns.as_ref().map(|bns| bns.exclusion_radius) else { return Vec::new() };
    let near = table
        .trials()
        .iter()
        .filter(|trial| {
            let display = &trial.display;
            (1..display.set_size()).any(|item| display.report_offset(item).abs() < radius)
        })
        .count();
    let share = near as f64 / table.len() as f64;
    if share < SHARE {
        return Vec::new();
    }
    let names: Vec<String> = models.iter().map(|score| score.model.to_string()).collect();
    vec![format!(
        "{} % of trials have an uncued item within {radius:.2} rad of the cued one in the report feature, where a \
         swap looks like a correct report: what {} ascribe{} to report distance may be heavy tails of the emission. Before \
         claiming it, refit with a heavy-tailed emission (wrapped-stable) and without the trials that have such items",
        (100.0 * share).round(),
        names.join(", "),
        if names.len() == 1 { "s" } else { "" },
    )]
}
