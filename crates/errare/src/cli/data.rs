//! `errare data`: what is bundled, whether a table can be used, and what is counted without a model.

use clap::Subcommand;
use errare::behaviour::Error;
use errare::behaviour::data::{Problem, TableSummary, bundled};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::output::{TextTable, count};
use super::table::TableArguments;
use super::{Context, summary};

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// List the data sets inside the program, with what to cite.
    #[command(after_help = "Example:\n  errare data list")]
    List,
    /// Read a table, report what is wrong with it, and summarise it.
    #[command(after_help = "Examples:\n  \
        errare data check vandenberg2012_orientation\n  \
        errare data check vandenberg2012_color_wheel --where set_size=4 --json")]
    Check(TableArguments),
    /// Count without a model: bias, spread, precision and kurtosis of the errors, and swaps.
    #[command(after_help = "Examples:\n  \
        errare data summary vandenberg2012_color_wheel\n  \
        errare data summary vandenberg2012_color_wheel --by participant,set_size --out summaries/wheel --json")]
    Summary(summary::Arguments),
}

pub(crate) fn run(arguments: Arguments, context: &Context) -> Result<(), Failure> {
    let writes = matches!(arguments, Arguments::Summary(_));
    if context.out.is_some() && !writes {
        return Err(Failure::bad_input("only `data summary` writes files, so --out has no meaning here"));
    }
    match arguments {
        Arguments::Summary(arguments) => summary::run(&arguments, context),
        Arguments::List => list(context),
        Arguments::Check(table) => check(&table, context),
    }
}

fn list(context: &Context) -> Result<(), Failure> {
    let sets = bundled();
    let mut overview = TextTable::new(1, ["name", "trials", "participants", "set sizes"]);
    let mut details = String::new();
    for set in sets {
        let set_sizes: Vec<String> = set.set_sizes.iter().map(ToString::to_string).collect();
        overview.row([set.name.to_owned(), count(set.trials), count(set.participants), set_sizes.join(" ")]);
        details.push_str(&format!(
            "\n{}: {}\n  report {}; probe {}\n  licence {}\n",
            set.name, set.title, set.report, set.probe, set.licence
        ));
    }
    let mut citations: Vec<&str> = Vec::new();
    for set in sets {
        if citations.contains(&set.citation) {
            continue;
        }
        citations.push(set.citation);
        let same = sets.iter().filter(|other| other.citation == set.citation);
        let names: Vec<&str> = same.map(|set| set.name).collect();
        details.push_str(&format!("\nTo cite for {}:\n  {}\n", names.join(", "), set.citation));
    }
    context.output.show("data list", None, &json!({ "sets": sets }), &format!("{overview}{details}"))
}

fn check(arguments: &TableArguments, context: &Context) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Document {
        blake3: String,
        #[serde(flatten)]
        summary: TableSummary,
    }
    let (table, identity) = arguments.read().map_err(every_kind)?;
    let document = Document { blake3: identity.blake3, summary: table.summary() };
    context.output.show("data check", None, &document, &document.summary.to_string())
}

/// Where a problem of this column is, with those of the other items' columns of its feature.
fn place(column: &str) -> String {
    match column.rsplit_once('_') {
        Some((feature, item)) if item.parse::<u8>().is_ok() => format!("in columns {feature}_*"),
        _ => format!("in column {column}"),
    }
}

/// How many problems of a kind in a column, or in those of one feature, are spelled out; the rest are counted.
const SHOWN: usize = 5;

/// Spells out the first problems of every kind in every column or feature, where other commands tell the first few of all.
fn every_kind(failure: Failure) -> Failure {
    let Failure::BadInput(error) = &failure else { return failure };
    let Some(Error::InvalidTable { path, problems, hints }) = error.downcast_ref() else { return failure };
    if problems.len() < 2 {
        return failure;
    }
    let mut kinds: IndexMap<(Option<String>, String), Vec<&Problem>> = IndexMap::new();
    for problem in problems {
        kinds.entry((problem.column.as_deref().map(place), problem.kind())).or_default().push(problem);
    }
    let mut text = format!("{path}: {} problems; nothing was read", count(problems.len()));
    for ((place, _), of_kind) in kinds {
        of_kind.iter().take(SHOWN).for_each(|problem| text.push_str(&format!("\n  {problem}")));
        if of_kind.len() > SHOWN {
            let more = of_kind.len() - SHOWN;
            let place = place.unwrap_or_else(|| if more == 1 { "row" } else { "rows" }.to_owned());
            text.push_str(&format!("\n  ... and {} more {place}", count(more)));
        }
    }
    hints.iter().for_each(|hint| text.push_str(&format!("\n{hint}")));
    Failure::bad_input(text)
}
