//! Our side of `benches/peers`: exports a training step for others to repeat, and takes steps on request.
//!
//! ```text
//! cargo run --release -p errare-network --example peers -- export CASE.toml DISPLAYS OUT.safetensors
//! cargo run --release -p errare-network --example peers -- steps CASE.toml THREADS [DISPLAYS SAMPLES]
//! cargo run --release -p errare-network --example peers -- units
//! ```
//!
//! The last two say `ready`, then answer each line on standard input with one on standard output, so that
//! whoever asks holds the stopwatch.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;

use errare_network::benchmark::{ReferenceStep, Unit};
use errare_network::{Experiment, Trainer};
use safetensors::tensor::{Dtype, TensorView};

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["export", case, displays, out] => export(case.as_ref(), displays.parse()?, out.as_ref()),
        ["steps", case, threads] => steps(case.as_ref(), threads.parse()?, None),
        ["steps", case, threads, displays, samples] => {
            steps(case.as_ref(), threads.parse()?, Some([displays.parse()?, samples.parse()?]))
        }
        ["units"] => units(),
        _ => {
            Err("usage: peers export CASE DISPLAYS OUT | steps CASE THREADS [DISPLAYS SAMPLES] | units"
                .into())
        }
    }
}

/// Writes the first step on a batch of `displays` displays; the metadata hold the case as it stands.
fn export(case: &Path, displays: usize, out: &Path) -> Result<(), AnyError> {
    let experiment = Experiment::read(case)?;
    let mut stage = experiment.last().clone();
    stage.training.displays = displays;
    let target = stage.target(experiment.folder())?;
    let step = ReferenceStep::of(&stage, &*target)?;
    let bytes = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let data: Vec<_> = step.arrays.iter().map(|array| bytes(&array.values)).collect();
    let views = step
        .arrays
        .iter()
        .zip(&data)
        .map(|(array, data)| Ok((&array.name, TensorView::new(Dtype::F64, array.shape.clone(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata = HashMap::from([("experiment".to_string(), experiment.to_toml().to_string())]);
    std::fs::write(out, safetensors::serialize(views, Some(metadata))?)?;
    Ok(())
}

/// Takes a training step for every line.
fn steps(case: &Path, threads: usize, batch: Option<[usize; 2]>) -> Result<(), AnyError> {
    let experiment = Experiment::read(case)?;
    let mut stage = experiment.last().clone();
    if let Some([displays, samples]) = batch {
        (stage.training.displays, stage.training.samples) = (displays, samples);
    }
    let experiment = Experiment::from_stages(vec![stage], experiment.folder())?;
    let targets = experiment.targets()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut trainer = Trainer::new(experiment, targets)?;
    answer(|_| {
        let entry = pool.install(|| trainer.step())?;
        Ok(entry.map_or(f64::NAN, |entry| entry.loss))
    })
}

/// Spends many of the unit that a line names, and says how many it was.
fn units() -> Result<(), AnyError> {
    answer(|name| {
        let unit = Unit::ALL.into_iter().find(|unit| unit.name() == name);
        let unit = unit.ok_or_else(|| format!("no unit is called {name:?}"))?;
        let count = if unit == Unit::Operation { 20_000_000_000 } else { 200_000_000 };
        Ok(unit.spend(count) as f64)
    })
}

/// Answers each line of standard input with a number.
fn answer(mut of: impl FnMut(&str) -> Result<f64, AnyError>) -> Result<(), AnyError> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", of(line?.trim())?)?;
        out.flush()?;
    }
    Ok(())
}
