//! `errare fit`: a behaviour model for every group of trials of a table.

use errare::behaviour::{
    EmissionFamily, Error, Fit, FitOptions, Fits, GroupKey, ModelName, SwapDependence, TrialTable,
};
use errare::core::provenance::DataIdentity;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use super::failure::{Failure, Stage};
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
    /// bns:additive, bns:none.
    #[arg(long, value_name = "NAME", value_parser = model)]
    model: ModelName,
    /// One fit for each participant, condition, set_size, or any of these joined by commas; none pools all
    /// trials.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', default_value = "set_size", value_parser = grouping)]
    by: Vec<Grouping>,
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

/// A column to group by, or `none`.
#[derive(Debug, Clone, Copy)]
struct Grouping(Option<GroupKey>);

fn model(text: &str) -> Result<ModelName, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn grouping(text: &str) -> Result<Grouping, String> {
    if text == "none" {
        return Ok(Grouping(None));
    }
    text.parse().map(|key| Grouping(Some(key))).map_err(|error: Error| format!("{error}, or none alone"))
}

impl Arguments {
    /// The columns to group by.
    fn keys(&self, table: &TrialTable) -> Result<Vec<GroupKey>, Failure> {
        let keys: Vec<GroupKey> = self.by.iter().filter_map(|grouping| grouping.0).collect();
        if !keys.is_empty() && keys.len() < self.by.len() {
            return Err(Failure::bad_input("--by none cannot be joined with columns"));
        }
        if keys.contains(&GroupKey::Condition) && table.conditions().is_empty() {
            let name = table.name();
            return Err(Failure::bad_input(format!("--by condition: {name} has no column of conditions")));
        }
        Ok(keys)
    }
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let (table, identity) = arguments.table.read()?;
    let keys = arguments.keys(&table)?;
    if arguments.model.needs_probe() && !table.has_probe() && table.set_sizes() != [1] {
        return Err(Failure::bad_input(format!("{}: {}", table.name(), Error::MissingProbe)));
    }
    arguments.bns.check(arguments.model)?;
    context.check_out(KIND)?;
    let options = arguments.bns.options(context.seed);
    let fits = errare::fit_groups(&table, &keys, arguments.model, &options, &context.progress).or_failed()?;
    let fits = Fits { provenance: provenance(&identity, context), fits };
    if let Some(run) = context.claim_out(KIND, vec![identity.clone()])? {
        fits.write(run.dir.path()).or_failed()?;
        run.dir.write("fits.csv", &csv(&fits.fits, row)?).or_failed()?;
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
        run.end()?;
    }
    let document = json!({
        "model": arguments.model.to_string(),
        "data": identity,
        "seed": context.seed,
        "fits": fits.fits.iter().map(document).collect::<Result<Vec<Value>, Failure>>()?,
    });
    let summary = summary(&table, &fits.fits, context);
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

fn summary(table: &TrialTable, fits: &[Fit], context: &Context) -> String {
    let Some(first) = fits.first() else { return String::new() };
    let labels = |fit: &Fit| {
        [fit.participant.clone(), fit.condition.clone(), fit.set_size.map(|set_size| set_size.to_string())]
    };
    let names = ["participant", "condition", "set size"];
    let used: Vec<usize> = (0..3).filter(|&key| fits.iter().any(|fit| labels(fit)[key].is_some())).collect();
    let mut heading: Vec<&str> = used.iter().map(|&key| names[key]).collect();
    heading.extend(["trials", "log likelihood"]);
    heading.extend(first.emission.named().iter().map(|(name, _)| *name));
    heading.extend(["target", "non-target", "uniform"]);
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
        let errors = fit.standard_errors;
        let plus_minus = |value: f64, digits: usize, error: Option<f64>| match error {
            Some(error) => format!("{value:.digits$} ± {error:.digits$}"),
            None => format!("{value:.digits$}"),
        };
        let dash = || "-".to_owned();
        let mut cells: Vec<String> =
            used.iter().map(|&key| labels(fit)[key].clone().unwrap_or_else(dash)).collect();
        cells.extend([count(fit.trials), format!("{:.2}", fit.log_likelihood)]);
        let kappa_error = |name: &str| errors.filter(|_| name == "kappa").map(|errors| errors.kappa);
        cells.extend(
            fit.emission.named().into_iter().map(|(name, value)| plus_minus(value, 2, kappa_error(name))),
        );
        cells.extend([
            plus_minus(fit.weights.target, 3, errors.map(|errors| errors.target)),
            fit.weights.nontarget.map_or_else(dash, |weight| {
                plus_minus(weight, 3, errors.and_then(|errors| errors.nontarget))
            }),
            plus_minus(fit.weights.uniform, 3, errors.map(|errors| errors.uniform)),
        ]);
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
fn csv<'a, T, R: Serialize>(values: &'a [T], row: impl Fn(&'a T) -> R) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for value in values {
        writer.serialize(row(value)).or_failed()?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error).or_failed()
}
