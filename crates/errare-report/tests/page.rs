//! Pages: complete in themselves, escaped, and the same every time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use errare_report::{
    Axis, Cell, Column, DEFAULT_TEMPLATE, Error, Estimate, Figure, KeyNumber, Metric, Page, Panel, Role,
    Section, Series, Table, Unit,
};

fn figure(name: &str) -> Figure {
    let data = (0..40).map(|i| (f64::from(i), 0.5 + 0.01 * f64::from(i)));
    Figure::new(name, "A title").caption("A caption").how_computed("From 40 numbers.").panel(
        Panel::new(Axis::new("step", Unit::Steps), Axis::new("swap rate", Unit::Probability))
            .series(Series::line("network", data).role(Role::Network)),
    )
}

fn metrics() -> [Metric; 3] {
    let rate = |value: Option<f64>| Estimate::new(value, Unit::Probability);
    [
        Metric::new("good", "is met", rate(Some(0.012)).with_interval(0.010, 0.014))
            .floor(0.005)
            .at_most(0.02),
        Metric::new("bad", "is not", rate(Some(0.31))).at_most(0.02),
        Metric::new("open", "was not measured", rate(None)).at_most(0.02),
    ]
}

fn page() -> Page {
    Page::new("A report", "One paragraph.")
        .key_number(KeyNumber::new("rate", &Estimate::new(0.012, Unit::Radians)).note("floor 0.005"))
        .section(
            Section::new("Results")
                .paragraph("Prose.")
                .list(["first", "second"])
                .note("Careful.")
                .heading("Part")
                .key_numbers([KeyNumber::text("trials", "1,800")])
                .figure(figure("one"))
                .figure(figure("two"))
                .table(Table::of_metrics("Metrics", &metrics())),
        )
        .section(Section::new("Results"))
        .provenance("seed", "7")
}

#[test]
fn everything_is_shown() {
    let html = page().render().unwrap();
    for part in [
        "<h1>A report</h1>",
        "One paragraph.",
        "0.0120 rad",
        "floor 0.005",
        "<li>second</li>",
        "Careful.",
        "<h3>Part</h3>",
        "1,800",
        "Figure 1. A title",
        "Figure 2. A title",
        "From 40 numbers.",
        r##"<a href="#s-results">"##,
        r##"<a href="#s-results-2">"##,
        "[0.0100, 0.0140]",
        "≤ 0.02",
        r#"<span aria-hidden="true">✓</span> met"#,
        r#"<span aria-hidden="true">✗</span> not met"#,
        r#"<span aria-hidden="true">–</span> not tested"#,
        "n&#x2f;a",
        r#"<th scope="row">seed</th><td>7</td>"#,
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let html = page().render().unwrap();
    let without_namespace = html.replace(r#"xmlns="http://www.w3.org/2000/svg""#, "");
    for forbidden in
        ["http://", "https://", "<script", "@import", "src=", "javascript:", " onclick", "url(http"]
    {
        assert!(!without_namespace.contains(forbidden), "the page has {forbidden}");
    }
    for link in without_namespace.split("href=\"").skip(1) {
        assert!(link.starts_with('#') || link.starts_with("data:"), "{link:.60}");
    }
}

#[test]
fn the_downloads_are_the_figures_files() {
    let html = page().render().unwrap();
    let after = |start: &str| {
        let encoded = html.split(start).nth(1).unwrap().split('"').next().unwrap();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    };
    assert_eq!(after("data:text/csv;charset=utf-8;base64,"), figure("one").csv());
    assert_eq!(after("data:image/svg+xml;base64,"), figure("one").svg().unwrap());
    assert!(html.contains("The first 12 rows; the file has all 40."));
}

#[test]
fn drawings_inside_are_well_formed_with_ids_of_their_own() {
    let html = page().render().unwrap();
    let mut ids = std::collections::HashSet::new();
    let drawings: Vec<&str> = html
        .match_indices("<svg")
        .map(|(start, _)| &html[start..start + html[start..].find("</svg>").unwrap() + "</svg>".len()])
        .collect();
    assert_eq!(drawings.len(), 2);
    for drawing in drawings {
        let document = roxmltree::Document::parse(drawing).unwrap();
        for id in document.descendants().filter_map(|node| node.attribute("id")) {
            assert!(ids.insert(id.to_owned()), "{id} twice");
        }
    }
    let every_id =
        html.match_indices(" id=\"").map(|(at, m)| html[at + m.len()..].split('"').next().unwrap());
    let every_id: Vec<&str> = every_id.collect();
    let distinct: std::collections::HashSet<&&str> = every_id.iter().collect();
    assert_eq!(distinct.len(), every_id.len(), "{every_id:?}");
}

#[test]
fn everything_is_escaped() {
    let hostile = "<img src=x onerror=alert(1)> & \"quoted\" 'single'";
    let table =
        Table::new(hostile, [Column::text(hostile), Column::number(hostile, &Unit::Other(hostile.into()))])
            .row([Cell::text(hostile), Cell::Explained { text: hostile.into(), detail: hostile.into() }])
            .note(hostile);
    let metric = Metric::new(hostile, hostile, Estimate::new(1.0, Unit::Dimensionless));
    let html = Page::new(hostile, hostile)
        .key_number(KeyNumber::text(hostile, hostile).note(hostile))
        .section(
            Section::new(hostile)
                .paragraph(hostile)
                .list([hostile])
                .note(hostile)
                .heading(hostile)
                .table(table)
                .table(Table::of_metrics(hostile, [&metric]))
                .figure(figure("f").caption(hostile).how_computed(hostile).description(hostile)),
        )
        .provenance(hostile, hostile)
        .render()
        .unwrap();
    assert!(!html.contains("<img"));
    assert!(!html.contains("\"quoted\""));
    assert!(html.matches("&lt;img").count() >= 18);
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    assert_eq!(page().render().unwrap(), page().render().unwrap());
}

#[test]
fn templates_can_be_replaced() {
    assert_eq!(page().render_with(DEFAULT_TEMPLATE).unwrap(), page().render().unwrap());
    let short = page().render_with("{{ title }}: {% for s in sections %}{{ s.id }} {% endfor %}").unwrap();
    assert_eq!(short, "A report: s-results s-results-2 ");
    let error = page().render_with("line\n{{ titel }}").unwrap_err();
    assert!(matches!(error, Error::Template(_)));
    assert!(error.to_string().contains("template:2"), "{error}");
    assert!(page().render_with("{% for %}").is_err());
}

#[test]
fn mistakes_are_named() {
    let twice = Page::new("t", "s").section(Section::new("a").figure(figure("one")).figure(figure("one")));
    assert_eq!(
        twice.render().unwrap_err().to_string(),
        "the page has two figures named \"one\"; names must differ"
    );
    let ragged = Table::new("Weights", [Column::text("a"), Column::text("b")]).row(["1", "2"]).row(["3"]);
    let error = Page::new("t", "s").section(Section::new("a").table(ragged)).render().unwrap_err();
    assert_eq!(error.to_string(), "row 2 of the table \"Weights\" has 1 cells, but the table has 2 columns");
}

#[test]
fn unused_columns_of_metrics_are_left_out() {
    let metric = Metric::new("m", "", Estimate::new(1.0, Unit::Dimensionless));
    let html = Page::new("t", "s")
        .section(Section::new("a").table(Table::of_metrics("c", [&metric])))
        .render()
        .unwrap();
    assert!(html.contains("<th scope=\"col\">metric</th><th scope=\"col\" class=\"number\">value</th></tr>"));
}

#[test]
fn the_page_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/report.html");
    page().write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page().render().unwrap());
}
