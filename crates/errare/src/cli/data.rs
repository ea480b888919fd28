//! `errare data`: what is bundled, whether a table can be used, and what is counted without a model.

use clap::Subcommand;
use errare::behaviour::Error;
use errare::behaviour::data::{TableSummary, bundled};
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
    /// Read a table, report every bad row, and summarise it.
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
    let (table, identity) = arguments.read().map_err(every_problem)?;
    let document = Document { blake3: identity.blake3, summary: table.summary() };
    context.output.show("data check", None, &document, &document.summary.to_string())
}

/// Spells out every problem of a table, where other commands tell the first few.
fn every_problem(failure: Failure) -> Failure {
    let Failure::BadInput(error) = &failure else { return failure };
    match error.downcast_ref() {
        Some(Error::InvalidTable { path, problems }) if problems.len() > 1 => {
            let mut text = format!("{path}: {} problems; nothing was read", problems.len());
            problems.iter().for_each(|problem| text.push_str(&format!("\n  {problem}")));
            Failure::bad_input(text)
        }
        _ => failure,
    }
}
