//! Densities of responses under each source, and what weights of the sources make of them.

use std::f64::consts::TAU;

use errare_core::special::log_i0e;
use errare_network::Responses;
use rayon::prelude::*;

use super::target::MixtureTarget;

/// EM stops when no rate moves more than this.
pub(super) const TOLERANCE: f64 = 1e-8;
pub(super) const MAX_ITERATIONS: usize = 2000;

/// Densities of every response under every source: what a mixture's weights act on.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) samples: usize,
    /// Directions of the responses, display-major.
    directions: Vec<[f64; 2]>,
    /// Directions of the items, by display.
    pub(super) items: Vec<Vec<[f64; 2]>>,
    /// Whether responses to a display can be guesses; by display.
    guesses: Vec<bool>,
    /// Densities `[uniform, item 0, …]` of every response, relative to its largest; by display. The uniform one
    /// is 0 without guesses: it would dwarf those of all items in a response far from them, and the nearest
    /// item could not be told.
    densities: Vec<Vec<f32>>,
    /// Sum over responses of the logarithms of those largest densities, against the density at an item; by display.
    largest: Vec<f64>,
}

impl Evidence {
    /// Of responses that have angles.
    pub(super) fn new(
        responses: &Responses,
        target: &MixtureTarget,
        guesses: impl Fn(usize) -> bool,
    ) -> Self {
        let samples = responses.samples;
        let directions = responses.points.iter().map(|&[x, y]| {
            let (x, y) = (f64::from(x), f64::from(y));
            let radius = x.hypot(y);
            [x / radius, y / radius]
        });
        let direction = |&angle: &f64| [angle.cos(), angle.sin()];
        let mut evidence = Self {
            samples,
            directions: directions.collect(),
            items: responses.displays.iter().map(|d| d.report.iter().map(direction).collect()).collect(),
            guesses: (0..responses.displays.len()).map(guesses).collect(),
            densities: Vec::new(),
            largest: Vec::new(),
        };
        evidence.concentrate(|display| target.kappa(display));
        evidence
    }

    /// Evaluates the densities at the concentration of each display.
    pub(super) fn concentrate(&mut self, kappa: impl Fn(usize) -> f64 + Sync) {
        (self.densities, self.largest) = (0..self.items.len())
            .into_par_iter()
            .map(|display| {
                let items = &self.items[display];
                let kappa = kappa(display);
                // Against the log density at an item, −ln(2π I₀e(κ)).
                let uniform = if self.guesses[display] { log_i0e(kappa) } else { f64::NEG_INFINITY };
                let mut densities = Vec::with_capacity(self.samples * (items.len() + 1));
                let mut sum = 0.0;
                for response in self.of(display) {
                    let log = |item: &[f64; 2]| kappa * (cosine(response, item) - 1.0);
                    let largest = items.iter().map(log).fold(uniform, f64::max);
                    sum += largest;
                    densities.push((uniform - largest).exp() as f32);
                    densities.extend(items.iter().map(|item| (log(item) - largest).exp() as f32));
                }
                (densities, sum)
            })
            .unzip();
    }

    /// Log-likelihood (nats) of the responses to a display at these weights `[uniform, item 0, …]` and the
    /// concentration at which the densities were evaluated.
    pub(super) fn log_likelihood(&self, display: usize, weights: &[f64], kappa: f64) -> f64 {
        let at_item = -(TAU.ln() + log_i0e(kappa));
        let relative = self.densities[display].chunks_exact(weights.len()).map(|densities| {
            let weighted =
                weights.iter().zip(densities).map(|(weight, &density)| weight * f64::from(density));
            weighted.sum::<f64>().ln()
        });
        self.largest[display] + at_item * self.samples as f64 + relative.sum::<f64>()
    }

    pub(super) fn of(&self, display: usize) -> &[[f64; 2]] {
        &self.directions[display * self.samples..(display + 1) * self.samples]
    }

    /// Hands the responsibilities `[uniform, item 0, …]` of every response to a display to `visit`.
    pub(super) fn responsibilities(
        &self,
        display: usize,
        weights: &[f64],
        mut visit: impl FnMut(usize, &[f64]),
    ) {
        let mut shares = vec![0.0; weights.len()];
        for (sample, densities) in self.densities[display].chunks_exact(weights.len()).enumerate() {
            let mut total = 0.0;
            for ((share, weight), &density) in shares.iter_mut().zip(weights).zip(densities) {
                *share = weight * f64::from(density);
                total += *share;
            }
            if total > 0.0 {
                let scale = 1.0 / total;
                shares.iter_mut().for_each(|share| *share *= scale);
            } else {
                // The source nearest to it has lost its weight, and no other has a density that is a number.
                shares.copy_from_slice(weights);
            }
            visit(sample, &shares);
        }
    }

    /// The weights `[uniform, item 0, …]` that fit one display's responses best, the uniform one held fixed.
    pub(super) fn weights_of_display(&self, display: usize, uniform: f64) -> Vec<f64> {
        let items = self.items[display].len();
        let mut weights = vec![(1.0 - uniform) / items as f64; items + 1];
        weights[0] = uniform;
        for _ in 0..MAX_ITERATIONS {
            let mut masses = vec![0.0; items + 1];
            self.responsibilities(display, &weights, |_, shares| {
                masses.iter_mut().zip(shares).for_each(|(mass, share)| *mass += share);
            });
            let chosen: f64 = masses[1..].iter().sum();
            if chosen <= 0.0 {
                break;
            }
            let mut moved = 0.0f64;
            for (weight, mass) in weights.iter_mut().zip(&masses).skip(1) {
                let next = (1.0 - uniform) * mass / chosen;
                moved = moved.max((next - *weight).abs());
                *weight = next;
            }
            if moved < TOLERANCE {
                break;
            }
        }
        weights
    }
}

/// cos of the angle between two directions.
pub(super) fn cosine(a: &[f64; 2], b: &[f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}
