//! `errare fit`: a behaviour model for every group of trials of a table.

use errare::behaviour::{
    EmissionFamily, Error, Estimate, Fit, FitOptions, Fits, GroupKey, ModelName, ParticipantMean,
    ParticipantMeans, Participants, SwapDependence, TrialTable, participant_means,
};
use errare::core::provenance::DataIdentity;
use errare::core::special::NORMAL_975;
use errare::pipeline::figures::shrinkage_by_participant;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use super::failure::{Failure, Stage};
use super::grouping::{GroupArguments, check_probe, model};
use super::output::{TextTable, count, counted};
use super::table::TableArguments;

/// What the directory of the results holds.
const KIND: &str = "fit";
/// Where [`Fits`] keeps itself in a directory.
pub(crate) const FIT_FILE: &str = "fit.json";

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

    /// Refuses choices that a model does not leave open.
    pub(crate) fn check(&self, model: ModelName) -> Result<(), Failure> {
        let given = [
            ("--emission", self.emission.is_some()),
            ("--uniform", self.uniform.is_some()),
            ("--exclude-report-radius", self.exclude_report_radius.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) if !matches!(model, ModelName::Bns(_)) => Err(Failure::bad_input(format!(
                "{option}: {model} has an emission of its own; the option is for the bns models"
            ))),
            _ => Ok(()),
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
    let (table, identity) = arguments.table.read()?;
    let keys = arguments.keys(&table)?;
    check_probe(&table, arguments.model)?;
    arguments.bns.check(arguments.model)?;
    context.check_out(KIND)?;
    let options = arguments.bns.options(context.seed);
    let together = arguments.participants.filter(|how| how.together());
    let (model, progress) = (arguments.model, &context.progress);
    let (fits, shrinkage) = match together {
        Some(how) => errare::fit_together(&table, &keys, model, &options, how, progress).or_failed()?,
        None => (errare::fit_groups(&table, &keys, model, &options, progress).or_failed()?, Vec::new()),
    };
    let fits = Fits { provenance: provenance(&identity, context), fits };
    let means = participant_means(&fits.fits);
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        fits.write(run.dir.path()).or_failed()?;
        run.dir.write("fits.csv", &csv(&fits.fits, row)?).or_failed()?;
        let parameters: Vec<ParameterRow> = fits.fits.iter().flat_map(parameters).collect();
        run.dir.write("parameters.csv", &csv(&parameters, |row| row)?).or_failed()?;
        if means.is_empty() {
            run.dir.remove("participant_means.csv").or_failed()?;
        } else {
            let rows: Vec<MeanRow> = means.iter().flat_map(mean_rows).collect();
            run.dir.write("participant_means.csv", &csv(&rows, |row| row)?).or_failed()?;
        }
        let curves: Vec<CurveRow> = fits.fits.iter().flat_map(curve).collect();
        if curves.is_empty() {
            run.dir.remove("swap_curves.csv").or_failed()?;
        } else {
            run.dir.write("swap_curves.csv", &csv(&curves, |row| row)?).or_failed()?;
        }
        let surface: Vec<SurfaceRow> = fits.fits.iter().flat_map(surface).collect();
        if surface.is_empty() {
            run.dir.remove("swap_surface.csv").or_failed()?;
        } else {
            run.dir.write("swap_surface.csv", &csv(&surface, |row| row)?).or_failed()?;
        }
        if shrinkage.is_empty() {
            run.dir.remove("shrinkage.csv").or_failed()?;
            run.dir.remove("figures/shrinkage.svg").or_failed()?;
            run.dir.remove("figures/shrinkage.csv").or_failed()?;
        } else {
            run.dir.write("shrinkage.csv", &csv(&shrinkage, |row| row)?).or_failed()?;
            shrinkage_by_participant(&shrinkage).write(&run.dir.path().join("figures")).or_failed()?;
        }
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
    let summary = summary(&table, &fits.fits, &means, context);
    context.output.show("fit", context.out.as_deref(), &document, &summary)
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

/// Weights of sources: they have columns of their own, whether they are parameters of the model or not.
const WEIGHTS: [(&str, &str); 3] =
    [("target", "target"), ("nontarget", "non-target"), ("uniform", "uniform")];
fn summary(table: &TrialTable, fits: &[Fit], means: &[ParticipantMeans], context: &Context) -> String {
    let Some(first) = fits.first() else { return String::new() };
    let labels = |fit: &Fit| {
        [fit.participant.clone(), fit.condition.clone(), fit.set_size.map(|set_size| set_size.to_string())]
    };
    let names = ["participant", "condition", "set size"];
    let used: Vec<usize> = (0..3).filter(|&key| fits.iter().any(|fit| labels(fit)[key].is_some())).collect();
    let own = own_parameters(fits);
    let mut heading: Vec<&str> = used.iter().map(|&key| names[key]).collect();
    heading.extend(["trials", "log likelihood"]);
    heading.extend(&own);
    heading.extend(WEIGHTS.map(|(_, heading)| heading));
    let bns = first.bns.is_some();
    if bns {
        heading.extend(["log evidence", "swap near", "swap far"]);
    }
    let by_report = matches!(first.model, ModelName::Bns(dependence) if dependence.uses_report());
    if by_report {
        heading.push("swap mass");
    }
    let mut rows = TextTable::new(used.len(), heading);
    for fit in fits {
        let dash = || "-".to_owned();
        let mut cells: Vec<String> =
            used.iter().map(|&key| labels(fit)[key].clone().unwrap_or_else(dash)).collect();
        cells.extend([count(fit.trials), format!("{:.2}", fit.log_likelihood)]);
        cells.extend(own.iter().map(|name| {
            let estimate = fit.parameters.iter().find(|estimate| estimate.name == *name);
            estimate.map_or_else(dash, |one| plus_minus(one.value, 2, one.standard_error))
        }));
        cells.extend(WEIGHTS.map(|(name, _)| {
            weight(fit, name).map_or_else(dash, |(value, error)| plus_minus(value, 3, error))
        }));
        if let Some(bns) = &fit.bns {
            let mut seen = bns.swap_curve.iter().filter(|point| point.has_data);
            let near = seen.next();
            let far = seen.next_back().or(near);
            cells.push(format!("{:.2}", bns.log_evidence));
            cells.extend(
                [near, far].map(|point| point.map_or_else(dash, |point| format!("{:.3}", point.mean))),
            );
            if by_report {
                cells.push(bns.swap_mass.map_or_else(dash, |mass| format!("{mass:.3}")));
            }
        }
        rows.row(cells);
    }
    let trials = counted(table.len(), "trial");
    let participants = counted(table.participants().len(), "participant");
    let mut text =
        format!("{} fitted to {} ({trials} of {participants})\n\n{rows}", first.model, table.name());
    if !means.is_empty() {
        text.push_str(&format!("\nmean over participants [95 % interval]\n\n{}", mean_table(means, &own)));
    }
    if bns {
        let feature = if first.model == ModelName::Bns(SwapDependence::Report) { "report" } else { "probe" };
        text.push_str(&format!(
            "\nswap near, swap far: probability of a swap between two items at the smallest and largest {feature} \
             distance of the data\n",
        ));
    }
    if by_report {
        text.push_str(
            "swap mass: weight of the non-targets beyond 2/sqrt(kappa), or --exclude-report-radius, of the target's \
             report feature; nearer ones cannot be told from it\n",
        );
    }
    if let Some(out) = &context.out {
        text.push_str(&format!("\nwritten to {}\n", out.display()));
    }
    text
}

/// A value with its standard error, where it has one.
fn plus_minus(value: f64, digits: usize, error: Option<f64>) -> String {
    match error {
        Some(error) => format!("{value:.digits$} ± {error:.digits$}"),
        None => format!("{value:.digits$}"),
    }
}

/// The parameters that are neither weights nor hyperparameters, in the order of the model; some fits may lack one.
fn own_parameters(fits: &[Fit]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for fit in fits {
        let hyper = |name| fit.bns.as_ref().is_some_and(|bns| bns.hyperparameters.contains_key(name));
        for name in fit.parameters.iter().map(|estimate| estimate.name.as_str()) {
            let weight = WEIGHTS.iter().any(|(weight, _)| *weight == name);
            if !names.contains(&name) && !weight && !hyper(name) {
                names.push(name);
            }
        }
    }
    names
}

/// The weight of a source, with the standard error where it is a parameter or that of a mixture.
fn weight(fit: &Fit, name: &str) -> Option<(f64, Option<f64>)> {
    let errors = fit.standard_errors;
    let (value, error) = match name {
        "target" => (fit.weights.target, errors.map(|errors| errors.target)),
        "nontarget" => (fit.weights.nontarget?, errors.and_then(|errors| errors.nontarget)),
        _ => (fit.weights.uniform, errors.map(|errors| errors.uniform)),
    };
    let parameter = fit.parameters.iter().find(|estimate| estimate.name == name);
    Some((value, error.or(parameter.and_then(|estimate| estimate.standard_error))))
}

fn mean_table(means: &[ParticipantMeans], own: &[&str]) -> TextTable {
    let condition = means.iter().any(|group| group.condition.is_some());
    let mut heading = if condition { vec!["condition"] } else { vec![] };
    heading.extend(["set size", "participants"]);
    heading.extend(own);
    heading.extend(WEIGHTS.map(|(_, heading)| heading));
    let mut rows = TextTable::new(usize::from(condition) + 1, heading);
    for group in means {
        let dash = || "-".to_owned();
        let mut cells = if condition { vec![group.condition.clone().unwrap_or_else(dash)] } else { vec![] };
        cells.push(group.set_size.map_or_else(|| "all".to_owned(), |n| n.to_string()));
        cells.push(count(group.participants));
        for (name, digits) in own.iter().map(|name| (*name, 2)).chain(WEIGHTS.map(|(name, _)| (name, 3))) {
            let mean = group.parameters.iter().find(|mean| mean.name == name);
            cells.push(mean.map_or_else(dash, |ParticipantMean { mean, lo, hi, .. }| match lo.zip(*hi) {
                Some((lo, hi)) => format!("{mean:.digits$} [{lo:.digits$}, {hi:.digits$}]"),
                None => format!("{mean:.digits$}"),
            }));
        }
        rows.row(cells);
    }
    rows
}

/// An estimate as a row of `parameters.csv`.
#[derive(Serialize)]
struct ParameterRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    name: &'a str,
    value: f64,
    standard_error: Option<f64>,
    lo: Option<f64>,
    hi: Option<f64>,
}

fn parameters(fit: &Fit) -> impl Iterator<Item = ParameterRow<'_>> {
    fit.parameters.iter().map(|Estimate { name, value, standard_error }| ParameterRow {
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        name,
        value: *value,
        standard_error: *standard_error,
        lo: standard_error.map(|error| value - NORMAL_975 * error),
        hi: standard_error.map(|error| value + NORMAL_975 * error),
    })
}

