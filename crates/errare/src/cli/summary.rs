//! `errare data summary`: what is counted without a model.

use errare::behaviour::{ErrorSummary, Group, Measured, Observations, SwapEstimate, swap_estimate};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::grouping::GroupArguments;
use super::output::{TextTable, count, csv};
use super::table::TableArguments;

/// What the directory of the results holds.
const KIND: &str = "summary";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    groups: GroupArguments,
}

/// The summaries of a group of trials.
#[derive(Serialize)]
struct Summary {
    participant: Option<String>,
    condition: Option<String>,
    set_size: Option<usize>,
    #[serde(flatten)]
    errors: ErrorSummary,
    /// `null` for single items, mixed set sizes, and where trials are too few.
    swaps: Option<SwapEstimate>,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let (table, identity) = arguments.table.read()?;
    let keys = arguments.groups.keys(&table)?;
    context.check_out(KIND)?;
    let summaries: Vec<Summary> =
        table.group_by(&keys).iter().map(summarise).collect::<Result<_, Failure>>()?;
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        let rows: Vec<Row> = summaries.iter().flat_map(rows).collect();
        run.dir.write("summary.csv", &csv(&rows)?).or_failed()?;
        run.end()?;
    }
    let document = json!({ "data": identity, "groups": summaries });
    let text = format!("{}\n\n{}", table.name(), text(&summaries));
    context.output.show("data summary", context.out.as_deref(), &document, &text)
}

fn summarise(group: &Group) -> Result<Summary, Failure> {
    let errors: Vec<f64> = group.table.trials().iter().map(errare::behaviour::Trial::error).collect();
    let observations = Observations::try_from(&group.table).or_failed()?;
    let swaps = match observations.common_set_size() {
        Some(_) => swap_estimate(&observations).or_failed()?,
        None => None,
    };
    Ok(Summary {
        participant: group.participant.as_deref().map(str::to_owned),
        condition: group.condition.as_deref().map(str::to_owned),
        set_size: observations.common_set_size(),
        errors: ErrorSummary::of(&errors),
        swaps,
    })
}

fn text(summaries: &[Summary]) -> String {
    let labels = |one: &Summary| {
        [one.participant.clone(), one.condition.clone(), one.set_size.map(|set_size| set_size.to_string())]
    };
    let names = ["participant", "condition", "set size"];
    let used: Vec<usize> =
        (0..3).filter(|&key| summaries.iter().any(|one| labels(one)[key].is_some())).collect();
    let mut heading: Vec<&str> = used.iter().map(|&key| names[key]).collect();
    heading.extend(["trials", "bias", "SD", "precision", "kurtosis", "resultant", "target", "non-target"]);
    let mut rows = TextTable::new(used.len(), heading);
    for one in summaries {
        let dash = || "-".to_owned();
        let show = |figure: Measured| match (figure.value, figure.standard_error) {
            (Some(value), Some(error)) => format!("{value:.3} ± {error:.3}"),
            (Some(value), None) => format!("{value:.3}"),
            _ => dash(),
        };
        let mut cells: Vec<String> =
            used.iter().map(|&key| labels(one)[key].clone().unwrap_or_else(dash)).collect();
        let errors = &one.errors;
        cells.push(count(errors.trials));
        cells.extend(
            [errors.bias, errors.standard_deviation, errors.precision, errors.kurtosis, errors.resultant]
                .map(show),
        );
        cells.extend(match &one.swaps {
            Some(swaps) => [show(swaps.target), show(swaps.nontarget)],
            None => [dash(), dash()],
        });
        rows.row(cells);
    }
    format!(
        "{rows}\nbias, SD (rad) and the other circular summaries are of response - cued item; precision (1/rad) is that \
         above chance.\ntarget, non-target: shares of responses that are no guesses, by the non-parametric estimator\n"
    )
}

/// A figure as a row of `summary.csv`.
#[derive(Serialize)]
struct Row<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    trials: usize,
    name: String,
    /// Mean probe distance (rad) of a rank.
    distance: Option<f64>,
    value: Option<f64>,
    standard_error: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
}

fn rows(one: &Summary) -> Vec<Row<'_>> {
    let errors = &one.errors;
    let mut figures: Vec<(String, Option<f64>, Measured)> = [
        ("bias", errors.bias),
        ("standard_deviation", errors.standard_deviation),
        ("precision", errors.precision),
        ("kurtosis", errors.kurtosis),
        ("resultant", errors.resultant),
    ]
    .map(|(name, figure)| (name.to_owned(), None, figure))
    .into();
    if let Some(swaps) = &one.swaps {
        figures.push(("target".to_owned(), None, swaps.target));
        figures.push(("nontarget".to_owned(), None, swaps.nontarget));
        let ranks = swaps.by_rank.iter();
        figures
            .extend(ranks.map(|rank| (format!("nontarget_{}", rank.rank), Some(rank.distance), rank.share)));
    }
    let row = |(name, distance, figure): (String, Option<f64>, Measured)| Row {
        participant: one.participant.as_deref(),
        condition: one.condition.as_deref(),
        set_size: one.set_size,
        trials: errors.trials,
        name,
        distance,
        value: figure.value,
        standard_error: figure.standard_error,
        lo: figure.lo,
        hi: figure.hi,
    };
    figures.into_iter().map(row).collect()
}
