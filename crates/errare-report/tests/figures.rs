//! Figures: everything drawn and nothing else, the data beside them, the same bytes every time.

use std::collections::{HashMap, HashSet};
use std::f64::consts::PI;

use errare_report::{Axis, Colour, Dash, Datum, Error, Figure, Panel, Role, Series, Share, Unit};
use proptest::prelude::*;

fn plain(quantity: &str) -> Axis {
    Axis::new(quantity, Unit::Dimensionless)
}

/// A figure of every kind of series, with gaps, intervals, hues and annotations.
fn rich() -> Figure {
    let wave = (0..50).map(|i| {
        let x = f64::from(i) / 49.0 * 2.0 * PI - PI;
        let y = if i == 20 { f64::NAN } else { 0.2 + 0.1 * x.sin() };
        Datum::new(x, y).interval(y - 0.05, y + 0.05)
    });
    let angle = || Axis::new("response error", Unit::Radians).pi_ticks();
    Figure::new("rich", "Every kind")
        .caption("A caption.")
        .panel(
            Panel::new(angle(), Axis::new("density", Unit::PerRadian))
                .title("lines")
                .series(Series::line("model", wave).role(Role::Model).without_data_where(|d| d.x < -2.0))
                .series(Series::histogram("people", &[-PI, 0.0, PI], &[0.1, 0.2]).unwrap().role(Role::Human))
                .series(Series::steps("network", [(-PI, 0.2), (0.0, 0.1), (PI, 0.1)]).dash(Dash::Dashed))
                .span("cue", -1.0, 1.0)
                .level("chance", 0.159)
                .moment("onset", 0.5),
        )
        .panel(
            Panel::new(plain("x₁"), plain("x₂"))
                .title("clouds")
                .equal_aspect()
                .series(Series::cloud(
                    "responses",
                    (0..30)
                        .map(|i| Datum::new(f64::from(i).sin(), f64::from(i).cos()).hue(0.2 * f64::from(i))),
                ))
                .series(Series::points("centre", [(0.0, 0.0, -0.1, 0.1)]).colour(Colour::Ordered(0.5))),
        )
        .panel(
            Panel::new(Axis::names("model", ["two", "three"]), Axis::new("evidence", Unit::Nats))
                .title("bars")
                .series(Series::bars("fit", [(1.0, 3.0, 2.0, 4.0), (2.0, -1.0, -2.0, 0.0)]))
                .series(Series::bars("held out", [(1.0, 2.0), (2.0, 1.0)])),
        )
        .panel(
            Panel::new(Axis::new("time", Unit::Seconds), Axis::names("", ["items", "probe"]))
                .title("epochs")
                .series(Series::spans("shown", [(1, 0.0, 0.25), (2, 1.0, 1.5)])),
        )
        .panel(
            Panel::new(Axis::new("step", Unit::Steps).whole_ticks(), plain("loss").log())
                .title("losses")
                .series(Series::line("training", [(1.0, 10.0), (2.0, 0.0), (3.0, 1.0), (4.0, 0.01)])),
        )
        .columns(2)
}

