//! Recovery: gates before results, verdicts after, files, refusals.

use serde_json::Value;

use crate::util::Scratch;

#[test]
fn gates_are_stated_before_the_results_and_judged_after() {
    let scratch = Scratch::new();
    let arguments =
        ["recover", "--model", "three-component", "--trials", "300", "--sets", "20", "--out", "recovered"];
    let outcome = scratch.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let at = |text: &str| outcome.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", outcome.stdout));
    assert!(at("stated before the run") < at("RMSE") && at("RMSE") < at("verdict: all"));
    let read = |name: &str| std::fs::read_to_string(scratch.path("recovered").join(name)).unwrap();
    let stated: Value = serde_json::from_str(&read("gates.json")).unwrap();
    assert!(stated.as_array().unwrap().iter().all(|gate| gate["met"].is_null()));
    let recovery: Value = serde_json::from_str(&read("recovery.json")).unwrap();
    assert_eq!(recovery["verdict"], true);
    assert_eq!(recovery["gates"][0]["statement"], stated[0]["statement"]);
    assert_eq!(read("parameters.csv").lines().count(), 1 + 4 * 20);
    assert!(read("report.html").contains("What the fits can be trusted with"));
}

#[test]
fn a_file_sets_truths_models_and_gates_and_a_missed_gate_is_no_failure() {
    let scratch = Scratch::new();
    scratch.write(
        "truths.toml",
        r#"
        trials = 500
        sets = 3
        models = ["two-component", "three-component"]

        [gates]
        right_model = 1.01

        [[truth]]
        name = "swaps"
        model = "three-component"
        set_size = 3
        swap = { kind = "flat", swap_probability = 0.3 }

        [[truth]]
        model = "two-component"
        kappa = 8.0
        "#,
    );
    let run = |threads| {
        scratch.run(&["recover", "truths.toml", "--json", "--threads", threads, "--out", threads]).json()
    };
    let document = run("1");
    let matrix = &document["models"];
    assert_eq!(matrix["rows"][0]["truth"], "swaps");
    assert_eq!(matrix["rows"][0]["won"][1], 3, "{matrix}");
    assert_eq!(matrix["rows"][1]["won"][1], 0, "{matrix}");
    assert_eq!(document["verdict"], false, "no share exceeds 1");
    let gate =
        document["gates"].as_array().unwrap().iter().find(|gate| gate["name"] == "right model").unwrap();
    assert_eq!((&gate["met"], &gate["limit"]), (&false.into(), &1.01.into()));
    run("3");
    for name in ["recovery.json", "models.csv", "parameters.csv"] {
        let [one, three] = ["1", "3"].map(|folder| std::fs::read(scratch.path(folder).join(name)).unwrap());
        assert!(one == three, "{name}");
    }
}

#[test]
fn fits_of_a_directory_are_truths() {
    let scratch = Scratch::new();
    let fit = [
        "fit",
        "simulated_probe_effect",
        "--model",
        "bns",
        "--where",
        "set_size=4",
        "--by",
        "condition,set_size",
    ];
    assert_eq!(scratch.run(&[&fit[..], &["--out", "fits"]].concat()).code, 0);
    let document = scratch.run(&["recover", "fits", "--trials", "400", "--sets", "4", "--json"]).json();
    let parameters = document["parameters"].as_array().unwrap();
    assert_eq!(parameters[0]["truth"], "bns:probe of condition distance, set size 4");
    assert!(parameters[0]["swap_curve"]["rmse"].as_f64().unwrap() < 0.15);
    assert!(document["models"].is_null());
}