/// A mean over participants as a row of `participant_means.csv`.
#[derive(Serialize)]
struct MeanRow<'a> {
    condition: Option<&'a str>,
    set_size: Option<usize>,
    participants: usize,
    name: &'a str,
    mean: f64,
    lo: Option<f64>,
    hi: Option<f64>,
}

fn mean_rows(group: &ParticipantMeans) -> impl Iterator<Item = MeanRow<'_>> {
    group.parameters.iter().map(|one| MeanRow {
        condition: group.condition.as_deref(),
        set_size: group.set_size,
        participants: group.participants,
        name: &one.name,
        mean: one.mean,
        lo: one.lo,
        hi: one.hi,
    })
}

/// A fit as a row of `fits.csv`.
#[derive(Serialize)]
struct FitRow<'a> {
    model: String,
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    trials: usize,
    log_likelihood: f64,
    kappa: Option<f64>,
    kappa_se: Option<f64>,
    target: f64,
    target_se: Option<f64>,
    nontarget: Option<f64>,
    nontarget_se: Option<f64>,
    uniform: f64,
    uniform_se: Option<f64>,
    log_evidence: Option<f64>,
    ess: Option<f64>,
}

fn row(fit: &Fit) -> FitRow<'_> {
    let errors = fit.standard_errors;
    FitRow {
        model: fit.model.to_string(),
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        trials: fit.trials,
        log_likelihood: fit.log_likelihood,
        kappa: fit.emission.kappa(),
        kappa_se: errors.map(|errors| errors.kappa),
        target: fit.weights.target,
        target_se: errors.map(|errors| errors.target),
        nontarget: fit.weights.nontarget,
        nontarget_se: errors.and_then(|errors| errors.nontarget),
        uniform: fit.weights.uniform,
        uniform_se: errors.map(|errors| errors.uniform),
        log_evidence: fit.bns.as_ref().map(|bns| bns.log_evidence),
        ess: fit.bns.as_ref().map(|bns| bns.ess),
    }
}

