//! Clean responses as a mixture on the ring, and what a perfect denoiser makes of them.
//!
//! A clean response is x₀ = R(cos y, sin y) + s₀ε with y from the behaviour model. Its density is a mixture of
//! isotropic Gaussians with centres on the ring: the items themselves where the model reports them exactly,
//! otherwise a fine grid of angles weighted by the model's density (a trapezoid rule, whose error is far
//! below f32 at this spacing). From it follow the exact posterior mean E[x₀ | x_τ] and the oracle sampler
//! (Radmard, Bays & Lengyel, arXiv 2512.04808, and the mixture's algebra).

use std::f64::consts::TAU;

use errare_behaviour::{Display, ResponseModel};
use errare_core::angle::difference;
use errare_core::random::Purpose;
use rayon::prelude::*;

use crate::engine::fill_normals;
use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, NoiseLanes, Real, TILE, VECTORS, lane, lane_mut, zeros,
};
use crate::schedule::Schedule;
use crate::simulation::Responses;

/// The distribution of clean responses to one display.
#[derive(Debug, Clone, PartialEq)]
pub struct RingTarget {
    /// (cos, sin, weight) of each centre; weights sum to 1. Each level after the first is the grid of the one
    /// before, thinned by half.
    levels: Vec<Vec<[f64; 3]>>,
    grid: Grid,
    radius: f64,
    spread: f64,
}

/// How fine the levels of a target are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    levels: usize,
    /// Spacing (radians) of the first level.
    spacing: f64,
    /// Standard deviation (radians) of the emission; infinite without one.
    emission_sd: f64,
}

/// Times that a grid is thinned by half for noisier responses.
const THINNINGS: usize = 3;
/// An emission narrower than this share of the spread's angle s₀/R counts as exact: it would add a thousandth to the
/// variance, and a grid that resolves it costs in proportion to its precision.
const EXACT_EMISSION: f64 = 1.0 / 32.0;

impl RingTarget {
    /// The target of a behaviour model for one display, with ring radius R and spread s₀.
    #[must_use]
    pub fn new(model: &dyn ResponseModel, display: &Display, radius: f64, spread: f64) -> Self {
        let weights = model.weights(display);
        let emission = model
            .emission(display)
            .filter(|emission| emission.standard_deviation() > EXACT_EMISSION * spread / radius);
        let emission_sd = emission.map_or(f64::INFINITY, errare_behaviour::Emission::standard_deviation);
        let coarsest = 1 << THINNINGS;
        let nodes = (TAU / product_width(emission_sd, spread / radius)).ceil() as usize;
        let nodes = nodes.next_multiple_of(coarsest);
        // The model's density, with its weights computed once.
        let density = |angle: f64| {
            let of_item = |(&report, &weight): (&f64, &f64)| {
                Some(weight * emission?.log_density(difference(angle, report)).exp())
            };
            weights[0] / TAU + display.report.iter().zip(&weights[1..]).filter_map(of_item).sum::<f64>()
        };
        let mut level = Vec::new();
        if emission.is_some() || weights[0] > 0.0 {
            level.extend((0..nodes).map(|node| {
                let angle = TAU * node as f64 / nodes as f64;
                [angle.cos(), angle.sin(), density(angle)]
            }));
        }
        let mut levels = vec![level];
        if emission.is_some() {
            for thinning in 1..=THINNINGS {
                levels.push(levels[0].iter().step_by(1 << thinning).copied().collect());
            }
        }
        let share = if emission.is_some() { 1.0 } else { weights[0] };
        for level in &mut levels {
            let total: f64 = level.iter().map(|centre| centre[2]).sum();
            level.iter_mut().for_each(|centre| centre[2] *= share / total);
            if emission.is_none() {
                let items = display.report.iter().zip(&weights[1..]);
                level.extend(items.map(|(&report, &weight)| [report.cos(), report.sin(), weight]));
            }
            level.retain(|centre| centre[2] > 1e-12);
        }
        let grid = Grid { levels: levels.len(), spacing: TAU / nodes as f64, emission_sd };
        Self { levels, grid, radius, spread }
    }

