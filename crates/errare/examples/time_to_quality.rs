//! `benches/time_to_quality`: how long networks train from scratch until they first are faithful to their targets.
//!
//! ```text
//! cargo run --release -p errare --example time_to_quality -- experiments/index-flat.toml
//! ```
//!
//! Trains every experiment with every seed, one after the other, and stops each at the first judgement that
//! meets all criteria. The clocks run while training, through all stages, and stand while a network is judged.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use errare::core::progress::Progress;
use errare::core::provenance::DataIdentity;
use errare::network::{Experiment, LogEntry, Network, Trainer};
use errare::pipeline::{AnalysisSize, JudgedOn, analyse_network};
use errare::report::{Axis, Figure, Panel, Series, Unit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

type AnyError = Box<dyn std::error::Error>;

/// Big enough to tell a bad network from a good one.
const GLANCE: AnalysisSize = AnalysisSize { displays: 1024, samples: 64, geometry_samples: 8, null_draws: 0 };
/// What the criteria are defined on; only a network that passes a glance is judged by it.
const VERDICT: AnalysisSize =
    AnalysisSize { displays: JudgedOn::DEFINITION.displays, samples: JudgedOn::DEFINITION.samples, ..GLANCE };

#[derive(Debug, Parser)]
#[command(about = "How long networks train until they are faithful to their targets")]
struct Arguments {
    /// Experiment files.
    #[arg(value_name = "EXPERIMENT.toml", required = true)]
    experiments: Vec<PathBuf>,
    /// Seeds to train each with.
    #[arg(long, num_args = 1.., default_values_t = [1, 2, 3, 4, 5])]
    seeds: Vec<u64>,
    /// Steps of the last stage between judgements.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder of the results; runs that it holds are not repeated.
    #[arg(long, default_value = "target/time_to_quality")]
    out: PathBuf,
}

/// A training from scratch.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    experiment: String,
    seed: u64,
    threads: usize,
    /// Steps of the last stage between judgements.
    #[serde(default)]
    every: u64,
    /// BLAKE3 hash of the program.
    #[serde(default)]
    program: String,
    /// All criteria were met.
    faithful: bool,
    /// Why training ended early, when it diverged.
    failure: Option<String>,
    judgements: Vec<Judgement>,
    /// How the last stage came down to its floor.
    #[serde(default)]
    curve: Vec<CurvePoint>,
    /// The experiment with its seed and every default written out.
    text: String,
}

/// A line of the training log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct CurvePoint {
    /// Steps of all stages so far.
    step: u64,
    cpu_seconds: f64,
    /// Mean over τ of (loss − floor)/max(floor, mean floor), smoothed.
    excess: f64,
}

/// What a network was worth after so much training.
#[derive(Debug, Serialize, Deserialize)]
struct Judgement {
    step: u64,
    wall_seconds: f64,
    cpu_seconds: f64,
    /// Judged by what the criteria are defined on, not at a glance.
    verdict: bool,
    faithful: bool,
    /// Value over limit of every criterion.
    value_over_limit: Vec<(String, f64)>,
}

fn main() -> Result<(), AnyError> {
    let arguments = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    std::fs::create_dir_all(&arguments.out)?;
    let mut runs = Vec::new();
    for path in &arguments.experiments {
        let first = runs.len();
        for &seed in &arguments.seeds {
            runs.push(finished_or_new(path, seed, &arguments)?);
            // Whoever interrupts still has table and curves of what is finished.
            std::fs::write(arguments.out.join("table.md"), table(&runs))?;
            learning_curves(&runs[first..]).write(&arguments.out)?;
        }
    }
    std::fs::write(arguments.out.join("results.json"), serde_json::to_vec_pretty(&runs)?)?;
    writeln!(std::io::stdout(), "{}", table(&runs))?;
    Ok(())
}

/// Reads a run of the same experiment from the results, or makes it.
fn finished_or_new(path: &Path, seed: u64, arguments: &Arguments) -> Result<Run, AnyError> {
    let experiment = with_seed(&Experiment::read(path)?, seed)?;
    let program = DataIdentity::of_file(std::env::current_exe()?, 0)?.blake3;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = arguments.out.join(format!("{name}-{seed}-{}-threads.json", arguments.threads));
    if let Ok(bytes) = std::fs::read(&file) {
        let run: Run = serde_json::from_slice(&bytes)?;
        if (&*run.text, run.every, &run.program) == (experiment.to_toml(), arguments.every, &program) {
            return Ok(run);
        }
    }
    let run = train(name, seed, experiment, program, arguments)?;
    // Under its name only when it is whole.
    let unfinished = file.with_extension("tmp");
    std::fs::write(&unfinished, serde_json::to_vec_pretty(&run)?)?;
    std::fs::rename(unfinished, file)?;
    Ok(run)
}

fn with_seed(experiment: &Experiment, seed: u64) -> Result<Experiment, AnyError> {
    if experiment.stages().iter().any(|stage| stage.training.start_from.is_some()) {
        return Err("an experiment with training.start_from does not begin from scratch".into());
    }
    Ok(experiment.with_seed(seed)?)
}

