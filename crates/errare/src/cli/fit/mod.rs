//! `errare fit`: a behaviour model for every group of trials of a table.

mod summary;
mod tables;

use std::path::Path;

use errare::behaviour::{
    EmissionFamily, Error, Fit, FitOptions, Fits, GroupKey, ModelName, Participants, TrialTable,
    participant_means,
};
use errare::core::provenance::DataIdentity;
use serde_json::{Value, json};

use super::Context;
use super::failure::{Failure, Stage};
use super::grouping::{GroupArguments, check_probe, model};
use super::table::TableArguments;
use summary::summary;
use tables::write_tables;

/// What the directory of the results holds.
const KIND: &str = "fit";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare fit vandenberg2012_color_wheel --model three-component\n  \
    errare fit vandenberg2012_color_wheel --model two-component --by participant,set_size --json\n  \
    errare fit simulated_probe_effect --model bns --where set_size=4 --by condition --out fits/probe")]
pub(crate) struct Arguments {
    #[command(flatten)]
    table: TableArguments,
    /// Model: two-component, three-component, bns:probe (or bns: swaps over probe distance), bns:report, bns:both,
    /// bns:additive, bns:none; slots, slots-averaging, variable-precision, imm:abc, imm:bsc, imm:full, sdm, tcc;
    /// and variable-precision-swap, sdm-swap, tcc-swap.
    #[arg(long, value_name = "NAME", value_parser = model)]
    model: ModelName,
    #[command(flatten)]
    groups: GroupArguments,
    /// Participants of a group of trials: pooled, separate (as --by participant), or together (BNS): emissions (one swap
    /// function, an emission each) or hierarchical (all of it around a population) [default: pooled].
    #[arg(long, value_name = "HOW", value_parser = participants)]
    participants: Option<Participants>,
    #[command(flatten)]
    bns: BnsArguments,
}

/// What may be chosen for the BNS models.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "BNS")]
pub(crate) struct BnsArguments {
    /// Emission: von-mises, von-mises-mixture (two of one mean) or wrapped-stable [default: von-mises].
    #[arg(long, value_name = "NAME", value_parser = emission)]
    emission: Option<EmissionFamily>,
    /// Whether there are uniform guesses: yes or no [default: no with wrapped-stable, else yes].
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    uniform: Option<bool>,
    /// Report distance (rad) below which swaps are not told from correct reports [default: 2/sqrt(kappa)].
    #[arg(long, value_name = "RADIANS", value_parser = radius)]
    exclude_report_radius: Option<f64>,
}

fn participants(text: &str) -> Result<Participants, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn emission(text: &str) -> Result<EmissionFamily, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it must be yes or no".to_owned()),
    }
}

fn radius(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(radius) if (0.0..=std::f64::consts::PI).contains(&radius) => Ok(radius),
        _ => Err("it must be a distance in radians, from 0 to pi".to_owned()),
    }
}

impl BnsArguments {
    /// The options of a fit.
    pub(crate) fn options(&self, seed: u64) -> FitOptions {
        FitOptions {
            seed,
            emission: self.emission.unwrap_or_default(),
            uniform: self.uniform,
            exclude_report_radius: self.exclude_report_radius,
        }
    }

    /// Refuses choices that none of the models leaves open.
    pub(crate) fn check(&self, models: &[ModelName]) -> Result<(), Failure> {
        if models.iter().any(|model| matches!(model, ModelName::Bns(_))) {
            return Ok(());
        }
        let given = [
            ("--emission", self.emission.is_some()),
            ("--uniform", self.uniform.is_some()),
            ("--exclude-report-radius", self.exclude_report_radius.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                let names: Vec<String> = models.iter().map(ToString::to_string).collect();
                let has = if names.len() == 1 { "has an emission" } else { "have emissions" };
                Err(Failure::bad_input(format!(
                    "{option}: {} {has} of {} own; the option is for the bns models",
                    names.join(", "),
                    if names.len() == 1 { "its" } else { "their" },
                )))
            }
            None => Ok(()),
        }
    }
}

