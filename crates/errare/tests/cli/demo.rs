//! The demonstration, as far as it can be told without training: what it refuses.

use std::collections::BTreeMap;
use std::path::Path;

use crate::util::Scratch;

/// All files below a folder with their contents.
pub(crate) fn contents(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// A folder as a demonstration with the feature cue and seed 1 leaves it, as far as refusals look at it.
fn demonstration(scratch: &Scratch, experiment: &str) {
    std::fs::create_dir_all(scratch.path("shown/network")).unwrap();
    std::fs::create_dir_all(scratch.path("shown/fits/bns")).unwrap();
    scratch.write("shown/provenance.json", r#"{"kind": "demo"}"#);
    scratch.write("shown/report.html", "a page");
    scratch.write("shown/fits/bns/fit.json", "fits");
    scratch.write("shown/network/provenance.json", r#"{"kind": "run"}"#);
    scratch.write("shown/network/experiment.toml", experiment);
}

#[test]
fn another_demonstration_is_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    let experiment = include_str!("../../../../experiments/demo-feature.toml");
    demonstration(&scratch, experiment);
    let before = contents(&scratch.path("shown"));
    let refused = |options: &[&str], parts: &[&str]| {
        scratch.run(&[&["demo", "--out", "shown"], options].concat()).refused(parts);
        assert!(contents(&scratch.path("shown")) == before, "{options:?}");
    };
    let held = "holds the demonstration of `--cue feature --seed 1`";
    refused(&["--cue", "index"], &["shown", held, "not of `--cue index --seed 1`", "another --out"]);
    refused(&["--seed", "2"], &[held, "not of `--cue feature --seed 2`"]);
}

#[test]
fn the_demonstration_of_another_release_is_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    let experiment = include_str!("../../../../experiments/demo-feature.toml");
    demonstration(&scratch, &experiment.replace("neurons = 64", "neurons = 63"));
    let before = contents(&scratch.path("shown"));
    scratch.run(&["demo", "--out", "shown"]).refused(&["network holds another experiment", "--out"]);
    assert!(contents(&scratch.path("shown")) == before);
}
