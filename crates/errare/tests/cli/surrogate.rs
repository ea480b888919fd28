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
    surrogate(&scratch, &["--out", "fit"]).refused(&["a run of `fit`"]);
    scratch.write("fit/fit.json", "{\"fits\": 3}");
    surrogate(&scratch, &["--out", "drawn"]).refused(&["fit.json", "line 1"]);
    assert!(!scratch.path("drawn").exists());
}
