//! The page of a model comparison: a section for each group of trials.

use errare_behaviour::{CLAIM, Comparison, Difference, FEWEST_TRIALS, ModelScore, TrialTable, Verdict};
use errare_core::provenance::Provenance;
use errare_report::number::{count, fixed};
use errare_report::{Cell, Column, Figure, Page, Section, Table, Unit};

use super::figures;
use super::page::with_provenance;

/// A comparison with its figures: distances, swap functions.
fn shown(comparisons: &[Comparison]) -> impl Iterator<Item = (&Comparison, Vec<Figure>)> {
    comparisons.iter().enumerate().map(|(index, comparison)| {
        let name = |kind: &str| format!("{kind}-{}", index + 1);
        let differences = figures::differences(&name("differences"), comparison);
        let functions = figures::compared_swap_functions(&name("swap-functions"), comparison);
        (comparison, differences.into_iter().chain(functions).collect())
    })
}

/// The figures of [`comparison_report`], numbered by group.
#[must_use]
pub fn comparison_figures(comparisons: &[Comparison]) -> Vec<Figure> {
    shown(comparisons).flat_map(|(_, figures)| figures).collect()
}

/// A page that ranks the models on each group of trials and says what can be claimed.
#[must_use]
pub fn comparison_report(table: &TrialTable, comparisons: &[Comparison], provenance: &Provenance) -> Page {
    let models = comparisons.first().map_or(0, |comparison| comparison.models.len());
    let summary = format!(
        "{models} behaviour models on {} trials of {} participants ({}). A model is better than another when the 95\u{202f}% \
         interval of the difference in held-out log likelihood excludes 0 and the difference in log evidence is at least \
         {CLAIM} nat; where a model has no evidence, the held-out difference itself must be that large. Fewer than \
         {FEWEST_TRIALS} trials allow no claim.",
        count(table.len() as u64),
        table.participants().len(),
        table.name(),
    );
    let mut page = Page::new("Model comparison", summary);
    for (comparison, figures) in shown(comparisons) {
        let mut section = Section::new(capitalised(&comparison.label()))
            .paragraph(format!(
                "{} trials of {} participant{}.",
                count(comparison.trials as u64),
                comparison.participants,
                if comparison.participants == 1 { "" } else { "s" }
            ))
            .list(comparison.conclusions.iter().map(String::as_str));
        for warning in &comparison.warnings {
            section = section.note(format!("{}.", capitalised(warning)));
        }
        section = section.table(ranking(comparison));
        for figure in figures {
            section = section.figure(figure);
        }
        page = page.section(section);
    }
    with_provenance(page, provenance)
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The models of a group, best first.
fn ranking(comparison: &Comparison) -> Table {
    let number = |title: &str| Column::number(title, &Unit::Dimensionless);
    let mut table = Table::new(
        "Models, best prediction of held-out responses first (log likelihoods and evidence in nat)",
        [
            Column::text("model"),
            number("held-out log L"),
            number("difference [95\u{202f}%]"),
            number("log evidence"),
            number("BIC"),
            number("log L"),
            number("k"),
            number("swap"),
        ],
    )
    .note(
        "Held-out log L: sum over trials of the log predictive density under the model refitted without the trial's fold. \
         Difference: from the first model. Log evidence: importance sampling at the fitted hyperparameters; models fitted by \
         maximum likelihood have none. k: free parameters; for BNS κ, the hyperparameters and the effective number of \
         coefficients. Swap: weight of uncued items, averaged over trials.",
    );
    let best = comparison.models.first().map(|score| score.model);
    for score in &comparison.models {
        let difference = best.and_then(|best| comparison.difference(score.model, best));
        table = table.row(row(score, difference));
    }
    table
}

fn row(score: &ModelScore, difference: Option<&Difference>) -> Vec<Cell> {
    let decimals = |value: Option<f64>, decimals: usize| match value.filter(|value| value.is_finite()) {
        Some(value) => Cell::text(fixed(value, decimals)),
        None => Cell::Missing,
    };
    let verdict = match (difference.map(|difference| difference.verdict), score.same_as) {
        (_, Some(same)) => format!("same as {same}"),
        (None, _) => "best".into(),
        (Some(Verdict::Worse), _) => "worse".into(),
        (Some(_), _) => "cannot be told apart".into(),
    };
    vec![
        Cell::Explained { text: score.model.to_string(), detail: verdict },
        decimals(score.heldout_log_likelihood, 1),
        difference.and_then(|difference| difference.heldout).map_or(Cell::Missing, |heldout| {
            Cell::Explained {
                text: fixed(heldout.value, 1),
                detail: format!("[{}, {}]", fixed(heldout.lo, 1), fixed(heldout.hi, 1)),
            }
        }),
        decimals(score.log_evidence, 1),
        decimals(Some(score.bic), 1),
        decimals(Some(score.log_likelihood), 1),
        decimals(Some(score.free_parameters), 1),
        decimals(score.weights.nontarget, 3),
    ]
}