    /// The coarsest level that is fine enough for x_τ.
    pub(crate) fn level(&self, schedule: &Schedule, tau: usize) -> usize {
        self.grid.level(&PosteriorConstants::new(schedule, tau, self.spread), self.radius)
    }

    /// Mean and covariance trace of the clean response: what a task-optimal network can and cannot know.
    #[must_use]
    pub fn moments(&self) -> ([f64; 2], f64) {
        let mut mean = [0.0; 2];
        for [cos, sin, weight] in &self.levels[0] {
            mean[0] += self.radius * weight * cos;
            mean[1] += self.radius * weight * sin;
        }
        let between = self.radius * self.radius - mean[0] * mean[0] - mean[1] * mean[1];
        (mean, between + 2.0 * self.spread * self.spread)
    }
}

impl Grid {
    /// The coarsest level that is fine enough for the product of the emission and the noise, whose angular width is taken
    /// as it is seen from three standard deviations outside the ring.
    fn level(&self, constants: &PosteriorConstants, radius: f64) -> usize {
        let ring = constants.scale * radius;
        let outside = ring + 3.0 * constants.variance.sqrt();
        let noise_sd = (constants.variance / (ring * outside)).sqrt();
        let coarser = (product_width(self.emission_sd, noise_sd) / self.spacing).log2().floor().max(0.0);
        (coarser as usize).min(self.levels - 1)
    }
}

/// Width of the product of two densities with these standard deviations. At a spacing as large as that the trapezoid rule
/// errs by less than f32 does.
fn product_width(a: f64, b: f64) -> f64 {
    (a.powi(-2) + b.powi(-2)).sqrt().recip()
}

/// Constants of E[x₀ | x_τ] = g x_τ + (1 − g√ᾱ) E[centre | x_τ].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PosteriorConstants {
    pub(crate) scale: f64,
    pub(crate) variance: f64,
    pub(crate) gain: f64,
}

impl PosteriorConstants {
    pub(crate) fn new(schedule: &Schedule, tau: usize, spread: f64) -> Self {
        let alpha_bar = schedule.alpha_bar[tau];
        let scale = alpha_bar.sqrt();
        let variance = alpha_bar * spread * spread + 1.0 - alpha_bar;
        Self { scale, variance, gain: scale * spread * spread / variance }
    }
}

/// Centres as a kernel reads them: (cos, sin, ln weight) for the points of one vector.
pub(crate) trait Centres<T> {
    fn count(&self) -> usize;
    fn at(&self, index: usize, vector: usize) -> [Lanes<T>; 3];
}

/// The same centres for every point.
pub(crate) struct Shared<T>(Vec<[T; 3]>);

impl<T: Real> Shared<T> {
    /// One for each level of the target.
    pub(crate) fn levels(target: &RingTarget) -> Vec<Self> {
        let centre = |c: &[f64; 3]| [c[0], c[1], c[2].ln()].map(T::from_f64);
        target.levels.iter().map(|level| Self(level.iter().map(centre).collect())).collect()
    }
}

impl<T: Real> Centres<T> for Shared<T> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn at(&self, index: usize, _vector: usize) -> [Lanes<T>; 3] {
        let [cos, sin, log_weight] = self.0[index];
        [Lanes::splat(cos), Lanes::splat(sin), Lanes::splat(log_weight)]
    }
}

/// Centres of the trajectories of a tile, each with those of its own display.
#[derive(Debug)]
pub(crate) struct TileTargets<T> {
    levels: Vec<TileCentres<T>>,
    /// The grids there are; that which needs the finest level for a τ tells it for all.
    grids: Vec<Grid>,
    radius: f64,
    spread: f64,
}

/// One level of [`TileTargets`].
#[derive(Debug)]
struct TileCentres<T> {
    count: usize,
    /// cos, sin, ln weight: `[centre][trajectory]`.
    rows: [Vec<Lanes<T>>; 3],
}

