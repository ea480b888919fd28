//! Fits: reference values, keys, files, refusals.

use serde_json::Value;

use crate::data::{good_table, refuses_bad_tables};
use crate::util::{Scratch, shared};

#[track_caller]
fn close(value: &Value, expected: f64, tolerance: f64) {
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} ± {tolerance}");
}

#[test]
fn bays_2009_has_its_published_fits() {
    let Some(table) = shared("bays2009.csv") else { return };
    let table = table.to_str().unwrap();
    let document = Scratch::new().run(&["fit", table, "--model", "three-component", "--json"]).json();
    assert_eq!(document["command"], "fit");
    assert!(document["out"].is_null());
    let fits = document["fits"].as_array().unwrap();
    // Set size, log likelihood, κ, and weights of target, non-target and guesses: the same maxima as other
    // implementations of the model of Bays, Catalao & Husain (2009) reach on these trials.
    let expected = [
        (1, -120.40, 17.99, 0.986, None, 0.014),
        (2, -983.66, 11.00, 0.916, Some(0.027), 0.056),
        (4, -2033.11, 7.69, 0.719, Some(0.099), 0.183),
        (6, -2487.94, 7.31, 0.546, Some(0.274), 0.180),
    ];
    assert_eq!(fits.len(), expected.len());
    for (fit, (set_size, log_likelihood, kappa, target, nontarget, uniform)) in fits.iter().zip(expected) {
        assert_eq!(fit["set_size"], set_size);
        assert!(fit["participant"].is_null() && fit["condition"].is_null());
        close(&fit["log_likelihood"], log_likelihood, 0.05);
        close(&fit["emission"]["kappa"], kappa, 0.03);
        close(&fit["weights"]["target"], target, 0.003);
        match nontarget {
            Some(nontarget) => close(&fit["weights"]["nontarget"], nontarget, 0.003),
            None => assert!(fit["weights"]["nontarget"].is_null()),
        }
        close(&fit["weights"]["uniform"], uniform, 0.003);
    }
}

#[test]
fn a_table_without_probe_features_is_fitted_too() {
    let Some(table) = shared("zhang_luck2008.csv") else { return };
    let table = table.to_str().unwrap();
    let document = Scratch::new().run(&["fit", table, "--model", "two-component", "--json"]).json();
    let sizes: Vec<i64> =
        document["fits"].as_array().unwrap().iter().map(|fit| fit["set_size"].as_i64().unwrap()).collect();
    assert_eq!(sizes, [1, 2, 3, 6]);
    Scratch::new().run(&["fit", table, "--model", "bns"]).refused(&[
        "zhang_luck2008.csv",
        "probe features",
        "bns:none",
    ]);
}

#[test]
fn bad_tables_are_refused_and_nothing_is_written() {
    refuses_bad_tables(&["fit"], &["--model", "three-component", "--out", "out"]);
}

#[test]
fn models_and_groupings_are_guessed() {
    let scratch = Scratch::new();
    let fit = |model, by| {
        scratch.run(&["fit", "simulated_probe_effect", "--model", model, "--by", by, "--out", "o"])
    };
    fit("three-componnet", "set_size").refused(&["did you mean \"three-component\"", "bns:probe"]);
    fit("two-component", "subject").refused(&["subject", "participant", "none"]);
    fit("two-component", "none,set_size").refused(&["none"]);
    assert!(!scratch.path("o").exists());
    let scratch = Scratch::new();
    let outcome =
        scratch.run(&["fit", "vandenberg2012_orientation", "--model", "two-component", "--by", "condition"]);
    outcome.refused(&["condition", "vandenberg2012_orientation"]);
}

