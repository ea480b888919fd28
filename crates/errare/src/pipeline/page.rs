//! The sections of a report, each a function of results.

use std::path::Path;

use errare_analysis::fidelity::{Fidelity, Metric as Measured};
use errare_behaviour::{Fit, TrialTable};
use errare_core::provenance::Provenance;
use errare_network::{Cue, Dynamics, LogEntry, Network, ObjectiveKind, Swap};
use errare_report::{Cell, Column, Estimate, Figure, KeyNumber, Metric, Page, Section, Table, Unit};

use super::Result;
use super::figures;
use super::network::NetworkAnalysis;
use super::verdict::Verdict;

/// People's responses and the models fitted to them.
///
/// # Errors
/// When a fit cannot be turned into a model.
pub fn behaviour_section(table: &TrialTable, mixtures: &[Fit], bns: &[Fit]) -> Result<Section> {
    let number = |title: &str| Column::number(title, &Unit::Dimensionless);
    let mut weights = Table::new(
        "Three-component mixture by set size: maximum likelihood ± standard error",
        [
            Column::text("set size"),
            number("trials"),
            number("log L (nat)"),
            number("κ (rad⁻²)"),
            number("cued item"),
            number("uncued items"),
            number("guess"),
        ],
    );
    for fit in mixtures {
        let errors = fit.standard_errors;
        // Fixed decimals keep the table narrow enough for a page.
        let estimate = |value: f64, error: Option<f64>, decimals: usize| {
            let fixed = |number| errare_report::number::fixed(number, decimals);
            match error {
                Some(error) => Cell::text(format!("{} ± {}", fixed(value), fixed(error))),
                None => Cell::text(fixed(value)),
            }
        };
        weights = weights.row([
            Cell::text(fit.set_size.map_or_else(String::new, |n| n.to_string())),
            Cell::text(errare_report::number::count(fit.trials as u64)),
            Cell::text(errare_report::number::fixed(fit.log_likelihood, 1)),
            fit.emission.kappa().map_or(Cell::Missing, |kappa| estimate(kappa, errors.map(|e| e.kappa), 2)),
            estimate(fit.weights.target, errors.map(|e| e.target), 3),
            match fit.weights.nontarget {
                Some(weight) => estimate(weight, errors.and_then(|e| e.nontarget), 3),
                None => Cell::Missing,
            },
            estimate(fit.weights.uniform, errors.map(|e| e.uniform), 3),
        ]);
    }
    Ok(Section::new("People")
        .paragraph(format!(
            "{} trials of {} participants ({}). Each response comes from the cued item, from another item (a swap) or \
             from a uniform guess; the models estimate how often, and how precisely.",
            errare_report::number::count(table.len() as u64),
            table.participants().len(),
            table.name(),
        ))
        .figure(figures::errors_by_set_size(table, mixtures)?)
        .figure(figures::weights_by_set_size(mixtures))
        .table(weights)
        .paragraph(
            "The Bayesian non-parametric model (BNS) lets the swap probability depend freely on how far the other \
             item's probe feature is from the cue. Where the band is wide the data say little; where the line is \
             dashed they say nothing.",
        )
        .figure(figures::swap_curves(bns)))
}

/// The network and its training.
///
/// # Errors
/// When the schedule is impossible.
fn network_section(network: &Network, log: &[LogEntry], trained_on: &str) -> Result<Section> {
    let stage = network.stage();
    let dynamics = match stage.network.dynamics {
        Dynamics::Dendritic => "dendritic trees",
        Dynamics::Axonal => "axonal trees",
        Dynamics::Rate => "rate units with one hidden layer",
        Dynamics::LowRank => "rate units with low-rank recurrent weights",
        Dynamics::Gru => "gated recurrent units",
    };
    let cue = match stage.task.cue {
        Cue::Index => "the slot of the item to report",
        Cue::Feature => "the probe feature of the item to report",
    };
    let steps = errare_report::number::count(log.last().map_or(0, |entry| entry.step));
    let start =
        if network.started_from().is_some() { "from the weights of another run" } else { "from scratch" };
    let aim = match stage.objective.kind {
        ObjectiveKind::Diffusion => format!(
            "so that its own noisy dynamics after the cue are the reverse process of a diffusion model of {trained_on}"
        ),
        ObjectiveKind::TaskOptimal => {
            format!(
                "so that the squared error of its response is least, with targets drawn from {trained_on}"
            )
        }
    };
    Ok(Section::new("Network")
        .paragraph(format!(
            "A recurrent network of {} neurons ({dynamics}, {} parameters) sees the items, holds them over a delay, sees \
             {cue}, and then runs free. It was trained {start} for {steps} steps {aim}.",
            stage.network.neurons,
            errare_report::number::count(network.parameters() as u64),
        ))
        .figure(figures::timeline(stage)?)
        .figure(figures::learning(log)))
}