fn train(
    name: String,
    seed: u64,
    experiment: Experiment,
    program: String,
    arguments: &Arguments,
) -> Result<Run, AnyError> {
    let bars = Progress::stderr();
    let bar = bars.bar(&format!("{name}, seed {seed}"), experiment.total_steps());
    let target = experiment.last().target(experiment.folder())?;
    let last_stage = experiment.stages().len() - 1;
    let mut run = Run {
        experiment: name,
        seed,
        threads: arguments.threads,
        every: arguments.every,
        program,
        faithful: false,
        failure: None,
        judgements: Vec::new(),
        curve: Vec::new(),
        text: experiment.to_toml().to_owned(),
    };
    let mut watch = Watch::default();
    let mut log = Vec::new();
    let targets = experiment.targets()?;
    let mut trainer = watch.time(|| Trainer::new(experiment, targets))?;
    while !trainer.progress().finished {
        match watch.time(|| trainer.step()) {
            Ok(entry) => log.extend(entry.inspect(|entry| {
                if entry.stage == last_stage + 1 {
                    let cpu_seconds = watch.cpu.as_secs_f64();
                    run.curve.push(CurvePoint { step: entry.step, cpu_seconds, excess: entry.excess });
                }
            })),
            Err(error) => {
                run.failure = Some(error.to_string());
                break;
            }
        }
        let progress = trainer.progress();
        bar.set(progress.step, &format!("stage {}", progress.stage + 1));
        let due = progress.stage == last_stage && progress.stage_step > 0;
        if progress.finished || (due && progress.stage_step.is_multiple_of(arguments.every)) {
            let network = Network::of(&trainer);
            for (size, verdict) in [(GLANCE, false), (VERDICT, true)] {
                let (faithful, value_over_limit) = judge(&network, &*target, &log, size)?;
                let step = progress.step;
                let (wall_seconds, cpu_seconds) = (watch.wall.as_secs_f64(), watch.cpu.as_secs_f64());
                let judgement =
                    Judgement { step, wall_seconds, cpu_seconds, verdict, faithful, value_over_limit };
                run.judgements.push(judgement);
                run.faithful = faithful && verdict;
                if !faithful {
                    break;
                }
            }
            if run.faithful {
                break;
            }
        }
    }
    bar.finish();
    Ok(run)
}

/// Whether a network meets every criterion, and the value of each over its limit.
fn judge(
    network: &Network,
    target: &dyn errare::behaviour::ResponseModel,
    log: &[LogEntry],
    size: AnalysisSize,
) -> Result<(bool, Vec<(String, f64)>), AnyError> {
    let seed = network.stage().seed;
    let analysis = analyse_network(network, target, log, size, seed, &Progress::silent())?;
    let criteria = &analysis.fidelity.criteria;
    let relative = criteria.iter().map(|(name, criterion)| (name.clone(), criterion.value / criterion.limit));
    Ok((analysis.fidelity.is_faithful(), relative.collect()))
}

/// Clocks that run during training only.
#[derive(Debug, Default)]
struct Watch {
    wall: Duration,
    cpu: Duration,
}

impl Watch {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), cpu_time());
        let result = work();
        self.wall += wall.elapsed();
        self.cpu += cpu_time() - cpu;
        result
    }
}

/// CPU time of all threads of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The excess of the last stage over its floor against CPU time, a line for each seed of one experiment.
fn learning_curves(runs: &[Run]) -> Figure {
    let experiment = &runs[0].experiment;
    let mut panel = Panel::new(
        Axis::new("CPU time of training", Unit::Other("min".into())),
        Axis::new("excess of the loss over its floor", Unit::Dimensionless).log(),
    );
    for run in runs {
        let points = run.curve.iter().map(|point| (point.cpu_seconds / 60.0, point.excess));
        let label = format!("seed {}{}", run.seed, if run.faithful { "" } else { ", not faithful" });
        panel = panel.series(Series::line(label, points));
    }
    let caption = "Mean over the response steps of (loss − floor)/max(floor, mean floor), smoothed over 200 steps, in the last \
                   stage; the time is that of all stages.";
    let name = format!("{experiment}-learning-curves");
    Figure::new(name, format!("How {experiment} comes down to its floor")).caption(caption).panel(panel)
}

/// The runs, and a line for each experiment, as Markdown.
fn table(runs: &[Run]) -> String {
    let mut lines = vec![
        "| experiment | seed | faithful | steps | wall min | CPU min | furthest from its limit |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    let minutes = |seconds: f64| format!("{:.1}", seconds / 60.0);
    for run in runs {
        let outcome = match &run.failure {
            Some(failure) => failure.as_str(),
            None if run.faithful => "yes",
            None => "no",
        };
        let (mut reached, mut worst) = (["–".to_owned(), "–".to_owned(), "–".to_owned()], "–".to_owned());
        if let Some(last) = run.judgements.last() {
            reached = [last.step.to_string(), minutes(last.wall_seconds), minutes(last.cpu_seconds)];
            let furthest = last.value_over_limit.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            worst = furthest.map_or(worst, |(name, value)| format!("{name} at {value:.2} ×"));
        }
        let [steps, wall, cpu] = reached;
        let (experiment, seed) = (&run.experiment, run.seed);
        lines.push(format!("| {experiment} | {seed} | {outcome} | {steps} | {wall} | {cpu} | {worst} |"));
    }
    for runs in runs.chunk_by(|a, b| a.experiment == b.experiment) {
        let faithful: Vec<&Judgement> =
            runs.iter().filter(|run| run.faithful).filter_map(|run| run.judgements.last()).collect();
        let slowest =
            |of: &dyn Fn(&Judgement) -> f64| faithful.iter().map(|last| of(last)).fold(0.0, f64::max);
        let times = if faithful.is_empty() {
            String::new()
        } else {
            let wall = minutes(slowest(&|last| last.wall_seconds));
            let cpu = minutes(slowest(&|last| last.cpu_seconds));
            format!("; the slowest of them in {wall} min (wall), {cpu} min of CPU time")
        };
        let (experiment, count, of) = (&runs[0].experiment, faithful.len(), runs.len());
        lines.push(String::new());
        lines.push(format!("{experiment}: {count} of {of} seeds faithful{times}."));
    }
    lines.join("\n") + "\n"
}
