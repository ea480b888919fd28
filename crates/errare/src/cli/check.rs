//! `errare check`: whether responses drawn from a fitted model look like those of people.

use errare::behaviour::{Check, CheckOptions, CurveStatistic, ModelName, SummaryStatistic, check};
use errare::pipeline::{check_figures, check_report, count_checks, shared_fits};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::fit::BnsArguments;
use super::grouping::{GroupArguments, check_probe, model};
use super::output::{TextTable, count, counted, csv};
use super::table::TableArguments;

/// What the directory of the results holds.
const KIND: &str = "check";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare check vandenberg2012_color_wheel --model two-component --where set_size=6\n  \
    errare check simulated_probe_effect --model bns:none --where condition=distance --out checks/none")]
pub(crate) struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Model, as for `errare fit`.
    #[arg(long, value_name = "NAME", value_parser = model)]
    model: ModelName,
    #[command(flatten)]
    groups: GroupArguments,
    #[command(flatten)]
    bns: BnsArguments,
    /// Number of surrogate data sets.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    draws: u32,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let (table, identity) = arguments.table.read_with_warnings(&context.progress)?;
    let keys = arguments.groups.keys(&table)?;
    check_probe(&table, arguments.model)?;
    arguments.bns.check(&[arguments.model])?;
    context.check_out(KIND)?;
    let draws = arguments.draws as usize;
    let options = CheckOptions { fit: arguments.bns.options(context.seed), draws };
    let checks = check(&table, &keys, arguments.model, &options, &context.progress).or_failed()?;
    let rows: Vec<Row> = checks.iter().flat_map(rows).collect();
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        run.dir.write("checks.csv", &csv(&rows)?).or_failed()?;
        run.dir.remove_figures().or_failed()?;
        for figure in check_figures(&checks) {
            figure.write(&run.dir.path().join("figures")).or_failed()?;
        }
        let page = check_report(&table, arguments.model, draws, &keys, &checks, &run.provenance);
        page.write(&run.dir.path().join("report.html")).or_failed()?;
        run.end()?;
    }
    let (all, failed) = count_checks(&checks);
    let document = json!({
        "model": arguments.model.to_string(),
        "data": identity,
        "seed": context.seed,
        "draws": draws,
        "below_05": failed,
        "checks": rows,
    });
    let mut text = format!(
        "{} checked on {} ({} of {}) with {draws} surrogates\n\n{}\n{failed} of {all} checks have p < 0.05\n",
        arguments.model,
        table.name(),
        counted(table.len(), "trial"),
        counted(table.participants().len(), "participant"),
        summary(&checks),
    );
    if let Some(note) = shared_fits(&keys, &checks) {
        text.push_str(&format!("{note}\n"));
    }
    if let Some(out) = &context.out {
        text.push_str(&format!("\nwritten to {}; the page is report.html\n", out.display()));
    }
    context.output.show("check", context.out.as_deref(), &document, &text)
}

/// p-values, a row for each participant, condition and set size.
fn summary(checks: &[Check]) -> TextTable {
    let mut rows = TextTable::new(
        2,
        [
            "participant",
            "condition",
            "set size",
            "trials",
            "errors",
            "uncued items",
            "probe distance",
            "circular SD",
            "bias",
            "kurtosis",
            "resultant",
        ],
    );
    let dash = || "-".to_owned();
    for check in checks {
        let p = |p: Option<f64>| p.map_or_else(dash, |p| format!("{p:.3}"));
        let mut cells = vec![
            check.participant.clone().unwrap_or_else(dash),
            check.condition.clone().unwrap_or_else(dash),
            check.set_size.to_string(),
            count(check.trials),
        ];
        for statistic in CurveStatistic::ALL {
            cells.push(p(check.curves.iter().find(|one| one.statistic == statistic).map(|one| one.p)));
        }
        cells.extend(check.summaries.iter().map(|one| p(one.p)));
        rows.row(cells);
    }
    rows
}

/// Which statistic a row is about.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum Statistic {
    Summary(SummaryStatistic),
    Curve(CurveStatistic),
}

/// A check as a row of `checks.csv` and an object of `checks`.
#[derive(Debug, Serialize)]
struct Row {
    participant: Option<String>,
    condition: Option<String>,
    set_size: usize,
    trials: usize,
    check: Statistic,
    observed: Option<f64>,
    expected: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
    p: Option<f64>,
}

fn rows(check: &Check) -> Vec<Row> {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let row = |statistic, observed, expected, lo, hi, p| Row {
        participant: check.participant.clone(),
        condition: check.condition.clone(),
        set_size: check.set_size,
        trials: check.trials,
        check: statistic,
        observed: finite(observed),
        expected: finite(expected),
        lo: finite(lo),
        hi: finite(hi),
        p,
    };
    let curves = check.curves.iter().map(|one| {
        let statistic = Statistic::Curve(one.statistic);
        row(statistic, one.discrepancy, one.expected, f64::NAN, one.limit, Some(one.p))
    });
    let summaries = check
        .summaries
        .iter()
        .map(|one| row(Statistic::Summary(one.statistic), one.observed, one.expected, one.lo, one.hi, one.p));
    curves.chain(summaries).collect()
}
