//! The non-parametric swap estimator: on which items responses depend, without a model of how they spread.
//!
//! A response is y = rₖ + e with probability αₖ, e independent of the stimuli. Where these are independent and uniform, only the
//! item a response was drawn from is nearer to it than by chance, which gives αₖ (Bays 2016, Sci Rep 6:19203). A minimum
//! separation between items breaks that: every item then is farther from the others than by chance. The remedy here
//! is to take the stimuli as they were: cₖ = E cos(y − rₖ) and Cⱼₖ = E cos(rⱼ − rₖ) obey c = C x with xₖ = αₖ ρ, ρ the
//! resultant length of e; uniform guesses shorten ρ and leave α the shares among responses that are no guesses.

use std::f64::consts::FRAC_PI_2;

use nalgebra::{DMatrix, DVector};

use super::Measured;
use crate::{Error, Observations, Result};

/// Shares of the items among responses that are no guesses, of trials of one set size.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapEstimate {
    /// Share of the cued item.
    pub target: Measured,
    /// Share of all other items together.
    pub nontarget: Measured,
    /// The share of the cued item by the estimator that takes stimuli as independent: too large where items keep a
    /// minimum separation.
    pub target_uncorrected: Option<f64>,
    /// Resultant length of the error, guesses included; shares mean little where its interval comes near 0.
    pub resultant: Measured,
    /// The other items one by one, by rank of probe distance; empty without probe features.
    pub by_rank: Vec<RankShare>,
}

/// The share of the item that is so-many-th nearest to the cued one in the probe feature.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RankShare {
    /// 1 for the nearest.
    pub rank: usize,
    /// Its mean probe distance (radians).
    pub distance: f64,
    /// Its share.
    pub share: Measured,
}

/// Estimates the shares of trials of one set size; `None` for single items, and where the trials are too few to tell items
/// apart.
///
/// # Errors
/// [`Error::OutOfRange`] when set sizes are mixed.
pub fn swap_estimate(observations: &Observations) -> Result<Option<SwapEstimate>> {
    let Some(set_size) = observations.common_set_size() else {
        let value = observations.max_set_size() as f64;
        return Err(Error::OutOfRange {
            name: "set size",
            value,
            expected: "the same in all trials for the non-parametric swap estimator",
        });
    };
    if set_size == 1 {
        return Ok(None);
    }
    let identity: Vec<usize> = (0..set_size).map(|item| item.min(1)).collect();
    let Some(pair) = shares(observations, 2, |_, groups| groups.copy_from_slice(&identity)) else {
        return Ok(None);
    };
    let by_rank = observations.probe_offsets().and_then(|offsets| {
        let rank = |trial: usize, groups: &mut [usize]| {
            let offsets = &offsets[observations.items(trial)];
            let mut order: Vec<usize> = (1..set_size).collect();
            order.sort_by(|&a, &b| offsets[a].abs().total_cmp(&offsets[b].abs()));
            groups[0] = 0;
            order.into_iter().enumerate().for_each(|(rank, item)| groups[item] = rank + 1);
        };
        let mut distances = vec![0.0; set_size];
        let mut groups = vec![0; set_size];
        for trial in 0..observations.len() {
            rank(trial, &mut groups);
            for (&group, offset) in groups.iter().zip(&offsets[observations.items(trial)]) {
                distances[group] += offset.abs() / observations.len() as f64;
            }
        }
        let ranked = shares(observations, set_size, rank)?;
        let shares = ranked.shares.into_iter().zip(distances).enumerate().skip(1);
        Some(shares.map(|(rank, (share, distance))| RankShare { rank, distance, share }).collect())
    });
    Ok(Some(SwapEstimate {
        target: pair.shares[0],
        nontarget: pair.shares[1],
        target_uncorrected: uncorrected(observations, set_size),
        resultant: pair.resultant,
        by_rank: by_rank.unwrap_or_default(),
    }))
}

