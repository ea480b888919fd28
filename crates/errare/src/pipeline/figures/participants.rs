//! Participants fitted together: how far each moves from their own estimate towards the population's.

use std::collections::BTreeMap;

use errare_behaviour::Shrinkage;
use errare_report::{Axis, Datum, Figure, Panel, Role, Series, Share, Unit};

/// What is shown: the quantity's name in the data, its name in the figure, and its unit.
fn shown() -> [(&'static str, &'static str, Unit); 3] {
    [
        ("concentration", "κ", Unit::Other("rad⁻²".into())),
        ("level", "swap level (logit)", Unit::Dimensionless),
        ("guess", "guess (logit)", Unit::Dimensionless),
    ]
}

/// Estimates of each participant alone and together, a row of panels for each group of trials.
#[must_use]
pub fn shrinkage_by_participant(rows: &[Shrinkage]) -> Figure {
    let mut figure = Figure::new("shrinkage", "How far participants shrink towards the population")
        .caption(
            "Each point is a participant: estimated from their own trials alone (across) and together with the others (up). \
             On the diagonal nothing changes; on the grey line all are the population.",
        )
        .how_computed(
            "Hierarchical BNS: a population swap function with a deviation for each participant, and an emission for each; \
             with --participants emissions the swap function is one for all.",
        )
        .share(Share::Nothing)
        .columns(3)
        .panel_height(190.0);
    let mut groups: BTreeMap<(Option<&str>, Option<usize>), Vec<&Shrinkage>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.condition.as_deref(), row.set_size)).or_default().push(row);
    }
    for ((condition, set_size), rows) in &groups {
        let items = set_size.map_or_else(|| "all set sizes".to_owned(), |n| format!("{n} items"));
        let group = condition.map_or_else(|| items.clone(), |condition| format!("{condition}, {items}"));
        for (quantity, name, unit) in shown() {
            let points: Vec<&&Shrinkage> = rows.iter().filter(|row| row.quantity == quantity).collect();
            let Some(first) = points.first() else { continue };
            let values = || points.iter().flat_map(|row| [row.separate, row.together]);
            let low = values().fold(first.population, f64::min);
            let high = values().fold(first.population, f64::max);
            let people = points.iter().map(|row| Datum::new(row.separate, row.together));
            // Concentrations differ by factors.
            let axis = |how: &str| {
                let axis = Axis::new(format!("{name}, {how}"), unit.clone());
                if quantity == "concentration" { axis.log() } else { axis }
            };
            figure = figure.panel(
                Panel::new(axis("alone"), axis("together"))
                    .title(format!("{group}: {name}"))
                    .level("population", first.population)
                    .series(Series::line("no shrinkage", [(low, low), (high, high)]).role(Role::Null))
                    .series(Series::points("participants", people).role(Role::Human)),
            );
        }
    }
    figure
}