impl<T: Real> TileTargets<T> {
    /// For lanes whose displays have these targets of one behaviour model.
    pub(crate) fn new<'a>(targets: impl Fn(usize) -> &'a RingTarget) -> Self {
        let mut grids: Vec<Grid> = Vec::new();
        for lane in 0..TILE {
            let grid = targets(lane).grid;
            if !grids.contains(&grid) {
                grids.push(grid);
            }
        }
        let count = grids.iter().map(|grid| grid.levels).max().unwrap_or(1);
        // A target without an emission is exact on its only level.
        let levels = (0..count).map(|k| {
            TileCentres::new(|lane| {
                let levels = &targets(lane).levels;
                &levels[k.min(levels.len() - 1)]
            })
        });
        let RingTarget { radius, spread, .. } = *targets(0);
        Self { levels: levels.collect(), grids, radius, spread }
    }

    /// E[x₀ | x_τ] of every trajectory; `x` and `clean` are `[axis][trajectory]`.
    pub(crate) fn expected_clean(
        &self,
        isa: Isa,
        schedule: &Schedule,
        tau: usize,
        x: &[Lanes<T>],
        clean: &mut [Lanes<T>],
    ) {
        let constants = PosteriorConstants::new(schedule, tau, self.spread);
        let thinned = self.grids.iter().filter(|grid| grid.levels > 1);
        let level = thinned.map(|grid| grid.level(&constants, self.radius)).min().unwrap_or(0);
        isa.run(constants.centre(&self.levels[level], self.radius, x, clean));
        let gain = T::from_f64(constants.gain);
        let share = T::from_f64(1.0 - constants.gain * constants.scale);
        for (clean, x) in clean.iter_mut().zip(x) {
            *clean = clean.zip(*x, |centre, x| share * centre + gain * x);
        }
    }
}

impl<T: Real> TileCentres<T> {
    fn new<'a>(centres: impl Fn(usize) -> &'a Vec<[f64; 3]>) -> Self {
        let count = (0..TILE).map(|lane| centres(lane).len()).max().unwrap_or(0);
        let mut rows = std::array::from_fn(|_| zeros(count));
        for lane in 0..TILE {
            for centre in 0..count {
                // Lanes with fewer centres are filled up with ones of no weight.
                let values = match centres(lane).get(centre) {
                    Some([cos, sin, weight]) => [*cos, *sin, weight.ln()],
                    None => [1.0, 0.0, -1e30],
                };
                for (row, value) in rows.iter_mut().zip(values) {
                    *lane_mut(row, centre, lane) = T::from_f64(value);
                }
            }
        }
        Self { count, rows }
    }
}

impl<T: Real> Centres<T> for TileCentres<T> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    fn at(&self, index: usize, vector: usize) -> [Lanes<T>; 3] {
        let at = index * VECTORS + vector;
        [self.rows[0][at], self.rows[1][at], self.rows[2][at]]
    }
}

/// E[centre | x] for a tile of points x, `[axis][point]`.
pub(crate) struct PosteriorCentre<'a, T, C> {
    centres: &'a C,
    radius: T,
    /// R√ᾱ/v: how strongly a centre's direction is weighed.
    sharpness: T,
    x: &'a [Lanes<T>],
    mean: &'a mut [Lanes<T>],
}

impl PosteriorConstants {
    pub(crate) fn centre<'a, T: Real, C: Centres<T>>(
        &self,
        centres: &'a C,
        radius: f64,
        x: &'a [Lanes<T>],
        mean: &'a mut [Lanes<T>],
    ) -> PosteriorCentre<'a, T, C> {
        let sharpness = T::from_f64(radius * self.scale / self.variance);
        PosteriorCentre { centres, radius: T::from_f64(radius), sharpness, x, mean }
    }
}

