//! What `errare fit` tells people on stdout.

use errare::behaviour::{Fit, ModelName, ParticipantMean, ParticipantMeans, SwapDependence, TrialTable};

use crate::cli::Context;
use crate::cli::output::{TextTable, count, counted};

/// Weights of sources: they have columns of their own, whether they are parameters of the model or not.
const WEIGHTS: [(&str, &str); 3] =
    [("target", "target"), ("nontarget", "non-target"), ("uniform", "uniform")];

/// `together`: participants were fitted together, so that their evidence is that of what they share.
pub(super) fn summary(
    table: &TrialTable,
    fits: &[Fit],
    together: bool,
    means: &[ParticipantMeans],
    context: &Context,
) -> String {
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
            let joint = together && fit.participant.is_some();
            cells.push(if joint { dash() } else { format!("{:.2}", bns.log_evidence) });
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
    if some_lack_errors(fits, &own) {
        text.push_str(
            "\nno ±: the likelihood is largest on an edge of a parameter's range or at a kink, or tells nothing of it\n",
        );
    }
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

/// Whether a parameter has a standard error in some fits and none in others.
fn some_lack_errors(fits: &[Fit], own: &[&str]) -> bool {
    let mixed = |errors: Vec<bool>| errors.contains(&true) && errors.contains(&false);
    let of = |fit: &Fit, name: &str| {
        fit.parameters.iter().find(|one| one.name == name).map(|one| one.standard_error.is_some())
    };
    own.iter().any(|name| mixed(fits.iter().filter_map(|fit| of(fit, name)).collect()))
        || WEIGHTS.iter().any(|(name, _)| {
            mixed(fits.iter().filter_map(|fit| Some(weight(fit, name)?.1.is_some())).collect())
        })
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
