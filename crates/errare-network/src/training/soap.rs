//! SOAP: Adam in the eigenbasis of Shampoo's preconditioner (Vyas et al. 2025, arXiv 2409.11321).
//!
//! For a matrix of weights with gradient G, running means of G Gᵀ and Gᵀ G are kept. In their eigenbases the
//! curvature is nearly diagonal, so that Adam's step for each coordinate comes close to Newton's.
//!
//! Matrices are column-major. faer is told to use one thread, so that the bytes do not depend on how many there are;
//! what may run side by side is what does not depend on each other.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply_householder,
};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as matmul_in_part};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par};

use super::moments::MomentUpdate;

/// Decay of the running means of G Gᵀ and Gᵀ G.
const DECAY: f32 = 0.95;
/// Steps between updates of the eigenbases.
const EVERY: u64 = 10;
/// A longer side keeps its own axes: its basis would cost more than it gains.
const LONGEST: usize = 1024;

/// One side of a matrix of weights.
#[derive(Debug, Clone, PartialEq)]
struct Side {
    length: usize,
    /// Running mean of G Gᵀ, `[side × side]`, its lower triangle.
    mean: Vec<f32>,
    /// Its eigenvectors in columns, approached by orthogonal iteration.
    basis: Vec<f32>,
}

impl Side {
    fn new(length: usize) -> Option<Self> {
        let side = || {
            let mut basis = vec![0.0; length * length];
            basis.iter_mut().step_by(length + 1).for_each(|diagonal| *diagonal = 1.0);
            Self { length, mean: vec![0.0; length * length], basis }
        };
        (length <= LONGEST).then(side)
    }

    fn basis(&self) -> MatRef<'_, f32> {
        MatRef::from_column_major_slice(&self.basis, self.length, self.length)
    }

    /// Lets the running mean follow G Gᵀ.
    fn accumulate(&mut self, gradient: MatRef<'_, f32>) {
        self.mean.iter_mut().for_each(|mean| *mean *= DECAY);
        matmul_in_part(
            MatMut::from_column_major_slice_mut(&mut self.mean, self.length, self.length),
            BlockStructure::TriangularLower,
            Accum::Add,
            gradient,
            BlockStructure::Rectangular,
            gradient.transpose(),
            BlockStructure::Rectangular,
            1.0 - DECAY,
            Par::Seq,
        );
    }

    /// The eigenbasis on the first step; later one step of orthogonal iteration towards it. Returns which old axis
    /// each new one comes from.
    fn turn(&mut self, first: bool) -> Vec<usize> {
        let length = self.length;
        let mean = MatRef::from_column_major_slice(&self.mean, length, length);
        let mut order: Vec<usize> = (0..length).collect();
        if first {
            if let Some(basis) = eigenvectors(mean) {
                self.basis = values(basis.as_ref());
            }
            return order;
        }
        let mut whole = mean.to_owned();
        whole.copy_from_triangular_upper(mean.transpose());
        let basis = self.basis();
        let image = product(whole.as_ref(), basis);
        let along: Vec<f32> = (0..length).map(|k| basis.col(k).transpose() * image.col(k)).collect();
        // QR keeps the leading axes best, so they come first.
        order.sort_by(|&a, &b| along[b].total_cmp(&along[a]));
        self.basis = values(orthonormal(Mat::from_fn(length, length, |i, k| image[(i, order[k])])).as_ref());
        order
    }
}

/// The values of a matrix, column by column.
fn values(matrix: MatRef<'_, f32>) -> Vec<f32> {
    let mut values = Vec::with_capacity(matrix.nrows() * matrix.ncols());
    matrix.col_iter().for_each(|column| values.extend(column.iter()));
    values
}

fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Mat<f32> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut out, Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// Eigenvectors of a symmetric matrix given by its lower triangle, in columns; `None` where they are not found.
fn eigenvectors(matrix: MatRef<'_, f32>) -> Option<Mat<f32>> {
    let side = matrix.nrows();
    let (mut eigenvalues, mut vectors) = (Diag::zeros(side), Mat::zeros(side, side));
    let yes = ComputeEigenvectors::Yes;
    let mut scratch =
        MemBuffer::new(self_adjoint_evd_scratch::<f32>(side, yes, Par::Seq, Default::default()));
    let out = Some(vectors.as_mut());
    let stack = MemStack::new(&mut scratch);
    let found = self_adjoint_evd(matrix, eigenvalues.as_mut(), out, Par::Seq, stack, Default::default());
    found.ok().map(|()| vectors)
}

/// The factor Q of a square matrix's QR decomposition.
fn orthonormal(mut matrix: Mat<f32>) -> Mat<f32> {
    let side = matrix.nrows();
    let block = recommended_block_size::<f32>(side, side);
    let mut coefficients = Mat::zeros(block, side);
    let factor_scratch = qr_in_place_scratch::<f32>(side, side, block, Par::Seq, Default::default());
    let mut scratch = MemBuffer::new(factor_scratch.or(apply_scratch::<f32>(side, block, side)));
    let stack = MemStack::new(&mut scratch);
    qr_in_place(matrix.as_mut(), coefficients.as_mut(), Par::Seq, stack, Default::default());
    let mut q = Mat::identity(side, side);
    apply_householder(matrix.as_ref(), coefficients.as_ref(), Conj::No, q.as_mut(), Par::Seq, stack);
    q
}

/// The sides of one tensor, seen as the matrix \[last index × all others\].
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

    /// The matrices that a checkpoint has to hold, by name, with the lengths of their sides.
    pub(crate) fn buffers(&self) -> impl Iterator<Item = (&'static str, usize, &[f32])> {
        let inner = self.inner.iter().map(|side| (side, ["inner.mean", "inner.basis"]));
        let sides = inner.chain(self.outer.iter().map(|side| (side, ["outer.mean", "outer.basis"])));
        sides.flat_map(|(side, [mean, basis])| {
            [(mean, side.length, &side.mean[..]), (basis, side.length, &side.basis[..])]
        })
    }

    /// The matrices of [`Self::buffers`] in the same order.
    pub(crate) fn buffers_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let sides = self.inner.iter_mut().chain(&mut self.outer);
        sides.flat_map(|side| [&mut side.mean[..], &mut side.basis[..]])
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
        let (rows, columns) = (self.rows, self.columns);
        let matrix = |values| MatRef::from_column_major_slice(values, rows, columns);
        let (g, m) = (matrix(gradient), matrix(first));
        let turns = step.is_multiple_of(EVERY);
        let follow = |side: &mut Option<Side>, gradient| {
            let side = side.as_mut()?;
            side.accumulate(gradient);
            turns.then(|| side.turn(step == 0))
        };
        let (inner, outer) = (&mut self.inner, &mut self.outer);
        let orders = rayon::join(|| follow(inner, g), || follow(outer, g.transpose()));
        reorder(second, rows, orders);
        let (g, mut direction) = rayon::join(|| self.rotated(g), || self.rotated(m));
        for (k, v) in second.chunks_exact_mut(rows).enumerate() {
            for ((d, v), &g) in direction.col_mut(k).iter_mut().zip(v).zip(g.col(k).iter()) {
                *d = moments.direction(*d, v, g);
            }
        }
        values(self.rotated_back(direction.as_ref()).as_ref())
    }

    /// In the eigenbases.
    fn rotated(&self, m: MatRef<'_, f32>) -> Mat<f32> {
        between(
            self.inner.as_ref().map(|side| side.basis().transpose()),
            m,
            self.outer.as_ref().map(Side::basis),
        )
    }

    /// In the weights' own axes again.
    fn rotated_back(&self, m: MatRef<'_, f32>) -> Mat<f32> {
        between(
            self.inner.as_ref().map(Side::basis),
            m,
            self.outer.as_ref().map(|side| side.basis().transpose()),
        )
    }
}