impl Arguments {
    /// The columns to group by.
    fn keys(&self, table: &TrialTable) -> Result<Vec<GroupKey>, Failure> {
        let mut keys = self.groups.keys(table)?;
        match self.participants {
            Some(Participants::Separate) if !keys.contains(&GroupKey::Participant) => {
                keys.insert(0, GroupKey::Participant);
            }
            Some(how) if how != Participants::Separate && keys.contains(&GroupKey::Participant) => {
                return Err(Failure::bad_input(format!(
                    "--participants {how} cannot be joined with --by participant, which fits each on their own"
                )));
            }
            _ => {}
        }
        if let (Some(how), false) =
            (self.participants.filter(|how| how.together()), matches!(self.model, ModelName::Bns(_)))
        {
            let problem = Error::NotTogether { model: self.model.to_string(), participants: how.name() };
            return Err(Failure::bad_input(problem.to_string()));
        }
        Ok(keys)
    }
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let (table, identity) = arguments.table.read_with_warnings(&context.progress)?;
    let keys = arguments.keys(&table)?;
    check_probe(&table, arguments.model)?;
    arguments.bns.check(&[arguments.model])?;
    context.check_out(KIND)?;
    let options = arguments.bns.options(context.seed);
    let together = arguments.participants.filter(|how| how.together());
    let (model, progress) = (arguments.model, &context.progress);
    let (fits, shrinkage) = match together {
        Some(how) => errare::fit_together(&table, &keys, model, &options, how, progress).or_failed()?,
        None => (errare::fit_groups(&table, &keys, model, &options, progress).or_failed()?, Vec::new()),
    };
    let fits = Fits { provenance: provenance(&identity, context), fits };
    // Estimates that were made together are drawn to each other: their spread is not that of people.
    let means = if together.is_some() { Vec::new() } else { participant_means(&fits.fits) };
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        write_tables(&run.dir, &fits, &means, &shrinkage)?;
        run.end()?;
    }
    let mut document = json!({
        "model": arguments.model.to_string(),
        "participants": arguments.participants.unwrap_or_default().name(),
        "data": identity,
        "seed": context.seed,
        "fits": fits.fits.iter().map(document).collect::<Result<Vec<Value>, Failure>>()?,
        "participant_means": means,
    });
    if together.is_some() {
        document["shrinkage"] = serde_json::to_value(&shrinkage).or_failed()?;
    }
    let summary = summary(&table, &fits.fits, together.is_some(), &means, context);
    context.output.show("fit", context.out.as_deref(), &document, &summary)
}

/// The identity of a directory of fits, or of its file: the bytes that [`Fits::read`] reads, and the trials of its fits.
pub(crate) fn identity_of_fits<'a>(
    path: &Path,
    fits: impl IntoIterator<Item = &'a Fit>,
) -> Result<DataIdentity, Failure> {
    let file = if path.is_dir() { path.join("fit.json") } else { path.to_owned() };
    let trials = fits.into_iter().map(|fit| fit.trials).sum();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let identity = DataIdentity::of_file(file, trials).or_bad_input()?;
    Ok(DataIdentity { name: name.unwrap_or_else(|| identity.name.clone()), ..identity })
}

/// What `fit.json` says of its own origin; the whole record is in `provenance.json`.
fn provenance(identity: &DataIdentity, context: &Context) -> Value {
    let build = errare::build();
    json!({ "data": identity, "seed": context.seed, "version": build.version, "commit": build.commit })
}

/// A fit on stdout: all but the coefficients of its posterior and its surface, which are in `fit.json`.
fn document(fit: &Fit) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(fit).or_failed()?;
    if let Some(keys) = value.as_object_mut() {
        keys.shift_remove("posterior");
        keys.shift_remove("swap_surface");
    }
    Ok(value)
}
