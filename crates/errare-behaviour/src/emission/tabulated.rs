//! A symmetric density known by its logarithm on a grid, for emissions without a closed form.
//!
//! The nodes are dense near 0 and sparse far away (e = w sinh(L t) at uniform t), so that one grid serves spreads
//! from a thousandth of a radian to the whole circle: cubic interpolation of the log density is good to
//! 10⁻⁷ (1 + κe²) for an emission of concentration κ. Stands between a density and its use as an [`Emission`], and gives
//! the fits of the parametric models one table for all responses.

use std::f64::consts::PI;
use std::sync::LazyLock;

use errare_core::angle::wrap;
use errare_core::random::Stream;
use rand::RngExt;

use crate::Emission;

/// Intervals on [0, π]; a multiple of 8 for the extrapolated integral.
const INTERVALS: usize = 768;
/// Below this deviation (radians) the nodes are about equally spaced.
const FINE: f64 = 0.003;

static LENGTH: LazyLock<f64> = LazyLock::new(|| (PI / FINE).asinh());
static NODES: LazyLock<Vec<f64>> = LazyLock::new(|| {
    (0..=INTERVALS).map(|i| (FINE * (i as f64 / INTERVALS as f64 * *LENGTH).sinh()).min(PI)).collect()
});

/// Where a deviation lies on the grid: the first of four nodes, and the place relative to the second of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Position {
    first: u16,
    offset: f64,
}

impl Position {
    /// The position of a deviation (radians in [−π, π]).
    pub(crate) fn of(deviation: f64) -> Self {
        let place = (deviation.abs() / FINE).asinh() * (INTERVALS as f64 / *LENGTH);
        let first = (place as usize).clamp(1, INTERVALS - 2) - 1;
        Self { first: first as u16, offset: place - (first + 1) as f64 }
    }

    /// Cubic interpolation of values at the nodes.
    #[inline]
    pub(crate) fn interpolate(self, values: &[f64]) -> f64 {
        let u = self.offset;
        let v = &values[usize::from(self.first)..usize::from(self.first) + 4];
        let (below, above, far) = (u + 1.0, u - 1.0, u - 2.0);
        (v[3] * below * u * above - v[0] * u * above * far) / 6.0
            + 0.5 * (v[1] * below * above * far - v[2] * below * u * far)
    }
}

/// The nodes (radians), from 0 to π.
pub(crate) fn nodes() -> &'static [f64] {
    &NODES
}

/// A density by its logarithm at the nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tabulated {
    log_density: Vec<f64>,
    /// P(|e| ≤ node).
    cumulative: Vec<f64>,
}

impl Tabulated {
    /// The distribution whose log density is `log_weight` (finite on [0, π]) but for a constant.
    pub(crate) fn new(log_weight: impl Fn(f64) -> f64) -> Self {
        let mut log_density: Vec<f64> = nodes().iter().map(|&node| log_weight(node)).collect();
        let peak = log_density.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = log_density.iter().map(|value| (value - peak).exp()).collect();
        let total = 2.0 * integral(&weights);
        log_density.iter_mut().for_each(|value| *value -= peak + total.ln());
        let mut cumulative = vec![0.0];
        for i in 0..INTERVALS {
            let step = 0.5 * (weights[i] * slope(i) + weights[i + 1] * slope(i + 1));
            cumulative.push(cumulative[i] + step);
        }
        let whole = cumulative[INTERVALS];
        cumulative.iter_mut().for_each(|value| *value /= whole);
        Self { log_density, cumulative }
    }
}

/// de/dt at a node, with t in intervals.
fn slope(node: usize) -> f64 {
    NODES[node].hypot(FINE) * *LENGTH / INTERVALS as f64
}

/// ∫₀^π of values at the nodes: trapezoids of four widths, extrapolated to width 0 (Romberg).
fn integral(values: &[f64]) -> f64 {
    let mut row: Vec<f64> = [8, 4, 2, 1]
        .iter()
        .map(|&step| {
            let ends = 0.5 * (values[0] * slope(0) + values[INTERVALS] * slope(INTERVALS));
            let inner: f64 = (step..INTERVALS).step_by(step).map(|i| values[i] * slope(i)).sum();
            step as f64 * (ends + inner)
        })
        .collect();
    for order in 1..row.len() {
        let factor = 4f64.powi(order as i32);
        for i in (order..row.len()).rev() {
            row[i] = (factor * row[i] - row[i - 1]) / (factor - 1.0);
        }
    }
    row[3]
}

impl Emission for Tabulated {
    fn log_density(&self, deviation: f64) -> f64 {
        Position::of(deviation).interpolate(&self.log_density)
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        let u: f64 = stream.random();
        let above = self.cumulative.partition_point(|&value| value <= u).clamp(1, INTERVALS);
        let (low, high) = (self.cumulative[above - 1], self.cumulative[above]);
        let part = if high > low { (u - low) / (high - low) } else { 0.5 };
        let t = ((above - 1) as f64 + part) / INTERVALS as f64;
        let size = FINE * (t * *LENGTH).sinh();
        wrap(if stream.random() { size } else { -size })
    }

    fn standard_deviation(&self) -> f64 {
        // 1 − cos e without cancellation at small deviations.
        let loss: Vec<f64> = nodes()
            .iter()
            .zip(&self.log_density)
            .map(|(node, log)| 2.0 * (0.5 * node).sin().powi(2) * log.exp())
            .collect();
        (-2.0 * (-2.0 * integral(&loss)).max(-1.0).ln_1p()).sqrt()
    }

    fn resolution(&self) -> f64 {
        // A normal density has fallen to e^{−1/32} at a quarter of its standard deviation, a cusp much earlier. A quarter
        // finer than that, for peaks in between.
        let fallen = |&log: &f64| log < self.log_density[0] - 1.0 / 32.0;
        self.log_density.iter().position(fallen).map_or(f64::INFINITY, |node| 3.0 * nodes()[node])
    }
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;

    use super::*;

    #[test]
    fn a_von_mises_distribution_is_reproduced_at_every_width() {
        for kappa in [0.0, 0.3, 8.0, 400.0, 1e6] {
            let exact = VonMises::new(kappa).unwrap();
            let table = Tabulated::new(|e| kappa * (e.cos() - 1.0));
            for i in 0..=1000 {
                let e = 10f64.powf(-5.0 + 5.497 * f64::from(i) / 1000.0).min(PI);
                let (a, b) = (table.log_density(-e), exact.log_density(e));
                assert!((a - b).abs() < 1e-7 * (1.0 + kappa * e * e), "{kappa} {e}: {a} {b}");
            }
            let (a, b) = (table.standard_deviation(), exact.standard_deviation());
            assert!((a - b).abs() < 1e-6 * b || (kappa == 0.0 && a > 5.0), "{a} {b}");
        }
    }

    #[test]
    fn samples_have_the_moments_of_the_density() {
        let table = Tabulated::new(|e| 8.0 * (e.cos() - 1.0));
        let draws = 40_000;
        let (mut cosine, mut sine) = (0.0, 0.0);
        for i in 0..draws {
            let e = table.sample(&mut stream(1, Purpose::Surrogate, &[i]));
            cosine += e.cos() / draws as f64;
            sine += e.sin() / draws as f64;
        }
        assert!((cosine - errare_core::special::bessel_ratio(8.0)).abs() < 0.002, "{cosine}");
        assert!(sine.abs() < 0.008, "{sine}");
    }
}
