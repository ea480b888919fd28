//! One slot at one step: its ring and the covariance of its trials, outside the behaviour plane.

use nalgebra::{DMatrix, DVector, Matrix3, Vector3};

use super::statistics::RingStatistics;
use crate::{Error, Result};

/// Tolerance of the read-out's orthonormality.
const ORTHONORMAL: f64 = 1e-3;
/// Standard deviation along a direction, relative to the largest, below which it is rounding.
const NO_VARIANCE: f64 = 1e-7;
/// Dimensions in which a plane has a normal.
const LEAST_DIMENSIONS: usize = 3;
/// Occupied colour bins that define a plane.
const LEAST_BINS: usize = 3;

/// An orthonormal basis (neurons × (neurons − 2)) of the complement of the behaviour plane, or all of state
/// space without a read-out.
pub(crate) fn null_space(neurons: usize, projector: Option<&[Vec<f64>]>) -> Result<DMatrix<f64>> {
    let rows = projector.unwrap_or_default();
    if neurons < rows.len() + LEAST_DIMENSIONS {
        return Err(Error::OutOfRange {
            name: "neurons",
            value: neurons as f64,
            expected: "at least 3 more than rows of the read-out",
        });
    }
    if rows.is_empty() {
        return Ok(DMatrix::identity(neurons, neurons));
    }
    for (i, a) in rows.iter().enumerate() {
        if a.len() != neurons {
            return Err(Error::SizeMismatch {
                what: "columns of the read-out and neurons",
                left: a.len(),
                right: neurons,
            });
        }
        for (j, b) in rows.iter().enumerate() {
            let value: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            if (value - f64::from(i == j)).abs() > ORTHONORMAL || value.is_nan() {
                return Err(Error::NotOrthonormal { row: i, column: j, value });
            }
        }
    }
    // The eigenvectors of I − WᵀW with eigenvalue 1.
    let mut projection = DMatrix::<f64>::identity(neurons, neurons);
    for row in rows {
        let row = DVector::from_column_slice(row);
        projection -= &row * row.transpose();
    }
    Ok(leading_eigenvectors(&projection, neurons - rows.len()))
}

/// Mean, covariance and ring of one slot.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Trials.
    pub(crate) count: f64,
    /// Mean state over all trials.
    pub(crate) mean: DVector<f64>,
    /// Covariance over all trials.
    pub(crate) covariance: DMatrix<f64>,
    /// Centre of the ring: mean of its bins.
    pub(crate) centre: DVector<f64>,
    /// Each bin's mean less the centre, over the root of the number of bins: a column each, so that this times its
    /// transpose is the covariance of the bins.
    pub(crate) ring: DMatrix<f64>,
    /// Two orthonormal columns spanning the ring's plane.
    pub(crate) plane: DMatrix<f64>,
}

impl Slot {
    /// From the sums of some folds, in the coordinates of `basis`.
    pub(crate) fn new(
        statistics: &RingStatistics,
        step: usize,
        slot: usize,
        basis: &DMatrix<f64>,
        folds: impl Fn(usize) -> bool + Copy,
    ) -> Result<Self> {
        let neurons = statistics.neurons();
        let sums = statistics.moment_sums(step, slot, folds);
        let count = sums[0].max(1.0);
        let mean = DVector::from_column_slice(&sums[1..=neurons]) / count;
        let mut second = DMatrix::zeros(neurons, neurons);
        let mut upper = sums[1 + neurons..].iter();
        for row in 0..neurons {
            for column in row..neurons {
                let value = upper.next().copied().unwrap_or_default() / count;
                second[(row, column)] = value;
                second[(column, row)] = value;
            }
        }
        let covariance = second - &mean * mean.transpose();
        let means: Vec<DVector<f64>> = (0..statistics.bins())
            .filter_map(|bin| {
                let sums = statistics.ring_sums(step, slot, bin, folds);
                (sums[0] > 0.0).then(|| basis.tr_mul(&(DVector::from_column_slice(&sums[3..]) / sums[0])))
            })
            .collect();
        if means.len() < LEAST_BINS {
            return Err(Error::TooFewBins { step, slot, bins: means.len(), needed: LEAST_BINS });
        }
        let dimensions = basis.ncols();
        let centre =
            means.iter().fold(DVector::zeros(dimensions), |sum, mean| sum + mean) / means.len() as f64;
        let mut ring = DMatrix::from_columns(&means);
        for mut bin in ring.column_iter_mut() {
            bin -= &centre;
        }
        ring /= (means.len() as f64).sqrt();
        Ok(Self {
            count: sums[0],
            mean: basis.tr_mul(&mean),
            covariance: basis.tr_mul(&covariance) * basis,
            plane: leading_directions(&ring, 2),
            centre,
            ring,
        })
    }

