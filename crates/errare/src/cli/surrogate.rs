//! `errare surrogate`: trials drawn from fits, with the true source of every response.

use std::path::{Path, PathBuf};

use errare::behaviour::data::{TableFormat, TrialColumns, TrialWriter};
use errare::behaviour::{DisplayGenerator, Fit, Fits, ModelName, TrialTable};
use errare::core::provenance::DataIdentity;
use errare::core::random::{Purpose, key};
use errare::pipeline::{
    FixedLabels, SourceCounts, SurrogateFit, answer_fresh_displays, answer_own_displays, answering_fits,
};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::failure::{Failure, Stage};
use super::fit::identity_of_fits;
use super::output::{TextTable, as_text, count};
use super::table::TableOptions;

/// What the directory of the results holds.
const KIND: &str = "surrogate";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare fit vandenberg2012_color_wheel --model three-component --out fits/wheel\n  \
    errare surrogate fits/wheel --trials 500 --out surrogates/wheel\n  \
    errare fit surrogates/wheel/surrogate.csv --model three-component\n  \
    errare surrogate fits/wheel --displays vandenberg2012_color_wheel --out surrogates/own")]
pub(crate) struct Arguments {
    /// Directory that `errare fit` wrote.
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Number of trials to draw from each fit, to fresh displays.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "displays",
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    trials: Option<u32>,
    /// Answer the displays of a table in place of fresh ones: each trial by the fit of its participant, condition
    /// and set size, its labels kept.
    #[arg(long, value_name = "DATA", conflicts_with_all = ["trials", "items", "separation"])]
    displays: Option<String>,
    /// Draw only from fits to trials of this participant; its fits then answer the trials of anybody.
    #[arg(long, value_name = "LABEL")]
    participant: Option<String>,
    /// Draw only from fits to trials of this condition; its fits then answer the trials of any condition.
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
    /// Make S tables, of a BNS fit each from a posterior draw of its own: K, K + 1, ... of --draw K, else 1, 2, ...
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sets: Option<u32>,
    /// Format of the tables.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    table: TableOptions,
}

/// The format of a table in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Comma-separated text, angles with six decimals
    Csv,
    /// Apache Parquet
    Parquet,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// The displays to answer.
enum Displays {
    /// Fresh ones, so many to each fit, from a generator of its own.
    Fresh { trials: u64, generators: Vec<DisplayGenerator> },
    /// Those of a table, each answered by the fit at this position among the chosen ones.
    Own { table: Box<TrialTable>, identity: DataIdentity, answering: Vec<usize> },
}

impl Displays {
    /// Trials of one table.
    fn trials(&self) -> u64 {
        match self {
            Self::Fresh { trials, generators } => trials * generators.len() as u64,
            Self::Own { table, .. } => table.len() as u64,
        }
    }
}

/// One table to make.
#[derive(Debug, Serialize)]
struct Set {
    #[serde(serialize_with = "as_text")]
    file: PathBuf,
    /// Number of the posterior draw; `None` where the predictive mean or a classical model answers.
    draw: Option<u64>,
    #[serde(skip)]
    seed: u64,
}

impl Arguments {
    fn selects(&self, fit: &Fit) -> bool {
        let same = |wanted: &Option<String>, label: &Option<String>| wanted.is_none() || wanted == label;
        same(&self.participant, &fit.participant)
            && same(&self.condition, &fit.condition)
            && self.set_size.is_none_or(|wanted| fit.set_size == Some(wanted))
    }

