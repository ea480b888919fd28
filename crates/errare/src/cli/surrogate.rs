//! `errare surrogate`: trials drawn from fits, with the true source of every response.

use std::path::PathBuf;

use errare::behaviour::data::write_csv;
use errare::behaviour::{
    Display, DisplayGenerator, Fit, Fits, FittedModel, Response, Source, Trial, TrialTable, surrogate,
};
use errare::core::provenance::DataIdentity;
use errare::core::random::{Purpose, key, stream};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::fit::FIT_FILE;
use super::output::{TextTable, count};

/// What the directory of the results holds.
const KIND: &str = "surrogate";
/// Its table.
const FILE: &str = "surrogate.csv";
/// Participant of trials drawn from a fit that is no single participant's.
const ANYBODY: &str = "surrogate";

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    errare fit vandenberg2012_color_wheel --model three-component --out fits/wheel\n  \
    errare surrogate fits/wheel --trials 500 --out surrogates/wheel\n  \
    errare fit surrogates/wheel/surrogate.csv --model three-component")]
pub(crate) struct Arguments {
    /// Directory that `errare fit` wrote.
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Number of trials to draw from each fit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    trials: u32,
    /// Draw only from fits to trials of this participant.
    #[arg(long, value_name = "LABEL")]
    participant: Option<String>,
    /// Draw only from fits to trials of this condition.
    #[arg(long, value_name = "LABEL")]
    condition: Option<String>,
    /// Draw only from fits to trials of this set size.
    #[arg(long, value_name = "N")]
    set_size: Option<usize>,
    /// Number of items of the new displays; the set size of the fit by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    items: Option<u8>,
    /// Smallest distance in rad between two items, in both features; pi/(2 items + 0.1) by default.
    #[arg(long, value_name = "RAD")]
    separation: Option<f64>,
    /// Answer with draw number K from the posterior of a BNS fit, not with its mean.
    #[arg(long, value_name = "K")]
    draw: Option<u64>,
}

/// A fit that was selected, ready to be drawn from.
struct Chosen<'a> {
    /// Position in the fit directory: keys the random streams, so that a selection changes no trial.
    position: u64,
    fit: &'a Fit,
    model: FittedModel,
    displays: DisplayGenerator,
}

impl Arguments {
    fn selects(&self, fit: &Fit) -> bool {
        let same = |wanted: &Option<String>, label: &Option<String>| wanted.is_none() || wanted == label;
        same(&self.participant, &fit.participant)
            && same(&self.condition, &fit.condition)
            && self.set_size.is_none_or(|wanted| fit.set_size == Some(wanted))
    }

    fn choose<'a>(&self, fits: &'a Fits) -> Result<Vec<Chosen<'a>>, Failure> {
        let mut chosen = Vec::new();
        for (position, fit) in fits.fits.iter().enumerate().filter(|(_, fit)| self.selects(fit)) {
            let items = self.items.map(usize::from).or(fit.set_size).ok_or_else(|| {
                Failure::bad_input(format!("the fit for {} has no one set size: add --items N", fit.label()))
            })?;
            let displays = match self.separation {
                Some(separation) => DisplayGenerator::new(items, separation, separation),
                None => DisplayGenerator::standard(items),
            };
            let mut model = fit.model().or_bad_input()?;
            if let Some(draw) = self.draw {
                model = model.draw(draw);
            }
            chosen.push(Chosen { position: position as u64, fit, model, displays: displays.or_bad_input()? });
        }
        if chosen.is_empty() {
            let labels: Vec<String> = fits.fits.iter().map(Fit::label).collect();
            let folder = self.fit.display();
            return Err(Failure::bad_input(format!(
                "no fit of {folder} matches; it has: {}",
                labels.join("; ")
            )));
        }
        Ok(chosen)
    }

    /// The fit, and the number of trials it was fitted to.
    fn identity(&self, chosen: &[Chosen<'_>]) -> Result<DataIdentity, Failure> {
        let file = if self.fit.is_dir() { self.fit.join(FIT_FILE) } else { self.fit.clone() };
        let bytes = std::fs::read(&file).or_failed()?;
        let trials = chosen.iter().map(|chosen| chosen.fit.trials).sum();
        Ok(DataIdentity::new(&self.fit.to_string_lossy(), &bytes, trials))
    }
}

