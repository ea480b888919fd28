//! Training as its users meet it: resuming after kills, mistakes in experiment files, results on disk.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use assert_cmd::cargo::cargo_bin;
use errare::core::random::{Purpose, key};
use errare::core::run_dir::RunDir;
use serde_json::{Value, json};

use crate::demo::contents;

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

/// Trains and kills the process at random moments of the training. Whatever a run leaves, finished or taken up again, must
/// be what an undisturbed training leaves.
#[test]
fn fifty_kills_and_any_number_of_threads_leave_the_same_bytes() {
    const KILLS: u64 = 50;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let began = SystemTime::now();
    assert!(train(folder, "whole", "1").wait().unwrap().success());
    // The judgement that comes after the last checkpoint takes longer than the training.
    let last = std::fs::metadata(folder.join("whole/checkpoint.safetensors")).unwrap();
    let training_time = last.modified().unwrap().duration_since(began).unwrap();
    assert!(train(folder, "two", "2").wait().unwrap().success());
    let files = |run: &str| {
        ["checkpoint.safetensors", "events.jsonl", "experiment.toml"]
            .map(|name| std::fs::read(folder.join(run).join(name)).ok())
    };
    let whole = files("whole");
    assert!(whole[0].is_some() && whole == files("two"), "one and two threads");
    let (mut killed, mut runs, mut sessions) = (0, 0, 0u64);
    while killed < KILLS || runs == 0 {
        let run = format!("broken-{runs}");
        let threads = if sessions % 2 == 0 { "1" } else { "2" };
        let mut child = train(folder, &run, threads);
        sessions += 1;
        let mut lived = killed == KILLS;
        if !lived {
            let moment = key(1, Purpose::Null, &[sessions]) as f64 / u64::MAX as f64;
            std::thread::sleep(training_time.mul_f64(moment));
            lived = child.try_wait().unwrap().is_some();
        }
        if lived {
            assert!(child.wait().unwrap().success());
        } else {
            child.kill().unwrap();
            killed += u64::from(!child.wait().unwrap().success());
        }
        // Killed or not: once it is trained, the next one begins anew.
        if lived || files(&run)[0] == whole[0] {
            assert!(whole == files(&run), "{run} after {killed} kills");
            runs += 1;
        }
    }
}