/// A point of a swap curve as a row of `swap_curves.csv`.
#[derive(Serialize)]
struct CurveRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    distance: f64,
    mean: f64,
    lo: f64,
    hi: f64,
    has_data: bool,
}

fn curve(fit: &Fit) -> impl Iterator<Item = CurveRow<'_>> {
    fit.bns.iter().flat_map(|bns| &bns.swap_curve).map(|point| CurveRow {
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        distance: point.distance,
        mean: point.mean,
        lo: point.lo,
        hi: point.hi,
        has_data: point.has_data,
    })
}

/// A point of a swap surface as a row of `swap_surface.csv`.
#[derive(Serialize)]
struct SurfaceRow<'a> {
    participant: Option<&'a str>,
    condition: Option<&'a str>,
    set_size: Option<usize>,
    probe: f64,
    report: f64,
    odds: f64,
    mean: f64,
    lo: f64,
    hi: f64,
    has_data: bool,
}

fn surface(fit: &Fit) -> impl Iterator<Item = SurfaceRow<'_>> {
    fit.bns.iter().flat_map(|bns| &bns.swap_surface).map(|point| SurfaceRow {
        participant: fit.participant.as_deref(),
        condition: fit.condition.as_deref(),
        set_size: fit.set_size,
        probe: point.probe,
        report: point.report,
        odds: point.odds,
        mean: point.mean,
        lo: point.lo,
        hi: point.hi,
        has_data: point.has_data,
    })
}

/// A CSV file with one row for each value.
pub(crate) fn csv<'a, T, R: Serialize>(
    values: &'a [T],
    row: impl Fn(&'a T) -> R,
) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for value in values {
        writer.serialize(row(value)).or_failed()?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error).or_failed()
}
