//! The data of a figure as CSV, for those who redraw it.

use crate::figure::{Axis, Datum, Figure, Panel, Ticks};

/// Tidy long form with a header: `panel, series, x, y, lo, hi`, when used `has_data` and `hue`, and what both axes show
/// in which unit.
pub(crate) fn rows(figure: &Figure) -> Vec<Vec<String>> {
    let all = || figure.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.data);
    let (with_support, with_hue) = (all().any(|d| !d.has_data), all().any(|d| d.hue.is_some()));

    let mut header = vec!["panel", "series", "x", "y", "lo", "hi"];
    header.extend(with_support.then_some("has_data"));
    header.extend(with_hue.then_some("hue"));
    header.extend(["x_axis", "y_axis"]);
    let mut rows = vec![header.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let mut push = |panel: (&str, &Panel), series: &str, datum: &Datum| {
        let (lo, hi) = datum.interval.unwrap_or((f64::NAN, f64::NAN));
        let mut row = vec![panel.0.to_owned(), series.to_owned()];
        row.extend([datum.x, datum.y, lo, hi].map(number));
        row.extend(with_support.then(|| datum.has_data.to_string()));
        row.extend(with_hue.then(|| datum.hue.map_or_else(String::new, number)));
        row.extend([&panel.1.x, &panel.1.y].map(described));
        rows.push(row);
    };
    for (index, panel) in figure.panels.iter().enumerate() {
        let name = name(panel, index);
        let panel_of = (name.as_str(), panel);
        for series in &panel.series {
            for datum in &series.data {
                push(panel_of, &series.label, datum);
            }
        }
        for span in &panel.spans {
            push(panel_of, &span.label, &Datum::new(f64::NAN, f64::NAN).interval(span.from, span.to));
        }
        for line in &panel.lines {
            let (x, y) = if line.horizontal { (f64::NAN, line.at) } else { (line.at, f64::NAN) };
            push(panel_of, &line.label, &Datum::new(x, y));
        }
    }
    rows
}

/// The rows as CSV.
pub(crate) fn csv(figure: &Figure) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows(figure) {
        writer.write_record(&row).expect("rows of one length into memory");
    }
    let bytes = writer.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("strings were written")
}

/// The quantity of an axis with its unit, and what the numbers of one of names stand for.
fn described(axis: &Axis) -> String {
    let Ticks::Names(names) = &axis.ticks else { return axis.text() };
    let names: Vec<String> = (1..).zip(names).map(|(place, name)| format!("{place} = {name}")).collect();
    let names = names.join(", ");
    if axis.quantity.is_empty() { names } else { format!("{}: {names}", axis.text()) }
}

/// A panel without a title is known by its letter.
fn name(panel: &Panel, index: usize) -> String {
    if panel.title.is_empty() { letter(index) } else { panel.title.clone() }
}

/// A, B, …, Z, AA, AB, …
pub(crate) fn letter(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    if index < 26 { last.to_string() } else { format!("{}{last}", letter(index / 26 - 1)) }
}

/// The shortest text that reads back as the same number; nothing for a missing one.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}
