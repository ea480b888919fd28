//! Floors of the loss: what a network that knows the display and makes the best of it cannot go below.
//!
//! They follow from the target's density alone ([`crate::RingTarget`]); [`crate::training`] shows the loss against
//! them.

use errare_behaviour::{DisplayGenerator, ResponseModel, sample_response};
use errare_core::random::{Purpose, stream};
use rayon::prelude::*;

use crate::engine::fill_normals;
use crate::experiment::draw_display;
use crate::kernel::{Isa, Lanes, NoiseLanes, TILE, lane, lane_mut, zeros};
use crate::ring::{PosteriorConstants, Ring, RingTarget, Shared};
use crate::schedule::Schedule;

/// Displays that floors average over.
pub(crate) const FLOOR_DISPLAYS: u64 = 1024;
/// Noised responses drawn for each of them.
const FLOOR_SAMPLES: usize = 256;

/// The floor of the diffusion loss at τ = 1…T (index 0 is 0): Kᴬ² E[Var(x₀ | x_τ)] per dimension, the mean
/// squared error of a network that knows the display and denoises perfectly.
///
/// The posterior variance is exact for every x_τ; the average over x_τ and displays is by simulation
/// (262,144 points at each τ, Rao–Blackwellised; over seeds the mean floor varies by 0.6 %).
#[must_use]
pub fn diffusion_floor(
    schedule: &Schedule,
    target: &dyn ResponseModel,
    generators: &[DisplayGenerator],
    ring: Ring,
    seed: u64,
) -> Vec<f64> {
    denoising_error(schedule, target, generators, ring, (seed, FLOOR_DISPLAYS))
}

/// The same, as an average over a number of displays of one's choice.
pub(crate) fn denoising_error(
    schedule: &Schedule,
    target: &dyn ResponseModel,
    generators: &[DisplayGenerator],
    ring: Ring,
    (seed, displays): (u64, u64),
) -> Vec<f64> {
    let Ring { radius, spread } = ring;
    let isa = Isa::detect();
    let steps = schedule.steps();
    let per_display: Vec<Vec<f64>> = (0..displays)
        .into_par_iter()
        .map(|index| {
            let mut stream = stream(seed, Purpose::Displays, &[u64::MAX, index]);
            let display = draw_display(generators, &mut stream);
            let of_display = RingTarget::new(target, &display, ring);
            let centres = Shared::<f32>::levels(&of_display);
            let weights = target.weights(&display);
            let mut squares = vec![0.0; steps + 1];
            let (mut x, mut mean) = (zeros(2), zeros(2));
            let mut chain: Vec<Lanes<f32>> = zeros(2 * (steps + 1));
            for first in (0..FLOOR_SAMPLES).step_by(TILE) {
                let key = index * FLOOR_SAMPLES as u64 + first as u64;
                fill_normals(isa, &mut NoiseLanes::new(seed, Purpose::Oracle, u64::MAX, key), &mut chain);
                let clean: Vec<[f64; 2]> = (0..TILE)
                    .map(|t| {
                        let angle =
                            sample_response(&weights, target.emission(&display), &display, &mut stream).angle;
                        let noise = |axis| spread * f64::from(lane(&chain, axis, t));
                        [radius * angle.cos() + noise(0), radius * angle.sin() + noise(1)]
                    })
                    .collect();
                for tau in 1..=steps {
                    let c = PosteriorConstants::new(schedule, tau, spread);
                    let noise_sd = (1.0 - schedule.alpha_bar[tau]).sqrt();
                    for (t, clean) in clean.iter().enumerate() {
                        for axis in 0..2 {
                            let z = f64::from(lane(&chain, 2 * tau + axis, t));
                            *lane_mut(&mut x, axis, t) = (c.scale * clean[axis] + noise_sd * z) as f32;
                        }
                    }
                    isa.run(c.centre(&centres[of_display.level(schedule, tau)], radius, &x, &mut mean));
                    squares[tau] += mean.iter().flat_map(|v| v.0).map(|m| f64::from(m * m)).sum::<f64>();
                }
            }
            squares
        })
        .collect();
    let count = displays as f64 * FLOOR_SAMPLES as f64;
    (0..=steps)
        .map(|tau| {
            if tau == 0 {
                return 0.0;
            }
            let c = PosteriorConstants::new(schedule, tau, spread);
            let explained = per_display.iter().map(|squares| squares[tau]).sum::<f64>() / count;
            let within = spread * spread * (1.0 - schedule.alpha_bar[tau]) / c.variance;
            let between = (1.0 - c.gain * c.scale).powi(2) * (radius * radius - explained).max(0.0) / 2.0;
            schedule.clean_weight[tau].powi(2) * (within + between)
        })
        .collect()
}

/// The floor of the task-optimal loss: the variance of the clean response per dimension, display known.
#[must_use]
pub fn task_optimal_floor(
    target: &dyn ResponseModel,
    generators: &[DisplayGenerator],
    ring: Ring,
    seed: u64,
) -> f64 {
    let total: f64 = (0..FLOOR_DISPLAYS)
        .map(|index| {
            let mut stream = stream(seed, Purpose::Displays, &[u64::MAX, index]);
            let display = draw_display(generators, &mut stream);
            RingTarget::new(target, &display, ring).moments().1 / 2.0
        })
        .sum();
    total / FLOOR_DISPLAYS as f64
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use errare_behaviour::SwapFunction;

    use super::*;

    fn schedule() -> Schedule {
        Schedule::new(40, [0.01, 0.30], 0.1).unwrap()
    }

    #[test]
    fn published_floors() {
        // Means over τ, good to 2 %: no swap, distance-dependent with two offsets, flat 5 % and 30 %.
        let generators = [DisplayGenerator::standard(2).unwrap()];
        for (swap, mean, at_20) in [
            (SwapFunction::None, 0.058, 0.0115),
            (SwapFunction::Distance { width: 1.5, offset: -2.0 }, 0.118, 0.164),
            (SwapFunction::Flat { swap_probability: 0.05 }, 0.128, 0.193),
            (SwapFunction::Distance { width: 1.5, offset: 0.0 }, 0.242, 0.460),
            (SwapFunction::Flat { swap_probability: 0.3 }, 0.291, 0.579),
        ] {
            let floor = diffusion_floor(&schedule(), &swap, &generators, Ring::default(), 1);
            assert_relative_eq!(floor.iter().sum::<f64>() / 40.0, mean, max_relative = 0.03);
            assert_relative_eq!(floor[20], at_20, max_relative = 0.04);
        }
    }

    #[test]
    fn floors_of_other_seeds_agree() {
        let generators = [DisplayGenerator::standard(2).unwrap()];
        let swap = SwapFunction::Distance { width: 1.5, offset: -2.0 };
        let means: Vec<f64> = (1..=8)
            .map(|seed| {
                diffusion_floor(&schedule(), &swap, &generators, Ring::default(), seed).iter().sum::<f64>()
                    / 40.0
            })
            .collect();
        let mean = means.iter().sum::<f64>() / 8.0;
        let sd = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
        assert!(sd < 0.01 * mean, "relative sd {}", sd / mean);
    }

    #[test]
    fn task_optimal_floors_are_the_variance() {
        let generators = [DisplayGenerator::standard(2).unwrap()];
        for (p, expected) in [(0.0, 0.0156), (0.05, 0.399), (0.1, 0.742), (0.3, 1.711)] {
            let swap = SwapFunction::Flat { swap_probability: p };
            let floor = task_optimal_floor(&swap, &generators, Ring::default(), 2);
            assert_relative_eq!(floor, expected, max_relative = 0.05);
        }
    }
}