/// How faithful the network's behaviour is.
fn fidelity_section(analysis: &NetworkAnalysis) -> Section {
    let (fidelity, verdict) = (&analysis.fidelity, analysis.verdict());
    let mut section = Section::new("Fidelity").paragraph(verdict.sentence()).paragraph(
            "The network is judged beside the oracle: the same reverse process with the exact posterior mean, which \
             is what a perfect network would do. The floor of a metric is what two samples of the oracle stay below in \
             95\u{202f}% of cases. Two references show what is at stake: the best model without swaps, and the best with one mode.",
        );
    if let Some(strays) = analysis.strays() {
        section = section.note(strays);
    }
    for figure in fidelity_figures(analysis) {
        section = section.figure(figure);
    }
    section.table(metric_table(fidelity)).table(criteria_table(&verdict))
}

/// The geometry of the network's states.
fn geometry_section(analysis: &NetworkAnalysis, cue: (f64, f64)) -> Section {
    let section = Section::new("Geometry");
    match &analysis.alignment {
        Err(reason) => section.paragraph(format!("The alignment of colour planes is not known: {reason}.")),
        Ok(alignment) => section
            .paragraph(
                "Before the cue the network must keep two colours apart; after it, one of them must reach the \
                 read-out. Each item's colours span a plane in the space of neural states, and the cosine between \
                 the two planes tells whether they are kept apart (0) or treated alike (1).",
            )
            .figure(figures::alignment(alignment, cue))
            .note(
                "One network and one seed: bands hold the variation between trials, not between networks. The \
                 first measure is confounded by any offset between the rings and is shown because the literature \
                 uses it.",
            ),
    }
}

/// All that a report says of one trained network. `trained_on` completes "a diffusion model of …".
///
/// # Errors
/// When the schedule is impossible.
pub fn network_sections(
    network: &Network,
    log: &[LogEntry],
    trained_on: &str,
    analysis: &NetworkAnalysis,
) -> Result<[Section; 3]> {
    Ok([
        network_section(network, log, trained_on)?,
        fidelity_section(analysis),
        geometry_section(analysis, cue_span(network)),
    ])
}

/// The figures of [`network_sections`].
///
/// # Errors
/// When the schedule is impossible.
pub fn network_figures(
    network: &Network,
    log: &[LogEntry],
    analysis: &NetworkAnalysis,
) -> Result<Vec<Figure>> {
    let mut all = vec![figures::timeline(network.stage())?, figures::learning(log)];
    all.extend(fidelity_figures(analysis));
    all.extend(
        analysis.alignment.as_ref().ok().map(|alignment| figures::alignment(alignment, cue_span(network))),
    );
    Ok(all)
}

/// Of single items there is no swap to draw.
fn fidelity_figures(analysis: &NetworkAnalysis) -> Vec<Figure> {
    let NetworkAnalysis { responses, fidelity, densities: [network, oracle], radius, .. } = analysis;
    let mut all = vec![
        figures::error_densities(network, oracle),
        figures::clouds(
            *radius,
            &[
                ("network", &responses.network),
                ("oracle", &responses.oracle),
                ("best without swaps", &responses.no_swaps),
            ],
        ),
    ];
    if fidelity.metrics.get("swap_rate").is_some_and(|metric| metric.value.is_some()) {
        all.push(figures::swap_rates(&fidelity.swap_curve.network, &fidelity.swap_curve.oracle));
    }
    all
}

/// Span of the cue in seconds from its onset.
fn cue_span(network: &Network) -> (f64, f64) {
    let task = &network.stage().task;
    (0.0, task.epochs.cue as f64 * task.dt)
}

/// The report of one run: the sections of its network, and where they came from: the session that analysed it, `made_by`,
/// and the training.
///
/// # Errors
/// When the schedule is impossible or the run's provenance cannot be read.
pub fn network_report(
    run: &Path,
    network: &Network,
    log: &[LogEntry],
    analysis: &NetworkAnalysis,
    made_by: &Provenance,
) -> Result<Page> {
    let trained_on = match &network.stage().behaviour.swap {
        Swap::Function(_) => "responses whose swap function was set by hand",
        Swap::Fit(_) => "the responses that a fit to people gives",
    };
    let summary = format!(
        "A recurrent network of {} neurons, trained to reproduce {trained_on}: how it was trained, how close it comes, \
         and how it holds the items in mind.",
        network.stage().network.neurons
    );
    let mut page = Page::new("A trained network", summary);
    for number in fidelity_numbers(&analysis.fidelity) {
        page = page.key_number(number);
    }
    for section in network_sections(network, log, trained_on, analysis)? {
        page = page.section(section);
    }
    Ok(with_origin(with_provenance(page, made_by), "training: ", &Provenance::read(run)?))
}

