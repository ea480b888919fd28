//! Surrogate trials: what is drawn is what was fitted.

use serde_json::Value;

use crate::util::{Outcome, Scratch};

fn fitted(scratch: &Scratch, model: &str) {
    let arguments =
        ["fit", "simulated_probe_effect", "--model", model, "--out", "fit", "--where", "condition=flat"];
    let outcome = scratch.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

fn surrogate(scratch: &Scratch, options: &[&str]) -> Outcome {
    scratch.run(&[&["surrogate", "fit", "--trials", "3000"], options].concat())
}

#[test]
fn a_fit_to_surrogate_trials_recovers_the_fit() {
    let scratch = Scratch::new();
    fitted(&scratch, "three-component");
    let document = surrogate(&scratch, &["--out", "drawn", "--json"]).json();
    assert_eq!((&document["command"], &document["trials"]), (&"surrogate".into(), &12_000.into()));
    let file = document["file"].as_str().unwrap();
    let again = scratch.run(&["fit", file, "--model", "three-component", "--json"]).json();
    let truth: Value = serde_json::from_slice(&std::fs::read(scratch.path("fit/fit.json")).unwrap()).unwrap();
    for index in 0..4 {
        let (truth, again) = (&truth["fits"][index], &again["fits"][index]);
        assert_eq!(truth["set_size"], again["set_size"]);
        for key in ["target", "uniform"] {
            let difference =
                truth["weights"][key].as_f64().unwrap() - again["weights"][key].as_f64().unwrap();
            let error = again["standard_errors"][key].as_f64().unwrap();
            assert!(difference.abs() < 4.0 * error, "{key} differs by {difference}, standard error {error}");
        }
        // The true sources have the fitted shares too.
        let drawn = &document["fits"][index];
        let share = drawn["sources"]["target"].as_f64().unwrap() / 3000.0;
        let expected = truth["weights"]["target"].as_f64().unwrap();
        assert!((share - expected).abs() < 4.0 * (expected * (1.0 - expected) / 3000.0).sqrt());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_is_selected() {
    let scratch = Scratch::new();
    fitted(&scratch, "bns");
    let table = |out: &str, options: &[&str]| {
        let outcome = surrogate(&scratch, &[&["--out", out], options].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        std::fs::read_to_string(scratch.path(out).join("surrogate.csv")).unwrap()
    };
    let all = table("all", &["--threads", "1"]);
    assert!(all == table("again", &["--threads", "3"]), "threads change nothing");
    assert!(all != table("seed", &["--seed", "2"]), "another seed changes all");
    let two = table("two", &["--set-size", "2"]);
    let rows = |text: &str| {
        let of_two = text.lines().filter(|row| row.split(',').nth(2) == Some("2"));
        of_two.map(|row| row.split(',').take(6).map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(rows(&all).len(), 3000);
    assert!(rows(&all) == rows(&two), "a selection changes no trial");
    assert!(table("draw", &["--draw", "1"]) != all, "one draw is not the mean");
}

#[test]
fn displays_may_have_any_number_of_items() {
    let scratch = Scratch::new();
    fitted(&scratch, "bns");
    let options = ["--set-size", "2", "--items", "5", "--out", "five", "--json"];
    let document = surrogate(&scratch, &options).json();
    assert_eq!(document["fits"][0]["set_size"], 5);
    let options = ["--items", "5", "--separation", "1.3", "--out", "far"];
    surrogate(&scratch, &options).refused(&["5 angles", "1.3"]);
    assert!(!scratch.path("far").exists());
}

#[test]
fn what_cannot_be_drawn_from_is_refused() {
    let scratch = Scratch::new();
    surrogate(&scratch, &["--out", "drawn"]).refused(&["fit"]);
    fitted(&scratch, "two-component");
    surrogate(&scratch, &["--set-size", "3", "--out", "drawn"]).refused(&["set size 1", "set size 6"]);
    surrogate(&scratch, &[]).refused(&["--out"]);
    surrogate(&scratch, &["--out", "fit"]).refused(&["holds a fit", "for surrogate trials"]);
    surrogate(&scratch, &["--draw", "3", "--out", "drawn"]).refused(&[
        "--draw",
        "two-component",
        "no posterior",
    ]);
    let sets = surrogate(&scratch, &["--sets", "2", "--out", "sets", "--json"]).json();
    assert!(sets["sets"][1]["draw"].is_null(), "{sets}");
    scratch.write("fit/fit.json", "{\"fits\": 3}");
    surrogate(&scratch, &["--out", "drawn"]).refused(&["fit.json", "line 1"]);
    assert!(!scratch.path("drawn").exists());
}

#[test]
fn people_s_own_displays_are_answered_with_their_labels_kept() {
    let scratch = Scratch::new();
    let fit =
        ["fit", "simulated_probe_effect", "--model", "bns", "--by", "condition,set_size", "--out", "fit"];
    assert_eq!(scratch.run(&fit).code, 0);
    let own = |options: &[&str]| {
        scratch
            .run(&[&["surrogate", "fit", "--displays", "simulated_probe_effect", "--json"], options].concat())
    };
    let document = own(&["--out", "own"]).json();
    assert_eq!(document["trials"], 3840);
    let text = std::fs::read_to_string(scratch.path("own/surrogate.csv")).unwrap();
    let original = errare::behaviour::data::load_bundled("simulated_probe_effect").unwrap();
    let drawn = errare::behaviour::data::read_bytes("drawn", text.as_bytes(), &Default::default()).unwrap();
    let mut changed = 0;
    for (drawn, original) in drawn.trials().iter().zip(original.trials()) {
        assert_eq!(
            (&drawn.participant, &drawn.condition, drawn.trial, &drawn.display),
            (&original.participant, &original.condition, original.trial, &original.display)
        );
        assert!(drawn.source.is_some());
        changed += usize::from(drawn.response != original.response);
    }
    assert!(changed > 3800);
    // Each condition was answered by its own fit: swaps fall with distance in one of them only.
    let refit = [
        "fit",
        "own/surrogate.csv",
        "--model",
        "bns",
        "--by",
        "condition",
        "--where",
        "set_size=4",
        "--json",
    ];
    let refit = scratch.run(&refit).json();
    let fall = |fit: &Value| {
        let curve: Vec<&Value> = fit["swap_curve"].as_array().unwrap().iter().collect();
        let seen: Vec<f64> =
            curve.iter().filter(|p| p["has_data"] == true).map(|p| p["mean"].as_f64().unwrap()).collect();
        seen[0] / seen[seen.len() - 1]
    };
    assert!(fall(&refit["fits"][0]) > 3.0 && fall(&refit["fits"][1]) < 2.5);

    own(&["--out", "none", "--set-size", "2"]).refused(&["no fit could answer", "set size 1"]);
    own(&["--out", "none", "--condition", "flat", "--set-size", "2", "--where", "set_size=2"]).json();
    own(&["--out", "none", "--trials", "3"]).refused(&["--trials"]);
    surrogate(&scratch, &["--out", "none", "--where", "set_size=2"]).refused(&["--displays"]);
}

#[test]
fn each_of_several_sets_has_a_draw_of_its_own() {
    let scratch = Scratch::new();
    fitted(&scratch, "bns");
    let options = ["--set-size", "2", "--sets", "12", "--draw", "5", "--out", "sets", "--json"];
    let document = surrogate(&scratch, &options).json();
    assert!(document["file"].is_null());
    let sets = document["sets"].as_array().unwrap();
    assert_eq!((sets.len(), &sets[2]["draw"], &document["trials"]), (12, &7.into(), &36_000.into()));
    assert_eq!(sets[2]["file"], "sets/surrogate_03.csv");
    let table = |index: usize| std::fs::read(scratch.path(sets[index]["file"].as_str().unwrap())).unwrap();
    assert!(table(0) != table(1));
    // What an earlier run left is replaced.
    assert_eq!(surrogate(&scratch, &["--out", "sets", "--format", "parquet"]).code, 0);
    let mut names: Vec<_> = std::fs::read_dir(scratch.path("sets"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("surrogate"))
        .collect();
    names.sort();
    assert_eq!(names, ["surrogate.parquet"]);
}

#[test]
fn parquet_and_csv_hold_the_same_trials() {
    let scratch = Scratch::new();
    fitted(&scratch, "three-component");
    let file = |format| {
        let document = surrogate(&scratch, &["--out", format, "--format", format, "--json"]).json();
        document["file"].as_str().unwrap().to_owned()
    };
    let fits = ["csv", "parquet"].map(|format| {
        let file = file(format);
        let check = scratch.run(&["data", "check", &file, "--json"]).json();
        assert_eq!(check["trials"], 12_000);
        scratch.run(&["fit", &file, "--model", "three-component", "--json"]).json()
    });
    for index in 0..4 {
        let likelihood = |fit: usize| fits[fit]["fits"][index]["log_likelihood"].as_f64().unwrap();
        // CSV rounds to six decimals.
        assert!((likelihood(0) - likelihood(1)).abs() < 0.01);
    }
    let bytes = std::fs::read(scratch.path("parquet/surrogate.parquet")).unwrap();
    scratch.write("cut.parquet", &bytes[..bytes.len() / 2]);
    scratch.run(&["data", "check", "cut.parquet"]).refused(&["cut.parquet", "Parquet"]);
}