/// α₁ = (π/2 − m₁) / Σ (π/2 − mₖ), with mₖ the mean distance of responses from item k.
fn uncorrected(observations: &Observations, set_size: usize) -> Option<f64> {
    let nearness = |item: usize| {
        let errors = observations.errors().iter().skip(item).step_by(set_size);
        FRAC_PI_2 - errors.map(|error| error.abs()).sum::<f64>() / observations.len() as f64
    };
    let total: f64 = (0..set_size).map(nearness).sum();
    Some(nearness(0) / total).filter(|share| share.is_finite())
}

struct Shares {
    shares: Vec<Measured>,
    resultant: Measured,
}

/// The shares of groups of items: `group` says for each trial the group of every item. `None` where C cannot be
/// inverted.
fn shares(observations: &Observations, groups: usize, group: impl Fn(usize, &mut [usize])) -> Option<Shares> {
    let set_size = observations.max_set_size();
    let trials = observations.len();
    let mut of_item = vec![0; set_size];
    let mut sizes = vec![0.0; groups];
    group(0, &mut of_item);
    of_item.iter().for_each(|&group| sizes[group] += 1.0);
    // Of each trial: c, averaged over the items of a group, and C, averaged over its rows and summed over its columns.
    let moments: Vec<(DVector<f64>, DMatrix<f64>)> = (0..trials)
        .map(|trial| {
            group(trial, &mut of_item);
            let items = observations.items(trial);
            let (cosines, offsets) =
                (&observations.cosines()[items.clone()], &observations.report_offsets()[items]);
            let mut c = DVector::zeros(groups);
            let mut matrix = DMatrix::zeros(groups, groups);
            for (j, &row) in of_item.iter().enumerate() {
                c[row] += cosines[j] / sizes[row];
                for (k, &column) in of_item.iter().enumerate() {
                    matrix[(row, column)] += (offsets[j] - offsets[k]).cos() / sizes[row];
                }
            }
            (c, matrix)
        })
        .collect();
    let mut c = DVector::zeros(groups);
    let mut matrix = DMatrix::zeros(groups, groups);
    for (one, other) in &moments {
        c += one;
        matrix += other;
    }
    let inverse = (matrix / trials as f64).try_inverse()?;
    let x = &inverse * (c / trials as f64);
    let sizes = DVector::from_vec(sizes);
    let resultant = sizes.dot(&x);
    let changes: Vec<DVector<f64>> = moments.iter().map(|(c, matrix)| &inverse * (c - matrix * &x)).collect();
    let share = |group: usize| {
        let value = sizes[group] * x[group] / resultant;
        let influence =
            |change: &DVector<f64>| (sizes[group] * change[group] - value * sizes.dot(change)) / resultant;
        Measured::new(value, changes.iter().map(influence))
    };
    Some(Shares {
        shares: (0..groups).map(share).collect(),
        resultant: Measured::new(resultant, changes.iter().map(|change| sizes.dot(change))),
    })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use approx::assert_abs_diff_eq;
    use errare_core::special::bessel_ratio;
    use errare_core::von_mises::VonMises;

    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{Display, DisplayGenerator, Emission, ResponseModel, SwapFunction};

    #[derive(Debug)]
    struct Truth {
        /// Weights of guesses and of the cued item, before swaps share the rest by probe distance (`near`) or equally.
        uniform: f64,
        target: f64,
        near: bool,
        emission: VonMises,
    }

    impl ResponseModel for Truth {
        fn weights(&self, display: &Display) -> Vec<f64> {
            let swaps = 1.0 - self.uniform - self.target;
            let affinity = |item: usize| {
                if self.near { (-2.0 * display.probe_offset(item).unwrap().abs()).exp() } else { 1.0 }
            };
            let total: f64 = (1..display.set_size()).map(affinity).sum();
            let mut weights = vec![self.uniform, self.target];
            weights.extend((1..display.set_size()).map(|item| swaps * affinity(item) / total));
            weights
        }
        fn emission(&self, _: &Display) -> Option<&dyn Emission> {
            Some(&self.emission)
        }
    }

    fn estimate(truth: &Truth, set_size: usize, separation: f64, trials: u64, seed: u64) -> SwapEstimate {
        let generator = DisplayGenerator::new(set_size, separation, separation).unwrap();
        let trials = simulated(truth, &generator, trials, seed);
        swap_estimate(&observations(&trials)).unwrap().unwrap()
    }

    fn truth(uniform: f64, target: f64) -> Truth {
        Truth { uniform, target, near: false, emission: VonMises::new(10.0).unwrap() }
    }

    #[test]
    fn a_minimum_separation_biases_the_simple_estimator_only() {
        for (set_size, biased) in [(2, 0.766), (4, 1.06)] {
            let one = estimate(&truth(0.0, 0.7), set_size, PI / 8.0, 40_000, 1);
            assert_abs_diff_eq!(one.target_uncorrected.unwrap(), biased, epsilon = 0.02);
            assert_abs_diff_eq!(one.target.value.unwrap(), 0.7, epsilon = 0.02);
            assert_abs_diff_eq!(
                one.target.value.unwrap() + one.nontarget.value.unwrap(),
                1.0,
                epsilon = 1e-12
            );
            assert_abs_diff_eq!(one.resultant.value.unwrap(), bessel_ratio(10.0), epsilon = 0.02);
        }
        let free = estimate(&truth(0.0, 0.7), 4, 0.0, 40_000, 2);
        assert_abs_diff_eq!(free.target_uncorrected.unwrap(), 0.7, epsilon = 0.02);
        assert_abs_diff_eq!(free.target.value.unwrap(), 0.7, epsilon = 0.02);
    }

    #[test]
    fn guesses_are_left_out_in_proportion() {
        let one = estimate(&truth(0.2, 0.6), 3, 0.0, 40_000, 3);
        assert_abs_diff_eq!(one.target.value.unwrap(), 0.75, epsilon = 0.02);
        assert_abs_diff_eq!(one.nontarget.value.unwrap(), 0.25, epsilon = 0.02);
        assert_abs_diff_eq!(one.resultant.value.unwrap(), 0.8 * bessel_ratio(10.0), epsilon = 0.02);
    }

    #[test]
    fn swaps_to_near_items_show_in_the_ranks() {
        let near = Truth { near: true, ..truth(0.1, 0.6) };
        let one = estimate(&near, 4, 0.4, 40_000, 4);
        let shares: Vec<f64> = one.by_rank.iter().map(|rank| rank.share.value.unwrap()).collect();
        assert!(shares[0] > shares[1] + 0.05 && shares[1] > shares[2] && shares[2] < 0.06, "{shares:?}");
        assert_abs_diff_eq!(shares.iter().sum::<f64>(), one.nontarget.value.unwrap(), epsilon = 0.02);
        assert!(one.by_rank.windows(2).all(|pair| pair[0].distance < pair[1].distance));
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let sets = 300;
        let inside = (0..sets)
            .filter(|&seed| {
                let one = estimate(&truth(0.1, 0.6), 4, PI / 9.0, 300, 100 + seed).target;
                (one.lo.unwrap()..one.hi.unwrap()).contains(&(0.6 / 0.9))
            })
            .count();
        assert!((270..=297).contains(&inside), "{inside} of {sets}");
    }

    #[test]
    fn trials_that_tell_nothing_give_nothing() {
        let draw = |set_size: usize, trials| {
            simulated(&SwapFunction::None, &DisplayGenerator::standard(set_size).unwrap(), trials, 1)
        };
        assert_eq!(swap_estimate(&observations(&draw(1, 30))).unwrap(), None);
        let mixed: Vec<_> = draw(2, 5).into_iter().chain(draw(3, 5)).collect();
        assert!(swap_estimate(&observations(&mixed)).unwrap_err().to_string().contains("set size"));
        let mut blind = draw(3, 50);
        blind.iter_mut().for_each(|(display, _)| display.probe.clear());
        assert!(swap_estimate(&observations(&blind)).unwrap().unwrap().by_rank.is_empty());
    }
}