impl<T: Real, C: Centres<T>> Kernel for PosteriorCentre<'_, T, C> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        for v in 0..VECTORS {
            let x = [self.x[v].map(|x| x * self.sharpness), self.x[VECTORS + v].map(|x| x * self.sharpness)];
            let logit = |[cos, sin, log_weight]: [Lanes<T>; 3]| {
                log_weight.add_product::<S>(cos, x[0]).add_product::<S>(sin, x[1])
            };
            let mut largest = logit(self.centres.at(0, v));
            for centre in 1..self.centres.count() {
                largest = largest.zip(logit(self.centres.at(centre, v)), |a, b| if a > b { a } else { b });
            }
            let (mut total, mut sums) = (Lanes::ZERO, [Lanes::ZERO; 2]);
            for centre in 0..self.centres.count() {
                let at = self.centres.at(centre, v);
                let p = logit(at).zip(largest, |l, m| (l - m).exp_negative::<S>());
                total = total.zip(p, |a, b| a + b);
                sums[0] = sums[0].add_product::<S>(at[0], p);
                sums[1] = sums[1].add_product::<S>(at[1], p);
            }
            for axis in 0..2 {
                self.mean[axis * VECTORS + v] = sums[axis].zip(total, |s, t| self.radius * s / t);
            }
        }
    }
}