#[test]
fn the_page_tells_the_units_of_parameters() {
    let scratch = Scratch::new();
    for (model, fit, labels) in [
        ("slots", "slots", &["capacity (items)", "kappa"][..]),
        ("tcc", "tcc", &["similarity_length (rad)", "d_prime"]),
        ("imm:full", "imm", &["s (rad⁻¹)"]),
    ] {
        let arguments = ["simulated_probe_effect", "--where", "set_size=4", "--by", "none", "--out", fit];
        assert_eq!(scratch.run(&[&["fit", "--model", model][..], &arguments].concat()).code, 0);
        let out = format!("{fit}-recovered");
        let outcome = scratch.run(&["recover", fit, "--trials", "60", "--sets", "2", "--out", &out]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let page = std::fs::read_to_string(scratch.path(&out).join("report.html")).unwrap();
        for label in labels {
            // In the table and on the axis.
            assert!(page.matches(&format!(">{label}<")).count() >= 2, "{label}");
        }
    }
}

#[test]
fn what_cannot_be_recovered_is_refused() {
    let scratch = Scratch::new();
    let refused = |arguments: &[&str], parts: &[&str]| {
        scratch.run(&[&["recover", "--out", "none"], arguments].concat()).refused(parts);
    };
    refused(&[], &["nothing to recover", "--model"]);
    refused(&["nowhere"], &["nowhere"]);
    refused(&["--model", "two-componnet"], &["two-component"]);
    refused(&["--model", "two-component", "--kappa", "-3"], &["-3"]);
    refused(&["--model", "three-component", "--swap", "flat:1.5"], &["swap_probability is 1.5"]);
    refused(&["--model", "three-component", "--swap", "often"], &["flat:P"]);
    refused(&["--model", "three-component", "--calibrate", "99"], &["only BNS"]);
    scratch.write("bad.toml", "[[truth]]\nmodel = \"bns\"\nkapa = 3\n");
    refused(&["bad.toml"], &["bad.toml", "kapa"]);
    for (text, parts) in [
        ("calibrate = 1", ["calibrate is 1", "99 to 100000"]),
        ("calibrate = 0", ["calibrate is 0", "99 to 100000"]),
        ("sets = 1", ["sets is 1", "2 to 100000"]),
        ("trials = 0", ["trials is 0", "1 to 10000000"]),
        ("[gates]\ncoverage = nan", ["gates.coverage is NaN", "a number from 0"]),
    ] {
        scratch.write("bad.toml", format!("{text}\n[[truth]]\nmodel = \"bns\"\n"));
        refused(&["bad.toml"], &[&["bad.toml"], &parts[..]].concat());
    }
    scratch.write("one.toml", "[gates]\nright_model = 0.9\n[[truth]]\nmodel = \"bns\"\n");
    scratch.write("two.toml", "[[truth]]\nmodel = \"two-component\"\n");
    refused(&["one.toml", "two.toml"], &["one.toml and two.toml", "only one TOML file"]);
    refused(&["one.toml", "--models", "bns"], &["bns:probe alone", "two or more"]);
    refused(&["one.toml", "--models", "bns,two-component,bns"], &["bns:probe is named twice"]);
    refused(&["one.toml", "--set-size", "3"], &["--model"]);
    assert!(!scratch.path("none").exists());
}

#[test]
fn a_file_s_separation_holds_for_fits_and_strangers_have_no_margin() {
    let scratch = Scratch::new();
    let fit = [
        "fit",
        "simulated_probe_effect",
        "--model",
        "two-component",
        "--where",
        "set_size=4",
        "--out",
        "fits",
    ];
    assert_eq!(scratch.run(&fit).code, 0);
    scratch.write("wide.toml", "separation = 3.0\n");
    // Whichever comes first.
    for sources in [["fits", "wide.toml"], ["wide.toml", "fits"]] {
        scratch.run(&[&["recover"], &sources[..]].concat()).refused(&["4 angles", "3 rad"]);
    }
    let arguments = ["recover", "fits", "--models", "three-component,sdm", "--trials", "60", "--sets", "2"];
    let outcome = scratch.run(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("NaN"), "{}", outcome.stdout);
}

#[test]
fn a_reader_that_leaves_does_not_stop_what_is_to_be_written() {
    let scratch = Scratch::new();
    let arguments = ["recover", "--model", "two-component", "--trials", "60", "--sets", "2"];
    let left = |arguments: &[&str]| {
        let outcome = scratch.run_without_reader(arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    };
    left(&[&arguments[..], &["--out", "recovered"]].concat());
    let recovery = std::fs::read(scratch.path("recovered/recovery.json")).unwrap();
    let recovery: Value = serde_json::from_slice(&recovery).unwrap();
    assert!(recovery["verdict"].is_boolean());
}

#[test]
fn posteriors_are_held_against_nuts_where_it_is_built() {
    let scratch = Scratch::new();
    let arguments = [
        "recover",
        "--model",
        "bns:probe",
        "--set-size",
        "2",
        "--trials",
        "200",
        "--sets",
        "2",
        "--nuts",
        "--out",
        "nuts",
    ];
    let outcome = scratch.run(&arguments);
    if !cfg!(feature = "nuts") {
        assert_eq!(outcome.code, 2);
        assert!(
            outcome.stderr.contains("this build has no NUTS: build it with --features nuts"),
            "{}",
            outcome.stderr
        );
        assert!(!scratch.path("nuts").exists());
        return;
    }
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let gate = |line: &str| outcome.stdout.lines().any(|text| text.starts_with(line));
    assert!(gate("gold standard: met") && gate("effective draws: met"), "{}", outcome.stdout);
    let read = |name: &str| std::fs::read_to_string(scratch.path("nuts").join(name)).unwrap();
    let recovery: Value = serde_json::from_str(&read("recovery.json")).unwrap();
    let coefficients = recovery["posteriors"][0]["check"]["coefficients"].as_array().unwrap();
    assert_eq!(coefficients[0]["name"], "guess");
    assert_eq!(read("posteriors.csv").lines().count(), 1 + coefficients.len());
    assert!(read("report.html").contains("Gold standard"));
    // Only BNS has such a posterior.
    let outcome = scratch.run(&["recover", "--model", "two-component", "--nuts"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("only BNS has a posterior to hold against NUTS"), "{}", outcome.stderr);
}
