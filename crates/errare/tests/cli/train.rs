//! Training as its users meet it: resuming after kills, mistakes in experiment files, results on disk.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

/// A network so small that 300 steps take seconds, with a stage change on the way.
const TINY: &str = r#"
seed = 4
[task]
epochs = { stimulus = 3, delay = [2, 4], cue = 3, gap = 1, response = 6 }
[behaviour]
swap = { kind = "flat", swap_probability = 0.2 }
[network]
neurons = 8
branches = [3, 3]
[training]
displays = 64
samples = 2
steps = 200
warm_up = 10
log_every = 5
checkpoint_every = 5
[[stage]]
until = { at_most_steps = 100 }
objective.kind = "task-optimal"
behaviour.swap = { kind = "none" }
"#;

fn errare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin("errare"));
    command.current_dir(folder).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn checkpoint(folder: &Path, run: &str) -> Vec<u8> {
    std::fs::read(folder.join(run).join("checkpoint.safetensors")).unwrap()
}

fn train(folder: &Path, run: &str, threads: &str) -> Child {
    errare(folder, &["train", "tiny.toml", "--out", run, "--threads", threads, "--quiet"]).spawn().unwrap()
}

#[test]
fn a_killed_training_resumes_to_the_same_bytes_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    assert!(train(folder, "whole", "1").wait().unwrap().success());
    assert!(train(folder, "two", "2").wait().unwrap().success());
    let mut kills = 0;
    for round in 0..200u64 {
        let mut child = train(folder, "broken", if round % 2 == 0 { "1" } else { "2" });
        // From the first moments of a start to well into the steps between checkpoints.
        std::thread::sleep(Duration::from_millis(20 + (round * 37) % 160));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        if kills == 8 {
            assert!(train(folder, "broken", "2").wait().unwrap().success());
            break;
        }
    }
    assert!(kills > 0);
    let whole = checkpoint(folder, "whole");
    assert!(whole == checkpoint(folder, "two"), "one and two threads");
    assert!(whole == checkpoint(folder, "broken"), "after {kills} kills");
    let log = |run: &str| std::fs::read(folder.join(run).join("events.jsonl")).unwrap();
    assert!(log("whole") == log("broken"));
}

#[test]
fn a_finished_run_tells_its_criteria_and_can_be_simulated_and_analysed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let output = errare(folder, &["train", "tiny.toml", "--out", "run", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["steps"], 300);
    assert!(document["loss"].as_f64() > document["floor"].as_f64());
    assert!(document["criteria"]["energy_distance"]["met"].is_boolean());
    let small = ["--displays", "64", "--samples", "16", "--geometry-samples", "8", "--null-draws", "20"];
    let output = errare(folder, &[&["analyse", "run", "--json"], &small[..]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in [
        "swap_curve_rmse",
        "swap_curve_rmse_constant",
        "swap_rate",
        "swap_rate_oracle",
        "energy_distance",
        "off_ring_mass",
        "off_mode_mass",
        "median_error",
        "median_error_oracle",
    ] {
        assert!(document[key]["value"].is_number(), "{key}");
    }
    let output =
        errare(folder, &[&["report", "run", "--out", "page"], &small[..]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(folder.join("page/report.html")).unwrap();
    assert!(page.contains("A trained network") && page.contains("<svg"));
    let output = errare(folder, &["simulate", "run", "--displays", "20", "--samples", "3"]).output().unwrap();
    assert!(output.status.success());
    assert!(folder.join("run/responses.parquet").exists());
}

#[test]
fn mistakes_are_bad_input_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, text, words) in [
        ("key.toml", "[training]\nlerning_rate = 1e-3", "did you mean `learning_rate`"),
        ("value.toml", "[network]\nneurons = 1", "network.neurons is 1"),
        ("fit.toml", "[behaviour]\nswap = { kind = \"fit\", path = \"nowhere\" }", "nowhere"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        let output = errare(folder, &["train", name, "--out", "run"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(words), "{message}");
        assert!(!folder.join("run").exists(), "{name}");
    }
    for arguments in [&["resume", "nowhere"][..], &["analyse", "nowhere"], &["simulate", "nowhere"]] {
        let output = errare(folder, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere"));
    }
}

#[test]
fn another_experiment_does_not_overwrite_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    assert!(train(folder, "run", "2").wait().unwrap().success());
    let before = checkpoint(folder, "run");
    std::fs::write(folder.join("tiny.toml"), TINY.replace("neurons = 8", "neurons = 9")).unwrap();
    let output = errare(folder, &["train", "tiny.toml", "--out", "run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another experiment"));
    assert!(checkpoint(folder, "run") == before);
}

#[test]
fn divergence_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let wild = TINY.replace("warm_up = 10", "warm_up = 150\nlearning_rate = 1e30\nclip = 1e30");
    std::fs::write(
        folder.join("tiny.toml"),
        wild.replace("[[stage]]", "[[stage]]\ntraining.learning_rate = 1e-3"),
    )
    .unwrap();
    let output = errare(folder, &["train", "tiny.toml", "--out", "run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("at step") && message.contains("seed 4"), "{message}");
    assert!(
        errare(folder, &["simulate", "run", "--displays", "4", "--samples", "2"]).status().unwrap().success()
    );
}
