//! SOAP: Adam in the eigenbasis of Shampoo's preconditioner (Vyas et al. 2025, arXiv 2409.11321).
//!
//! For a matrix of weights with gradient G, running means of G Gᵀ and Gᵀ G are kept. In their eigenbases the
//! curvature is nearly diagonal, so that Adam's step for each coordinate comes close to Newton's.
//!
//! Transposes are written out before a product: nalgebra's `tr_mul` is a loop of dot products, not a gemm. Its QR works
//! column by column, so that of faer is used, which is four times as fast for 512.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply_householder,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Conj, Mat, MatMut, Par};
use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};

use super::optimiser::MomentUpdate;

/// Decay of the running means of G Gᵀ and Gᵀ G.
const DECAY: f32 = 0.95;
/// Steps between updates of the eigenbases.
const EVERY: u64 = 10;
/// A longer side keeps its own axes: its basis would cost more than it gains.
const LONGEST: usize = 1024;

/// One side of a matrix of weights.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    /// Running mean of G Gᵀ, `[side × side]`.
    mean: DMatrix<f32>,
    /// Its eigenvectors in columns, approached by orthogonal iteration.
    basis: DMatrix<f32>,
}

impl Side {
    fn new(length: usize) -> Option<Self> {
        let side = || Self { mean: DMatrix::zeros(length, length), basis: DMatrix::identity(length, length) };
        (length <= LONGEST).then(side)
    }

    fn accumulate(&mut self, product: &DMatrix<f32>) {
        self.mean.zip_apply(product, |mean, new| *mean = DECAY * *mean + (1.0 - DECAY) * new);
    }

    /// The eigenbasis on the first step; later one step of orthogonal iteration towards it. Returns which old axis
    /// each new one comes from.
    fn turn(&mut self, first: bool) -> Vec<usize> {
        let length = self.mean.nrows();
        if first {
            self.basis = self.mean.clone().symmetric_eigen().eigenvectors;
            return (0..length).collect();
        }
        let product = &self.mean * &self.basis;
        let along: Vec<f32> = (0..length).map(|k| self.basis.column(k).dot(&product.column(k))).collect();
        // QR keeps the leading axes best, so they come first.
        let mut order: Vec<usize> = (0..length).collect();
        order.sort_by(|&a, &b| along[b].total_cmp(&along[a]));
        self.basis = orthonormal(product.select_columns(&order));
        order
    }
}

/// The factor Q of a square matrix's QR decomposition. One thread, so that the bytes do not depend on how many there are.
fn orthonormal(mut matrix: DMatrix<f32>) -> DMatrix<f32> {
    let side = matrix.nrows();
    let block = recommended_block_size::<f32>(side, side);
    let mut coefficients = Mat::zeros(block, side);
    let factor_scratch = qr_in_place_scratch::<f32>(side, side, block, Par::Seq, Default::default());
    let mut scratch = MemBuffer::new(factor_scratch.or(apply_scratch::<f32>(side, block, side)));
    let stack = MemStack::new(&mut scratch);
    let mut basis = MatMut::from_column_major_slice_mut(matrix.as_mut_slice(), side, side);
    qr_in_place(basis.as_mut(), coefficients.as_mut(), Par::Seq, stack, Default::default());
    let mut q = DMatrix::identity(side, side);
    let out = MatMut::from_column_major_slice_mut(q.as_mut_slice(), side, side);
    apply_householder(basis.as_ref(), coefficients.as_ref(), Conj::No, out, Par::Seq, stack);
    q
}

/// The sides of one tensor, seen as the matrix \[last index × all others\] (nalgebra is column-major).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preconditioner {
    rows: usize,
    columns: usize,
    /// Of the last index.
    inner: Option<Side>,
    /// Of the other indices together.
    outer: Option<Side>,
}

impl Preconditioner {
    /// `None` for vectors, which keep their own axes.
    pub(crate) fn new(shape: &[usize]) -> Option<Self> {
        let (&rows, others) = shape.split_last()?;
        let columns = others.iter().product();
        let matrix = !others.is_empty();
        matrix.then(|| Self { rows, columns, inner: Side::new(rows), outer: Side::new(columns) })
    }