/// Four neurons less the two of the read-out span no plane that could be compared.
#[test]
fn a_network_without_room_for_planes_is_trained_and_analysed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let few = TINY.replace("neurons = 8", "neurons = 4").replace("steps = 200", "steps = 20");
    std::fs::write(folder.join("few.toml"), few.replace("at_most_steps = 100", "at_most_steps = 10"))
        .unwrap();
    let small = ["--displays", "16", "--samples", "8", "--geometry-samples", "8", "--null-draws", "2"];
    for arguments in [&["train", "few.toml", "--out", "run"][..], &[&["report", "run"], &small[..]].concat()]
    {
        let output = errare(folder, arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let page = std::fs::read_to_string(folder.join("run/report.html")).unwrap();
    assert!(
        page.contains("is not known: neurons is 4, but it must be at least 3 more"),
        "reason on the page"
    );
    assert!(!folder.join("run/alignment.json").exists());
    let output = errare(folder, &[&["analyse", "run", "--json"], &small[..]].concat()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["no_alignment"].as_str().unwrap().contains("neurons is 4"), "{document}");
    assert!(page.contains("judged on 16 displays with 8 responses each: floors"), "how many, on the page");
    assert!(page.contains("responses lie near no item"), "what its swap rates are worth, on the page");
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
    assert!(document["excess"].as_f64() > Some(0.0));
    assert_eq!(document["excess_per_step"].as_array().map(Vec::len), Some(6));
    assert_eq!(document["ended"], "steps");
    assert!(document["criteria"]["energy_distance"]["met"].is_boolean());
    assert_eq!(document["faithful"], false);
    let verdict = || -> Value {
        serde_json::from_slice(&std::fs::read(folder.join("run/criteria.json")).unwrap()).unwrap()
    };
    assert_eq!(verdict()["judged_on"], json!({ "displays": 1024, "samples": 64 }));
    assert_eq!(verdict()["criteria"], document["criteria"]);
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
    // A finished run that is named to `train` again keeps the verdict on what was judged last.
    let judged = json!({ "displays": 64, "samples": 16 });
    assert_eq!((&verdict()["judged_on"], &document["judged_on"]), (&judged, &judged));
    assert!(errare(folder, &["train", "tiny.toml", "--out", "run"]).status().unwrap().success());
    assert_eq!(verdict()["judged_on"], judged);
    let output =
        errare(folder, &[&["report", "run", "--out", "page"], &small[..]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(folder.join("page/report.html")).unwrap();
    assert!(page.contains("A trained network") && page.contains("<svg"));
    // The figures are those of the analysis' seed, 1; the network is that of the training's, 4.
    let words = page
        .replace("</", " <")
        .split('<')
        .map(|part| part.rsplit('>').next().unwrap().trim())
        .collect::<Vec<_>>()
        .join(" ");
    for part in ["seed 1", "training: seed 4", "training: command errare train tiny.toml"] {
        assert!(words.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part}: {words}");
    }
    // The responses that the metrics were made from stay.
    let analysed = std::fs::read(folder.join("run/responses.parquet")).unwrap();
    let simulate = ["simulate", "run", "--displays", "20", "--samples", "3", "--json"];
    let output = errare(folder, &simulate).output().unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["out"], &document["responses"]), (&"run".into(), &"run/simulation.parquet".into()));
    assert!(folder.join("run/simulation.parquet").exists());
    assert!(std::fs::read(folder.join("run/responses.parquet")).unwrap() == analysed);
    // The record of the run tells of both, and people's models can be fitted to the network.
    let record: Value =
        serde_json::from_slice(&std::fs::read(folder.join("run/provenance.json")).unwrap()).unwrap();
    let later: Vec<String> = record["resumed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["command_line"].to_string())
        .collect();
    assert!(later.len() == 3 && later[0].contains("analyse") && later[2].contains("simulate"), "{later:?}");
    let fit = ["fit", "run/simulation.parquet", "--model", "three-component", "--json"];
    let output = errare(folder, &fit).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Nothing is written into a run that another process writes to.
    let training = RunDir::claim(folder.join("run"), "run").unwrap();
    for arguments in [&simulate[..], &["analyse", "run"], &["report", "run"]] {
        let output = errare(folder, arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains("another process"), "{message}");
        assert!(message.contains("--out"), "{message}");
    }
    assert!(errare(folder, &[&simulate[..], &["--out", "apart"]].concat()).status().unwrap().success());
    drop(training);
}

#[test]
fn mistakes_are_bad_input_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, text, words) in [
        ("key.toml", "[training]\nlerning_rate = 1e-3", "did you mean `learning_rate`"),
        ("value.toml", "[network]\nneurons = 1", "network.neurons is 1"),
        ("fit.toml", "[behaviour]\nswap = { kind = \"fit\", path = \"nowhere\" }", "nowhere"),
        ("start.toml", "[training]\nstart_from = \"nowhere\"", "nowhere"),
        ("data.toml", "[behaviour]\nswap = { kind = \"fit\", path = \"key.toml\" }", "holds no fits"),
        (
            "single.toml",
            "[task]\nset_sizes = [1]\nseparation = -1.0",
            "task.separation is -1, but it must be 0 to",
        ),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        let output = errare(folder, &["train", name, "--out", "run"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(words), "{message}");
        assert!(!folder.join("run").exists(), "{name}");
    }
    let largest = u64::MAX.to_string();
    let output =
        errare(folder, &["train", "tiny.toml", "--seed", &largest, "--out", "run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--seed"));
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
    let before = contents(&folder.join("run"));
    std::fs::write(folder.join("tiny.toml"), TINY.replace("neurons = 8", "neurons = 9")).unwrap();
    let refused = |arguments: &[&str], words: &str| {
        let output = errare(folder, arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(words), "{arguments:?}: {message}");
    };
    refused(&["train", "tiny.toml", "--out", "run"], "another experiment");
    assert!(contents(&folder.join("run")) == before, "the sessions of a run are those that worked on it");
    // Weights of a network of eight are none for one of nine.
    let start = TINY
        .replace("neurons = 8", "neurons = 9")
        .replace("steps = 200", "steps = 200\nstart_from = \"run\"");
    std::fs::write(folder.join("start.toml"), start).unwrap();
    refused(&["train", "start.toml", "--out", "started"], "has shape");
    assert!(!folder.join("started").exists());
    std::fs::write(folder.join("run/checkpoint.safetensors"), "damaged").unwrap();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let before = contents(&folder.join("run"));
    refused(&["resume", "run"], "not a checkpoint");
    refused(&["train", "tiny.toml", "--out", "run"], "not a checkpoint");
    assert!(contents(&folder.join("run")) == before);
}

#[test]
fn a_run_that_was_killed_is_analysed_as_its_checkpoint_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    assert!(train(folder, "run", "2").wait().unwrap().success());
    let log = folder.join("run/events.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    let analysed = |out: &str| {
        let small = ["--displays", "16", "--samples", "8", "--geometry-samples", "8", "--null-draws", "2"];
        let arguments = [&["analyse", "run", "--json", "--out", out], &small[..]].concat();
        let output = errare(folder, &arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["criteria"].clone()
    };
    let before = analysed("before");
    // Steps of the log that the checkpoint has not seen, and a line that the kill tore.
    let mut later: Value = serde_json::from_str(whole.lines().last().unwrap()).unwrap();
    (later["step"], later["excess"]) = (305.into(), 1e6.into());
    std::fs::write(&log, format!("{whole}{later}\n{{\"step\":310,\"sta")).unwrap();
    assert!(before["loss_excess"]["value"].is_number());
    assert_eq!(analysed("killed"), before);
    std::fs::write(&log, whole.replacen('{', "[", 1)).unwrap();
    let output = errare(folder, &["analyse", "run"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && message.contains("events.jsonl: line 1"), "{message}");
}

#[test]
fn another_fit_at_the_same_path_does_not_change_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fit = |model: &str| {
        let data = ["fit", "simulated_probe_effect", "--where", "set_size=2", "--quiet"];
        let arguments = [&data[..], &["--model", model, "--out", model]].concat();
        assert!(errare(folder, &arguments).output().unwrap().status.success());
        std::fs::create_dir_all(folder.join("fit")).unwrap();
        std::fs::copy(folder.join(model).join("fit.json"), folder.join("fit/fit.json")).unwrap();
    };
    fit("three-component");
    let with_swap = |keys: &str| {
        let swap = format!("swap = {{ kind = \"fit\", path = \"fit\"{keys} }}");
        let text = TINY.replace("swap = { kind = \"flat\", swap_probability = 0.2 }", &swap);
        std::fs::write(folder.join("tiny.toml"), text).unwrap();
    };
    for (keys, words) in [
        (
            ", draw = 3",
            "behaviour.swap.draw is 3, but it must be left out: the fit in fit is one of three-component",
        ),
        (
            ", set_size = 5",
            "tiny.toml: stage 2 of 2, the top level of the file: behaviour.swap.set_size is 5",
        ),
    ] {
        with_swap(keys);
        let output = errare(folder, &["train", "tiny.toml", "--seed", "4", "--out", "run"]).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(words), "{message}");
        assert!(!folder.join("run").exists());
    }
    with_swap("");
    assert!(train(folder, "run", "2").wait().unwrap().success());
    // Its own experiment, with nothing left to do.
    assert!(train(folder, "run", "2").wait().unwrap().success());
    let held = || (checkpoint(folder, "run"), std::fs::read(folder.join("run/fits/1/fit.json")).unwrap());
    let before = held();
    fit("two-component");
    let output = errare(folder, &["train", "tiny.toml", "--out", "run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another experiment"));
    assert!(held() == before);
}