#[test]
fn groups_are_as_asked_for() {
    let fits = |by: &str| {
        let arguments = ["fit", "simulated_probe_effect", "--model", "two-component", "--by", by, "--json"];
        let document = Scratch::new().run(&arguments).json();
        document["fits"].as_array().unwrap().clone()
    };
    assert_eq!(fits("none").len(), 1);
    assert!(fits("none")[0]["set_size"].is_null());
    assert_eq!(fits("participant").len(), 12);
    assert_eq!(fits("condition")[0]["condition"], "distance");
    assert_eq!(fits("participant,condition,set_size").len(), 12 * 2 * 4);
    // Some participants are fitted without guesses, and then without standard errors.
    let says = |by: &str| {
        let arguments = ["fit", "simulated_probe_effect", "--model", "three-component", "--by", by];
        Scratch::new().run(&arguments).stdout.contains("no ±: ")
    };
    assert!(says("participant,set_size") && !says("none"));
}

#[test]
fn participants_are_fitted_together_with_their_shrinkage() {
    let scratch = Scratch::new();
    let set =
        ["fit", "simulated_probe_effect", "--where", "set_size=4", "--where", "condition=distance", "--json"];
    let fit = |more: &[&str]| scratch.run(&[&set[..], more].concat());
    let document = fit(&["--model", "bns", "--participants", "hierarchical", "--out", "fits"]).json();
    let fits = document["fits"].as_array().unwrap();
    assert_eq!(fits.len(), 13);
    assert!(fits[0]["participant"].is_null() && fits[1]["participant"].is_string());
    assert!(fits[0]["hyperparameters"]["deviation_level"].as_f64().unwrap() > 0.0);
    assert!(scratch.path("fits/figures/shrinkage.svg").is_file());
    let rows = std::fs::read_to_string(scratch.path("fits/shrinkage.csv")).unwrap();
    assert!(rows.starts_with(
        "participant,condition,set_size,trials,quantity,distance,separate,together,population\n"
    ));
    assert_eq!(rows.lines().count(), 1 + document["shrinkage"].as_array().unwrap().len());
    // One of them, or all, can be drawn from.
    let name = fits[1]["participant"].as_str().unwrap();
    scratch.run(&["surrogate", "fits", "--participant", name, "--trials", "20", "--out", "one"]);
    // What they share has the evidence of all, and their own rows have none.
    let text = scratch
        .run(&[&set[..set.len() - 1], &["--model", "bns:none", "--participants", "emissions"]].concat());
    assert_eq!(
        text.stdout.lines().filter(|line| line.split_whitespace().rev().nth(2) == Some("-")).count(),
        12
    );
    let all = scratch.run(&["surrogate", "fits", "--trials", "20", "--out", "all", "--json"]).json();
    assert_eq!(all["trials"], 12 * 20, "what they share answers nothing: {all}");
    let separate = fit(&["--model", "bns:none", "--participants", "separate"]).json();
    let by = fit(&["--model", "bns:none", "--by", "participant,set_size"]).json();
    assert_eq!(separate["fits"], by["fits"]);
    fit(&["--model", "two-component", "--participants", "emissions"]).refused(&["two-component", "bns"]);
    fit(&["--model", "bns", "--participants", "pooled", "--by", "participant"])
        .refused(&["--by participant"]);
    fit(&["--model", "bns", "--participants", "pool"]).refused(&["did you mean \"pooled\""]);
}

#[test]
fn a_swap_surface_stands_beside_a_fit_over_both_distances() {
    let scratch = Scratch::new();
    let set =
        ["fit", "simulated_probe_effect", "--where", "set_size=2", "--where", "condition=distance", "--json"];
    let fit = |more: &[&str]| scratch.run(&[&set[..], more].concat());
    let document = fit(&["--model", "bns:both", "--exclude-report-radius", "0.9", "--out", "fits"]).json();
    assert!(document["fits"][0].get("swap_surface").is_none(), "the surface is for fit.json");
    assert_eq!(document["fits"][0]["exclusion_radius"], 0.9);
    let rows = std::fs::read_to_string(scratch.path("fits/swap_surface.csv")).unwrap();
    assert!(rows.starts_with("participant,condition,set_size,probe,report,odds,mean,lo,hi,has_data\n"));
    assert_eq!(rows.lines().count(), 1 + 25 * 25);
    // A fit without one leaves none behind.
    let stable = fit(&["--model", "bns:probe", "--emission", "wrapped-stable", "--out", "fits"]).json();
    assert_eq!(stable["fits"][0]["uniform"], false);
    assert_eq!(stable["fits"][0]["emission"]["kind"], "wrapped-stable");
    assert!(!scratch.path("fits/swap_surface.csv").exists());
    fit(&["--model", "bns", "--emission", "von-misses"])
        .refused(&["von-misses", "did you mean \"von-mises\""]);
    fit(&["--model", "bns", "--uniform", "maybe"]).refused(&["yes or no"]);
    fit(&["--model", "bns", "--exclude-report-radius", "4"]).refused(&["from 0 to pi"]);
    fit(&["--model", "two-component", "--uniform", "no"]).refused(&["--uniform", "two-component"]);
}

