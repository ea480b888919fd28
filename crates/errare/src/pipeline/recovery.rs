//! The page and the tables of a recovery.

use std::f64::consts::PI;

use errare_behaviour::recovery::{Calibration, Gate, ModelRecovery, ParameterRecovery, PosteriorRecovery};
use errare_core::provenance::Provenance;
use errare_report::{Axis, Cell, Column, Datum, Figure, Page, Panel, Role, Section, Series, Table, Unit};

use super::Result;
use super::page::with_provenance;

/// Everything that a recovery found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Recovery {
    /// What was asked for before it ran, and what came of it.
    pub gates: Vec<Gate>,
    /// Whether every gate that had something to measure was met.
    pub verdict: bool,
    /// One a truth.
    pub parameters: Vec<ParameterRecovery>,
    /// The model-recovery matrix, where several models competed.
    pub models: Option<ModelRecovery>,
    /// The calibration of BNS, where it was asked for.
    pub calibration: Option<Calibration>,
    /// Posteriors beside those of NUTS, one a truth of a BNS model, where they were asked for.
    pub posteriors: Vec<PosteriorRecovery>,
}

impl Recovery {
    /// The verdict in words.
    #[must_use]
    pub fn verdict_text(&self) -> String {
        let missed: Vec<&str> =
            self.gates.iter().filter(|gate| gate.met == Some(false)).map(|gate| gate.name.as_str()).collect();
        let judged = self.gates.iter().filter(|gate| gate.met.is_some()).count();
        match (missed.as_slice(), judged) {
            ([], judged) => format!("verdict: all {judged} gates met"),
            (missed, judged) => {
                format!("verdict: {} of {judged} gates not met: {}", missed.len(), missed.join(", "))
            }
        }
    }
}

/// The page of a recovery.
///
/// # Errors
/// When a figure cannot be drawn.
pub fn recovery_page(recovery: &Recovery, provenance: &Provenance) -> Result<Page> {
    let summary = format!(
        "Simulated trials with known truths, fitted as people's trials would be. What had to be met was stated before \
         anything was simulated; {}.",
        recovery.verdict_text()
    );
    let mut page = Page::new("What the fits can be trusted with", summary).section(gates(&recovery.gates));
    page = page.section(parameters(&recovery.parameters)?);
    if let Some(models) = &recovery.models {
        page = page.section(matrix(models));
    }
    if let Some(calibration) = &recovery.calibration {
        page = page.section(ranks(calibration)?);
    }
    if !recovery.posteriors.is_empty() {
        page = page.section(posteriors(&recovery.posteriors));
    }
    Ok(with_provenance(page, provenance))
}

fn number(title: &str) -> Column {
    Column::number(title, &Unit::Dimensionless)
}

/// The unit of a parameter or weight by its name. κ and other concentrations are pure numbers, as on every page.
fn unit(parameter: &str) -> Unit {
    match parameter {
        "target" | "nontarget" | "uniform" | "lambda" => Unit::Probability,
        "similarity_length" | "gamma" => Unit::Radians,
        "s" => Unit::PerRadian,
        "capacity" => Unit::Count("items".into()),
        _ => Unit::Dimensionless,
    }
}

fn gates(gates: &[Gate]) -> Section {
    let mut table = Table::new(
        "Gates, as stated before the run",
        [Column::text("gate"), Column::text("asks for"), number("value"), number("limit"), Column::text("met")],
    )
    .note("A gate without a value had nothing to measure. The value of bias is the largest |bias| over what is allowed.");
    for gate in gates {
        table = table.row([
            Cell::text(gate.name.as_str()),
            Cell::text(gate.statement.as_str()),
            Cell::number(gate.value, 3),
            Cell::number(gate.limit, 3),
            Cell::Met(gate.met),
        ]);
    }
    Section::new("Verdict").table(table)
}

