//! E[x₀ | x_τ], the exact posterior mean of the clean response, for one point or for the trajectories of a tile.

use super::Ring;
use super::constants::PosteriorConstants;
use super::target::{Grid, RingTarget};
use crate::kernel::{InstructionSet, Isa, Kernel, Lanes, Real, TILE, VECTORS, lane_mut, zeros};
use crate::schedule::Schedule;

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
    ring: Ring,
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
        let ring = targets(0).ring;
        Self { levels: levels.collect(), grids, ring }
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
        let constants = PosteriorConstants::new(schedule, tau, self.ring.spread);
        let thinned = self.grids.iter().filter(|grid| grid.levels > 1);
        let level = thinned.map(|grid| grid.level(&constants, self.ring.radius)).min().unwrap_or(0);
        isa.run(constants.centre(&self.levels[level], self.ring.radius, x, clean));
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

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;
    use std::sync::Arc;

    use approx::assert_relative_eq;
    use errare_behaviour::{
        Display, DisplayGenerator, Emission, EmissionParameters, ResponseModel, SwapFunction,
    };
    use errare_core::random::{Purpose, stream};

    use super::*;
    use crate::kernel::lane;

    #[test]
    fn expected_clean_responses_are_those_of_bayes() {
        // Neighbouring lanes answer displays with one and two centres; grids are thinned at large τ, but no
        // expectation may tell.
        #[derive(Debug)]
        struct Guessing(Arc<dyn Emission>);
        impl ResponseModel for Guessing {
            fn weights(&self, _: &Display) -> Vec<f64> {
                vec![0.2, 0.7, 0.1]
            }
            fn emission(&self, _: &Display) -> Option<&dyn Emission> {
                Some(&*self.0)
            }
        }
        let with = |parameters: EmissionParameters| Guessing(parameters.emission(2).unwrap());
        let [guessing, narrow, narrower] =
            [9.0, 24.0, 400.0].map(|kappa| with(EmissionParameters::VonMises { kappa }));
        let distance = SwapFunction::Distance { width: 1.5, offset: -1.0 };
        expectations_are_those_of_bayes([&SwapFunction::None, &distance], 1e-9);
        for models in [[&guessing, &guessing], [&narrow, &narrow], [&guessing, &narrower]] {
            expectations_are_those_of_bayes(models.map(|model| model as &dyn ResponseModel), 4e-7);
        }
        expectations_are_those_of_bayes([&SwapFunction::None, &narrower], 4e-7);
        // Peaks that are much finer than the standard deviation.
        let mixture =
            |lambda, kappa_1, kappa_2| EmissionParameters::VonMisesMixture { lambda, kappa_1, kappa_2 };
        let stable = |alpha, gamma| EmissionParameters::WrappedStable { alpha, gamma };
        let variable = EmissionParameters::VariablePrecision {
            mean_precision: 8.0,
            precision_scale: 6.0,
            precision_exponent: 0.0,
        };
        for (parameters, tolerance) in [
            (mixture(0.8, 100.0, 1.0), 4e-7),
            (mixture(0.7, 30.0, 2.0), 4e-7),
            (stable(1.0, 0.1), 4e-7),
            (stable(1.2, 0.15), 4e-7),
            (stable(1.9, 0.3), 4e-7),
            (variable, 4e-7),
            (EmissionParameters::AveragedSlots { capacity: 5.0, kappa: 6.0 }, 4e-7),
            (EmissionParameters::SignalDiscrimination { strength: 3.0, kappa: 8.0 }, 4e-7),
            // A cusp, which no equal spacing resolves as well.
            (EmissionParameters::Confusability { d_prime: 2.5, similarity_length: 0.4 }, 1e-3),
        ] {
            let model = with(parameters);
            expectations_are_those_of_bayes([&model, &model], tolerance);
        }
    }

    /// The model's density on a grid far finer than any of the target's, or the items.
    fn centres(model: &dyn ResponseModel, display: &Display) -> Vec<[f64; 3]> {
        let at = |angle: f64, weight| [angle.cos(), angle.sin(), weight];
        if model.emission(display).is_none() {
            let weights = model.weights(display);
            let items = display.report.iter().zip(&weights[1..]);
            return items.map(|(&report, &weight)| at(report, weight)).collect();
        }
        let nodes = 1 << 13;
        let angles = (0..nodes).map(|node| TAU * f64::from(node) / f64::from(nodes));
        angles.map(|angle| at(angle, model.density(display, angle).unwrap())).collect()
    }

    fn expectations_are_those_of_bayes(models: [&dyn ResponseModel; 2], tolerance: f64) {
        let generator = DisplayGenerator::standard(2).unwrap();
        let display = generator.draw(&mut stream(5, Purpose::Displays, &[0]));
        let rings = models.map(|model| RingTarget::new(model, &display, Ring::default()));
        let Ring { radius, spread } = Ring::default();
        let truths = models.map(|model| centres(model, &display));
        let targets = TileTargets::<f64>::new(|lane| &rings[lane % 2]);
        let schedule = Schedule::new(40, [0.01, 0.30], 0.1).unwrap();
        let mut x: Vec<Lanes<f64>> = zeros(2);
        for lane in 0..TILE {
            *lane_mut(&mut x, 0, lane) = (lane as f64 * 0.37).sin() * 3.0;
            *lane_mut(&mut x, 1, lane) = (lane as f64 * 0.91).cos() * 3.0;
        }
        for tau in [1, 4, 7, 12, 25, 40] {
            let mut clean = zeros(2);
            targets.expected_clean(Isa::detect(), &schedule, tau, &x, &mut clean);
            let alpha_bar = schedule.alpha_bar[tau];
            let variance = alpha_bar * spread * spread + 1.0 - alpha_bar;
            for t in 0..TILE {
                let at = [lane(&x, 0, t), lane(&x, 1, t)];
                let truth = &truths[t % 2];
                let (mut total, mut sums) = (0.0, [0.0; 2]);
                let squared = |c: &[f64; 3]| -> f64 {
                    (0..2).map(|a| (at[a] - alpha_bar.sqrt() * radius * c[a]).powi(2)).sum()
                };
                let nearest = truth.iter().map(squared).fold(f64::INFINITY, f64::min);
                for centre in truth {
                    let p = centre[2] * (-0.5 * (squared(centre) - nearest) / variance).exp();
                    total += p;
                    for axis in 0..2 {
                        let mean = radius * centre[axis];
                        let gain = alpha_bar.sqrt() * spread * spread / variance;
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