#[test]
fn a_bns_fit_tells_its_swap_curve_and_leaves_it_beside_the_fit() {
    let scratch = Scratch::new();
    let arguments = [
        "fit",
        "simulated_probe_effect",
        "--model",
        "bns",
        "--where",
        "set_size=2",
        "--by",
        "condition",
        "--out",
        "fits",
        "--json",
    ];
    let document = scratch.run(&arguments).json();
    let [distance, flat] = document["fits"].as_array().unwrap().as_slice() else { panic!("two conditions") };
    for fit in [distance, flat] {
        for key in ["log_evidence", "ess", "hyperparameters", "swap_curve"] {
            assert!(!fit[key].is_null(), "{key}");
        }
        assert!(fit.get("posterior").is_none(), "coefficients are for fit.json");
    }
    // What the simulation put there: swaps that fall with distance in one condition only.
    let fall = |fit: &Value| {
        let curve = fit["swap_curve"].as_array().unwrap();
        let seen: Vec<f64> = curve
            .iter()
            .filter(|point| point["has_data"].as_bool().unwrap())
            .map(|point| point["mean"].as_f64().unwrap())
            .collect();
        seen[0] / seen[seen.len() - 1]
    };
    assert!(fall(distance) > 4.0 && fall(flat) < 2.0, "{} {}", fall(distance), fall(flat));
    let rows = std::fs::read_to_string(scratch.path("fits/swap_curves.csv")).unwrap();
    assert!(rows.starts_with("participant,condition,set_size,distance,mean,lo,hi,has_data\n"));
    let fit: Value = serde_json::from_slice(&std::fs::read(scratch.path("fits/fit.json")).unwrap()).unwrap();
    assert!(fit["fits"][0]["posterior"]["mean"].is_array());

    // A later fit of the same kind replaces all of it.
    let outcome =
        scratch.run(&["fit", "simulated_probe_effect", "--model", "two-component", "--out", "fits"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!scratch.path("fits/swap_curves.csv").exists());
}

#[test]
fn the_directory_says_where_it_comes_from() {
    let scratch = Scratch::new();
    scratch.write("mine.csv", good_table());
    let arguments =
        ["fit", "mine.csv", "--model", "three-component", "--out", "a/fit", "--seed", "7", "--threads", "2"];
    let outcome = scratch.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("three-component fitted to mine.csv (40 trials of 3 participants)"));
    assert_eq!(outcome.stderr, "");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(scratch.path("a/fit").join(name)).unwrap()).unwrap()
    };
    let provenance = read("provenance.json");
    assert_eq!(provenance["kind"], "fit");
    assert_eq!((&provenance["seed"], &provenance["threads"]), (&7.into(), &2.into()));
    assert_eq!(
        (&provenance["data"][0]["name"], &provenance["data"][0]["rows"]),
        (&"mine.csv".into(), &40.into())
    );
    assert_eq!(provenance["command_line"][0], "errare");
    assert!(provenance["ended"].is_string());
    let hash = &provenance["data"][0]["blake3"];
    assert_eq!(hash.as_str().unwrap().len(), 64);
    assert_eq!(&read("fit.json")["provenance"]["data"]["blake3"], hash);
    let csv = std::fs::read_to_string(scratch.path("a/fit/fits.csv")).unwrap();
    assert_eq!(csv.lines().count(), 2);
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let scratch = Scratch::new();
    scratch.write("precious.txt", "my thesis");
    let fit = |out| scratch.run(&["fit", "simulated_probe_effect", "--model", "two-component", "--out", out]);
    fit(".").refused(&["not empty"]);
    fit("precious.txt").refused(&["precious.txt", "directory"]);
    assert_eq!(std::fs::read_dir(scratch.path(".")).unwrap().count(), 1);
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let fits = |threads| {
        let scratch = Scratch::new();
        let outcome = scratch.run(&[
            "fit",
            "simulated_probe_effect",
            "--model",
            "bns",
            "--where",
            "condition=flat",
            "--out",
            "fit",
            "--threads",
            threads,
        ]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        ["fit.json", "fits.csv", "swap_curves.csv"]
            .map(|name| std::fs::read(scratch.path("fit").join(name)).unwrap())
    };
    assert!(fits("1") == fits("3"));
}

