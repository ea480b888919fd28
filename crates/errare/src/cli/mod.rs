//! The command line: arguments → validated settings → one library call → output.
//!
//! A command prints a short summary for people to stdout, or one JSON document with `--json`; progress and
//! messages go to stderr, files to `--out`. Exit code 0 means done, 1 failed while running, 2 bad input.

mod analyse;
mod check;
mod compare;
mod data;
mod demo;
mod failure;
mod fit;
mod grouping;
mod output;
mod recover;
mod simulate;
mod size;
mod summary;
mod surrogate;
mod table;
mod train;
mod trained;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use errare::core::Error;
use errare::core::progress::Progress;
use errare::core::provenance::{DataIdentity, Provenance, Session};
use errare::core::run_dir::{AtomicFile, RunDir};

use failure::{Failure, Stage};
use output::Output;

/// Fit recurrent networks to human behaviour, its errors included, and see how the errors arise.
#[derive(Debug, Parser)]
#[command(name = "errare", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Directory for the results; must be empty, new, or hold the same kind of results.
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of every random choice; 1, or that of an experiment file, when left out.
    // TOML, in which runs keep it, holds no larger one.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Number of threads, all processors by default; results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON document instead of a summary.
    #[arg(long, global = true)]
    json: bool,
    /// Show no progress.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole pipeline on bundled data of people, ending in a report.
    Demo(demo::Arguments),
    /// List the bundled data sets, check a table of your own, or summarise it without a model.
    #[command(subcommand)]
    Data(data::Arguments),
    /// Fit a behaviour model to the trials of a table.
    Fit(fit::Arguments),
    /// Compare behaviour models on the trials of a table.
    Compare(compare::Arguments),
    /// Check whether responses drawn from a fitted model look like those of people.
    Check(check::Arguments),
    /// Draw trials from a fit, with the true source of every response.
    Surrogate(surrogate::Arguments),
    /// Simulate trials of known truths and see whether fits recover parameters, models and posteriors.
    Recover(recover::Arguments),
    /// Train a network as an experiment file says; an interrupted training is taken up again.
    Train(train::TrainArguments),
    /// Go on with a training that was stopped.
    Resume(train::ResumeArguments),
    /// Free-running responses of a trained network.
    Simulate(simulate::Arguments),
    /// Measure a trained network: fidelity to its target with floors, geometry of its states.
    Analyse(analyse::AnalyseArguments),
    /// Analyse a trained network and show it on one self-contained page.
    Report(analyse::ReportArguments),
}

/// What every command may use.
struct Context {
    out: Option<PathBuf>,
    seed: u64,
    given_seed: Option<u64>,
    progress: Progress,
    output: Output,
    session: Session,
}

impl Context {
    fn new(global: Global, command_line: &[OsString]) -> Result<Self, Failure> {
        let threads = match global.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().or_failed()?;
        let progress = if global.quiet { Progress::silent() } else { Progress::stderr() };
        let command_line = command_line.iter().map(|part| part.to_string_lossy().into_owned());
        let session = Session::begin(errare::build(), command_line, threads);
        let output = Output::new(global.json);
        let (seed, given_seed) = (global.seed.unwrap_or(1), global.seed);
        Ok(Self { out: global.out, seed, given_seed, progress, output, session })
    }

    /// As [`check_place`] of `--out`, if there is one.
    fn check_out(&self, kind: &str) -> Result<(), Failure> {
        match &self.out {
            Some(out) => check_place(out, kind),
            None => Ok(()),
        }
    }

    /// Refuses `--out` and `--seed` where they mean nothing.
    fn refuse_out_and_seed(&self, why: &str) -> Result<(), Failure> {
        let given = [("--out", self.out.is_some()), ("--seed", self.given_seed.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Failure::bad_input(format!("{option} cannot be used here: {why}"))),
            None => Ok(()),
        }
    }

    /// The record of this session, for results of `kind`.
    fn provenance(&self, kind: &str, data: Vec<DataIdentity>) -> Provenance {
        Provenance::new(kind, self.session.clone(), self.seed, data)
    }

    /// Claims `--out`, if there is one, and notes there what is about to be made.
    fn claim_out(&self, kind: &str, data: Vec<DataIdentity>) -> Result<Option<Run>, Failure> {
        let Some(out) = &self.out else { return Ok(None) };
        let dir = RunDir::claim(out, kind).or_bad_input()?;
        let provenance = self.provenance(kind, data);
        provenance.write(&dir).or_failed()?;
        Ok(Some(Run { dir, provenance }))
    }
}

/// Refuses a directory for results that holds anything but `kind` or cannot be written to, before work is spent on them.
fn check_place(out: &Path, kind: &str) -> Result<(), Failure> {
    RunDir::check(out, kind).or_bad_input()?;
    let nearest = out.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    // Only trying tells. A file that is begun and never named leaves nothing.
    match AtomicFile::create(nearest.join("errare")) {
        Err(Error::Io { source, .. }) => {
            Err(Failure::bad_input(format!("{} cannot be written to: {source}", out.display())))
        }
        tried => tried.map(drop).or_bad_input(),
    }
}

/// A claimed `--out` with the record of what made it.
struct Run {
    dir: RunDir,
    provenance: Provenance,
}

impl Run {
    /// Notes that everything has been written.
    fn end(mut self) -> Result<(), Failure> {
        self.provenance.end();
        self.provenance.write(&self.dir).or_failed()
    }
}

fn run(arguments: Arguments, command_line: &[OsString]) -> Result<(), Failure> {
    let context = Context::new(arguments.global, command_line)?;
    match arguments.command {
        Command::Demo(arguments) => demo::run(&arguments, &context),
        Command::Train(arguments) => train::train(&arguments, &context),
        Command::Resume(arguments) => train::resume_run(&arguments, &context),
        Command::Simulate(arguments) => simulate::run(&arguments, &context),
        Command::Analyse(arguments) => analyse::analyse(&arguments, &context),
        Command::Report(arguments) => analyse::report(&arguments, &context),
        Command::Data(arguments) => data::run(arguments, &context),
        Command::Fit(arguments) => fit::run(&arguments, &context),
        Command::Compare(arguments) => compare::run(&arguments, &context),
        Command::Check(arguments) => check::run(&arguments, &context),
        Command::Recover(arguments) => recover::run(&arguments, &context),
        Command::Surrogate(arguments) => surrogate::run(&arguments, &context),
    }
}

/// Runs the command of this process and gives its exit code.
pub(crate) fn main() -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&command_line) {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version are no errors and go to stdout; a closed pipe is no reason to complain.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { 2 } else { 0 });
        }
    };
    match run(arguments, &command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                // Nowhere is left to report that stderr is closed.
                let _ = writeln!(std::io::stderr(), "error: {message}");
            }
            failure.exit_code()
        }
    }
}