#[test]
fn a_run_may_start_from_another_and_keeps_a_copy_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    assert!(train(folder, "first", "2").wait().unwrap().success());
    // One step a stage, the first of a long rise of the rate: what is found is what was started from.
    let still = TINY
        .replace("steps = 200", "steps = 1\nlearning_rate = 1e-6\naveraging = 0.0\nstart_from = \"first\"")
        .replace("warm_up = 10", "warm_up = 1000000000000")
        .replace("at_most_steps = 100", "at_most_steps = 1");
    std::fs::write(folder.join("tiny.toml"), still).unwrap();
    assert!(train(folder, "second", "2").wait().unwrap().success());
    let simulated = |run: &str| {
        let arguments = ["simulate", run, "--displays", "8", "--samples", "2", "--seed", "1"];
        assert!(errare(folder, &arguments).output().unwrap().status.success());
        std::fs::read(folder.join(run).join("simulation.parquet")).unwrap()
    };
    assert!(checkpoint(folder, "second/start") == checkpoint(folder, "first"));
    assert!(simulated("second") == simulated("first"));
    std::fs::write(folder.join("first/checkpoint.safetensors"), checkpoint(folder, "second")).unwrap();
    let output = errare(folder, &["train", "tiny.toml", "--out", "second"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another experiment"));
}

/// Runs a training that must fail while running, and gives its message.
#[track_caller]
fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output =
        errare(folder, &[&["train", "tiny.toml", "--out", "run"], arguments].concat()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Lines of progress tell the time.
    let message = stderr[stderr.find("error:").unwrap_or(0)..].to_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("seed 4") && message.contains("last good checkpoint is kept"), "{message}");
    message
}

