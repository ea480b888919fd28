//! `errare train` and `errare resume`: an experiment file becomes a run directory.

use std::path::PathBuf;
use std::time::Instant;

use errare::core::provenance::Provenance;
use errare::core::run_dir::RunDir;
use errare::network::{Ending, Experiment, Network, TrainingSummary, read_log};
use errare::pipeline::{
    AnalysisSize, CRITERIA, NetworkAnalysis, RUN, Verdict, analyse_network, claim_again, claim_run, resume,
    train_into,
};
use serde_json::{Value, json};

use super::failure::{Failure, Stage};
use super::output::TextTable;
use super::trained::check_run;
use super::{Context, Run, check_place};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare train experiments/index-flat.toml --out runs/index-flat\n  \
    errare train experiments/index-flat.toml --seed 2 --out runs/index-flat-2 --json")]
pub(crate) struct TrainArguments {
    /// Experiment file; `--seed` overrides its seed.
    #[arg(value_name = "EXPERIMENT.toml")]
    experiment: PathBuf,
    /// Make the gradient of this step not a number, to see how a training fails.
    #[arg(long, value_name = "STEP", hide = true)]
    inject_nan_at: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  errare resume runs/index-flat")]
pub(crate) struct ResumeArguments {
    /// Run directory of a training that was stopped.
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

pub(crate) fn train(arguments: &TrainArguments, context: &Context) -> Result<(), Failure> {
    let Some(out) = &context.out else {
        return Err(Failure::bad_input("train needs --out DIR: the run directory to write"));
    };
    let mut experiment = Experiment::read(&arguments.experiment).or_bad_input()?;
    if let Some(seed) = context.given_seed {
        experiment = experiment.with_seed(seed).or_bad_input()?;
    }
    check_place(out, RUN)?;
    let (dir, carried) = claim_run(&experiment, out).or_bad_input()?;
    let run = if dir.continued() {
        taken_up(dir, context)?
    } else {
        let provenance = Provenance::new(RUN, context.session.clone(), experiment.last().seed, vec![]);
        provenance.write(&dir).or_failed()?;
        Run { dir, provenance }
    };
    let started = Instant::now();
    let summary = train_into(&run.dir, carried, &context.progress, arguments.inject_nan_at).or_failed()?;
    finish(run, context, "train", &summary, started)
}

pub(crate) fn resume_run(arguments: &ResumeArguments, context: &Context) -> Result<(), Failure> {
    check_run(&arguments.run)?;
    context.refuse_out_and_seed("a training is taken up where it is, with the seed that it has")?;
    let (dir, experiment) = claim_again(&arguments.run).or_bad_input()?;
    let run = taken_up(dir, context)?;
    let started = Instant::now();
    let summary = resume(&run.dir, experiment, &context.progress).or_failed()?;
    finish(run, context, "resume", &summary, started)
}

/// A run that an earlier session began.
fn taken_up(dir: RunDir, context: &Context) -> Result<Run, Failure> {
    let mut provenance = Provenance::read(dir.path()).or_bad_input()?;
    provenance.resume(context.session.clone());
    provenance.write(&dir).or_failed()?;
    Ok(Run { dir, provenance })
}

/// Judges the trained network on a small evaluation, and shows how training ended.
fn finish(
    run: Run,
    context: &Context,
    command: &str,
    summary: &TrainingSummary,
    started: Instant,
) -> Result<(), Failure> {
    let seconds = started.elapsed().as_secs_f64();
    let network = Network::load(run.dir.path()).or_failed()?;
    let log = read_log(run.dir.path()).or_failed()?;
    let target = network.stage().target(run.dir.path()).or_failed()?;
    let size = AnalysisSize { displays: 1024, samples: 64, geometry_samples: 0, null_draws: 0 };
    let seed = network.stage().seed;
    let analysis = analyse_network(&network, &*target, &log, size, seed, &context.progress).or_failed()?;
    let verdict = analysis.verdict();
    // What a finished run was judged on before, perhaps more, stays.
    if summary.taken > 0 || !run.dir.file(CRITERIA).exists() {
        run.dir.write_json(CRITERIA, &verdict).or_failed()?;
    }
    let document = json!({
        "steps": summary.steps,
        "seconds": seconds,
        "loss": summary.loss,
        "floor": summary.floor,
        "excess": summary.excess,
        "excess_per_step": summary.excess_per_step,
        "plateau": summary.plateau,
        "ended": summary.ended,
    });
    let document = with_verdict(document, &verdict)?;
    let text = format!(
        "{} steps {}; loss {:.4}, floor {:.4}, excess {:.3}{}\n\n{}\nwritten to {}\n",
        summary.steps,
        if summary.taken > 0 { format!("in {seconds:.0} s") } else { "before this session".into() },
        summary.loss,
        summary.floor,
        summary.excess,
        how_it_ended(summary),
        criteria_table(&analysis),
        run.dir.path().display()
    );
    let path = run.dir.path().to_path_buf();
    run.end()?;
    context.output.show(command, Some(&path), &document, &text)
}

/// What else is to be said of the end of a training.
fn how_it_ended(summary: &TrainingSummary) -> String {
    let mut text = match summary.ended {
        None | Some(Ending::Steps) => String::new(),
        Some(Ending::Excess) => "; ended early: the excess is small enough".into(),
        Some(Ending::LossOverFloor) => "; ended early: the loss is small enough".into(),
        Some(Ending::NoProgress) => "; ended early: nothing improved any more".into(),
    };
    if let Some(plateau) = summary.plateau {
        text.push_str(&format!("\nthe loss is on a plateau: {plateau}"));
    }
    text
}

/// A document with the keys of a verdict after its own.
pub(crate) fn with_verdict(mut document: Value, verdict: &Verdict) -> Result<Value, Failure> {
    let keys = serde_json::to_value(verdict).or_failed()?;
    if let (Value::Object(document), Value::Object(keys)) = (&mut document, keys) {
        document.extend(keys);
    }
    Ok(document)
}

/// The verdict as text, with its criteria and what they were judged on.
pub(crate) fn criteria_table(analysis: &NetworkAnalysis) -> String {
    let verdict = analysis.verdict();
    let mut rows = TextTable::new(1, ["criterion", "value", "at most", "met"]);
    for (name, criterion) in &verdict.criteria {
        let met = if criterion.met { "yes" } else { "no" };
        let cells =
            [name.clone(), format!("{:.4}", criterion.value), format!("{:.4}", criterion.limit), met.into()];
        rows.row(cells);
    }
    let mut text = format!("{}\n{rows}{}\n", verdict.sentence(), verdict.judged_on());
    if let Some(strays) = analysis.strays() {
        text.push_str(&strays);
        text.push('\n');
    }
    text
}
