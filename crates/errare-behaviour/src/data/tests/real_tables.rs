//! The bundled tables, and further published ones where they are at hand.

use std::path::PathBuf;

use super::super::{ReadOptions, TrialTable, Units, bundled, load_bundled, read_csv};
use super::read;

#[expect(clippy::print_stdout, reason = "says that a test was skipped")]
/// A published table that is not part of the project; `None`, with a message, when it is not at hand.
fn published(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ERRARE_SHARED_DATA").map_or(root.join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if !path.exists() {
        println!("skipped: {name} is not at hand (set ERRARE_SHARED_DATA to the folder that holds it)");
        return None;
    }
    Some(path)
}

fn load(name: &str, options: &ReadOptions) -> Option<TrialTable> {
    Some(read_csv(published(name)?, options).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn bundled_tables_are_what_their_entries_say() {
    for set in bundled() {
        let table = load_bundled(set.name).unwrap_or_else(|error| panic!("{error}"));
        let conditions: Vec<String> = table.conditions().iter().map(ToString::to_string).collect();
        assert_eq!(table.len(), set.trials, "{}", set.name);
        assert_eq!(table.participants().len(), set.participants, "{}", set.name);
        assert_eq!(table.set_sizes(), set.set_sizes, "{}", set.name);
        assert_eq!(conditions, set.conditions, "{}", set.name);
        assert!(table.has_probe(), "{}", set.name);
    }
    assert!(load_bundled("vandenberg").unwrap_err().to_string().contains("vandenberg2012_color_wheel"));
}

#[test]
fn summary_of_the_colour_wheel() {
    let summary = load_bundled("vandenberg2012_color_wheel").unwrap().summary();
    assert_eq!((summary.trials_per_participant_min, summary.trials_per_participant_max), (864, 864));
    // Errors grow with set size.
    let sd: Vec<f64> = summary.set_sizes.iter().map(|row| row.error_sd).collect();
    assert!(sd[0] < 0.5 && sd[3] > 1.3 * sd[0] && sd[7] > 1.3 * sd[3], "{sd:?}");
    assert_eq!(summary.set_sizes[0].min_probe_separation, None);
    assert!((summary.set_sizes[7].min_probe_separation.unwrap() - std::f64::consts::FRAC_PI_4).abs() < 1e-3);
    let warned = |part: &str| summary.warnings.iter().any(|warning| warning.contains(part));
    assert!(warned("take only 4 values (0.785, 1.571, 2.356, 3.142 rad)"), "{:?}", summary.warnings);
    assert!(warned("come as close as 0.000 rad"));
    assert_eq!(summary.warnings.len(), 2, "{:?}", summary.warnings);
    let text = summary.to_string();
    assert!(text.contains("11232 trials of 13 participants"), "{text}");
    assert_eq!(serde_json::to_value(&summary).unwrap()["probe"]["units"], "rad");
}

#[test]
fn bays_2009() {
    let Some(table) = load("bays2009.csv", &ReadOptions::default()) else { return };
    assert_eq!((table.len(), table.participants().len(), table.conditions().len()), (7271, 12, 3));
    assert_eq!(table.set_sizes(), [1, 2, 4, 6]);
    // Published circular standard deviations of the error, pooled over participants and exposures.
    let sd: Vec<f64> = table.summary().set_sizes.iter().map(|row| row.error_sd).collect();
    for (found, expected) in sd.into_iter().zip([0.279, 0.509, 0.855, 1.109]) {
        assert!((found - expected).abs() < 1e-3, "{found} instead of {expected}");
    }
}

#[test]
fn oberauer_lin_2017() {
    if let Some(table) = load("oberauer_lin2017_e1.csv", &ReadOptions::default()) {
        assert_eq!((table.len(), table.participants().len()), (15_200, 19));
        assert_eq!(table.set_sizes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let Some(location) = load("oberauer_lin2017_e4.csv", &ReadOptions::default()) else { return };
    assert_eq!((location.len(), location.participants().len(), location.conditions().len()), (6300, 21, 3));
    assert_eq!(location.summary().other_features, ["probe2"]);
    let options = ReadOptions { probe_prefix: "probe2".into(), ..ReadOptions::default() };
    let colour = load("oberauer_lin2017_e4.csv", &options).unwrap();
    assert_eq!(location.trials()[0].display.probe[0], 0.4833);
    assert_eq!(colour.trials()[0].display.probe[0], 1.7453);
    assert_eq!(colour.filter("condition", "cue_color").unwrap().len(), 2100);
}

#[test]
fn zhang_luck_2008() {
    let Some(table) = load("zhang_luck2008.csv", &ReadOptions::default()) else { return };
    assert_eq!((table.len(), table.participants().len()), (4000, 8));
    assert_eq!(table.set_sizes(), [1, 2, 3, 6]);
    assert!(!table.has_probe());
    let warnings = table.summary().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("relative"));
}

#[test]
fn warnings_about_doubtful_tables() {
    let mut table = "participant,set_size,response,report_0,report_1,probe_0,probe_1\n".to_owned();
    for row in 0..40 {
        let angle = 3.0 * f64::from(row % 20) / 20.0;
        table.push_str(&format!("{},2,{:.3},{:.3},1.0,0.5,{}\n", row / 20, 3.1 - angle, angle, 0.5 + angle));
    }
    let warnings = read(&table).summary().warnings.join("\n");
    for part in ["--report-units rad180", "same probe feature in 2 trials", "0 (20), 1 (20)"] {
        assert!(warnings.contains(part), "{part:?} is not in\n{warnings}");
    }
    assert!(warnings.contains("hardly related to item 0"), "{warnings}");
    let degrees = super::read_with(&table, &ReadOptions::in_units(Units::Deg)).summary().warnings.join("\n");
    assert!(degrees.contains("are these radians?"), "{degrees}");
}