#[test]
fn every_model_tells_its_own_parameters() {
    let scratch = Scratch::new();
    let arguments =
        ["fit", "simulated_probe_effect", "--model", "imm:full", "--where", "set_size=2", "--out", "o"];
    let outcome = scratch.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let heading = outcome.stdout.lines().nth(2).unwrap();
    for word in ["kappa", "c", "a", "s", "target", "non-target", "uniform"] {
        assert!(heading.split_whitespace().any(|column| column == word), "{word} in {heading}");
    }
    let rows = std::fs::read_to_string(scratch.path("o/parameters.csv")).unwrap();
    let names: Vec<&str> = rows.lines().map(|row| row.split(',').nth(3).unwrap()).collect();
    assert_eq!(names, ["name", "kappa", "c", "a", "s"]);
    assert!(!scratch.path("o/participant_means.csv").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_place_that_cannot_be_written_to_is_refused_before_the_work() {
    let scratch = Scratch::new();
    // A file system that nobody can write to.
    scratch.write("good.csv", good_table());
    scratch.write("short.toml", "[training]\nsteps = 1\n");
    for command in [&["fit", "good.csv", "--model", "two-component"][..], &["train", "short.toml"], &["demo"]]
    {
        let outcome = scratch.run(&[command, &["--out", "/proc/errare"]].concat());
        outcome.refused(&["/proc/errare cannot be written to"]);
        assert!(!outcome.stderr.contains("trials"), "{}", outcome.stderr);
    }
    let names = std::fs::read_dir(scratch.path(".")).unwrap().count();
    let fitted = scratch.run(&["fit", "good.csv", "--model", "two-component", "--out", "fits"]);
    assert_eq!((fitted.code, names), (0, 2), "{}", fitted.stderr);
    assert_eq!(std::fs::read_dir(scratch.path(".")).unwrap().count(), 3, "trying leaves nothing");
}

#[test]
fn participants_are_averaged() {
    let scratch = Scratch::new();
    let by = "participant,set_size";
    let arguments =
        ["fit", "simulated_probe_effect", "--model", "three-component", "--by", by, "--out", "o", "--json"];
    let document = scratch.run(&arguments).json();
    let means = document["participant_means"].as_array().unwrap();
    assert_eq!(means.len(), 4);
    for group in means {
        assert_eq!(group["participants"], 12);
        let fits = document["fits"].as_array().unwrap();
        let kappas: Vec<f64> = fits
            .iter()
            .filter(|fit| fit["set_size"] == group["set_size"])
            .map(|fit| fit["emission"]["kappa"].as_f64().unwrap())
            .collect();
        let kappa = &group["parameters"][0];
        assert_eq!(kappa["name"], "kappa");
        close(&kappa["mean"], kappas.iter().sum::<f64>() / 12.0, 1e-9);
        assert!(kappa["lo"].as_f64().unwrap() < kappa["hi"].as_f64().unwrap());
    }
    assert!(scratch.path("o/participant_means.csv").exists());
}