#[test]
fn an_injected_nan_is_named_and_leaves_a_checkpoint_to_go_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("tiny.toml"), TINY).unwrap();
    assert!(train(folder, "whole", "2").wait().unwrap().success());
    let message = fails(folder, &["--inject-nan-at", "152"]);
    assert!(message.contains("the gradient of ") && message.contains("became NaN at step 152"), "{message}");
    // The last good checkpoint is that of step 150: taking the run up again, nothing remains of the fault.
    let step = |run: &str| {
        let checkpoint = checkpoint(folder, run);
        let length = u64::from_le_bytes(checkpoint[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&checkpoint[8..8 + length]).unwrap();
        let metadata: Value =
            serde_json::from_str(header["__metadata__"]["errare"].as_str().unwrap()).unwrap();
        metadata["step"].as_u64().unwrap()
    };
    assert_eq!(step("run"), 150);
    let simulate = ["simulate", "run", "--displays", "4", "--samples", "2"];
    assert!(errare(folder, &simulate).status().unwrap().success());
    for (arguments, words) in [
        (&["resume", "run", "--seed", "7"][..], "--seed cannot be used here"),
        (&["resume", "run", "--out", "other"], "--out cannot be used here"),
        (
            &["simulate", "run", "--displays", "4000000", "--samples", "4000000"],
            "at most 100000000 can be held",
        ),
    ] {
        let output = errare(folder, arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(words), "{arguments:?}: {message}");
    }
    // What was measured of the network of step 150 is not that of the finished one.
    let simulation = folder.join("run/simulation.parquet");
    assert!(simulation.exists());
    // It goes with the first steps, whatever becomes of the training.
    fails(folder, &["--inject-nan-at", "162"]);
    assert!(!simulation.exists());
    assert!(errare(folder, &["resume", "run"]).output().unwrap().status.success());
    assert!(checkpoint(folder, "run") == checkpoint(folder, "whole"));
    // Where nothing is left to train, it stays.
    assert!(errare(folder, &simulate).status().unwrap().success());
    assert!(errare(folder, &["resume", "run"]).output().unwrap().status.success());
    assert!(simulation.exists());
    let help = errare(folder, &["train", "--help"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("inject"), "a hook, not a feature");
}

#[test]
fn a_wild_learning_rate_stops_and_never_touches_the_last_good_checkpoint() {
    for dynamics in ["dendritic", "rate"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let sane = TINY.replace("neurons = 8", &format!("neurons = 8\ndynamics = \"{dynamics}\""));
        // The first stage learns; the second takes a rate of 10, clipped as ever.
        let wild = sane
            .replace("steps = 200", "steps = 1500\nlearning_rate = 10.0")
            .replace("[[stage]]", "[[stage]]\ntraining.learning_rate = 1e-3");
        std::fs::write(folder.join("tiny.toml"), wild).unwrap();
        let message = fails(folder, &[]);
        assert!(message.contains("became ") && message.contains(" at step "), "{message}");
        let simulate = ["simulate", "run", "--displays", "4", "--samples", "2"];
        assert!(errare(folder, &simulate).status().unwrap().success());
        let kept = checkpoint(folder, "run");
        assert_eq!(fails(folder, &[]), message, "going on fails in the same way");
        assert!(checkpoint(folder, "run") == kept);
    }
}
