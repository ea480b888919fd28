//! `errare compare`: several behaviour models on the same trials, and what may be claimed.

use errare::behaviour::{
    Comparison, ComparisonOptions, ModelName, SwapDependence, TrialTable, Verdict, compare, one_decimal,
};
use errare::pipeline::{comparison_figures, comparison_report};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::fit::BnsArguments;
use super::grouping::{GroupArguments, check_distinct, check_probe, lacks_nothing, model};
use super::output::{TextTable, count, counted, csv};
use super::table::TableArguments;

/// What the directory of the results holds.
const KIND: &str = "comparison";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare compare simulated_probe_effect --where set_size=4 --by condition --out comparisons/probe\n  \
    errare compare vandenberg2012_orientation --where set_size=8 --folds 5 --json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Models, joined by commas; by default two-component, three-component, bns:none and, where the table
    /// has probe features, bns:probe.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = model)]
    models: Vec<ModelName>,
    #[command(flatten)]
    groups: GroupArguments,
    #[command(flatten)]
    bns: BnsArguments,
    /// Folds of the cross-validation; as many as there are trials where these are fewer.
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..))]
    folds: u16,
}

impl Arguments {
    fn models(&self, table: &TrialTable) -> Result<Vec<ModelName>, Failure> {
        let mut models = self.models.clone();
        if models.is_empty() {
            models = vec![
                ModelName::TwoComponent,
                ModelName::ThreeComponent,
                ModelName::Bns(SwapDependence::None),
                ModelName::Bns(SwapDependence::Probe),
            ];
            models.retain(|model| !model.needs_probe() || lacks_nothing(table));
        }
        check_distinct(&models)?;
        models.iter().try_for_each(|&model| check_probe(table, model))?;
        Ok(models)
    }
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let (table, identity) = arguments.table.read_with_warnings(&context.progress)?;
    let keys = arguments.groups.keys(&table)?;
    let models = arguments.models(&table)?;
    arguments.bns.check(&models)?;
    context.check_out(KIND)?;
    let options =
        ComparisonOptions { fit: arguments.bns.options(context.seed), folds: usize::from(arguments.folds) };
    let comparisons = compare(&table, &keys, &models, &options, &context.progress).or_failed()?;
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        let rows: Vec<Row> = comparisons.iter().flat_map(rows).collect();
        run.dir.write("comparison.csv", &csv(&rows)?).or_failed()?;
        run.dir.remove_figures().or_failed()?;
        for figure in comparison_figures(&comparisons) {
            figure.write(&run.dir.path().join("figures")).or_failed()?;
        }
        let page = comparison_report(&table, &comparisons, &run.provenance);
        page.write(&run.dir.path().join("report.html")).or_failed()?;
        run.end()?;
    }
    let document = json!({
        "data": identity,
        "seed": context.seed,
        "folds": arguments.folds,
        "groups": comparisons,
    });
    let mut text = format!(
        "{} compared on {} ({} of {})\n",
        counted(models.len(), "model"),
        table.name(),
        counted(table.len(), "trial"),
        counted(table.participants().len(), "participant"),
    );
    for comparison in &comparisons {
        text.push_str(&summary(comparison));
    }
    if let Some(out) = &context.out {
        text.push_str(&format!("\nwritten to {}; the page is report.html\n", out.display()));
    }
    context.output.show("compare", context.out.as_deref(), &document, &text)
}

fn summary(comparison: &Comparison) -> String {
    let mut rows = TextTable::new(
        1,
        ["model", "held-out log L", "difference [95 %]", "log evidence", "BIC", "log L", "k", "swap"],
    );
    let dash = || "-".to_owned();
    let best = comparison.models.first().map(|score| score.model);
    for score in &comparison.models {
        let decimals = |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.1}"));
        let difference = best.and_then(|best| comparison.difference(score.model, best)?.heldout);
        rows.row([
            score.model.to_string(),
            decimals(score.heldout_log_likelihood),
            difference.map_or_else(dash, |one| format!("{} {}", one_decimal(one.value), one.bounds())),
            decimals(score.log_evidence),
            format!("{:.1}", score.bic),
            format!("{:.1}", score.log_likelihood),
            format!("{:.1}", score.free_parameters),
            score.weights.nontarget.map_or_else(dash, |weight| format!("{weight:.3}")),
        ]);
    }
    let mut text = format!("\n{} ({} trials)\n\n{rows}\n", comparison.label(), count(comparison.trials));
    for sentence in &comparison.conclusions {
        text.push_str(&format!("{sentence}\n"));
    }
    for warning in &comparison.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text
}

/// A model on a group as a row of `comparison.csv`.
#[derive(Serialize)]
struct Row<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    trials: usize,
    model: String,
    log_evidence: Option<f64>,
    ess: Option<f64>,
    heldout_log_likelihood: Option<f64>,
    /// From the best model of the group.
    heldout_difference: Option<f64>,
    heldout_lo: Option<f64>,
    heldout_hi: Option<f64>,
    bic: f64,
    log_likelihood: f64,
    free_parameters: f64,
    target: f64,
    nontarget: Option<f64>,
    uniform: f64,
    swap_mass: Option<f64>,
    verdict: Option<Verdict>,
    same_as: Option<String>,
}

fn rows(comparison: &Comparison) -> impl Iterator<Item = Row<'_>> {
    let best = comparison.models.first().map(|score| score.model);
    comparison.models.iter().map(move |score| {
        let difference = best.and_then(|best| comparison.difference(score.model, best));
        let heldout = difference.and_then(|difference| difference.heldout);
        Row {
            participant: comparison.participant.as_deref(),
            condition: comparison.condition.as_deref(),
            set_size: comparison.set_size,
            trials: comparison.trials,
            model: score.model.to_string(),
            log_evidence: score.log_evidence,
            ess: score.ess,
            heldout_log_likelihood: score.heldout_log_likelihood,
            heldout_difference: heldout.map(|heldout| heldout.value),
            heldout_lo: heldout.map(|heldout| heldout.lo),
            heldout_hi: heldout.map(|heldout| heldout.hi),
            bic: score.bic,
            log_likelihood: score.log_likelihood,
            free_parameters: score.free_parameters,
            target: score.weights.target,
            nontarget: score.weights.nontarget,
            uniform: score.weights.uniform,
            swap_mass: score.swap_mass,
            verdict: difference.map(|difference| difference.verdict),
            same_as: score.same_as.map(|model| model.to_string()),
        }
    })
}
