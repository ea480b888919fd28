//! The sections of a report, each a function of results.

use errare_analysis::fidelity::{Criteria, Fidelity, Metric as Measured};
use errare_behaviour::{Fit, TrialTable};
use errare_network::{Cue, Dynamics, LogEntry, Network};
use errare_report::{Cell, Column, Estimate, Metric, Section, Table, Unit};

use super::Result;
use super::figures;
use super::network::NetworkAnalysis;

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
            number("log likelihood (nat)"),
            number("κ (rad⁻²)"),
            number("cued item"),
            number("uncued items"),
            number("guess"),
        ],
    );
    for fit in mixtures {
        let errors = fit.standard_errors;
        let estimate = |value: f64, error: Option<f64>| match error {
            Some(error) => Cell::text(errare_report::number::plus_minus(value, error)),
            None => Cell::number(value, 3),
        };
        weights = weights.row([
            Cell::text(fit.set_size.map_or_else(String::new, |n| n.to_string())),
            Cell::text(errare_report::number::count(fit.trials as u64)),
            Cell::text(errare_report::number::fixed(fit.log_likelihood, 1)),
            estimate(fit.emission.kappa, errors.map(|e| e.kappa)),
            estimate(fit.weights.target, errors.map(|e| e.target)),
            match fit.weights.nontarget {
                Some(weight) => estimate(weight, errors.and_then(|e| e.nontarget)),
                None => Cell::Missing,
            },
            estimate(fit.weights.uniform, errors.map(|e| e.uniform)),
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
pub fn network_section(network: &Network, log: &[LogEntry], trained_on: &str) -> Result<Section> {
    let stage = network.stage();
    let dynamics = match stage.network.dynamics {
        Dynamics::Dendritic => "dendritic trees",
        Dynamics::Rate => "rate units with one hidden layer",
    };
    let cue = match stage.task.cue {
        Cue::Index => "the slot of the item to report",
        Cue::Feature => "the probe feature of the item to report",
    };
    let steps = log.last().map_or(0, |entry| entry.step);
    Ok(Section::new("Network")
        .paragraph(format!(
            "A recurrent network of {} neurons ({dynamics}, {} parameters) sees the items, holds them over a delay, sees \
             {cue}, and then runs free. It was trained from scratch for {} steps so that its own noisy dynamics after \
             the cue are the reverse process of a diffusion model of {trained_on}.",
            stage.network.neurons,
            errare_report::number::count(network.parameters() as u64),
            errare_report::number::count(steps),
        ))
        .figure(figures::timeline(stage)?)
        .figure(figures::learning(log)))
}

/// How faithful the network's behaviour is.
#[must_use]
pub fn fidelity_section(analysis: &NetworkAnalysis) -> Section {
    let NetworkAnalysis { responses, fidelity, densities: [network, oracle], .. } = analysis;
    Section::new("Fidelity")
        .paragraph(
            "The network is judged beside the oracle: the same reverse process with the exact posterior mean, which \
             is what a perfect network would do. The floor of a metric is its value between two samples of the \
             oracle. Two references show what is at stake: the best model without swaps, and the best with one mode.",
        )
        .figure(figures::error_densities(network, oracle))
        .figure(figures::clouds(&[
            ("network", &responses.network),
            ("oracle", &responses.oracle),
            ("best without swaps", &responses.no_swaps),
        ]))
        .figure(figures::swap_rates(&fidelity.swap_curve.network, &fidelity.swap_curve.oracle))
        .table(metric_table(fidelity))
        .table(criteria_table(&fidelity.criteria))
}

/// The geometry of the network's states.
#[must_use]
pub fn geometry_section(analysis: &NetworkAnalysis, cue: (f64, f64)) -> Section {
    let section = Section::new("Geometry");
    match &analysis.alignment {
        None => section.paragraph("The alignment of colour planes is defined for two items."),
        Some(alignment) => section
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

/// What the metrics mean, in the order of the table.
const METRICS: [(&str, &str, Unit); 15] = [
    ("swap_rate", "responses drawn around an uncued item", Unit::Probability),
    ("swap_rate_oracle", "the same of the oracle", Unit::Probability),
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
    Table::of_metrics("Metrics with 95\u{202f}% intervals (bootstrap over displays) and floors", &metrics)
}

fn criteria_table(criteria: &Criteria) -> Table {
    let mut table = Table::new(
        "What a faithful network must meet",
        [
            Column::text("criterion"),
            Column::number("value", &Unit::Dimensionless),
            Column::number("at most", &Unit::Dimensionless),
            Column::text("met"),
        ],
    );
    for (name, criterion) in criteria {
        table = table.row([
            Cell::text(name.as_str()),
            Cell::number(criterion.value, 3),
            Cell::number(criterion.limit, 3),
            Cell::Met(Some(criterion.met)),
        ]);
    }
    table
}
