//! `errare compare`: rankings, claims, and what it refuses.

use serde_json::Value;

use crate::util::Scratch;

fn group<'a>(document: &'a Value, condition: &str) -> &'a Value {
    let groups = document["groups"].as_array().unwrap();
    groups.iter().find(|group| group["condition"] == condition).unwrap()
}

#[test]
fn both_conditions_stand_in_one_report() {
    let scratch = Scratch::new();
    let document = scratch
        .run(&[
            "compare",
            "simulated_probe_effect",
            "--where",
            "set_size=4",
            "--by",
            "condition",
            "--models",
            "bns:none,bns:probe",
            "--folds",
            "5",
            "--out",
            "out",
            "--json",
        ])
        .json();
    let evidence = |condition: &str, model: &str| {
        let models = group(&document, condition)["models"].as_array().unwrap();
        let score = models.iter().find(|score| score["model"] == model).unwrap();
        for key in ["heldout_log_likelihood", "bic"] {
            assert!(score[key].is_f64(), "{key}");
        }
        score["log_evidence"].as_f64().unwrap()
    };
    assert!(evidence("distance", "bns:probe") - evidence("distance", "bns:none") > 3.0);
    assert!(evidence("flat", "bns:probe") - evidence("flat", "bns:none") < 3.0);
    assert_eq!(group(&document, "distance")["models"][0]["model"], "bns:probe");

    let page = std::fs::read_to_string(scratch.path("out/report.html")).unwrap();
    for part in
        ["Condition distance", "Condition flat", "Swaps depend on probe distance", "cannot be claimed"]
    {
        assert!(page.contains(part), "{part}");
    }
    let rows = std::fs::read_to_string(scratch.path("out/comparison.csv")).unwrap();
    assert_eq!(rows.lines().count(), 5);
    for name in ["differences-1.svg", "swap-functions-2.csv"] {
        assert!(scratch.path("out/figures").join(name).is_file(), "{name}");
    }
}

#[test]
fn models_that_cannot_be_compared_are_refused() {
    let scratch = Scratch::new();
    let refused = |models: &str, parts: &[&str]| {
        scratch.run(&["compare", "vandenberg2012_orientation", "--models", models]).refused(parts);
    };
    refused("bns:none,bns:noen", &["bns:none", "did you mean"]);
    refused("bns:none,bns:none", &["bns:none is named twice"]);
    let options = ["--models", "two-component,sdm", "--emission", "wrapped-stable"];
    scratch.run(&[&["compare", "vandenberg2012_orientation"], &options[..]].concat()).refused(&[
        "--emission",
        "two-component, sdm",
        "for the bns models",
    ]);
    scratch.run(&["compare", "vandenberg2012_orientation", "--folds", "1"]).refused(&["1", "--folds"]);
    let bare = "participant,set_size,response,report_0,report_1\n1,2,0.1,0.1,2.0\n1,2,0.4,0.3,-1.0\n";
    scratch.write("bare.csv", bare);
    scratch.run(&["compare", "bare.csv", "--models", "bns:probe"]).refused(&["probe features", "bns:none"]);
    // Without a list, models that need what the table lacks are left out.
    let document = scratch.run(&["compare", "bare.csv", "--json"]).json();
    let models = document["groups"][0]["models"].as_array().unwrap();
    assert_eq!(models.len(), 3);
    assert_eq!(document["groups"][0]["folds"], 2);
}
