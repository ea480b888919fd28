//! How the planes of the two colours turn over time.

use errare_analysis::geometry::{AlignmentOverTime, Series as Measured};
use errare_report::{Axis, Datum, Figure, Panel, Role, Series, Unit};

/// The measures shown, with their titles.
const SHOWN: [(&str, &str); 3] = [
    ("cos_paper", "a: three common components"),
    ("cos_centred", "b: each ring centred first"),
    ("cos_product", "c: product of principal cosines"),
];

/// Alignment of the two items' colour planes over time; `cue` is its span in seconds.
#[must_use]
pub fn alignment(over_time: &AlignmentOverTime, cue: (f64, f64)) -> Figure {
    let mut figure = Figure::new("alignment", "Alignment of the two items' colour planes")
        .caption("1 means parallel planes, 0 orthogonal ones. Grey: 95\u{202f}% of random rotations of one ring. Bands: 95\u{202f}% over trials of this one network. Measure a is driven to 1 by a mere offset between the rings, whatever their angle: read it only together with b and c.")
        .how_computed("States after every step, with the behavioural plane removed; responses that are swaps left out; colour is the reported angle in 16 bins.")
        .how_computed("a: |cos| between the rings' normals within the first three principal components of all trials (Panichello & Buschman 2021). b: the same after each ring is centred. c: product of the cosines of the principal angles in the full null space.")
        .columns(3);
    for (name, title) in SHOWN {
        let Some(measured) = over_time.measures.get(name) else { continue };
        let mut panel = Panel::new(
            Axis::new("time from cue onset", Unit::Seconds),
            Axis::new("alignment |cos|", Unit::Dimensionless).range(0.0, 1.0),
        )
        .title(title)
        .span("cue", cue.0, cue.1);
        if !measured.null_mean.is_empty() {
            let null = band(&over_time.time_s, &measured.null_mean, &measured.null_lo, &measured.null_hi);
            panel = panel.series(Series::line("random planes", null).role(Role::Null));
        }
        figure = figure.panel(panel.series(network(&over_time.time_s, measured)));
    }
    figure
}

fn network(time: &[f64], measured: &Measured) -> Series {
    Series::line("network", band(time, &measured.value, &measured.lo, &measured.hi)).role(Role::Network)
}

fn band(time: &[f64], value: &[f64], lo: &[f64], hi: &[f64]) -> Vec<Datum> {
    (0..time.len()).map(|i| Datum::new(time[i], value[i]).interval(lo[i].max(0.0), hi[i].min(1.0))).collect()
}