fn parameters(recoveries: &[ParameterRecovery]) -> Result<Section> {
    let mut table = Table::new(
        "Parameters: each truth fitted by its own model",
        [
            Column::text("truth"),
            Column::text("parameter"),
            number("true value"),
            number("bias ± standard error"),
            number("RMSE"),
            number("coverage of 95 %"),
        ],
    );
    for recovery in recoveries {
        for summary in &recovery.parameters {
            table = table.row([
                Cell::text(recovery.truth.as_str()),
                Cell::text(unit(&summary.name).label(&summary.name)),
                Cell::number(summary.truth, 3),
                Cell::text(errare_report::number::plus_minus(summary.bias, summary.bias_error)),
                Cell::number(summary.rmse, 3),
                Cell::number(summary.coverage, 3),
            ]);
        }
    }
    let mut section = Section::new("Parameters").table(table);
    for (index, recovery) in recoveries.iter().enumerate() {
        section = section.figure(estimates(recovery, index));
    }
    if recoveries.iter().any(|recovery| recovery.swap_curve.is_some()) {
        section = section.figure(curves(recoveries));
    }
    Ok(section)
}

/// Estimates relative to the truth, a panel a parameter.
fn estimates(recovery: &ParameterRecovery, index: usize) -> Figure {
    let mut figure = Figure::new(format!("estimates-{}", index + 1), format!("Estimates of {}", recovery.truth))
        .caption(format!(
            "Each point is the estimate from one simulated data set of {} trials with {} items. Grey line: the truth.",
            errare_report::number::count(recovery.trials),
            recovery.set_size
        ))
        .how_computed(format!("Model {}. Estimates are sorted within a panel.", recovery.model))
        .share(errare_report::Share::Nothing)
        .columns(recovery.parameters.len().clamp(1, 4))
        .panel_height(150.0);
    for summary in &recovery.parameters {
        let mut sorted = summary.estimates.clone();
        sorted.sort_by(f64::total_cmp);
        let points = sorted.into_iter().enumerate().map(|(rank, value)| Datum::new(rank as f64 + 1.0, value));
        figure = figure.panel(
            Panel::new(
                Axis::new("data set, by estimate", Unit::Dimensionless),
                Axis::new(summary.name.as_str(), unit(&summary.name)).including(summary.truth),
            )
            .title(summary.name.as_str())
            .level("truth", summary.truth)
            .series(Series::points("estimate", points).role(Role::Model)),
        );
    }
    figure
}

fn curves(recoveries: &[ParameterRecovery]) -> Figure {
    let mut figure = Figure::new("swap-curves", "Swap functions: true and fitted")
        .caption("Probability that an uncued item is reported rather than the cued one, over probe distance. Line: truth. Points: mean of the fits; bars: smallest and largest fit.")
        .how_computed("Only distances that every data set holds.")
        .columns(3)
        .panel_height(160.0);
    for recovery in recoveries {
        let Some(curve) = &recovery.swap_curve else { continue };
        let fitted = curve
            .points
            .iter()
            .step_by(4)
            .map(|point| Datum::new(point.distance, point.mean).interval(point.lowest, point.highest));
        let truth = curve.points.iter().map(|point| (point.distance, point.truth));
        figure = figure.panel(
            Panel::new(
                Axis::new("probe distance", Unit::Radians).range(0.0, PI).pi_ticks(),
                Axis::new("swap probability", Unit::Probability).including(0.0),
            )
            .title(recovery.truth.as_str())
            .series(Series::line("truth", truth).role(Role::Null))
            .series(Series::points("fits", fitted).role(Role::Model)),
        );
    }
    figure
}

fn matrix(recovery: &ModelRecovery) -> Section {
    let mut columns = vec![Column::text("generated by"), Column::text("ought to win")];
    columns.extend(recovery.models.iter().map(|model| number(&model.to_string())));
    columns.extend([number("undecided"), number("mean margin (nats)")]);
    let mut table = Table::new("Data sets that each model wins by at least 3 nats (in brackets: by any margin)", columns)
        .note("Models compete by the log evidence (BNS) or log likelihood − ½ k ln n. Below 3 nats nothing is claimed.");
    for row in &recovery.rows {
        let mut cells = vec![Cell::text(row.truth.as_str()), Cell::text(row.model.to_string())];
        cells.extend(
            row.won.iter().zip(&row.first).map(|(won, first)| Cell::text(format!("{won} ({first})"))),
        );
        cells.push(Cell::text(row.undecided.to_string()));
        cells.push(Cell::number(Some(row.margin).filter(|margin| margin.is_finite()), 3));
        table = table.row(cells);
    }
    Section::new("Models").table(table)
}

