//! Comparisons of simulated trials whose truth is known.

use errare_core::progress::Progress;

use super::*;
use crate::data::ProbeEffect;
use crate::{Display, SwapDependence};

const PROBE: ModelName = ModelName::Bns(SwapDependence::Probe);
const NONE: ModelName = ModelName::Bns(SwapDependence::None);

fn table(participants: usize, trials: usize, set_sizes: &[usize]) -> TrialTable {
    let effect = ProbeEffect {
        participants,
        trials_per_participant: trials,
        set_sizes: set_sizes.to_vec(),
        ..ProbeEffect::default()
    };
    effect.table().unwrap()
}

fn compared(table: &TrialTable, keys: &[GroupKey], models: &[ModelName]) -> Vec<Comparison> {
    compare(table, keys, models, &ComparisonOptions::default(), &Progress::silent()).unwrap()
}

#[test]
fn the_condition_with_a_gradient_is_told_from_the_one_without() {
    let table = table(8, 240, &[4]);
    let models = [ModelName::TwoComponent, NONE, PROBE];
    let [distance, flat] = &compared(&table, &[GroupKey::Condition], &models)[..] else {
        panic!("two conditions")
    };
    assert_eq!(distance.models[0].model, PROBE);
    let difference = distance.difference(NONE, PROBE).unwrap();
    assert_eq!(difference.verdict, Verdict::Worse);
    assert!(difference.log_evidence.unwrap() < -CLAIM && difference.heldout.unwrap().hi < 0.0);
    let sentence = distance.conclusions.last().unwrap();
    assert!(
        sentence.starts_with("Swaps depend on probe distance: bns:probe is ahead of bns:none by"),
        "{sentence}"
    );

    let between = flat.difference(PROBE, NONE).or(flat.difference(NONE, PROBE)).unwrap();
    assert_eq!(between.verdict, Verdict::Undecided);
    assert!(flat.conclusions.last().unwrap().contains("cannot be claimed"), "{:?}", flat.conclusions);
    // Both have swaps, which guesses cannot replace.
    for comparison in [distance, flat] {
        assert_eq!(comparison.models.last().unwrap().model, ModelName::TwoComponent);
        assert_eq!(
            comparison.difference(ModelName::TwoComponent, comparison.models[0].model).unwrap().verdict,
            Verdict::Worse
        );
    }
}

#[test]
fn held_out_responses_are_scored_by_fits_that_did_not_see_them() {
    let table = table(3, 40, &[2]);
    let options = ComparisonOptions { folds: 4, ..ComparisonOptions::default() };
    let model = ModelName::ThreeComponent;
    let all = compare(&table, &[], &[model], &options, &Progress::silent()).unwrap();
    let score = all[0].score(model).unwrap();
    let folds = folds::assign(table.trials(), 4, options.fit.seed);
    let mut total = 0.0;
    for fold in 0..4 {
        let part = |held: bool| {
            let trials = table.trials().iter().zip(&folds);
            trials
                .filter(move |(_, of)| (**of == fold) == held)
                .map(|(trial, _)| (&trial.display, trial.response))
        };
        let fitted = fit(&Observations::new(part(false)).unwrap(), model, &options.fit).unwrap();
        total += crate::predictive_log_likelihood(&fitted.model().unwrap(), part(true)).unwrap();
    }
    assert!((score.heldout_log_likelihood.unwrap() - total).abs() < 1e-9);
    let fitted = fit(&Observations::try_from(&table).unwrap(), model, &options.fit).unwrap();
    assert_eq!(score.log_likelihood, fitted.log_likelihood);
    let bic = 3.0 * 120f64.ln() - 2.0 * fitted.log_likelihood;
    assert!((score.bic - bic).abs() < 1e-9 && score.log_evidence.is_none());
}

#[test]
fn single_items_leave_nothing_to_compare() {
    let table = table(2, 60, &[1]);
    let one = &compared(&table, &[GroupKey::SetSize], &ModelName::all())[0];
    let score = |model| one.score(model).unwrap();
    assert_eq!(score(ModelName::ThreeComponent).same_as, Some(ModelName::TwoComponent));
    assert_eq!(score(ModelName::ThreeComponent).bic, score(ModelName::TwoComponent).bic);
    assert_eq!(
        score(PROBE).same_as.or(score(NONE).same_as).map(|model| model == PROBE || model == NONE),
        Some(true)
    );
    assert!(one.differences.iter().all(|difference| difference.verdict != Verdict::Better));
    assert!(
        one.conclusions.iter().any(|text| text.contains("With a single item there is nothing to swap with"))
    );
    let same = &compared(&table, &[], &[ModelName::TwoComponent, ModelName::ThreeComponent])[0];
    assert_eq!(same.conclusions[0], "No model predicts responses better than another.");
}

#[test]
fn few_trials_break_nothing() {
    let whole = table(1, 20, &[1, 2, 4]);
    let few = |count: usize| {
        let trials = whole.trials()[..count].to_vec();
        let models = [ModelName::TwoComponent, ModelName::ThreeComponent, NONE, PROBE];
        compared(&TrialTable::new("few", trials).unwrap(), &[], &models).remove(0)
    };
    let twenty = few(20);
    assert_eq!((twenty.folds, twenty.set_size), (10, None));
    let three = few(3);
    assert_eq!(three.folds, 3);
    let undecided = |one: &Difference| matches!(one.verdict, Verdict::Undecided | Verdict::Same);
    assert!(three.differences.iter().all(undecided));
    assert!(three.conclusions[1].contains("too few for a claim"), "{:?}", three.conclusions);
    for comparison in [&twenty, &three] {
        for score in &comparison.models {
            assert!(
                score.heldout_log_likelihood.unwrap().is_finite() && score.bic.is_finite(),
                "{}",
                score.model
            );
        }
    }
    let single = few(1);
    assert_eq!((single.folds, single.models[0].heldout_log_likelihood), (0, None));
    assert!(single.conclusions[0].contains("nothing can be claimed"));
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let table = table(2, 60, &[2]);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compared(&table, &[GroupKey::Participant], &[ModelName::ThreeComponent, PROBE]))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn near_report_features_are_warned_of() {
    let table = table(2, 60, &[2]);
    let score = |model| compared(&table, &[], &[model])[0].models.clone();
    let crowded: Vec<Trial> = table
        .trials()
        .iter()
        .map(|trial| Trial {
            display: Display {
                report: vec![
                    trial.display.report[0],
                    errare_core::angle::wrap(trial.display.report[0] + 0.1),
                ],
                ..trial.display.clone()
            },
            ..trial.clone()
        })
        .collect();
    let crowded = TrialTable::new("crowded", crowded).unwrap();
    let scores = score(ModelName::Bns(SwapDependence::Report));
    let [warning] = &confound::warnings(&crowded, &scores)[..] else { panic!("it is confounded") };
    assert!(warning.contains("100 % of trials") && warning.contains("bns:report"), "{warning}");
    assert!(confound::warnings(&table, &scores).is_empty());
    assert!(confound::warnings(&crowded, &score(PROBE)).is_empty());
}

#[test]
fn a_single_fold_is_refused() {
    let options = ComparisonOptions { folds: 1, ..ComparisonOptions::default() };
    let error = compare(&table(1, 4, &[2]), &[], &[NONE], &options, &Progress::silent()).unwrap_err();
    assert!(error.to_string().contains("folds is 1"), "{error}");
}