/// The numbers that matter most, those that are defined.
pub(super) fn fidelity_numbers(fidelity: &Fidelity) -> Vec<KeyNumber> {
    let metric = |name: &str| fidelity.metrics.get(name);
    let key = |label: &str, name: &str, unit: Unit| {
        let value = metric(name)?.value?;
        let mut estimate = Estimate::new(Some(value), unit);
        if let Some([lo, hi]) = metric(name)?.ci {
            estimate = estimate.with_interval(lo, hi);
        }
        Some(KeyNumber::new(label, &estimate))
    };
    let floor = metric("energy_distance").and_then(|m| m.floor);
    let floor = floor.map_or_else(|| "n/a".into(), |floor| errare_report::number::significant(floor, 2));
    [
        key("swap rate, network", "swap_rate", Unit::Probability),
        key("swap rate, oracle", "swap_rate_oracle", Unit::Probability),
        key("median error, network", "median_error", Unit::Radians),
        key("median error, oracle", "median_error_oracle", Unit::Radians),
        key("energy distance, network", "energy_distance", Unit::Dimensionless)
            .map(|number| number.note(format!("floor {floor}"))),
        key("energy distance, no swaps", "energy_distance_no_swaps", Unit::Dimensionless),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A page with where it came from.
pub(super) fn with_provenance(page: Page, provenance: &Provenance) -> Page {
    with_origin(page, "", provenance)
}

/// The same, with `of` before the name of each part.
fn with_origin(page: Page, of: &str, provenance: &Provenance) -> Page {
    let session = &provenance.session;
    let mut page = page
        .provenance(format!("{of}errare"), session.build.version.clone())
        .provenance(format!("{of}commit"), session.build.commit.clone())
        .provenance(format!("{of}command"), session.command_line.join(" "))
        .provenance(format!("{of}seed"), provenance.seed.to_string())
        .provenance(format!("{of}begun"), session.started.clone());
    for data in &provenance.data {
        page = page.provenance(
            format!("data: {}", data.name),
            format!("{} rows, blake3 {}", data.rows, data.blake3),
        );
    }
    page
}

/// What the metrics mean, in the order of the table.
const METRICS: [(&str, &str, Unit); 18] = [
    ("swap_rate", "responses drawn around an uncued item", Unit::Probability),
    ("swap_rate_oracle", "the same of the oracle", Unit::Probability),
    (
        "swap_rate_no_swaps",
        "the same of the best model without swaps: what the estimate makes of none",
        Unit::Probability,
    ),
    ("swap_curve_rmse", "swap rate against the oracle's over 8 bins of probe distance", Unit::Probability),
    ("swap_curve_rmse_constant", "the same for the best constant rate", Unit::Probability),
    ("median_error", "median distance from the chosen item", Unit::Radians),
    ("median_error_oracle", "the same of the oracle", Unit::Radians),
    ("energy_distance", "energy distance D² from the oracle, display by display", Unit::Dimensionless),
    ("energy_distance_no_swaps", "the same of the best model without swaps", Unit::Dimensionless),
    ("energy_distance_unimodal", "the same of the best unimodal model", Unit::Dimensionless),
    ("guess_rate", "uniform guesses, estimated freely", Unit::Probability),
    ("guess_rate_oracle", "the same of the oracle", Unit::Probability),
    ("kappa", "concentration about the chosen item, estimated freely", Unit::Dimensionless),
    ("kappa_oracle", "the same of the oracle", Unit::Dimensionless),
    ("off_ring_mass", "responses further than 3 s₀ from the ring", Unit::Probability),
    ("off_ring_mass_oracle", "the same of the oracle", Unit::Probability),
    ("off_mode_mass", "responses far from every item", Unit::Probability),
    ("off_mode_mass_oracle", "the same of the oracle", Unit::Probability),
];

fn metric_table(fidelity: &Fidelity) -> Table {
    let metrics: Vec<Metric> = METRICS
        .iter()
        .filter_map(|(name, meaning, unit)| {
            let Measured { value, ci, n, floor, .. } = fidelity.metrics.get(*name)?;
            let mut estimate = Estimate::new(*value, unit.clone());
            if let Some([lo, hi]) = ci {
                estimate = estimate.with_interval(*lo, *hi);
            }
            Some(Metric::new(*name, *meaning, estimate).count(*n as u64).floor(*floor))
        })
        .collect();
    Table::of_metrics("Metrics with 95\u{202f}% intervals (over displays) and floors", &metrics)
}

fn criteria_table(verdict: &Verdict) -> Table {
    let mut table = Table::new(
        format!("What a faithful network must meet, {}", verdict.judged_on()),
        [
            Column::text("criterion"),
            Column::number("value", &Unit::Dimensionless),
            Column::number("at most", &Unit::Dimensionless),
            Column::text("met"),
        ],
    );
    for (name, criterion) in &verdict.criteria {
        table = table.row([
            Cell::text(name.as_str()),
            Cell::number(criterion.value, 3),
            Cell::number(criterion.limit, 3),
            Cell::Met(Some(criterion.met)),
        ]);
    }
    table
}
