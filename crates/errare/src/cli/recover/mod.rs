//! `errare recover`: parameters, models and posteriors recovered from simulated trials, with gates stated before.

mod specification;
mod summary;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use errare::behaviour::recovery::{
    Calibration, CalibrationDesign, Gates, RecoveryDesign, Truth, calibrate, recover_models,
    recover_parameters, recover_posteriors,
};
use errare::behaviour::{DisplayGenerator, Error, Fits, ModelName, SwapFunction, nuts_is_built};
use errare::core::provenance::{DataIdentity, Provenance};
use errare::pipeline::{Recovery, recovery_page};

use super::Context;
use super::failure::{Failure, Stage};
use super::fit::identity_of_fits;
use super::grouping::{check_distinct, model};
use specification::{
    CALIBRATE, SETS, Specification, TRIALS, TruthSpecification, default_kappa, default_set_size,
    default_uniform,
};
use summary::summary;
use tables::write_tables;

/// What the directory of the results holds.
const KIND: &str = "recovery";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    errare recover --model three-component --trials 300 --sets 20\n  \
    errare fit simulated_probe_effect --model bns --where set_size=4 --by condition --out fits/probe\n  \
    errare recover fits/probe --models bns:probe,bns:none --trials 640 --sets 10 --out recovered")]
pub(crate) struct Arguments {
    /// Truths: directories that `errare fit` wrote, or TOML files that set truths by hand.
    #[arg(value_name = "FIT|TOML")]
    sources: Vec<PathBuf>,
    /// Set a truth by hand: the model that ought to recover it.
    #[arg(long, value_name = "NAME", value_parser = model)]
    model: Option<ModelName>,
    /// Concentration of that truth [default: 12].
    #[arg(long, value_name = "KAPPA", requires = "model")]
    kappa: Option<f64>,
    /// Guesses of that truth [default: 0.1].
    #[arg(long, value_name = "P", requires = "model")]
    uniform: Option<f64>,
    /// Swaps of that truth: none, flat:P (probability), distance:W:O (width in rad² and offset); by default those
    /// that suit the model.
    #[arg(long, value_name = "SWAPS", value_parser = swaps, requires = "model")]
    swap: Option<SwapFunction>,
    /// Items of the displays of that truth [default: 4].
    #[arg(long, value_name = "N", requires = "model", value_parser = clap::value_parser!(u8).range(1..=8))]
    set_size: Option<u8>,
    /// Models that compete for the data of every truth, joined by commas: the model-recovery matrix.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = model)]
    models: Vec<ModelName>,
    /// Trials of a data set [default: 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(TRIALS))]
    trials: Option<u64>,
    /// Data sets of each truth [default: 20].
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(SETS))]
    sets: Option<u64>,
    /// Smallest distance in rad between two items, in both features; pi/(2 items + 0.1) by default.
    #[arg(long, value_name = "RAD")]
    separation: Option<f64>,
    /// Also calibrate BNS on this many truths drawn from its prior (99 or more).
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(CALIBRATE))]
    calibrate: Option<u64>,
    /// Also hold the posterior of every BNS truth against NUTS, on its first data set (needs a build with
    /// --features nuts).
    #[arg(long)]
    nuts: bool,
}

fn swaps(text: &str) -> Result<SwapFunction, String> {
    let number = |text: &str| text.parse::<f64>().map_err(|_| format!("{text:?} is not a number"));
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["none"] => Ok(SwapFunction::None),
        ["flat", swap_probability] => Ok(SwapFunction::Flat { swap_probability: number(swap_probability)? }),
        ["distance", width, offset] => {
            Ok(SwapFunction::Distance { width: number(width)?, offset: number(offset)? })
        }
        _ => Err(format!("{text:?} is no swap function; expected none, flat:P or distance:W:O")),
    }
}

/// What is to be done, from the files and the command line.
struct Plan {
    truths: Vec<Truth>,
    models: Vec<ModelName>,
    design: RecoveryDesign,
    gates: Gates,
    calibration: Option<CalibrationDesign>,
    nuts: bool,
    identities: Vec<DataIdentity>,
}

impl Arguments {
    fn plan(&self, context: &Context) -> Result<Plan, Failure> {
        // First: what it says holds for all sources.
        let specification = self.specification()?;
        let separation = self.separation.or(specification.separation);
        let (mut truths, mut identities) = (Vec::new(), Vec::new());
        for source in &self.sources {
            if is_toml(source) {
                identities.push(DataIdentity::of_file(source, specification.truth.len()).or_bad_input()?);
                for truth in &specification.truth {
                    truths.push(truth.truth(separation)?);
                }
                continue;
            }
            let fits = Fits::read(source).or_bad_input()?;
            identities.push(identity_of_fits(source, &fits.fits)?);
            for fit in &fits.fits {
                let label = format!("{} of {}", fit.model, fit.label());
                truths.push(Truth::from_fit(fit, label, separation).or_bad_input()?);
            }
        }
        if let Some(model) = self.model {
            let by_hand = TruthSpecification {
                name: None,
                model,
                kappa: self.kappa.unwrap_or_else(default_kappa),
                uniform: self.uniform.unwrap_or_else(default_uniform),
                swap: self.swap,
                set_size: self.set_size.unwrap_or_else(default_set_size),
            };
            truths.push(by_hand.truth(separation)?);
        }
        let design = RecoveryDesign {
            trials: self.trials.or(specification.trials).unwrap_or(1000),
            sets: self.sets.or(specification.sets).unwrap_or(20),
            seed: context.seed,
        };
        let models = if self.models.is_empty() { specification.models } else { self.models.clone() };
        check_distinct(&models)?;
        if let [alone] = models.as_slice() {
            return Err(Failure::bad_input(format!(
                "--models: {alone} alone has no competitor; name two or more"
            )));
        }
        if truths.is_empty() {
            return Err(Failure::bad_input(
                "nothing to recover: give the directory of a fit, a TOML file with [[truth]], or --model NAME",
            ));
        }
        let calibration = match self.calibrate.or(specification.calibrate) {
            Some(sets) => Some(calibration_of(&truths, sets, design, separation)?),
            None => None,
        };
        let nuts = self.nuts || specification.nuts;
        if nuts {
            if !nuts_is_built() {
                return Err(Failure::bad_input(
                    Error::NotBuilt { what: "NUTS", feature: "nuts" }.to_string(),
                ));
            }
            if !truths.iter().any(|truth| matches!(truth.model(), ModelName::Bns(_))) {
                return Err(Failure::bad_input(
                    "only BNS has a posterior to hold against NUTS: add a truth of a bns model",
                ));
            }
        }
        let gates = specification.gates.unwrap_or_default();
        Ok(Plan { truths, models, design, gates, calibration, nuts, identities })
    }