/// The words of a drawing.
fn texts(document: &roxmltree::Document<'_>) -> Vec<String> {
    document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_label_is_drawn() {
    let svg = rich().svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for label in [
        "Every kind",
        "A",
        "E",
        "lines",
        "clouds",
        "response error (rad)",
        "density (rad⁻¹)",
        "time (s)",
        "step (steps)",
        "evidence (nat)",
        "loss",
        "−π",
        "π",
        "two",
        "three",
        "items",
        "probe",
        "model",
        "people",
        "network",
        "responses (hue: −π to π)",
        "centre",
        "fit",
        "held out",
        "shown",
        "training",
        "no data here",
        "chance",
        "onset",
        "cue",
    ] {
        assert!(texts.iter().any(|text| text == label), "{label:?} is missing from {texts:?}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "a coordinate is not a number");
}

#[test]
fn ids_are_unique_and_the_drawing_is_described() {
    let svg = rich().svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let mut ids = HashSet::new();
    for id in document.descendants().filter_map(|node| node.attribute("id")) {
        assert!(ids.insert(id), "{id} twice");
        assert!(id.starts_with("drawing-rich-"));
    }
    let root = document.root_element();
    for id in root.attribute("aria-labelledby").unwrap().split(' ') {
        assert!(ids.contains(id));
    }
    let description =
        document.descendants().find(|node| node.has_tag_name("desc") || node.tag_name().name() == "desc");
    assert!(
        description
            .unwrap()
            .text()
            .unwrap()
            .contains("A caption. density (rad⁻¹) against response error (rad).")
    );
}

#[test]
fn the_csv_has_every_datum() {
    let figure = rich();
    let csv = figure.csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(
        reader.headers().unwrap(),
        vec!["panel", "series", "x", "y", "lo", "hi", "has_data", "hue", "x_axis", "y_axis"]
    );
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let (mut rows, mut axes) = (Vec::new(), HashSet::new());
    for row in reader.records() {
        let row = row.unwrap();
        *counts.entry((row[0].to_owned(), row[1].to_owned())).or_default() += 1;
        rows.push(row.iter().take(8).map(str::to_owned).collect::<Vec<_>>());
        axes.insert((row[0].to_owned(), row[8].to_owned(), row[9].to_owned()));
    }
    for (panel, x, y) in [
        ("lines", "response error (rad)", "density (rad⁻¹)"),
        ("epochs", "time (s)", "1 = items, 2 = probe"),
        ("bars", "model: 1 = two, 2 = three", "evidence (nat)"),
    ] {
        assert!(axes.contains(&(panel.to_owned(), x.to_owned(), y.to_owned())), "{axes:?}");
    }
    let expected = [
        ("lines", "model", 50),
        ("lines", "people", 3),
        ("lines", "network", 3),
        ("lines", "cue", 1),
        ("lines", "chance", 1),
        ("lines", "onset", 1),
        ("clouds", "responses", 30),
        ("clouds", "centre", 1),
        ("bars", "fit", 2),
        ("bars", "held out", 2),
        ("epochs", "shown", 2),
        ("losses", "training", 4),
    ];
    assert_eq!(counts.len(), expected.len());
    for (panel, series, count) in expected {
        assert_eq!(counts[&(panel.to_owned(), series.to_owned())], count, "{panel}, {series}");
    }
    assert!(rows.contains(&["bars", "fit", "2", "-1", "-2", "0", "true", ""].map(str::to_owned).to_vec()));
    assert!(rows.contains(&["lines", "people", "0", "0.2", "", "", "true", ""].map(str::to_owned).to_vec()));
    // The gap is a missing value, not a word.
    assert!(rows.iter().any(|row| row[1] == "model" && row[3].is_empty() && row[6] == "true"));
    let hues: Vec<f64> =
        rows.iter().filter(|row| row[1] == "responses").map(|row| row[7].parse().unwrap()).collect();
    assert!(hues.iter().enumerate().all(|(i, &hue)| hue == 0.2 * i as f64));
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let first = rich().svg().unwrap();
    let others: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| rich().svg().unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(others.iter().all(|other| *other == first));
    assert_eq!(rich().csv(), rich().csv());
}

/// The strokes of a line series, by dash.
fn strokes(series: Series) -> Vec<Option<String>> {
    let svg = Figure::new("f", "").panel(Panel::new(plain("x"), plain("y")).series(series)).svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let paths = document.descendants().filter(|node| node.tag_name().name() == "path");
    paths
        .filter(|node| node.attribute("fill") == Some("none"))
        .map(|node| node.attribute("stroke-dasharray").map(str::to_owned))
        .collect()
}

#[test]
fn missing_values_break_lines() {
    let whole = [(0.0, 1.0), (1.0, 2.0), (2.0, 1.0), (3.0, 2.0), (4.0, 1.0)];
    assert_eq!(strokes(Series::line("a", whole)).len(), 1);
    for missing in [f64::NAN, f64::INFINITY] {
        let broken = whole.map(|(x, y)| if x == 2.0 { (x, missing) } else { (x, y) });
        assert_eq!(strokes(Series::line("a", broken)).len(), 2);
        assert_eq!(strokes(Series::steps("a", broken)).len(), 2);
        assert_eq!(strokes(Series::points("a", broken).joined()).len(), 2);
    }
}

#[test]
fn dashes_mark_what_no_data_support() {
    let line = Series::line("a", (0..9).map(|i| (f64::from(i), 1.0 + f64::from(i))))
        .without_data_where(|d| d.x < 3.0);
    let strokes = strokes(line);
    assert_eq!(strokes.len(), 2);
    assert!(strokes[0].is_some() && strokes[1].is_none(), "{strokes:?}");
}

#[test]
fn every_axis_has_ticks() {
    for (lo, hi) in [(1.0, 1.01), (0.003, 0.0033), (0.9, 11.0), (1e-9, 1e5), (1e-10, 1e99)] {
        let panel = Panel::new(plain("x").log(), plain("y").log());
        let figure = Figure::new("log", "").panel(panel.series(Series::line("", [(lo, lo), (hi, hi)])));
        let svg = figure.svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        for anchor in ["middle", "end"] {
            let ticks = document.descendants().filter(|node| {
                node.attribute("text-anchor") == Some(anchor) && node.attribute("font-size") == Some("12")
            });
            assert!(ticks.count() >= 2, "no ticks from {lo} to {hi}");
        }
    }
}

#[test]
fn long_names_are_slanted() {
    let figure = |names: [&str; 4]| {
        let bars = Series::bars("b", (1..=4).map(|i| (f64::from(i), 1.0)));
        Figure::new("names", "")
            .panel(Panel::new(Axis::names("", names), plain("y")).series(bars))
            .svg()
            .unwrap()
    };
    assert!(!figure(["a", "b", "c", "d"]).contains("rotate(-40"));
    let long = figure(["the first of four names with many words", "b", "c", "d"]);
    assert_eq!(long.matches("rotate(-40").count(), 4);
}

#[test]
fn nothing_to_draw_is_no_reason_to_fail() {
    let none: [(f64, f64); 0] = [];
    let empty = |kind: fn(&'static str, [(f64, f64); 0]) -> Series| {
        Figure::new("empty", "Empty").panel(Panel::new(plain("x"), plain("y").log()).series(kind("a", none)))
    };
    for figure in [
        Figure::new("empty", "No panel"),
        Figure::new("empty", "No series").panel(Panel::new(plain("x"), plain("y"))),
        empty(Series::line),
        empty(Series::points),
        empty(Series::cloud),
        empty(Series::bars),
        empty(Series::steps),
        Figure::new("empty", "Only missing values")
            .panel(Panel::new(plain("x"), plain("y")).series(Series::bars("a", [(f64::NAN, f64::NAN)]))),
        Figure::new("empty", "No names")
            .panel(Panel::new(Axis::names("", [] as [&str; 0]), Axis::names("", [] as [&str; 0]))),
        Figure::new("empty", "Bad range")
            .panel(Panel::new(plain("x").range(1.0, 0.0), plain("y").range(f64::NAN, 1.0))),
    ] {
        let svg = figure.svg().unwrap();
        roxmltree::Document::parse(&svg).unwrap();
        assert!(!svg.contains("NaN"), "{}", figure.csv());
        assert!(figure.csv().starts_with("panel,series,x,y,lo,hi,x_axis,y_axis\n"));
    }
}

#[test]
fn an_interval_down_to_zero_is_drawn_on_a_logarithmic_axis() {
    let lines = |datum: Datum| {
        let panel = Panel::new(plain("x"), plain("y").log().range(0.1, 10.0));
        let svg = Figure::new("log", "Log").panel(panel.series(Series::points("a", [datum]))).svg().unwrap();
        svg.matches("<line").count()
    };
    let bare = lines(Datum::new(1.0, 1.0));
    assert_eq!(lines(Datum::new(1.0, 1.0).interval(0.5, 2.0)), bare + 3);
    assert_eq!(lines(Datum::new(1.0, 1.0).interval(-1.0, 2.0)), bare + 3);
}

#[test]
fn a_long_name_is_broken_in_the_legend() {
    let name = "a condition named retro cue valid long delay high load ".repeat(6);
    let figure = |name: &str| {
        let panel = Panel::new(plain("x"), plain("y"))
            .series(Series::line(name, [(0.0, 0.0), (1.0, 1.0)]))
            .series(Series::line("other", [(0.0, 1.0), (1.0, 0.0)]));
        Figure::new("long", "Long").panel(panel).svg().unwrap()
    };
    let svg = figure(&name);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let longest = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .map(str::len)
        .max();
    assert!(longest < Some(200), "{longest:?} characters on a line");
    let height = |svg: &str| -> f64 {
        roxmltree::Document::parse(svg).unwrap().root_element().attribute("height").unwrap().parse().unwrap()
    };
    assert!(height(&svg) > height(&figure("short")) + 20.0);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</text><script>alert(1)</script>&\"' $x^2$ \u{1}";
    let figure = Figure::new("hostile", hostile).caption(hostile).panel(
        Panel::new(plain(hostile), Axis::names(hostile, [hostile]))
            .title(hostile)
            .series(Series::line(hostile, [(0.0, 1.0), (1.0, 1.0)]))
            .span(hostile, 0.2, 0.4)
            .level(hostile, 1.0),
    );
    let svg = figure.svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(!document.descendants().any(|node| node.tag_name().name() == "script"));
    assert!(texts(&document).iter().any(|text| text.contains("$x^2$") && text.contains("<script>")));
    let mut reader = csv::Reader::from_reader(figure.csv().into_bytes().leak() as &[u8]);
    assert_eq!(&reader.records().next().unwrap().unwrap()[1], hostile);
}

#[test]
fn files_are_written_and_bad_names_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figures");
    let paths = rich().write(&target).unwrap();
    assert_eq!(std::fs::read_to_string(&paths[0]).unwrap(), rich().svg().unwrap());
    assert_eq!(std::fs::read_to_string(&paths[1]).unwrap(), rich().csv());
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 2, "a temporary file was left");
    for name in ["", "../escape", "Big", "1st", "sp ace", "dot.svg", &"a".repeat(65)] {
        let refused = Figure::new(name, "t").write(&target);
        assert!(matches!(refused, Err(Error::FigureName { .. })), "{name:?} was taken");
    }
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 2);
}

