//! `errare demo`: from people's trials to a network that makes their errors, ending in a report.

use std::path::PathBuf;

use errare::core::run_dir::RunDir;
use errare::network::Cue;
use errare::pipeline::{AnalysisSize, DEMO, DemoOptions, Error, check_demo, demo, demo_data};
use serde_json::json;

use super::failure::{Failure, Stage};
use super::train::{criteria_table, with_verdict};
use super::{Context, Run, check_place};

/// Where the demonstration goes without `--out`.
const DEFAULT_OUT: [&str; 2] = ["runs/demo", "runs/demo-index"];

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare demo\n  \
    errare demo --cue index --out runs/demo-index")]
pub(crate) struct Arguments {
    /// What the cue shows the network: the probe feature of the item, or its slot.
    #[arg(long, value_enum, default_value = "feature")]
    cue: CueName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CueName {
    /// The probe feature: swaps by probe distance, from the BNS fit.
    Feature,
    /// The slot: swaps at one rate, from the three-component fit.
    Index,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let out = context.out.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_OUT[arguments.cue as usize]));
    let cue = match arguments.cue {
        CueName::Index => Cue::Index,
        CueName::Feature => Cue::Feature,
    };
    let options = DemoOptions { cue, seed: context.seed, size: AnalysisSize::default() };
    check_place(&out, DEMO)?;
    check_demo(&out, options).or_bad_input()?;
    let dir = RunDir::claim(&out, DEMO).or_bad_input()?;
    let provenance = context.provenance(DEMO, demo_data().into_iter().collect());
    let summary = demo(&dir, options, &provenance, &context.progress).map_err(failure)?;
    let report = dir.file("report.html");
    Run { dir, provenance }.end()?;
    let metrics = &summary.analysis.fidelity.metrics;
    let value = |name: &str| metrics.get(name).and_then(|metric| metric.value);
    let show = |name: &str| value(name).map_or_else(|| "n/a".into(), |value| format!("{value:.4}"));
    let floor = metrics.get("energy_distance").and_then(|metric| metric.floor);
    let document = json!({
        "report": report.to_string_lossy(),
        "steps": summary.training.steps,
        "loss": summary.training.loss,
        "floor": summary.training.floor,
        "metrics": metrics,
    });
    let document = with_verdict(document, &summary.analysis.verdict())?;
    let text = format!(
        "report: {}\n\n\
         swap rate        network {}   oracle {}   best without swaps {}\n\
         median error     network {} rad   oracle {} rad\n\
         energy distance  network {}   floor {}   best without swaps {}   best unimodal {}\n\n\
         {}",
        report.display(),
        show("swap_rate"),
        show("swap_rate_oracle"),
        show("swap_rate_no_swaps"),
        show("median_error"),
        show("median_error_oracle"),
        show("energy_distance"),
        floor.map_or_else(|| "n/a".into(), |floor| format!("{floor:.4}")),
        show("energy_distance_no_swaps"),
        show("energy_distance_unimodal"),
        criteria_table(&summary.analysis),
    );
    context.output.show("demo", Some(&out), &document, &text)
}

/// What an earlier demonstration left is refused; all else failed while running.
fn failure(error: Error) -> Failure {
    match error {
        Error::OtherExperiment { .. } | Error::OtherDemonstration { .. } => Failure::BadInput(error.into()),
        _ => Failure::Running(error.into()),
    }
}