    /// What the TOML file among the sources says, if there is one.
    fn specification(&self) -> Result<Specification, Failure> {
        let files: Vec<&PathBuf> = self.sources.iter().filter(|source| is_toml(source)).collect();
        match files.as_slice() {
            [] => Ok(Specification::default()),
            [file] => Specification::read(file),
            [first, second, ..] => Err(Failure::bad_input(format!(
                "{} and {}: only one TOML file can say how to recover; write the truths of both into one",
                first.display(),
                second.display()
            ))),
        }
    }
}

fn is_toml(source: &Path) -> bool {
    source.extension().is_some_and(|extension| extension == "toml")
}

/// The calibration of the first BNS model among the truths.
fn calibration_of(
    truths: &[Truth],
    sets: u64,
    design: RecoveryDesign,
    separation: Option<f64>,
) -> Result<CalibrationDesign, Failure> {
    let found = truths.iter().find_map(|truth| match truth.model() {
        ModelName::Bns(dependence) if truth.set_size() > 1 => Some((dependence, truth.set_size())),
        _ => None,
    });
    let Some((dependence, set_size)) = found else {
        return Err(Failure::bad_input(
            "only BNS has a posterior to calibrate: add a truth of a bns model with two items or more",
        ));
    };
    let displays = match separation {
        Some(separation) => DisplayGenerator::new(set_size, separation, separation),
        None => DisplayGenerator::standard(set_size),
    };
    let (trials, seed) = (design.trials, design.seed);
    Ok(CalibrationDesign {
        dependence,
        displays: displays.or_bad_input()?,
        trials,
        sets,
        kappa: default_kappa(),
        seed,
    })
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let plan = arguments.plan(context)?;
    context.check_out(KIND)?;
    let mut gates = plan.gates.state(plan.design, &plan.models, plan.calibration.is_some(), plan.nuts);
    let claimed = context.claim_out(KIND, plan.identities.clone())?;
    if let Some(run) = &claimed {
        run.dir.write_json("gates.json", &gates).or_failed()?;
        // An earlier run's results must not stand beside the gates of this one.
        for name in
            ["recovery.json", "parameters.csv", "models.csv", "ranks.csv", "posteriors.csv", "report.html"]
        {
            run.dir.remove(name).or_failed()?;
        }
    }
    let mut stated = String::from("gates, stated before the run:\n");
    gates.iter().for_each(|gate| stated.push_str(&format!("  {}: {}\n", gate.name, gate.statement)));
    match context.output.say(&stated) {
        // The results have a place to go.
        Err(Failure::NobodyListens) if claimed.is_some() => {}
        said => said?,
    }

    let parameters = watched(context, "parameters", plan.truths.len() as u64 * plan.design.sets, |done| {
        recover_parameters(&plan.truths, plan.design, done)
    })?;
    let models = if plan.models.len() > 1 {
        let total = plan.truths.len() as u64 * plan.design.sets;
        Some(watched(context, "models", total, |done| {
            recover_models(&plan.truths, &plan.models, plan.design, done)
        })?)
    } else {
        None
    };
    let calibration: Option<Calibration> = match &plan.calibration {
        Some(design) => Some(watched(context, "calibration", design.sets, |done| calibrate(design, done))?),
        None => None,
    };
    let posteriors = if plan.nuts {
        let total = plan.truths.iter().filter(|truth| matches!(truth.model(), ModelName::Bns(_))).count();
        watched(context, "NUTS", total as u64, |done| recover_posteriors(&plan.truths, plan.design, done))?
    } else {
        Vec::new()
    };
    plan.gates.judge(&mut gates, &parameters, models.as_ref(), calibration.as_ref(), &posteriors);
    let verdict = gates.iter().all(|gate| gate.met != Some(false));
    let recovery = Recovery { gates, verdict, parameters, models, calibration, posteriors };
    if let Some(run) = claimed {
        run.dir.write_json("recovery.json", &recovery).or_failed()?;
        write_tables(&run.dir, &recovery)?;
        let provenance = Provenance::read(run.dir.path()).or_failed()?;
        let page = recovery_page(&recovery, &provenance).or_failed()?;
        page.write(&run.dir.file("report.html")).or_failed()?;
        run.end()?;
    }
    context.output.show("recover", context.out.as_deref(), &recovery, &summary(&recovery))
}

/// Does work with a bar of `total` steps.
fn watched<T>(
    context: &Context,
    label: &str,
    total: u64,
    work: impl FnOnce(&(dyn Fn() + Sync)) -> errare::behaviour::Result<T>,
) -> Result<T, Failure> {
    let bar = context.progress.bar(label, total);
    let done = AtomicU64::new(0);
    work(&|| bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, "")).or_failed()
}
