//! Swaps from noise in the cue dimension: the item remembered nearest to the cue is reported.
//!
//! The probe feature of item n is remembered at pₙ + ξₙ, ξₙ ~ von Mises(0, κ) independently, and the item selected is that
//! of the smallest |pₙ + ξₙ − p_cue| (Bays 2016, Sci Rep 6:19203; Schneegans & Bays 2017, J Neurosci 37:3913). With fₙ the
//! density and Sₙ the survival function of that distance, πₙ = ∫₀^π fₙ(t) Πⱼ≠ₙ Sⱼ(t) dt. A mechanism of its own, not a
//! member of any family that is fitted here, it serves recovery tests and networks.

use std::f64::consts::PI;

use errare_core::von_mises::VonMises;

/// Intervals of the quadrature for each standard deviation 1/√κ that fits into π …
const PER_SPREAD: f64 = 8.0;
/// … and at least so many.
const FEWEST: usize = 128;

/// Probability that each item is selected, given its probe offset (radians) from the cue. κ (1/rad²) is at least 0; from 10⁶ on
/// it counts as that.
pub(crate) fn selection(offsets: &[f64], kappa: f64) -> Vec<f64> {
    let noise = VonMises::new(kappa.clamp(0.0, 1e6)).expect("a finite concentration");
    let kappa = noise.kappa();
    let intervals = 2 * (0.5 * (PI * kappa.sqrt() * PER_SPREAD).max(FEWEST as f64)).ceil() as usize;
    let h = PI / intervals as f64;
    let items: Vec<(Vec<f64>, Vec<f64>)> =
        offsets.iter().map(|&offset| distance_distribution(&noise, offset, intervals)).collect();
    let mut selected: Vec<f64> = (0..items.len())
        .map(|item| {
            // Simpson's rule.
            (0..=intervals)
                .map(|i| {
                    let weight = match i {
                        0 => 1.0,
                        _ if i == intervals => 1.0,
                        _ if i % 2 == 1 => 4.0,
                        _ => 2.0,
                    };
                    let others = items.iter().enumerate().filter(|(other, _)| *other != item);
                    let survival: f64 = others.map(|(_, (_, survival))| survival[i]).product();
                    weight * h / 3.0 * items[item].0[i] * survival
                })
                .sum()
        })
        .collect();
    let total: f64 = selected.iter().sum();
    selected.iter_mut().for_each(|share| *share /= total);
    selected
}

/// Density of |offset + ξ| at i π/`intervals`, i = 0, 1, …, and the probability that it is larger.
fn distance_distribution(noise: &VonMises, offset: f64, intervals: usize) -> (Vec<f64>, Vec<f64>) {
    let h = PI / intervals as f64;
    let (mut density, mut slope) = (Vec::with_capacity(intervals + 1), Vec::with_capacity(intervals + 1));
    for i in 0..=intervals {
        let t = i as f64 * h;
        let (up, down) = (noise.log_density(t - offset).exp(), noise.log_density(t + offset).exp());
        density.push(up + down);
        slope.push(-noise.kappa() * (up * (t - offset).sin() + down * (t + offset).sin()));
    }
    let mut survival = vec![0.0; intervals + 1];
    for i in (0..intervals).rev() {
        // The trapezoid with the correction by the slopes at its ends.
        let part = 0.5 * h * (density[i] + density[i + 1]) - h * h / 12.0 * (slope[i + 1] - slope[i]);
        survival[i] = survival[i + 1] + part.max(0.0);
    }
    let whole = survival[0];
    survival.iter_mut().for_each(|share| *share /= whole);
    (density, survival)
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::angle::distance;
    use errare_core::random::{Purpose, stream};

    use super::*;

    #[test]
    fn shares_are_those_of_simulated_selections() {
        for (offsets, kappa) in [
            (vec![0.0, 0.6], 4.0),
            (vec![0.0, -0.9, 2.0, PI], 3.0),
            (vec![0.0, 0.2, 0.5], 100.0),
            (vec![0.0, 1.0, -2.0], 0.3),
        ] {
            let noise = VonMises::new(kappa).unwrap();
            let draws = 40_000;
            let mut counts = vec![0usize; offsets.len()];
            for draw in 0..draws {
                let mut stream = stream(1, Purpose::Null, &[draw]);
                let remembered: Vec<f64> =
                    offsets.iter().map(|offset| distance(offset + noise.sample(&mut stream), 0.0)).collect();
                let nearest = (0..offsets.len()).min_by(|&a, &b| remembered[a].total_cmp(&remembered[b]));
                counts[nearest.unwrap()] += 1;
            }
            for (share, count) in selection(&offsets, kappa).into_iter().zip(counts) {
                let error = (share * (1.0 - share) / draws as f64).sqrt();
                assert_abs_diff_eq!(share, count as f64 / draws as f64, epsilon = 4.0 * error + 1e-4);
            }
        }
    }

    #[test]
    fn limits_are_chance_and_certainty() {
        for share in selection(&[0.0, 0.5, 2.0, -1.0], 0.0) {
            assert_abs_diff_eq!(share, 0.25, epsilon = 1e-7);
        }
        let certain = selection(&[0.0, 0.5, 2.0], 1e9);
        assert_abs_diff_eq!(certain[0], 1.0, epsilon = 1e-9);
        assert_eq!(selection(&[0.0], 5.0), [1.0]);
        assert_abs_diff_eq!(selection(&[0.0, 0.0], 50.0)[1], 0.5, epsilon = 1e-9);
    }

    #[test]
    fn swaps_fall_with_distance() {
        let shares: Vec<f64> = (1..10).map(|i| selection(&[0.0, 0.3 * f64::from(i)], 5.0)[1]).collect();
        assert!(shares.windows(2).all(|pair| pair[0] > pair[1]), "{shares:?}");
    }
}
