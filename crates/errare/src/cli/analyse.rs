//! `errare analyse` and `errare report`: what a trained network does, in numbers and on a page.

use std::path::{Path, PathBuf};

use errare::core::run_dir::remove;
use errare::network::{LogEntry, Network, read_log};
use errare::pipeline::{
    AnalysisSize, JudgedOn, NetworkAnalysis, analyse_network, network_figures, network_report,
    write_measurements,
};
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::size::{MOST_RESPONSES, response_counts};
use super::train::{criteria_table, with_verdict};
use super::trained::Place;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare analyse runs/index-flat\n  \
    errare analyse runs/index-flat --displays 1024 --samples 64 --json")]
pub(crate) struct AnalyseArguments {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  errare report runs/index-flat --out reports/index-flat")]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    of: Of,
}

/// Most responses to one display: every one is held against every other.
const MOST_SAMPLES: i64 = 10_000;

/// What `--out` holds.
const KIND: &str = "analysis";

/// Name of the page.
const PAGE: &str = "report.html";

/// The run, and how much of it is simulated.
#[derive(Debug, clap::Args)]
struct Of {
    /// Run directory of a trained network; results go there without --out.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Displays that responses are compared on.
    #[arg(long, value_name = "N", default_value_t = JudgedOn::DEFINITION.displays as u32, value_parser = clap::value_parser!(u32).range(2..=MOST_RESPONSES))]
    displays: u32,
    /// Responses to each display.
    #[arg(long, value_name = "N", default_value_t = JudgedOn::DEFINITION.samples as u32, value_parser = clap::value_parser!(u32).range(2..=MOST_SAMPLES))]
    samples: u32,
    /// Trials of each condition of the geometry.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..=100_000))]
    geometry_samples: u32,
    /// Random rotations for the chance level of the geometry.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=10_000))]
    null_draws: u32,
}

/// A run with what was measured of it.
struct Analysed {
    network: Network,
    log: Vec<LogEntry>,
    analysis: NetworkAnalysis,
}

impl Of {
    fn analyse(&self, context: &Context) -> Result<Analysed, Failure> {
        let [displays, samples] = response_counts(self.displays, self.samples)?;
        let network = Network::load(&self.run).or_bad_input()?;
        let log = read_log(&self.run).or_bad_input()?;
        let target = network.stage().target(&self.run).or_bad_input()?;
        let size = AnalysisSize {
            displays,
            samples,
            geometry_samples: self.geometry_samples as usize,
            null_draws: self.null_draws as usize,
        };
        let analysis =
            analyse_network(&network, &*target, &log, size, context.seed, &context.progress).or_failed()?;
        Ok(Analysed { network, log, analysis })
    }
}

impl Analysed {
    fn write(&self, out: &Path) -> Result<(), Failure> {
        // The page of an earlier analysis must not stand beside the numbers of this one.
        remove(out.join(PAGE)).or_failed()?;
        write_measurements(out, &self.analysis).or_failed()?;
        if self.analysis.alignment.is_err() {
            // An earlier network may have left its own.
            for name in ["figures/alignment.svg", "figures/alignment.csv"] {
                remove(out.join(name)).or_failed()?;
            }
        }
        for figure in network_figures(&self.network, &self.log, &self.analysis).or_failed()? {
            figure.write(&out.join("figures")).or_failed()?;
        }
        Ok(())
    }
}

pub(crate) fn analyse(arguments: &AnalyseArguments, context: &Context) -> Result<(), Failure> {
    let mut place = Place::of(context, &arguments.of.run, KIND)?;
    let analysed = arguments.of.analyse(context)?;
    let had_page = place.path().join(PAGE).exists();
    place.fill(|out, _| analysed.write(out))?;
    let metrics = serde_json::to_value(&analysed.analysis.fidelity.metrics).or_failed()?;
    let mut document = with_verdict(metrics, &analysed.analysis.verdict())?;
    if let Err(reason) = &analysed.analysis.alignment {
        document["no_alignment"] = json!(reason.to_string());
    }
    let out = place.path();
    let mut text = criteria_table(&analysed.analysis);
    if let Err(reason) = &analysed.analysis.alignment {
        text.push_str(&format!("no alignment of colour planes: {reason}\n"));
    }
    text.push_str(&format!("\nwritten to {}\n", out.display()));
    if had_page {
        text.push_str(&format!("{PAGE} of an earlier analysis is gone: errare report makes it anew\n"));
    }
    context.output.show("analyse", Some(out), &document, &text)
}

pub(crate) fn report(arguments: &ReportArguments, context: &Context) -> Result<(), Failure> {
    let run = &arguments.of.run;
    let mut place = Place::of(context, run, KIND)?;
    let analysed = arguments.of.analyse(context)?;
    let path = place.path().join(PAGE);
    place.fill(|out, made_by| {
        analysed.write(out)?;
        let Analysed { network, log, analysis } = &analysed;
        network_report(run, network, log, analysis, made_by).or_failed()?.write(&path).or_failed()
    })?;
    let document = json!({ "report": path.to_string_lossy() });
    context.output.show("report", Some(place.path()), &document, &format!("report: {}\n", path.display()))
}