fn ranks(calibration: &Calibration) -> Result<Section> {
    let mut figure = Figure::new("ranks", "Ranks of the truth among posterior draws")
        .caption("A calibrated posterior gives flat histograms; one that is too narrow piles up at both ends. Line: expected count.")
        .how_computed(format!(
            "Simulation-based calibration (Talts et al. 2018): {} truths drawn from the prior of bns:{} at fixed \
             hyperparameters, {} trials each, ranked among {} draws from the posterior of their data.",
            calibration.sets,
            calibration.dependence.name(),
            calibration.trials,
            calibration.draws
        ))
        .columns(2)
        .panel_height(140.0);
    let mut table = Table::new(
        "Tests of uniform ranks",
        [Column::text("quantity"), number("p of χ²"), number("p of Kolmogorov–Smirnov")],
    );
    for quantity in &calibration.quantities {
        let bins = quantity.counts.len();
        let edges: Vec<f64> =
            (0..=bins).map(|bin| (bin * (calibration.draws + 1)) as f64 / bins as f64).collect();
        let heights: Vec<f64> = quantity.counts.iter().map(|&count| count as f64).collect();
        figure = figure.panel(
            Panel::new(
                Axis::new("rank", Unit::Dimensionless),
                Axis::new("number of data sets", Unit::Dimensionless).including(0.0),
            )
            .title(quantity.name.as_str())
            .level("expected", calibration.sets as f64 / bins as f64)
            .series(Series::histogram("truths", &edges, &heights)?.role(Role::Model)),
        );
        table = table.row([
            Cell::text(quantity.name.as_str()),
            Cell::number(quantity.chi_square_p, 2),
            Cell::number(quantity.kolmogorov_smirnov_p, 2),
        ]);
    }
    Ok(Section::new("Calibration").figure(figure).table(table))
}

/// Variational posteriors beside NUTS: a panel of means with intervals and a table.
fn posteriors(recoveries: &[PosteriorRecovery]) -> Section {
    let mut figure = Figure::new("gold-standard", "Coefficients in both posteriors")
        .caption("Posterior means with intervals of ± 1.96 standard deviations: variational, and by NUTS.")
        .how_computed(
            "NUTS samples the posterior of the coefficients at the fitted emission and hyperparameters, from starts of its \
             own. Effective sample sizes and R-hat: Vehtari et al. (2021).",
        )
        .columns(2)
        .share(errare_report::Share::Nothing)
        .panel_height(170.0);
    let divergences: usize = recoveries.iter().map(|recovery| recovery.check.divergences).sum();
    let mut table = Table::new(
        "The variational posterior against NUTS, on the first data set of each truth",
        [
            Column::text("truth"),
            Column::text("coefficient"),
            number("mean"),
            number("sd"),
            number("NUTS mean"),
            number("NUTS sd"),
            number("shift (sd)"),
            number("effective draws"),
            number("R-hat"),
        ],
    )
    .note(format!(
        "The coefficients are logits against the cued item: of a guess, of the level of the swap function, and of its \
         features. Draws of NUTS that diverged: {divergences}."
    ));
    for recovery in recoveries {
        let checks = &recovery.check.coefficients;
        let interval = |index: usize, mean: f64, sd: f64, aside: f64| {
            Datum::new(index as f64 + 1.0 + aside, mean).interval(mean - 1.96 * sd, mean + 1.96 * sd)
        };
        let ours =
            checks.iter().enumerate().map(|(index, check)| interval(index, check.mean, check.sd, -0.12));
        let theirs = checks
            .iter()
            .enumerate()
            .map(|(index, check)| interval(index, check.nuts_mean, check.nuts_sd, 0.12));
        figure = figure.panel(
            Panel::new(
                Axis::new("coefficient, in the order of the table", Unit::Dimensionless).whole_ticks(),
                Axis::new("logit", Unit::Dimensionless),
            )
            .title(recovery.truth.as_str())
            .series(Series::points("variational", ours).role(Role::Model))
            .series(Series::points("NUTS", theirs).role(Role::Null)),
        );
        for check in checks {
            table = table.row([
                Cell::text(recovery.truth.as_str()),
                Cell::text(check.name.as_str()),
                Cell::number(check.mean, 3),
                Cell::number(check.sd, 3),
                Cell::number(check.nuts_mean, 3),
                Cell::number(check.nuts_sd, 3),
                Cell::number(check.shift(), 2),
                Cell::number(check.ess, 4),
                Cell::number(check.r_hat, 4),
            ]);
        }
    }
    Section::new("Gold standard").figure(figure).table(table)
}