    fn choose<'a>(&self, fits: &'a Fits) -> Result<Vec<SurrogateFit<'a>>, Failure> {
        let mut chosen = Vec::new();
        for (position, fit) in fits.fits.iter().enumerate().filter(|(_, fit)| self.selects(fit)) {
            let model = fit.model().or_bad_input()?;
            chosen.push(SurrogateFit { position: position as u64, fit, model });
        }
        if self.displays.is_none() {
            // What participants who were fitted together share is nobody's answer to a fresh display.
            let of_participants: Vec<&Fit> =
                chosen.iter().map(|one| one.fit).filter(|fit| fit.participant.is_some()).collect();
            let is_shared = |fit: &Fit| {
                let own = |one: &&Fit| one.condition == fit.condition && one.set_size == fit.set_size;
                fit.participant.is_none() && of_participants.iter().any(own)
            };
            chosen.retain(|one| !is_shared(one.fit));
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

    fn displays(&self, chosen: &[SurrogateFit<'_>]) -> Result<Displays, Failure> {
        if let Some(data) = &self.displays {
            let (table, identity) = self.table.read(data)?;
            let fixed =
                FixedLabels { participant: self.participant.is_some(), condition: self.condition.is_some() };
            let answering = answering_fits(chosen, &table, fixed).or_bad_input()?;
            return Ok(Displays::Own { table: table.into(), identity, answering });
        }
        if self.table.given() {
            return Err(Failure::bad_input(
                "--where, --units and other options of tables say how to read --displays DATA, which is missing",
            ));
        }
        let generator = |chosen: &SurrogateFit<'_>| {
            let items = self.items.map(usize::from).or(chosen.fit.set_size).ok_or_else(|| {
                let label = chosen.fit.label();
                Failure::bad_input(format!("the fit for {label} has no one set size: add --items N"))
            })?;
            match self.separation {
                Some(separation) => DisplayGenerator::new(items, separation, separation),
                None => DisplayGenerator::standard(items),
            }
            .or_bad_input()
        };
        let generators = chosen.iter().map(generator).collect::<Result<_, _>>()?;
        let trials = self.trials.map_or(0, u64::from);
        Ok(Displays::Fresh { trials, generators })
    }

    /// The tables to make in a folder. Only BNS fits have a posterior to draw from.
    fn sets(&self, folder: &Path, chosen: &[SurrogateFit<'_>], seed: u64) -> Result<Vec<Set>, Failure> {
        let posterior = chosen.iter().any(|chosen| matches!(chosen.fit.model, ModelName::Bns(_)));
        if self.draw.is_some() && !posterior {
            return Err(Failure::bad_input(format!(
                "--draw: {} holds fits of {}, which has no posterior to draw from; only fits of the bns models have",
                self.fit.display(),
                chosen[0].fit.model
            )));
        }
        let ending = self.format.ending();
        let Some(sets) = self.sets else {
            let file = folder.join(format!("surrogate.{ending}"));
            return Ok(vec![Set { file, draw: self.draw, seed }]);
        };
        let width = sets.to_string().len();
        Ok((1..=u64::from(sets))
            .map(|set| Set {
                file: folder.join(format!("surrogate_{set:0width$}.{ending}")),
                draw: posterior.then(|| self.draw.unwrap_or(1) + set - 1),
                seed: key(seed, Purpose::Surrogate, &[set]),
            })
            .collect())
    }

    /// The fit with the number of trials it was fitted to, and the table of the displays.
    fn identities(
        &self,
        chosen: &[SurrogateFit<'_>],
        displays: &Displays,
    ) -> Result<Vec<DataIdentity>, Failure> {
        let mut identities = vec![identity_of_fits(&self.fit, chosen.iter().map(|chosen| chosen.fit))?];
        if let Displays::Own { identity, .. } = displays {
            identities.push(identity.clone());
        }
        Ok(identities)
    }

    /// Makes one table, telling of trials as they are written; returns the sources of its responses by fit.
    fn make(
        &self,
        set: &Set,
        chosen: &[SurrogateFit<'_>],
        displays: &Displays,
        mut written: impl FnMut(usize),
    ) -> Result<Vec<SourceCounts>, Failure> {
        let mut fits = chosen.to_vec();
        if let Some(draw) = set.draw {
            fits.iter_mut().for_each(|fit| fit.model = fit.model.draw(draw));
        }
        let format = match self.format {
            Format::Csv => TableFormat::Csv,
            Format::Parquet => TableFormat::Parquet,
        };
        let mut writer = TrialWriter::create(&set.file, format, columns(chosen, displays)).or_failed()?;
        let mut write = |trials: &[_]| {
            writer.write(trials)?;
            written(trials.len());
            Ok(())
        };
        let counts = match displays {
            Displays::Fresh { trials, generators } => fits
                .iter()
                .zip(generators)
                .map(|(fit, generator)| answer_fresh_displays(fit, generator, *trials, set.seed, &mut write))
                .collect::<errare::pipeline::Result<_>>(),
            Displays::Own { table, answering, .. } => {
                answer_own_displays(&fits, table, answering, set.seed, write)
            }
        };
        let counts = counts.or_failed()?;
        writer.finish().or_failed()?;
        Ok(counts)
    }
}

/// The columns of the tables: those of the displays' table, or of trials by number, with the true sources.
fn columns(chosen: &[SurrogateFit<'_>], displays: &Displays) -> TrialColumns {
    match displays {
        Displays::Own { table, .. } => {
            TrialColumns { source: true, cued_slot: true, ..TrialColumns::of(table) }
        }
        Displays::Fresh { generators, .. } => TrialColumns {
            items: generators.iter().map(DisplayGenerator::set_size).max().unwrap_or(1),
            probe: true,
            session: false,
            trial: true,
            condition: chosen.iter().any(|chosen| chosen.fit.condition.is_some()),
            source: true,
            cued_slot: true,
            extra: vec![],
        },
    }
}

/// What was drawn from one fit, over all tables.
#[derive(Debug, Serialize)]
struct Drawn {
    model: String,
    participant: Option<String>,
    condition: Option<String>,
    /// Items of the displays; `None` when they are mixed.
    set_size: Option<usize>,
    trials: usize,
    sources: SourceCounts,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let fits = Fits::read(&arguments.fit).or_bad_input()?;
    let chosen = arguments.choose(&fits)?;
    let Some(out) = &context.out else {
        return Err(Failure::bad_input("`surrogate` writes a table: add --out DIR"));
    };
    context.check_out(KIND)?;
    let displays = arguments.displays(&chosen)?;
    let sets = arguments.sets(out, &chosen, context.seed)?;
    let Some(run) = context.claim_out(KIND, arguments.identities(&chosen, &displays)?)? else {
        return Ok(());
    };
    remove_others(out, &sets).or_failed()?;
    let mut totals = vec![SourceCounts::default(); chosen.len()];
    let (bar, mut done) = (context.progress.bar("drawing", sets.len() as u64 * displays.trials()), 0);
    for set in &sets {
        let written = |trials| {
            done += trials as u64;
            bar.set(done, "");
        };
        for (total, counts) in totals.iter_mut().zip(arguments.make(set, &chosen, &displays, written)?) {
            total.target += counts.target;
            total.nontarget += counts.nontarget;
            total.uniform += counts.uniform;
        }
    }
    bar.finish();
    run.end()?;

    let drawn: Vec<Drawn> =
        (0..chosen.len()).map(|index| describe(&chosen[index], index, &displays, totals[index])).collect();
    let trials: usize = totals.iter().map(SourceCounts::total).sum();
    let file = (arguments.sets.is_none()).then(|| sets[0].file.to_string_lossy());
    let document =
        json!({ "file": file, "seed": context.seed, "trials": trials, "fits": drawn, "sets": sets });
    let written = match &file {
        Some(file) => file.to_string(),
        None => format!("{} to {}", sets[0].file.display(), sets[sets.len() - 1].file.display()),
    };
    let summary = summary(trials, &drawn, &written);
    context.output.show("surrogate", context.out.as_deref(), &document, &summary)
}

/// Removes tables of an earlier run that this one will not replace.
fn remove_others(out: &Path, sets: &[Set]) -> std::io::Result<()> {
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let table = name.starts_with("surrogate") && (name.ends_with(".csv") || name.ends_with(".parquet"));
        if table && !sets.iter().any(|set| set.file == path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn describe(chosen: &SurrogateFit<'_>, index: usize, displays: &Displays, sources: SourceCounts) -> Drawn {
    Drawn {
        model: chosen.fit.model.to_string(),
        participant: chosen.fit.participant.clone(),
        condition: chosen.fit.condition.clone(),
        set_size: match displays {
            Displays::Fresh { generators, .. } => Some(generators[index].set_size()),
            Displays::Own { .. } => chosen.fit.set_size,
        },
        trials: sources.total(),
        sources,
    }
}

fn summary(trials: usize, drawn: &[Drawn], path: &str) -> String {
    let mut rows = TextTable::new(
        2,
        ["participant", "condition", "set size", "trials", "target", "non-target", "uniform"],
    );
    let dash = || "-".to_owned();
    for row in drawn {
        let share = |count: usize| match row.trials {
            0 => dash(),
            trials => format!("{:.3}", count as f64 / trials as f64),
        };
        rows.row([
            row.participant.clone().unwrap_or_else(dash),
            row.condition.clone().unwrap_or_else(dash),
            row.set_size.map_or_else(|| "mixed".to_owned(), |n| n.to_string()),
            count(row.trials),
            share(row.sources.target),
            if row.set_size != Some(1) { share(row.sources.nontarget) } else { dash() },
            share(row.sources.uniform),
        ]);
    }
    format!("{} surrogate trials with their true sources\n\n{rows}\nwritten to {path}\n", count(trials))
}
