//! The simulated set: its bytes are those of its generator, and its truth can be read off.

use super::super::{ProbeEffect, ReadOptions, bundled, load_bundled, open};
use crate::{Source, TrialTable};

fn csv() -> &'static [u8] {
    bundled().iter().find(|set| set.name == "simulated_probe_effect").unwrap().csv
}

#[test]
fn the_bundled_file_is_what_the_generator_writes() {
    let generated = ProbeEffect::default().to_csv().unwrap();
    // ERRARE_BLESS=1 rewrites the file after a deliberate change of the generator.
    if std::env::var_os("ERRARE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/simulated_probe_effect.csv");
        std::fs::write(path, &generated).unwrap();
        return;
    }
    assert!(generated == csv(), "run with ERRARE_BLESS=1 if the generator was changed on purpose");
}

#[test]
fn both_probe_features_can_be_read() {
    let first = load_bundled("simulated_probe_effect").unwrap();
    let options = ReadOptions { probe_prefix: "probe2".into(), ..ReadOptions::default() };
    let second = open("simulated_probe_effect", &options).unwrap();
    assert!(first.has_sources() && second.has_sources());
    for (a, b) in first.trials().iter().zip(second.trials()) {
        assert_eq!(a.display.report, b.display.report);
        assert_ne!(a.display.probe, b.display.probe);
    }
    assert!(first.trials().iter().any(|trial| trial.display.cued_slot > 0));
}

/// Odds of a swap against a correct report, per uncued item at a probe distance within `range` (radians).
fn swap_odds(table: &TrialTable, range: std::ops::Range<f64>) -> f64 {
    let (mut swaps, mut correct) = (0.0, 0.0);
    for trial in table.trials() {
        for item in 1..trial.display.set_size() {
            if !range.contains(&trial.display.probe_offset(item).unwrap().abs()) {
                continue;
            }
            swaps += f64::from(trial.source == Some(Source::Item(item)));
            correct += f64::from(trial.source == Some(Source::Item(0)));
        }
    }
    swaps / correct
}

#[test]
fn the_truth_can_be_recovered_from_the_sources() {
    let truth = ProbeEffect::default();
    let table = load_bundled("simulated_probe_effect").unwrap();
    let distance = table.filter("condition", "distance").unwrap();
    let flat = table.filter("condition", "flat").unwrap();
    for middle in [0.5, 0.9, 1.3] {
        let expected = (truth.swap_logit - middle * middle / (2.0 * truth.swap_width)).exp();
        let found = swap_odds(&distance, middle - 0.15..middle + 0.15);
        assert!((found / expected).ln().abs() < 0.35, "distance {middle}: odds {found}, expected {expected}");
    }
    for range in [0.0..1.0, 1.0..2.0, 2.0..3.2] {
        let (found, expected) = (swap_odds(&flat, range.clone()), truth.flat_logit.exp());
        assert!((found / expected).ln().abs() < 0.25, "flat {range:?}: odds {found}, expected {expected}");
    }
    let of = |source| table.trials().iter().filter(|trial| trial.source == Some(source)).count() as f64;
    let guesses = of(Source::Uniform) / of(Source::Item(0));
    assert!((guesses / truth.guess_logit.exp()).ln().abs() < 0.2, "{guesses}");
    let correct = table.trials().iter().filter(|trial| trial.source == Some(Source::Item(0)));
    let resultant = errare_core::angle::CircularSummary::of(correct.map(crate::Trial::error)).resultant;
    let kappa = errare_core::special::bessel_ratio_inverse(resultant);
    assert!((kappa / truth.kappa - 1.0).abs() < 0.1, "kappa {kappa}");
}

#[test]
fn impossible_parameters_are_refused() {
    let default = ProbeEffect::default;
    for effect in [
        ProbeEffect { swap_width: 0.0, ..default() },
        ProbeEffect { kappa: -1.0, ..default() },
        ProbeEffect { set_sizes: vec![], ..default() },
        ProbeEffect { set_sizes: vec![9], ..default() },
        ProbeEffect { participants: 0, ..default() },
    ] {
        assert!(effect.table().is_err(), "{effect:?}");
    }
}
