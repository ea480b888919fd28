//! The density of clean responses: a mixture of isotropic Gaussians with centres on the ring.
//!
//! The centres are the items themselves where the model reports them exactly, otherwise a fine grid of angles weighted
//! by the model's density (a trapezoid rule, whose error is far below f32 where the grid resolves the emission; each
//! item's mass is exact on any).

use std::f64::consts::TAU;

use errare_behaviour::{Display, ResponseModel};
use errare_core::angle::difference;

use super::Ring;
use super::constants::PosteriorConstants;
use crate::schedule::Schedule;

/// The distribution of clean responses to one display.
#[derive(Debug, Clone, PartialEq)]
pub struct RingTarget {
    /// (cos, sin, weight) of each centre; weights sum to 1. Each level after the first is the grid of the one
    /// before, thinned by half.
    pub(super) levels: Vec<Vec<[f64; 3]>>,
    pub(super) grid: Grid,
    pub(crate) ring: Ring,
}

/// How fine the levels of a target are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    pub(super) levels: usize,
    /// Spacing (radians) of the first level.
    spacing: f64,
    /// Resolution (radians) of the emission, its standard deviation if it is normal; infinite without one.
    emission_resolution: f64,
}

/// Times that a grid is thinned by half for noisier responses.
const THINNINGS: usize = 3;
/// An emission narrower than this share of the spread's angle s₀/R counts as exact: it would add a thousandth to the
/// variance, and a grid that resolves it costs in proportion to its precision.
const EXACT_EMISSION: f64 = 1.0 / 32.0;
/// No finer grid than this, which resolves peaks of .0008 rad.
const MOST_NODES: usize = 8192;

impl RingTarget {
    /// The target of a behaviour model for one display.
    #[must_use]
    pub fn new(model: &dyn ResponseModel, display: &Display, ring: Ring) -> Self {
        let spread_angle = ring.spread / ring.radius;
        let weights = model.weights(display);
        let emission = model
            .emission(display)
            .filter(|emission| emission.standard_deviation() > EXACT_EMISSION * spread_angle);
        let emission_resolution = emission.map_or(f64::INFINITY, errare_behaviour::Emission::resolution);
        let coarsest = 1 << THINNINGS;
        let nodes = (TAU / product_width(emission_resolution, spread_angle)).ceil() as usize;
        let nodes = nodes.min(MOST_NODES).next_multiple_of(coarsest);
        let angle = |node: usize| TAU * node as f64 / nodes as f64;
        // Of each item, at every node.
        let densities: Vec<Vec<f64>> = emission.map_or_else(Vec::new, |emission| {
            let at = |report, node| emission.log_density(difference(angle(node), report)).exp();
            display.report.iter().map(|&report| (0..nodes).map(|node| at(report, node)).collect()).collect()
        });
        let grid_of = |thinning: usize| -> Vec<[f64; 3]> {
            let step = 1 << thinning;
            let shares: Vec<(f64, &Vec<f64>)> = weights[1..]
                .iter()
                .zip(&densities)
                .map(|(weight, density)| {
                    // A level that is too coarse for its item is not used.
                    let total: f64 = density.iter().step_by(step).sum();
                    (weight / total.max(f64::MIN_POSITIVE), density)
                })
                .collect();
            let guess = weights[0] / (nodes / step) as f64;
            let weight = |node: usize| guess + shares.iter().map(|(share, p)| share * p[node]).sum::<f64>();
            (0..nodes)
                .step_by(step)
                .map(|node| [angle(node).cos(), angle(node).sin(), weight(node)])
                .collect()
        };
        let mut levels: Vec<Vec<[f64; 3]>> = if emission.is_some() {
            (0..=THINNINGS).map(grid_of).collect()
        } else {
            let mut centres = if weights[0] > 0.0 { grid_of(0) } else { Vec::new() };
            let items = display.report.iter().zip(&weights[1..]);
            centres.extend(items.map(|(&report, &weight)| [report.cos(), report.sin(), weight]));
            vec![centres]
        };
        for level in &mut levels {
            level.retain(|centre| centre[2] > 1e-12);
        }
        let grid = Grid { levels: levels.len(), spacing: TAU / nodes as f64, emission_resolution };
        Self { levels, grid, ring }
    }

    /// The coarsest level that is fine enough for x_τ.
    pub(crate) fn level(&self, schedule: &Schedule, tau: usize) -> usize {
        self.grid.level(&PosteriorConstants::new(schedule, tau, self.ring.spread), self.ring.radius)
    }

    /// Mean and covariance trace of the clean response: what a task-optimal network can and cannot know.
    #[must_use]
    pub fn moments(&self) -> ([f64; 2], f64) {
        let Ring { radius, spread } = self.ring;
        let mut mean = [0.0; 2];
        for [cos, sin, weight] in &self.levels[0] {
            mean[0] += radius * weight * cos;
            mean[1] += radius * weight * sin;
        }
        let between = radius * radius - mean[0] * mean[0] - mean[1] * mean[1];
        (mean, between + 2.0 * spread * spread)
    }
}

impl Grid {
    /// The coarsest level that is fine enough for the product of the emission and the noise, whose angular width is taken
    /// as it is seen from three standard deviations outside the ring.
    pub(super) fn level(&self, constants: &PosteriorConstants, radius: f64) -> usize {
        let ring = constants.scale * radius;
        let outside = ring + 3.0 * constants.variance.sqrt();
        let noise_sd = (constants.variance / (ring * outside)).sqrt();
        let coarser =
            (product_width(self.emission_resolution, noise_sd) / self.spacing).log2().floor().max(0.0);
        (coarser as usize).min(self.levels - 1)
    }
}

/// Width of the product of two densities with these standard deviations. At a spacing as large as that the trapezoid rule
/// errs by less than f32 does.
fn product_width(a: f64, b: f64) -> f64 {
    (a.powi(-2) + b.powi(-2)).sqrt().recip()
}

#[cfg(test)]
mod tests {
    use errare_behaviour::{DisplayGenerator, Emission};
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;

    use super::*;

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
            RingTarget::new(&model, &display, Ring::default())
        };
        assert_eq!(target(Some(1e9)), target(None));
        // The narrowest that is resolved still has the moments of an exact one.
        let (resolved, exact) = (target(Some(4e5)), target(None));
        assert!(resolved.levels[0].len() > 3000);
        for (a, b) in resolved.moments().0.iter().zip(exact.moments().0) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