    /// Rotated about the centre of its ring.
    pub(crate) fn rotated(&self, rotation: &DMatrix<f64>) -> Self {
        Self {
            count: self.count,
            mean: &self.centre + rotation * (&self.mean - &self.centre),
            covariance: rotation * &self.covariance * rotation.transpose(),
            centre: self.centre.clone(),
            ring: rotation * &self.ring,
            plane: rotation * &self.plane,
        }
    }

    /// Unit normal of the ring's plane within the three-dimensional space spanned by the columns of `axes`.
    pub(crate) fn normal_within(&self, axes: &DMatrix<f64>) -> Vector3<f64> {
        let projected: DMatrix<f64> = axes.tr_mul(&self.ring);
        let covariance = &projected * projected.transpose();
        let eigen = Matrix3::from_iterator(covariance.iter().copied()).symmetric_eigen();
        eigen.eigenvectors.column(eigen.eigenvalues.imin()).into_owned()
    }
}

/// Covariance of the trials of both slots together.
pub(crate) fn pooled_covariance(a: &Slot, b: &Slot) -> DMatrix<f64> {
    let total = a.count + b.count;
    let (share_a, share_b) = (a.count / total, b.count / total);
    let between = &a.mean - &b.mean;
    &a.covariance * share_a + &b.covariance * share_b + &between * between.transpose() * (share_a * share_b)
}

/// The `count` directions along which `columns` vary most about 0, largest first: [`leading_eigenvectors`] of
/// `columns` × their transpose, by way of the smaller matrix of their inner products. One without variance is 0.
pub(crate) fn leading_directions(columns: &DMatrix<f64>, count: usize) -> DMatrix<f64> {
    let weights = leading_eigenvectors(&columns.tr_mul(columns), count);
    let mut directions = columns * weights;
    let most = directions.column(0).norm();
    for mut direction in directions.column_iter_mut() {
        let norm = direction.norm();
        direction *= if norm > NO_VARIANCE * most { norm.recip() } else { 0.0 };
    }
    directions
}

/// Eigenvectors of the `count` largest eigenvalues of a symmetric matrix, as columns, largest first.
pub(crate) fn leading_eigenvectors(matrix: &DMatrix<f64>, count: usize) -> DMatrix<f64> {
    let eigen = matrix.clone().symmetric_eigen();
    let mut order: Vec<usize> = (0..matrix.nrows()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    eigen.eigenvectors.select_columns(&order[..count])
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::random::{Purpose, stream};
    use rand::RngExt;

    use super::*;

    #[test]
    fn inner_products_give_the_same_directions_as_the_covariance() {
        let mut stream = stream(5, Purpose::Null, &[]);
        let columns =
            DMatrix::from_fn(14, 6, |_, column| stream.random_range(-1.0..1.0) / f64::from(1 << column));
        let directions = leading_directions(&columns, 3);
        let expected = leading_eigenvectors(&(&columns * columns.transpose()), 3);
        assert_abs_diff_eq!(directions.tr_mul(&directions), DMatrix::identity(3, 3), epsilon = 1e-12);
        assert_abs_diff_eq!(
            &directions * directions.transpose(),
            &expected * expected.transpose(),
            epsilon = 1e-12
        );
    }

    #[test]
    fn a_line_has_one_direction() {
        let columns = DMatrix::from_fn(5, 4, |row, column| row as f64 * (column as f64 - 1.5));
        let directions = leading_directions(&columns, 2);
        assert_abs_diff_eq!(directions.column(0).norm(), 1.0, epsilon = 1e-12);
        assert_eq!(directions.column(1).norm(), 0.0);
    }
}
