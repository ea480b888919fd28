//! The JSON documents against their description in the book.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::util::Scratch;

const DESCRIPTION: &str = include_str!("../../../../docs/reference/json.md");

/// Every key of a document, at any depth.
fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                into.insert(key.clone());
                // These keys are names of features, not of the interface.
                if key != "hyperparameters" {
                    keys(value, into);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, into)),
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let scratch = Scratch::new();
    let mut found = BTreeSet::new();
    let set = ["simulated_probe_effect", "--where", "set_size=2", "--json"];
    for arguments in [
        [&["data", "check"], &set[..]].concat(),
        [&["data", "summary"], &set[..]].concat(),
        vec!["data", "list", "--json"],
        [&["fit"], &set[..], &["--model", "three-component", "--by", "participant"]].concat(),
        [&["fit"], &set[..], &["--model", "bns:none", "--emission", "von-mises-mixture"]].concat(),
        [&["fit"], &set[..], &["--model", "bns:none", "--emission", "wrapped-stable"]].concat(),
        [&["fit"], &set[..], &["--model", "bns:none", "--participants", "emissions"]].concat(),
        [&["fit"], &set[..], &["--model", "bns", "--out", "fit"]].concat(),
        [&["check"], &set[..], &["--model", "bns:none", "--draws", "20"]].concat(),
        [&["compare"], &set[..], &["--folds", "2"]].concat(),
        vec!["surrogate", "fit", "--trials", "50", "--json", "--out", "drawn"],
        vec![
            "recover",
            "fit",
            "--models",
            "bns,bns:none",
            "--trials",
            "60",
            "--sets",
            "2",
            "--calibrate",
            "99",
            "--json",
        ],
    ] {
        keys(&scratch.run(&arguments).json(), &mut found);
    }
    let provenance = std::fs::read(scratch.path("fit/provenance.json")).unwrap();
    keys(&serde_json::from_slice(&provenance).unwrap(), &mut found);
    assert!(found.contains("swap_curve"));
    let missing: Vec<_> = found.iter().filter(|key| !DESCRIPTION.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/reference/json.md lacks {missing:?}");
}
