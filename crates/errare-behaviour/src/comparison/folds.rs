//! Which trial is held out when: folds stratified by participant, condition and set size.

use std::collections::BTreeMap;

use errare_core::random::{Purpose, stream};
use rand::seq::SliceRandom;

use crate::Trial;

/// The fold of each trial, in 0..`folds`. Trials of one participant, condition and set size are spread over the folds as
/// evenly as possible, and so are all trials together. The same seed gives the same folds.
pub(super) fn assign(trials: &[Trial], folds: usize, seed: u64) -> Vec<usize> {
    let mut strata: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, trial) in trials.iter().enumerate() {
        let stratum = (&trial.participant, &trial.condition, trial.display.set_size());
        strata.entry(stratum).or_default().push(index);
    }
    let mut fold_of = vec![0; trials.len()];
    // Strata smaller than the number of folds go on where the one before them ended.
    let mut next = 0;
    for (number, members) in strata.values_mut().enumerate() {
        members.shuffle(&mut stream(seed, Purpose::Folds, &[number as u64]));
        for &index in members.iter() {
            fold_of[index] = next;
            next = (next + 1) % folds;
        }
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Display;

    fn trials(counts: &[(&str, usize, usize)]) -> Vec<Trial> {
        let one = |participant: &str, set_size: usize| {
            let display = Display { probe: vec![], report: vec![0.1; set_size], cued_slot: 0 };
            Trial::new(participant, display, 0.0)
        };
        counts.iter().flat_map(|&(name, size, count)| vec![one(name, size); count]).collect()
    }

    #[test]
    fn every_stratum_is_spread_evenly() {
        let strata = [("a", 1, 37), ("a", 4, 20), ("b", 1, 3), ("b", 4, 44)];
        let trials = trials(&strata);
        let folds = assign(&trials, 10, 1);
        let spread = |of: &dyn Fn(&Trial) -> bool| {
            let mut counts = [0usize; 10];
            trials.iter().zip(&folds).filter(|(trial, _)| of(trial)).for_each(|(_, &fold)| counts[fold] += 1);
            (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
        };
        for (name, size, count) in strata {
            let (fewest, most) =
                spread(&|trial| &*trial.participant == name && trial.display.set_size() == size);
            assert_eq!((fewest, most), (count / 10, count.div_ceil(10)), "{name} {size}");
        }
        assert_eq!(spread(&|_| true), (10, 11));
    }

    #[test]
    fn the_seed_decides() {
        let trials = trials(&[("a", 2, 60)]);
        assert_eq!(assign(&trials, 10, 3), assign(&trials, 10, 3));
        assert_ne!(assign(&trials, 10, 3), assign(&trials, 10, 4));
    }
}
