//! Every table there is, fitted and compared by every model without editing.

use errare::behaviour::ModelName;
use serde_json::Value;

use crate::util::{Scratch, shared};

const BUNDLED: [&str; 4] = [
    "simulated_probe_effect",
    "vandenberg2012_color_scroll",
    "vandenberg2012_color_wheel",
    "vandenberg2012_orientation",
];
/// Tables that may not be redistributed; those that are not there are skipped.
const SHARED: [&str; 4] =
    ["bays2009.csv", "oberauer_lin2017_e1.csv", "oberauer_lin2017_e4.csv", "zhang_luck2008.csv"];
/// All tables by what the command line calls them.
fn tables() -> Vec<String> {
    let shared = SHARED.iter().filter_map(|name| shared(name));
    let shared = shared.map(|path| path.to_str().unwrap().to_owned());
    BUNDLED.iter().map(|&name| name.to_owned()).chain(shared).collect()
}

/// The models that a table has the features for: one of the tables has no probe features.
fn models(table: &str) -> Vec<String> {
    let probe = !table.contains("zhang_luck2008");
    let fitting = ModelName::all().into_iter().filter(|model| probe || !model.needs_probe());
    fitting.map(|model| model.to_string()).collect()
}

/// The log likelihoods of a document's fits, which must be finite.
#[track_caller]
fn finite_fits(document: &Value, what: &str) {
    let fits = document["fits"].as_array().unwrap();
    assert!(!fits.is_empty(), "{what}");
    for fit in fits {
        assert!(fit["log_likelihood"].as_f64().is_some_and(f64::is_finite), "{what}: {fit}");
        assert!(fit["trials"].as_u64().unwrap() > 0);
    }
}

/// The first rows of the first participant in the file itself, as many as asked for.
fn first_trials(scratch: &Scratch, table: &str, rows: usize) -> String {
    let path = if table.ends_with(".csv") {
        std::path::PathBuf::from(table)
    } else {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(format!("{table}.csv"))
    };
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().take(rows + 1).collect();
    let name = std::path::Path::new(table).file_stem().unwrap().to_str().unwrap();
    scratch.write(&format!("{name}-{rows}.csv"), lines.join("\n")).to_str().unwrap().to_owned()
}

#[test]
fn twenty_trials_of_any_table_are_fitted_and_compared() {
    let scratch = Scratch::new();
    for table in tables() {
        let few = first_trials(&scratch, &table, 20);
        let models = models(&table);
        for model in &models {
            // Pooled, the trials mix set sizes; one by one, a set size has a trial or two.
            for by in ["none", "set_size"] {
                let document = scratch.run(&["fit", &few, "--model", model, "--by", by, "--json"]).json();
                finite_fits(&document, &format!("{table} {model} {by}"));
            }
        }
        let names = models.join(",");
        let arguments = ["compare", &few, "--models", &names, "--by", "none", "--folds", "2", "--json"];
        let document = scratch.run(&arguments).json();
        let scores = document["groups"][0]["models"].as_array().unwrap();
        assert_eq!(scores.len(), models.len());
        for score in scores {
            assert!(score["heldout_log_likelihood"].as_f64().is_some_and(f64::is_finite), "{table}: {score}");
        }
    }
}

#[test]
fn models_of_probe_distance_refuse_a_table_without_it() {
    let Some(path) = shared("zhang_luck2008.csv") else { return };
    let scratch = Scratch::new();
    for model in ModelName::all().into_iter().filter(|model| model.needs_probe()) {
        let arguments = ["fit", path.to_str().unwrap(), "--model", &model.to_string()];
        scratch.run(&arguments).refused(&["probe"]);
    }
}

/// Whole tables, by set size and with all set sizes together: fits by every model, and a comparison of the usual ones.
///
/// `ERRARE_SHARED_DATA=… cargo test --release -p errare --test cli every_table -- --ignored --nocapture`
#[test]
#[ignore = "about a quarter of an hour: run by hand"]
#[expect(clippy::print_stdout, reason = "tells how far it is")]
fn every_table_is_fitted_and_compared_by_every_model() {
    let scratch = Scratch::new();
    for table in tables() {
        for by in ["none", "set_size"] {
            for model in models(&table) {
                let document = scratch.run(&["fit", &table, "--model", &model, "--by", by, "--json"]).json();
                finite_fits(&document, &format!("{table} {model} {by}"));
            }
            let document = scratch.run(&["compare", &table, "--by", by, "--folds", "2", "--json"]).json();
            for group in document["groups"].as_array().unwrap() {
                for score in group["models"].as_array().unwrap() {
                    assert!(score["heldout_log_likelihood"].is_f64(), "{table} {by}: {score}");
                }
            }
            println!("{table} by {by}: fitted and compared");
        }
    }
}
