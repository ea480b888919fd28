//! `errare simulate`: free-running responses of a trained network.

use std::path::PathBuf;

use errare::core::run_dir::write_atomic;
use errare::network::{Network, Simulation};
use errare::pipeline::responses_as_parquet;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::output::{count, counted};
use super::size::{MOST_RESPONSES, response_counts};
use super::trained::Place;

/// What `--out` holds.
const KIND: &str = "simulation";
/// What it is written to. `responses.parquet` of a run is that of its analysis, beside the metrics made from it.
const FILE: &str = "simulation.parquet";

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  errare simulate runs/index-flat --displays 1000 --samples 16 --seed 3")]
pub(crate) struct Arguments {
    /// Run directory of a trained network; the table goes there without --out.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Displays to draw.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=MOST_RESPONSES))]
    displays: u32,
    /// Responses to each display.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=MOST_RESPONSES))]
    samples: u32,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let [displays, samples] = response_counts(arguments.displays, arguments.samples)?;
    let mut place = Place::of(context, &arguments.run, KIND)?;
    let network = Network::load(&arguments.run).or_bad_input()?;
    let displays = network.stage().evaluation_displays(displays, context.seed).or_failed()?;
    let simulation = Simulation::new(&network, context.seed).or_failed()?;
    let bar = context.progress.bar("simulating", (displays.len() * samples) as u64);
    let responses = simulation.responses(&displays, samples, |so_far| bar.set(so_far, "")).or_failed()?;
    bar.finish();
    let path = place.path().join(FILE);
    let table = responses_as_parquet(&responses).or_failed()?;
    place.fill(|_, _| write_atomic(&path, &table).or_failed())?;
    let document = json!({
        "responses": path.to_string_lossy(),
        "displays": arguments.displays,
        "samples": arguments.samples,
        "seed": context.seed,
    });
    let text = format!(
        "{} responses to {} written to {}\n",
        count(responses.points.len()),
        counted(displays.len(), "display"),
        path.display()
    );
    context.output.show("simulate", Some(place.path()), &document, &text)
}