    /// The matrices that a checkpoint has to hold, by name.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = (&'static str, &DMatrix<f32>)> {
        let inner = self.inner.iter().flat_map(|s| [("inner.mean", &s.mean), ("inner.basis", &s.basis)]);
        let outer = self.outer.iter().flat_map(|s| [("outer.mean", &s.mean), ("outer.basis", &s.basis)]);
        inner.chain(outer)
    }

    /// The matrices of [`Self::buffers`] in the same order.
    pub(crate) fn buffers_mut(&mut self) -> impl Iterator<Item = &mut DMatrix<f32>> {
        let sides = self.inner.iter_mut().chain(&mut self.outer);
        sides.flat_map(|side| [&mut side.mean, &mut side.basis])
    }

    /// Direction of the update. `first` is the moment in the weights' own axes, `second` that in the eigenbasis.
    pub(crate) fn direction(
        &mut self,
        gradient: &[f32],
        first: &[f32],
        second: &mut [f32],
        moments: MomentUpdate,
        step: u64,
    ) -> Vec<f32> {
        let matrix = |values: &[f32]| DMatrixView::from_slice(values, self.rows, self.columns).into_owned();
        let (g, m) = (matrix(gradient), matrix(first));
        if let Some(side) = &mut self.inner {
            side.accumulate(&(&g * g.transpose()));
        }
        if let Some(side) = &mut self.outer {
            side.accumulate(&(g.transpose() * &g));
        }
        if step.is_multiple_of(EVERY) {
            self.turn(second, step == 0);
        }
        let g = self.rotated(g);
        let mut direction = self.rotated(m);
        for ((d, v), &g) in direction.iter_mut().zip(second).zip(g.iter()) {
            *d = moments.direction(*d, v, g);
        }
        self.rotated_back(direction).as_slice().to_vec()
    }

    /// Turns the bases, and lets the second moment follow its axes.
    fn turn(&mut self, second: &mut [f32], first: bool) {
        let mut v = DMatrixViewMut::from_slice(second, self.rows, self.columns);
        if let Some(side) = &mut self.inner {
            let order = side.turn(first);
            v.copy_from(&v.select_rows(&order));
        }
        if let Some(side) = &mut self.outer {
            let order = side.turn(first);
            v.copy_from(&v.select_columns(&order));
        }
    }

    fn rotated(&self, mut m: DMatrix<f32>) -> DMatrix<f32> {
        if let Some(side) = &self.inner {
            m = side.basis.transpose() * m;
        }
        if let Some(side) = &self.outer {
            m *= &side.basis;
        }
        m
    }

    fn rotated_back(&self, mut m: DMatrix<f32>) -> DMatrix<f32> {
        if let Some(side) = &self.inner {
            m = &side.basis * m;
        }
        if let Some(side) = &self.outer {
            m *= side.basis.transpose();
        }
        m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_iteration_finds_the_eigenbasis() {
        let scale = DMatrix::from_fn(5, 5, |i, j| ((3 * i + 7 * j + i * j) as f32).sin());
        let mean = &scale * scale.transpose();
        let mut side = Side { mean: mean.clone(), basis: DMatrix::identity(5, 5) };
        for _ in 0..400 {
            side.turn(false);
        }
        let orthogonal = side.basis.tr_mul(&side.basis) - DMatrix::identity(5, 5);
        assert!(orthogonal.amax() < 1e-5);
        let diagonal = side.basis.tr_mul(&(&mean * &side.basis));
        let off = diagonal.clone() - DMatrix::from_diagonal(&diagonal.diagonal());
        assert!(off.amax() < 1e-3 * diagonal.amax(), "{off}");
        side.turn(true);
        let exact = side.basis.tr_mul(&(&mean * &side.basis));
        assert!((exact.trace() - diagonal.trace()).abs() < 1e-3 * exact.trace());
    }

    #[test]
    fn long_sides_and_vectors_keep_their_axes() {
        assert!(Preconditioner::new(&[7]).is_none());
        let leaf = Preconditioner::new(&[16, 10, 10, 16]).unwrap();
        assert!(leaf.outer.is_none());
        assert_eq!(leaf.inner.unwrap().basis.nrows(), 16);
    }
}