/// How many responses came from where.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sources {
    target: usize,
    nontarget: usize,
    uniform: usize,
}

#[derive(Debug, Serialize)]
struct Drawn {
    model: String,
    participant: Option<String>,
    condition: Option<String>,
    set_size: usize,
    trials: usize,
    sources: Sources,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let fits = Fits::read(&arguments.fit).or_bad_input()?;
    let chosen = arguments.choose(&fits)?;
    if context.out.is_none() {
        return Err(Failure::bad_input("`surrogate` writes a table: add --out DIR"));
    }
    context.check_out(KIND)?;
    let (mut trials, mut drawn) = (Vec::new(), Vec::new());
    for chosen in &chosen {
        let displays: Vec<Display> = (0..u64::from(arguments.trials))
            .map(|trial| {
                chosen.displays.draw(&mut stream(context.seed, Purpose::Displays, &[chosen.position, trial]))
            })
            .collect();
        let seed = key(context.seed, Purpose::Surrogate, &[chosen.position]);
        let responses = surrogate(&chosen.model, &displays, seed);
        drawn.push(count_sources(chosen, &responses));
        trials.extend(displays.into_iter().zip(responses).enumerate().map(|(index, (display, response))| {
            let participant = chosen.fit.participant.as_deref().unwrap_or(ANYBODY);
            let mut trial = Trial::new(participant, display, response.angle);
            trial.condition = chosen.fit.condition.as_deref().map(Into::into);
            trial.trial = Some(index as u64 + 1);
            trial.source = Some(response.source);
            trial
        }));
    }
    let table = TrialTable::new(FILE, trials).or_failed()?;
    let Some(run) = context.claim_out(KIND, vec![arguments.identity(&chosen)?])? else { return Ok(()) };
    let path = run.dir.file(FILE);
    write_csv(&path, &table).or_failed()?;
    run.end()?;

    let document = json!({ "file": path, "seed": context.seed, "trials": table.len(), "fits": drawn });
    let summary = summary(&table, &drawn, &path.display().to_string());
    context.output.show("surrogate", context.out.as_deref(), &document, &summary)
}

fn count_sources(chosen: &Chosen<'_>, responses: &[Response]) -> Drawn {
    let mut sources = Sources::default();
    for response in responses {
        match response.source {
            Source::Uniform => sources.uniform += 1,
            Source::Item(0) => sources.target += 1,
            Source::Item(_) => sources.nontarget += 1,
        }
    }
    Drawn {
        model: chosen.fit.model.to_string(),
        participant: chosen.fit.participant.clone(),
        condition: chosen.fit.condition.clone(),
        set_size: chosen.displays.set_size(),
        trials: responses.len(),
        sources,
    }
}

fn summary(table: &TrialTable, drawn: &[Drawn], path: &str) -> String {
    let mut rows = TextTable::new(
        2,
        ["participant", "condition", "set size", "trials", "target", "non-target", "uniform"],
    );
    let dash = || "-".to_owned();
    for row in drawn {
        let share = |count: usize| format!("{:.3}", count as f64 / row.trials as f64);
        rows.row([
            row.participant.clone().unwrap_or_else(dash),
            row.condition.clone().unwrap_or_else(dash),
            row.set_size.to_string(),
            count(row.trials),
            share(row.sources.target),
            if row.set_size > 1 { share(row.sources.nontarget) } else { dash() },
            share(row.sources.uniform),
        ]);
    }
    format!("{} surrogate trials with their true sources\n\n{rows}\nwritten to {path}\n", count(table.len()))
}