#[test]
fn histograms_need_one_edge_more_than_heights() {
    let error = Series::histogram("h", &[0.0, 1.0], &[1.0, 2.0]).unwrap_err();
    assert_eq!(error.to_string(), "2 heights of a histogram need 3 edges, but 2 were given");
}

/// Left, right and baseline of every horizontal word of the legend, at the least width it can have.
fn legend_boxes(svg: &str, labels: &[String]) -> Vec<(f64, f64, f64)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants().filter(|node| node.tag_name().name() == "text");
    nodes
        .filter(|node| labels.iter().any(|label| Some(label.as_str()) == node.text()))
        .map(|node| {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let length = node.text().unwrap().chars().count() as f64;
            (number("x"), number("x") + 0.5 * number("font-size") * length, number("y"))
        })
        .collect()
}

#[test]
fn a_long_legend_wraps_and_covers_no_panel() {
    let labels: Vec<String> = (0..14).map(|i| format!("condition number {i} of many")).collect();
    let mut panel = Panel::new(plain("x"), plain("y"));
    for (i, label) in labels.iter().enumerate() {
        panel = panel.series(Series::line(label, [(0.0, i as f64), (1.0, 2.0)]));
    }
    let svg = Figure::new("legend", "A legend").panel(panel).width(500.0).svg().unwrap();
    let boxes = legend_boxes(&svg, &labels);
    assert_eq!(boxes.len(), labels.len());
    for (i, a) in boxes.iter().enumerate() {
        assert!(a.1 <= 500.0, "{a:?} leaves the figure");
        for b in &boxes[..i] {
            assert!(a.2 != b.2 || a.0 >= b.1 || b.0 >= a.1, "{a:?} overlaps {b:?}");
        }
    }
    let lowest = boxes.iter().map(|b| b.2).fold(0.0, f64::max);
    let document = roxmltree::Document::parse(&svg).unwrap();
    let panel = document.descendants().find_map(|node| node.attribute("transform")).unwrap();
    let top: f64 = panel.trim_end_matches(')').rsplit(',').next().unwrap().parse().unwrap();
    assert!(top > lowest, "the panel begins at {top}, the legend ends at {lowest}");
}

