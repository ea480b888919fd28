//! What alignment chance would give: rings rotated at random, and random directions.

use errare_core::random::{Purpose, stream};
use nalgebra::DMatrix;
use rand::RngExt;

use super::measures::{Alignment, MEASURES};
use super::slot::Slot;
use crate::interval::{central, mean};

/// A rotation or reflection drawn uniformly (Haar) from O(n): QR of a Gaussian matrix with the signs of R's
/// diagonal (Mezzadri 2007). Draw `index` of a seed is the same matrix at every call.
#[must_use]
pub fn haar_rotation(dimensions: usize, seed: u64, index: u64) -> DMatrix<f64> {
    let mut stream = stream(seed, Purpose::Null, &[dimensions as u64, index]);
    let gaussian = DMatrix::from_fn(dimensions, dimensions, |_, _| {
        // Box & Muller (1958).
        let (u, v): (f64, f64) = (1.0 - stream.random::<f64>(), stream.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    });
    let qr = gaussian.qr();
    let (mut q, r) = (qr.q(), qr.r());
    for column in 0..dimensions {
        if r[(column, column)] < 0.0 {
            q.column_mut(column).neg_mut();
        }
    }
    q
}

/// Distribution of a measure under the null hypothesis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NullInterval {
    pub(crate) mean: f64,
    pub(crate) interval: [f64; 2],
}

/// Null distribution of every measure: the second ring, with all its trials, is turned about its centre by
/// each of the rotations. Sizes, noise and the offset between the rings stay as observed.
pub(crate) fn rotation_null(
    a: &Slot,
    b: &Slot,
    rotations: &[DMatrix<f64>],
) -> [NullInterval; MEASURES.len()] {
    let draws: Vec<[f64; MEASURES.len()]> =
        rotations.iter().map(|rotation| Alignment::of(a, &b.rotated(rotation)).values()).collect();
    std::array::from_fn(|measure| {
        let mut values: Vec<f64> = draws.iter().map(|draw| draw[measure]).collect();
        values.sort_by(f64::total_cmp);
        NullInterval { mean: mean(&values), interval: central(&values) }
    })
}

/// Distribution of |cos| between two random directions.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct NullCosine {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub median: f64,
    /// 95th percentile.
    pub q95: f64,
    /// 99th percentile.
    pub q99: f64,
}

/// |cos| between two independent uniform unit vectors in ℝⁿ, by quadrature of its density ∝ (1 − c²)^((n−3)/2).
///
/// # Panics
/// When `dimensions` is below 2.
#[must_use]
pub fn random_vector_cosine(dimensions: usize) -> NullCosine {
    assert!(dimensions >= 2, "a random direction needs at least two dimensions, not {dimensions}");
    // With c = sin t the density is cosⁿ⁻² t, which is smooth.
    let steps = 20_000;
    let width = std::f64::consts::FRAC_PI_2 / f64::from(steps);
    let (mut total, mut first) = (0.0, 0.0);
    let mut cumulative = Vec::with_capacity(steps as usize);
    for step in 0..steps {
        let t = (f64::from(step) + 0.5) * width;
        let density = t.cos().powi(dimensions as i32 - 2);
        total += density;
        first += density * t.sin();
        cumulative.push(total);
    }
    let at = |p: f64| {
        let index = cumulative.partition_point(|&sum| sum < p * total);
        ((index as f64 + 0.5) * width).sin()
    };
    NullCosine { mean: first / total, median: at(0.5), q95: at(0.95), q99: at(0.99) }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;
    use crate::interval::quantile;

    #[test]
    fn random_directions_have_the_published_cosines() {
        for (dimensions, mean, q95, q99) in
            [(16, 0.203, 0.48, 0.6), (14, 0.216, 0.51, 0.64), (12, 0.235, 0.56, 0.69)]
        {
            let null = random_vector_cosine(dimensions);
            assert_abs_diff_eq!(null.mean, mean, epsilon = 2e-3);
            assert_abs_diff_eq!(null.q95, q95, epsilon = 2e-2);
            assert_abs_diff_eq!(null.q99, q99, epsilon = 2e-2);
        }
        // In three dimensions |cos| is uniform.
        assert_abs_diff_eq!(random_vector_cosine(3).median, 0.5, epsilon = 1e-3);
    }

    #[test]
    fn haar_rotations_are_orthogonal_and_uniform() {
        let mut values = Vec::new();
        for index in 0..2000 {
            let rotation = haar_rotation(14, 3, index);
            if index < 5 {
                let error = (rotation.transpose() * &rotation - DMatrix::identity(14, 14)).norm();
                assert!(error < 1e-12);
            }
            values.push(rotation[(0, 0)]);
        }
        let magnitudes: Vec<f64> = values.iter().map(|v| v.abs()).collect();
        assert_abs_diff_eq!(mean(&magnitudes), 0.216, epsilon = 0.012);
        values.sort_by(f64::total_cmp);
        assert_abs_diff_eq!(quantile(&values, 0.5), 0.0, epsilon = 0.02);
    }
}
