//! `errare check`: what fails and what passes, and the files it leaves.

use crate::util::Scratch;

#[test]
fn a_model_without_swaps_fails_on_uncued_items() {
    let scratch = Scratch::new();
    let document = scratch
        .run(&[
            "check",
            "simulated_probe_effect",
            "--where",
            "set_size=4",
            "--model",
            "two-component",
            "--draws",
            "99",
            "--out",
            "out",
            "--json",
        ])
        .json();
    let checks = document["checks"].as_array().unwrap();
    // Two conditions, three curves and four numbers.
    assert_eq!(checks.len(), 2 * 7);
    for check in checks.iter().filter(|check| check["check"] == "nontarget_density") {
        assert_eq!(check["p"], 0.01, "{check}");
        assert!(check["observed"].as_f64() > check["hi"].as_f64());
    }
    let below = checks.iter().filter(|check| check["p"].as_f64().unwrap() < 0.05).count();
    assert_eq!(document["below_05"], below);
    let page = std::fs::read_to_string(scratch.path("out/report.html")).unwrap();
    assert!(page.contains("Condition distance") && page.contains("Condition flat"));
    assert!(page.contains("Conditions were fitted together"));
    assert_eq!(std::fs::read_to_string(scratch.path("out/checks.csv")).unwrap().lines().count(), 15);
    for name in ["errors-1.svg", "nontargets-2.csv", "probe-distance-1.svg", "summaries-2.svg"] {
        assert!(scratch.path("out/figures").join(name).is_file(), "{name}");
    }
}

#[test]
fn too_few_surrogates_are_refused() {
    let arguments = ["check", "vandenberg2012_orientation", "--model", "two-component", "--draws", "5"];
    Scratch::new().run(&arguments).refused(&["--draws", "20"]);
}
