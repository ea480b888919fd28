//! The oracle: the reverse diffusion with the exact posterior mean, which a perfect network would produce.

use errare_behaviour::{Display, ResponseModel};
use errare_core::random::Purpose;
use rayon::prelude::*;

use super::Responses;
use crate::engine::fill_normals;
use crate::kernel::{Isa, Lanes, NoiseLanes, TILE, lane, zeros};
use crate::ring::{PosteriorConstants, Ring, RingTarget, Shared};
use crate::schedule::Schedule;

/// Draws from the oracle sampler: the free-running reverse diffusion with the exact posterior mean, which is
/// what a perfect network would produce. `replicate` tells independent oracles of one seed apart.
#[must_use]
pub fn sample_oracle(
    schedule: &Schedule,
    target: &dyn ResponseModel,
    ring: Ring,
    displays: &[Display],
    samples: usize,
    (seed, replicate): (u64, u64),
) -> Responses {
    let isa = Isa::detect();
    let points = displays
        .par_iter()
        .enumerate()
        .flat_map_iter(|(index, display)| {
            let target = RingTarget::new(target, display, ring);
            let centres = Shared::levels(&target);
            let mut points = Vec::with_capacity(samples);
            for first in (0..samples).step_by(TILE) {
                let key = (index * samples + first) as u64;
                let mut noise = NoiseLanes::new(seed, Purpose::Oracle, replicate, key);
                let x = denoise(isa, schedule, &target, &centres, &mut noise);
                points.extend((0..TILE.min(samples - first)).map(|t| [lane(&x, 0, t), lane(&x, 1, t)]));
            }
            points
        })
        .collect();
    Responses { displays: displays.to_vec(), samples, points }
}

fn denoise(
    isa: Isa,
    schedule: &Schedule,
    target: &RingTarget,
    centres: &[Shared<f32>],
    noise: &mut NoiseLanes,
) -> Vec<Lanes<f32>> {
    let [mut x, mut mean, mut normals]: [Vec<Lanes<f32>>; 3] = std::array::from_fn(|_| zeros(2));
    fill_normals(isa, noise, &mut x);
    let start = schedule.base_sd() as f32;
    x.iter_mut().for_each(|x| *x = x.map(|x| x * start));
    for tau in (1..=schedule.steps()).rev() {
        let c = PosteriorConstants::new(schedule, tau, target.ring.spread);
        isa.run(c.centre(&centres[target.level(schedule, tau)], target.ring.radius, &x, &mut mean));
        let [clean, noised] = schedule.posterior_weights(tau);
        // x ← A E[x₀ | x] + B x + σ z.
        let from_x = (clean * c.gain + noised) as f32;
        let from_centre = (clean * (1.0 - c.gain * c.scale)) as f32;
        let sd = schedule.reverse_sd(tau) as f32;
        fill_normals(isa, noise, &mut normals);
        for i in 0..x.len() {
            x[i] = Lanes(std::array::from_fn(|k| {
                from_x * x[i].0[k] + from_centre * mean[i].0[k] + sd * normals[i].0[k]
            }));
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use errare_behaviour::{DisplayGenerator, SwapFunction};
    use errare_core::random::stream;

    use super::*;
    use crate::schedule::ReverseVariance;

    fn schedule() -> Schedule {
        Schedule::new(40, [0.01, 0.30], 0.1).unwrap()
    }

    /// Swap rate, and spread about the nearer item in each dimension, of 40,000 responses of an oracle.
    fn oracle_statistics(schedule: &Schedule, swap_probability: f64) -> (f64, f64) {
        let generator = DisplayGenerator::standard(2).unwrap();
        let displays: Vec<_> =
            (0..400).map(|i| generator.draw(&mut stream(4, Purpose::Displays, &[i]))).collect();
        let swap = SwapFunction::Flat { swap_probability };
        let oracle = sample_oracle(schedule, &swap, Ring::default(), &displays, 100, (9, 0));
        let radius = Ring::default().radius;
        let (mut swaps, mut squares) = (0.0, 0.0);
        for (index, point) in oracle.points.iter().enumerate() {
            let display = &displays[index / 100];
            let [target, distractor] = [0, 1].map(|item| {
                let (sin, cos) = display.report[item].sin_cos();
                let [dx, dy] = [f64::from(point[0]) - radius * cos, f64::from(point[1]) - radius * sin];
                dx * dx + dy * dy
            });
            swaps += f64::from(distractor < target) / 40_000.0;
            squares += distractor.min(target) / 80_000.0;
        }
        (swaps, squares.sqrt())
    }

    #[test]
    fn the_oracle_has_the_published_statistics() {
        // A perfect network underdisperses (0.087 instead of 0.125) and swaps a little too rarely.
        for (nominal, expected, error) in [(0.30, 0.292, 0.008), (0.05, 0.044, 0.003)] {
            let (swaps, sd) = oracle_statistics(&schedule(), nominal);
            assert!((swaps - expected).abs() < error, "swap rate {swaps} for {nominal}");
            assert!((sd - 0.087).abs() < 0.002, "sd {sd}");
        }
    }

    #[test]
    fn with_the_posterior_variance_the_oracle_has_the_spread_of_the_target() {
        let spread = Ring::default().spread;
        let corrected = schedule().with_reverse_variance(ReverseVariance::Posterior, spread);
        for nominal in [0.30, 0.05] {
            let (published, _) = oracle_statistics(&schedule(), nominal);
            let (swaps, sd) = oracle_statistics(&corrected, nominal);
            assert!((sd - spread).abs() < 0.002, "sd {sd}");
            // Which item is chosen is decided where the noise is large already: the deficit of swaps stays.
            assert!((swaps - published).abs() < 0.005, "{swaps}, published {published}");
        }
    }
}
