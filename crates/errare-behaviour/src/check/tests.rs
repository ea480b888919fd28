//! Checks of simulated responses: of the model that made them, and of a wrong one.

use errare_core::progress::Progress;
use errare_core::von_mises::VonMises;

use super::*;
use crate::data::ProbeEffect;
use crate::{Display, DisplayGenerator, Emission};

/// Cued item, one given uncued item, or a guess.
#[derive(Debug, Clone)]
struct Truth {
    swap: f64,
    emission: VonMises,
}

impl ResponseModel for Truth {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let others = display.set_size() - 1;
        let mut weights = vec![0.1, 0.9 - self.swap];
        weights.extend(vec![self.swap / others as f64; others]);
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

fn truth(swap: f64) -> Truth {
    Truth { swap, emission: VonMises::new(8.0).unwrap() }
}

fn trials(model: &Truth, count: u64, seed: u64) -> Vec<Trial> {
    let generator = DisplayGenerator::standard(3).unwrap();
    (0..count)
        .map(|index| {
            let display = generator.draw(&mut stream(seed, Purpose::Displays, &[index]));
            let response = model.sample(&display, &mut stream(seed, Purpose::Targets, &[index])).angle;
            Trial::new(if index % 2 == 0 { "a" } else { "b" }, display, response)
        })
        .collect()
}

/// All p-values of a check by name.
fn p_values(check: &Check) -> Vec<(String, f64)> {
    let summaries = check.summaries.iter().map(|one| (format!("{:?}", one.statistic), one.p.unwrap()));
    summaries.chain(check.curves.iter().map(|one| (format!("{:?}", one.statistic), one.p))).collect()
}

#[test]
fn p_values_of_the_true_model_are_uniform() {
    const SETS: usize = 120;
    let model = truth(0.3);
    let mut by_name: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for set in 0..SETS as u64 {
        let [check] = &check_model(&trials(&model, 60, set), |_| model.clone(), 99, 1000 + set)[..] else {
            panic!("one cell")
        };
        p_values(check).into_iter().for_each(|(name, p)| by_name.entry(name).or_default().push(p));
    }
    assert_eq!(by_name.len(), 7);
    for (name, mut values) in by_name {
        values.sort_by(f64::total_cmp);
        // Kolmogorov–Smirnov at the 0.1 % level, plus the steps of 1/50 that 99 surrogates leave.
        let n = values.len() as f64;
        let distance = values
            .iter()
            .enumerate()
            .map(|(index, p)| (p - index as f64 / n).abs().max((p - (index + 1) as f64 / n).abs()))
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt() + 0.02, "{name}: {distance}");
    }
}

#[test]
fn a_model_without_swaps_fails_where_there_are_some() {
    let table = TrialTable::new("made", trials(&truth(0.3), 600, 7)).unwrap();
    let options = CheckOptions::default();
    let p = |model: &str| -> BTreeMap<String, f64> {
        let checks = check(&table, &[], model.parse().unwrap(), &options, &Progress::silent()).unwrap();
        p_values(&checks[0]).into_iter().collect()
    };
    let (wrong, right) = (p("two-component"), p("three-component"));
    assert!(wrong["NontargetDensity"] < 0.01, "{wrong:?}");
    assert!(wrong["ErrorDensity"] > 0.01, "errors about the cued item look alike: {wrong:?}");
    assert!(right.values().all(|&p| p > 0.01), "{right:?}");
}

#[test]
fn a_gradient_is_missed_by_a_model_without() {
    let effect = ProbeEffect {
        participants: 4,
        trials_per_participant: 400,
        set_sizes: vec![4],
        ..Default::default()
    };
    let table = effect.table().unwrap().filter("condition", "distance").unwrap();
    let p = |model: &str| {
        let options = CheckOptions { draws: 99, ..CheckOptions::default() };
        let checks = check(&table, &[], model.parse().unwrap(), &options, &Progress::silent()).unwrap();
        let curve =
            checks[0].curves.iter().find(|one| one.statistic == CurveStatistic::DistanceByProbe).unwrap();
        (curve.p, curve.discrepancy > curve.limit)
    };
    let (wrong, right) = (p("bns:none"), p("bns:probe"));
    assert!(wrong.0 <= 0.02 && wrong.1, "{wrong:?}");
    assert!(right.0 > 0.05 && !right.1, "{right:?}");
}

#[test]
fn every_condition_and_set_size_is_a_check_of_its_own() {
    let effect = ProbeEffect {
        participants: 2,
        trials_per_participant: 40,
        set_sizes: vec![1, 2],
        ..Default::default()
    };
    let table = effect.table().unwrap();
    let options = CheckOptions { draws: 20, ..CheckOptions::default() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let model = "bns".parse().unwrap();
        pool.install(|| check(&table, &[], model, &options, &Progress::silent()).unwrap())
    };
    let checks = with(1);
    // NaN marks empty bins, hence the comparison of texts.
    assert_eq!(format!("{checks:?}"), format!("{:?}", with(3)));
    let cells: Vec<_> = checks.iter().map(|one| (one.condition.as_deref().unwrap(), one.set_size)).collect();
    assert_eq!(cells, [("distance", 1), ("distance", 2), ("flat", 1), ("flat", 2)]);
    assert_eq!(checks.iter().map(|one| one.curves.len()).collect::<Vec<_>>(), [1, 3, 1, 3]);
    assert!(checks.iter().all(|one| one.trials == 20 && one.summaries[0].participants.len() == 2));
    let few = CheckOptions { draws: 3, ..options };
    assert!(check(&table, &[], "bns".parse().unwrap(), &few, &Progress::silent()).is_err());
}