/// The product with what stands on the left, and on the right.
fn between(left: Option<MatRef<'_, f32>>, m: MatRef<'_, f32>, right: Option<MatRef<'_, f32>>) -> Mat<f32> {
    let turned = left.map(|left| product(left, m));
    let m = turned.as_ref().map_or(m, Mat::as_ref);
    right.map_or_else(|| m.to_owned(), |right| product(m, right))
}

/// Lets the second moment follow the axes of bases that were turned.
fn reorder(second: &mut [f32], rows: usize, orders: (Option<Vec<usize>>, Option<Vec<usize>>)) {
    let (inner, outer) = orders;
    if inner.is_none() && outer.is_none() {
        return;
    }
    let old = second.to_vec();
    for (k, column) in second.chunks_exact_mut(rows).enumerate() {
        let from = &old[outer.as_ref().map_or(k, |order| order[k]) * rows..][..rows];
        for (i, v) in column.iter_mut().enumerate() {
            *v = from[inner.as_ref().map_or(i, |order| order[i])];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_iteration_finds_the_eigenbasis() {
        let scale = Mat::from_fn(5, 5, |i, j| ((3 * i + 7 * j + i * j) as f32).sin());
        let mean = product(scale.as_ref(), scale.transpose());
        let mut side = Side::new(5).unwrap();
        // The upper triangle is not read.
        side.mean = values(Mat::from_fn(5, 5, |i, j| if i < j { f32::NAN } else { mean[(i, j)] }).as_ref());
        let along = |side: &Side| {
            let basis = side.basis();
            product(basis.transpose(), product(mean.as_ref(), basis).as_ref())
        };
        for _ in 0..400 {
            side.turn(false);
        }
        let orthogonal = product(side.basis().transpose(), side.basis()) - Mat::<f32>::identity(5, 5);
        assert!(orthogonal.norm_max() < 1e-5);
        let diagonal = along(&side);
        let (largest, trace) = (diagonal.norm_max(), |m: &Mat<f32>| (0..5).map(|k| m[(k, k)]).sum::<f32>());
        for (i, j) in (0..5).flat_map(|i| (0..i).flat_map(move |j| [(i, j), (j, i)])) {
            assert!(diagonal[(i, j)].abs() < 1e-3 * largest, "{diagonal:?}");
        }
        side.turn(true);
        let exact = along(&side);
        assert!((trace(&exact) - trace(&diagonal)).abs() < 1e-3 * trace(&exact));
    }

    #[test]
    fn the_running_mean_is_that_of_the_products() {
        let mut side = Side::new(3).unwrap();
        let gradients =
            [1.0, 2.0].map(|scale| Mat::from_fn(3, 2, |i, j| scale * (i as f32 - 2.0 * j as f32)));
        gradients.iter().for_each(|gradient| side.accumulate(gradient.as_ref()));
        for j in 0..3 {
            for i in j..3 {
                let of = |g: &Mat<f32>| g[(i, 0)] * g[(j, 0)] + g[(i, 1)] * g[(j, 1)];
                let plain = 0.05 * (0.95 * of(&gradients[0]) + of(&gradients[1]));
                assert!((side.mean[3 * j + i] - plain).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn moments_follow_their_axes() {
        let mut second: Vec<f32> = (0..6).map(|k| k as f32).collect();
        reorder(&mut second, 2, (Some(vec![1, 0]), Some(vec![2, 0, 1])));
        assert_eq!(second, [5.0, 4.0, 1.0, 0.0, 3.0, 2.0]);
    }

    #[test]
    fn long_sides_and_vectors_keep_their_axes() {
        assert!(Preconditioner::new(&[7]).is_none());
        let leaf = Preconditioner::new(&[16, 10, 10, 16]).unwrap();
        assert!(leaf.outer.is_none());
        assert_eq!(leaf.inner.unwrap().length, 16);
    }
}