#[test]
fn shared_axes_are_labelled_once() {
    let panel =
        |n: f64| Panel::new(plain("time"), plain("rate")).series(Series::line("a", [(0.0, n), (n, 1.0)]));
    let figure = |share| {
        let figure = Figure::new("shared", "").columns(2).share(share);
        figure.panel(panel(1.0)).panel(panel(2.0)).panel(panel(3.0)).panel(panel(4.0)).svg().unwrap()
    };
    let count = |svg: &str, word: &str| {
        let document = roxmltree::Document::parse(svg).unwrap();
        texts(&document).iter().filter(|text| *text == word).count()
    };
    for (share, across, up) in
        [(Share::Nothing, 4, 4), (Share::X, 2, 4), (Share::Y, 4, 2), (Share::Both, 2, 2)]
    {
        let svg = figure(share);
        assert_eq!((count(&svg, "time"), count(&svg, "rate")), (across, up), "{share:?}");
    }
}

/// Numbers of the tick labels along x (`anchor` middle) or y (end) with their pixels.
fn tick_labels(svg: &str, anchor: &str, coordinate: &str) -> Vec<(f64, f64)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants().filter(|node| node.tag_name().name() == "text");
    nodes
        .filter(|node| {
            node.attribute("text-anchor") == Some(anchor) && node.attribute("font-size") == Some("12")
        })
        .filter_map(|node| {
            let text = node.text()?.replace('−', "-").replace('\u{202f}', "");
            let text = match text.split_once(" × 10") {
                Some((mantissa, exponent)) => {
                    let digits: String = exponent
                        .chars()
                        .map(|c| match c {
                            '⁻' => '-',
                            '¹' => '1',
                            '²' => '2',
                            '³' => '3',
                            '⁰' => '0',
                            c => char::from_digit(c as u32 - '⁴' as u32 + 4, 10).unwrap(),
                        })
                        .collect();
                    format!("{mantissa}e{digits}")
                }
                None => text,
            };
            Some((text.parse().ok()?, node.attribute(coordinate)?.parse().ok()?))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a tick says is where it stands: labels and pixels are in proportion.
    #[test]
    fn ticks_stand_where_they_say(
        lo in -1000.0..1000.0f64, scale in -6.0..7.0f64, width in 330.0..1200.0f64, square: bool, fixed: bool,
    ) {
        let span = 10f64.powf(scale);
        let lo = lo * span / 1000.0;
        let hi = lo + span;
        let axis = |name: &str| if fixed { plain(name).range(lo, hi) } else { plain(name) };
        let mut panel = Panel::new(axis("x"), axis("y")).series(Series::line("", [(lo, lo), (hi, hi)]));
        if square {
            panel = panel.equal_aspect();
        }
        let svg = Figure::new("ticks", "").panel(panel).width(width).svg().unwrap();
        for ticks in [tick_labels(&svg, "middle", "x"), tick_labels(&svg, "end", "y")] {
            prop_assert!(ticks.len() >= 2, "{ticks:?}");
            let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
            prop_assert!(first.0 < last.0);
            for tick in &ticks {
                let said = (tick.0 - first.0) / (last.0 - first.0);
                let stands = (tick.1 - first.1) / (last.1 - first.1);
                prop_assert!((said - stands).abs() < 1e-3, "{ticks:?}");
            }
        }
    }

    /// Any numbers make a drawing that is well formed and free of what is no number.
    #[test]
    fn any_numbers_can_be_drawn(data in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>(), any::<f64>()), 0..12), log: bool) {
        let axis = |name: &str| if log { plain(name).log() } else { plain(name) };
        let mut panel = Panel::new(axis("x"), axis("y"));
        for kind in [Series::line, Series::points, Series::cloud, Series::bars, Series::steps] {
            panel = panel.series(kind("s", data.clone()));
        }
        let svg = Figure::new("any", "t").panel(panel).svg().unwrap();
        prop_assert!(roxmltree::Document::parse(&svg).is_ok());
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("inf "));
    }
}