/// Draws from the oracle sampler: the free-running reverse diffusion with the exact posterior mean, which is
/// what a perfect network would produce. `replicate` tells independent oracles of one seed apart.
#[must_use]
pub fn sample_oracle(
    schedule: &Schedule,
    target: &dyn ResponseModel,
    (radius, spread): (f64, f64),
    displays: &[Display],
    samples: usize,
    (seed, replicate): (u64, u64),
) -> Responses {
    let isa = Isa::detect();
    let points = displays
        .par_iter()
        .enumerate()
        .flat_map_iter(|(index, display)| {
            let target = RingTarget::new(target, display, radius, spread);
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
        let c = PosteriorConstants::new(schedule, tau, target.spread);
        isa.run(c.centre(&centres[target.level(schedule, tau)], target.radius, &x, &mut mean));
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
    use approx::assert_relative_eq;
    use errare_behaviour::{DisplayGenerator, Emission, SwapFunction};
    use errare_core::random::stream;
    use errare_core::von_mises::VonMises;

    use super::*;
    use crate::schedule::ReverseVariance;

    const RING: (f64, f64) = (2.5, 0.125);

    fn schedule() -> Schedule {
        Schedule::new(40, [0.01, 0.30], 0.1).unwrap()
    }

    /// Swap rate, and spread about the nearer item in each dimension, of 40,000 responses of an oracle.
    fn oracle_statistics(schedule: &Schedule, swap_probability: f64) -> (f64, f64) {
        let generator = DisplayGenerator::standard(2).unwrap();
        let displays: Vec<_> =
            (0..400).map(|i| generator.draw(&mut stream(4, Purpose::Displays, &[i]))).collect();
        let swap = SwapFunction::Flat { swap_probability };
        let oracle = sample_oracle(schedule, &swap, RING, &displays, 100, (9, 0));
        let (mut swaps, mut squares) = (0.0, 0.0);
        for (index, point) in oracle.points.iter().enumerate() {
            let display = &displays[index / 100];
            let [target, distractor] = [0, 1].map(|item| {
                let (sin, cos) = display.report[item].sin_cos();
                let [dx, dy] = [f64::from(point[0]) - RING.0 * cos, f64::from(point[1]) - RING.0 * sin];
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
        let corrected = schedule().with_reverse_variance(ReverseVariance::Posterior, RING.1);
        for nominal in [0.30, 0.05] {
            let (published, _) = oracle_statistics(&schedule(), nominal);
            let (swaps, sd) = oracle_statistics(&corrected, nominal);
            assert!((sd - RING.1).abs() < 0.002, "sd {sd}");
            // Which item is chosen is decided where the noise is large already: the deficit of swaps stays.
            assert!((swaps - published).abs() < 0.005, "{swaps}, published {published}");
        }
    }

    #[test]
    fn expected_clean_responses_are_those_of_bayes() {
        // Neighbouring lanes answer displays with one and two centres; grids are thinned at large τ, but no
        // expectation may tell.
        #[derive(Debug)]
        struct Guessing(VonMises);
        impl ResponseModel for Guessing {
            fn weights(&self, _: &Display) -> Vec<f64> {
                vec![0.2, 0.7, 0.1]
            }
            fn emission(&self, _: &Display) -> Option<&dyn Emission> {
                Some(&self.0)
            }
        }
        let [guessing, narrow, narrower] = [9.0, 24.0, 400.0].map(|k| Guessing(VonMises::new(k).unwrap()));
        let distance = SwapFunction::Distance { width: 1.5, offset: -1.0 };
        expectations_are_those_of_bayes([&SwapFunction::None, &distance], 1e-9);
        for models in [[&guessing, &guessing], [&narrow, &narrow], [&guessing, &narrower]] {
            expectations_are_those_of_bayes(models.map(|model| model as &dyn ResponseModel), 4e-7);
        }
        expectations_are_those_of_bayes([&SwapFunction::None, &narrower], 4e-7);
    }

    #[test]
    fn an_emission_far_narrower_than_the_spread_counts_as_exact() {
        #[derive(Debug)]
        struct Answers(Option<VonMises>);
        impl ResponseModel for Answers {
            fn weights(&self, _: &Display) -> Vec<f64> {
                vec![0.1, 0.7, 0.2]
            }
            fn emission(&self, _: &Display) -> Option<&dyn Emission> {
                self.0.as_ref().map(|emission| emission as &dyn Emission)
            }
        }
        let display = DisplayGenerator::standard(2).unwrap().draw(&mut stream(5, Purpose::Displays, &[0]));
        let target = |kappa: Option<f64>| {
            let model = Answers(kappa.map(|kappa| VonMises::new(kappa).unwrap()));
            RingTarget::new(&model, &display, RING.0, RING.1)
        };
        assert_eq!(target(Some(1e9)), target(None));
        // The narrowest that is resolved still has the moments of an exact one.
        let (resolved, exact) = (target(Some(4e5)), target(None));
        assert!(resolved.levels[0].len() > 3000);
        for (a, b) in resolved.moments().0.iter().zip(exact.moments().0) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    fn expectations_are_those_of_bayes(models: [&dyn ResponseModel; 2], tolerance: f64) {
        let generator = DisplayGenerator::standard(2).unwrap();
        let display = generator.draw(&mut stream(5, Purpose::Displays, &[0]));
        let rings = models.map(|model| RingTarget::new(model, &display, RING.0, RING.1));
        let targets = TileTargets::<f64>::new(|lane| &rings[lane % 2]);
        let schedule = schedule();
        let mut x: Vec<Lanes<f64>> = zeros(2);
        for lane in 0..TILE {
            *lane_mut(&mut x, 0, lane) = (lane as f64 * 0.37).sin() * 3.0;
            *lane_mut(&mut x, 1, lane) = (lane as f64 * 0.91).cos() * 3.0;
        }
        for tau in [1, 4, 7, 12, 25, 40] {
            let mut clean = zeros(2);
            targets.expected_clean(Isa::detect(), &schedule, tau, &x, &mut clean);
            let alpha_bar = schedule.alpha_bar[tau];
            let variance = alpha_bar * RING.1 * RING.1 + 1.0 - alpha_bar;
            for t in 0..TILE {
                let at = [lane(&x, 0, t), lane(&x, 1, t)];
                let ring = &rings[t % 2];
                let (mut total, mut sums) = (0.0, [0.0; 2]);
                let squared = |c: &[f64; 3]| -> f64 {
                    (0..2).map(|a| (at[a] - alpha_bar.sqrt() * RING.0 * c[a]).powi(2)).sum()
                };
                let nearest = ring.levels[0].iter().map(squared).fold(f64::INFINITY, f64::min);
                for centre in &ring.levels[0] {
                    let p = centre[2] * (-0.5 * (squared(centre) - nearest) / variance).exp();
                    total += p;
                    for axis in 0..2 {
                        let mean = RING.0 * centre[axis];
                        let gain = alpha_bar.sqrt() * RING.1 * RING.1 / variance;
                        sums[axis] += p * (mean + gain * (at[axis] - alpha_bar.sqrt() * mean));
                    }
                }
                for axis in 0..2 {
                    assert_relative_eq!(
                        lane(&clean, axis, t),
                        sums[axis] / total,
                        epsilon = tolerance,
                        max_relative = tolerance
                    );
                }
            }
        }
    }
}
