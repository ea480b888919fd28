//! `errare analyse` and `errare report`: what a trained network does, in numbers and on a page.

use std::path::{Path, PathBuf};

use errare::core::run_dir::{remove, write_atomic, write_json};
use errare::network::{EXPERIMENT, LogEntry, Network};
use errare::pipeline::{
    AnalysisSize, NetworkAnalysis, analyse_network, network_figures, network_report, responses_as_parquet,
    run_log,
};
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::size::{MOST_RESPONSES, response_counts};
use super::train::criteria_table;

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

/// What `--out` holds.
const KIND: &str = "analysis";

/// The run, and how much of it is simulated.
#[derive(Debug, clap::Args)]
struct Of {
    /// Run directory of a trained network; results go there without --out.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Displays that responses are compared on.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(2..=MOST_RESPONSES))]
    displays: u32,
    /// Responses to each display.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(2..=MOST_RESPONSES))]
    samples: u32,
    /// Trials of each condition of the geometry.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..))]
    geometry_samples: u32,
    /// Random rotations for the chance level of the geometry.
    #[arg(long, value_name = "N", default_value_t = 1000)]
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
        if !self.run.join(EXPERIMENT).exists() {
            let path = self.run.display();
            return Err(Failure::bad_input(format!("{path} is no run directory: it holds no {EXPERIMENT}")));
        }
        let [displays, samples] = response_counts(self.displays, self.samples)?;
        let network = Network::load(&self.run).or_bad_input()?;
        let log = run_log(&self.run).or_bad_input()?;
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

    fn out<'a>(&'a self, context: &'a Context) -> &'a Path {
        context.out.as_deref().unwrap_or(&self.run)
    }

    /// Analyses, claims `--out`, and writes all files and those of `more`.
    fn write(
        &self,
        context: &Context,
        more: impl FnOnce(&Analysed, &Path) -> Result<(), Failure>,
    ) -> Result<Analysed, Failure> {
        context.check_out(KIND)?;
        let analysed = self.analyse(context)?;
        let claimed = context.claim_out(KIND, vec![])?;
        let out = self.out(context);
        analysed.write(out)?;
        more(&analysed, out)?;
        if let Some(claimed) = claimed {
            claimed.end()?;
        }
        Ok(analysed)
    }
}

impl Analysed {
    fn write(&self, out: &Path) -> Result<(), Failure> {
        // The page of an earlier analysis must not stand beside the numbers of this one.
        remove(out.join("report.html")).or_failed()?;
        write_json(out.join("metrics.json"), &self.analysis.fidelity.metrics).or_failed()?;
        match &self.analysis.alignment {
            Ok(alignment) => write_json(out.join("alignment.json"), alignment).or_failed()?,
            // An earlier network may have left its own.
            Err(_) => {
                for name in ["alignment.json", "figures/alignment.svg", "figures/alignment.csv"] {
                    remove(out.join(name)).or_failed()?;
                }
            }
        }
        let table = responses_as_parquet(&self.analysis.responses.network).or_failed()?;
        write_atomic(out.join("responses.parquet"), &table).or_failed()?;
        for figure in network_figures(&self.network, &self.log, &self.analysis).or_failed()? {
            figure.write(&out.join("figures")).or_failed()?;
        }
        Ok(())
    }
}

pub(crate) fn analyse(arguments: &AnalyseArguments, context: &Context) -> Result<(), Failure> {
    let analysed = arguments.of.write(context, |_, _| Ok(()))?;
    let out = arguments.of.out(context);
    let mut document = serde_json::to_value(&analysed.analysis.fidelity.metrics).or_failed()?;
    if let Some(keys) = document.as_object_mut() {
        keys.insert("criteria".into(), json!(analysed.analysis.fidelity.criteria));
    }
    let text = format!("{}\nwritten to {}\n", criteria_table(&analysed.analysis), out.display());
    context.output.show("analyse", Some(out), &document, &text)
}

pub(crate) fn report(arguments: &ReportArguments, context: &Context) -> Result<(), Failure> {
    let of = &arguments.of;
    let path = of.out(context).join("report.html");
    of.write(context, |Analysed { network, log, analysis }, _| {
        network_report(&of.run, network, log, analysis).or_failed()?.write(&path).or_failed()
    })?;
    let document = json!({ "report": path.to_string_lossy() });
    context.output.show("report", Some(of.out(context)), &document, &format!("report: {}\n", path.display()))
}
