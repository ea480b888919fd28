//! Tables, good and bad.

use std::path::Path;

use crate::util::{Scratch, shared};

const HEADER: &str = "participant,set_size,response,report_0,report_1,probe_0,probe_1\n";

/// A good table of 40 trials of two items.
pub(crate) fn good_table() -> String {
    let rows = (0..40).map(|trial| {
        let angle = 0.15 * f64::from(trial) - 3.0;
        let error = 0.2 * (f64::from(trial) * 2.3).sin();
        let other = if angle > 0.0 { angle - 2.0 } else { angle + 2.0 };
        format!("{},2,{:.4},{angle:.4},{other:.4},{other:.4},{angle:.4}\n", trial % 3, angle + error)
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

/// Bad tables by name: contents, and what the message must say.
pub(crate) fn bad_tables() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    let with = |row: &str| (good_table() + row + "\n").into_bytes();
    let degrees = good_table().lines().skip(1).fold(HEADER.to_owned(), |text, row| {
        let cells: Vec<&str> = row.split(',').collect();
        let degrees =
            cells[2..].iter().map(|cell| format!("{:.1}", cell.parse::<f64>().unwrap().to_degrees()));
        text + &format!("{},2,{}\n", cells[0], degrees.collect::<Vec<_>>().join(","))
    });
    vec![
        ("missing_column", good_table().replace("response", "answer").into_bytes(), vec!["response"]),
        ("text", with("1,2,left,0.1,0.2,0.3,1.4"), vec!["row 42", "response", "left"]),
        ("degrees", degrees.into_bytes(), vec!["deg", "response"]),
        ("set_size", with("1,2,0.1,0.1,,0.3,"), vec!["row 42", "report_1"]),
        ("infinite", with("1,2,inf,0.1,0.2,0.3,1.4"), vec!["row 42", "response", "inf"]),
        ("short_row", with("1,2,0.1"), vec!["row 42", "3"]),
        ("empty", Vec::new(), vec!["empty"]),
        ("header_only", HEADER.as_bytes().to_vec(), vec!["no trials"]),
        ("binary", (0..=255).collect(), vec!["binary"]),
        (
            "latin1",
            [good_table().as_bytes(), b"M\xfcller,2,0.1,0.1,1.2,0.3,1.4\n"].concat(),
            vec!["row 42", "UTF-8"],
        ),
    ]
}

/// Asserts that `command` refuses every bad table in one message and writes nothing.
pub(crate) fn refuses_bad_tables(command: &[&str], options: &[&str]) {
    for (name, contents, parts) in bad_tables() {
        let scratch = Scratch::new();
        let table = scratch.write(&format!("{name}.csv"), contents);
        let table = table.to_str().unwrap();
        let outcome = scratch.run(&[command, &[table], options].concat());
        outcome.refused(&[&parts[..], &[&format!("{name}.csv")]].concat());
        assert!(!scratch.path("out").exists(), "{name}: --out was touched");
    }
}

#[test]
fn a_good_table_is_summarised() {
    let scratch = Scratch::new();
    scratch.write("good.csv", good_table());
    let summary = scratch.run(&["data", "check", "good.csv"]);
    assert_eq!((summary.code, summary.stderr.as_str()), (0, ""));
    assert!(summary.stdout.contains("40 trials of 3 participants"), "{}", summary.stdout);
    let document = scratch.run(&["data", "check", "good.csv", "--json"]).json();
    assert_eq!(document["command"], "data check");
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["out"].is_null());
    assert_eq!(document["trials"], 40);
    assert_eq!(document["set_sizes"][0]["set_size"], 2);
    assert_eq!(document["blake3"].as_str().unwrap().len(), 64);
}

#[test]
fn bad_tables_are_refused() {
    refuses_bad_tables(&["data", "check"], &[]);
}

#[test]
fn rows_units_and_columns_can_be_chosen() {
    let scratch = Scratch::new();
    let (_, degrees, _) = bad_tables().into_iter().find(|(name, ..)| *name == "degrees").unwrap();
    let renamed =
        String::from_utf8(degrees).unwrap().replace("participant", "subject").replace("probe", "place");
    scratch.write("degrees.csv", renamed);
    let document = scratch
        .run(&[
            "data",
            "check",
            "degrees.csv",
            "--units",
            "deg",
            "--column",
            "subject=participant",
            "--probe",
            "place",
            "--where",
            "participant=1",
            "--json",
        ])
        .json();
    assert_eq!((&document["trials"], &document["participants"]), (&13.into(), &1.into()));
    assert_eq!(document["probe"]["prefix"], "place");
    assert_eq!(document["report"]["units"], "deg");
    scratch
        .run(&["data", "check", "degrees.csv", "--units", "deg", "--column", "subject=particpant"])
        .refused(&["particpant", "no standard column", "did you mean \"participant\""]);
    scratch
        .run(&["data", "check", "simulated_probe_effect", "--where", "condition=distanse"])
        .refused(&["distanse", "did you mean \"distance\""]);
    scratch
        .run(&["data", "check", "simulated_probe_effect", "--where", "condtion=flat"])
        .refused(&["condtion"]);
}

#[test]
fn a_check_names_the_first_bad_cells_of_every_kind_and_others_the_first_ten() {
    let scratch = Scratch::new();
    let bad = "1,2,left,0.1,0.2,0.3,1.4\n".repeat(12) + "1,2,inf,0.1,0.2,0.3,1.4\n1,2,0.1,0.1,west,0.3,1.4\n";
    scratch.write("bad.csv", good_table() + &bad + &"1,2\n".repeat(6));
    let check = scratch.run(&["data", "check", "bad.csv"]);
    check.refused(&[
        "20 problems",
        "row 42",
        "row 46",
        "... and 7 more in column response",
        "... and 1 more row",
    ]);
    check.refused(&["row 54, column response", "row 55, column report_1", "row 60: 2 of 7 fields"]);
    assert_eq!(check.stderr.matches("left").count(), 5);
    let fit = scratch.run(&["fit", "bad.csv", "--model", "two-component"]);
    fit.refused(&["20 problems", "row 42", "and 10 more"]);
}

#[test]
fn a_large_table_in_other_units_takes_a_few_lines() {
    // Once one line for each of thousands of cells.
    let scratch = Scratch::new();
    let (_, degrees, _) = bad_tables().into_iter().find(|(name, ..)| *name == "degrees").unwrap();
    let degrees = String::from_utf8(degrees).unwrap();
    let rows = degrees.strip_prefix(HEADER).unwrap().repeat(50);
    scratch.write("degrees.csv", HEADER.to_owned() + &rows);
    let check = scratch.run(&["data", "check", "degrees.csv", "--json"]);
    check.refused(&["problems; nothing was read", "more in columns report_*", "all fit deg", "--units deg"]);
    assert!(check.stderr.lines().count() < 60, "{}", check.stderr);
    scratch.run(&["fit", "degrees.csv", "--model", "two-component"]).refused(&["all fit deg"]);
}

#[test]
fn a_fit_says_when_its_table_was_probably_read_in_other_units() {
    let scratch = Scratch::new();
    scratch.write("good.csv", good_table());
    let fit = |units: &[&str]| {
        let outcome = scratch.run(&[&["fit", "good.csv", "--model", "two-component"], units].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr
    };
    assert!(fit(&["--units", "deg"]).contains("warning: "), "radians read as degrees");
    assert!(!fit(&[]).contains("warning: "));
}

#[test]
#[cfg(unix)]
fn a_pipe_is_read_as_a_file_is() {
    let scratch = Scratch::new();
    scratch.write("good.csv", good_table());
    let check = ["data", "check", "good.csv", "--json"];
    let of_file = scratch.run(&check).json();
    for (pipe, name) in [("/dev/stdin", "/dev/stdin"), ("-", "standard input")] {
        let of_pipe = scratch.run_with(&["data", "check", pipe, "--json"], good_table()).json();
        for key in ["trials", "participants", "blake3", "set_sizes"] {
            assert_eq!(of_pipe[key], of_file[key], "{key}");
        }
        let bad = good_table() + "1,2,left,0.1,0.2,0.3,1.4\n";
        scratch.run_with(&["data", "check", pipe], bad).refused(&[name, "row 42", "left"]);
        scratch.run_with(&["data", "check", pipe], "PAR1...PAR1").refused(&["Parquet", "pipe", "CSV"]);
        scratch.run_with(&["data", "check", pipe], "").refused(&[name, "empty"]);
    }
    let fit = ["fit", "-", "--model", "two-component", "--out", "o"];
    let fitted = scratch.run_with(&fit, good_table());
    assert!(
        fitted.stdout.starts_with("two-component fitted to standard input (40 trials"),
        "{}",
        fitted.stdout
    );
    let provenance = std::fs::read_to_string(scratch.path("o/provenance.json")).unwrap();
    assert!(provenance.contains("\"standard input\""), "{provenance}");
}

#[test]
fn units_of_a_bundled_set_are_known() {
    let scratch = Scratch::new();
    for option in ["--units", "--report-units", "--probe-units"] {
        let arguments = ["data", "check", "vandenberg2012_orientation", option, "deg180"];
        scratch.run(&arguments).refused(&[option, "vandenberg2012_orientation", "in radians"]);
    }
}

#[test]
fn names_of_data_are_guessed() {
    let scratch = Scratch::new();
    scratch.run(&["data", "check", "vandenberg2012_colour_wheel"]).refused(&["did you mean", "color_wheel"]);
    scratch.run(&["data", "check", "."]).refused(&["directory"]);
}

#[test]
fn bundled_sets_are_listed_with_what_they_hold() {
    let document = Scratch::new().run(&["data", "list", "--json"]).json();
    let sets = document["sets"].as_array().unwrap();
    assert!(sets.len() >= 3);
    for set in sets {
        let name = set["name"].as_str().unwrap();
        let checked = Scratch::new().run(&["data", "check", name, "--json"]).json();
        for key in ["trials", "participants"] {
            assert_eq!(checked[key], set[key], "{key} of {name}");
        }
        assert!(set["licence"].is_string() && set["citation"].is_string());
    }
}

#[test]
fn every_published_table_can_be_read() {
    for (name, trials) in
        [("bays2009.csv", 7271), ("oberauer_lin2017_e1.csv", 15_200), ("zhang_luck2008.csv", 4000)]
    {
        let Some(path) = shared(name) else { return };
        let document = check(&path);
        assert_eq!(document["trials"], trials, "{name}");
    }
}

fn check(path: &Path) -> serde_json::Value {
    Scratch::new().run(&["data", "check", path.to_str().unwrap(), "--json"]).json()
}

#[test]
fn a_summary_counts_without_a_model() {
    let scratch = Scratch::new();
    let arguments =
        ["data", "summary", "simulated_probe_effect", "--by", "condition,set_size", "--json", "--out", "o"];
    let document = scratch.run(&arguments).json();
    let groups = document["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 8);
    for group in groups {
        assert!(group["standard_deviation"]["value"].as_f64().unwrap() > 0.0);
        let single = group["set_size"] == 1;
        assert_eq!(group["swaps"].is_null(), single);
        if !single {
            let ranks = group["swaps"]["by_rank"].as_array().unwrap();
            assert_eq!(ranks.len() as i64, group["set_size"].as_i64().unwrap() - 1);
        }
    }
    let rows = std::fs::read_to_string(scratch.path("o/summary.csv")).unwrap();
    assert!(
        rows.starts_with("participant,condition,set_size,trials,name,distance,value,standard_error,lo,hi\n")
    );
    scratch
        .run(&["data", "check", "simulated_probe_effect", "--out", "x"])
        .refused(&["data summary", "--out"]);
}
