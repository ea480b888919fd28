//! The third matrix kernel of the recurrence, over a tile: D·Xᵀ, the gradient of the weights. Inputs lie in the lanes, so
//! X is transposed first. Tested with the other kernels in [`matrix`](super::matrix).

use std::marker::PhantomData;

use super::blocks::{Blocks, in_blocks};
use super::lanes::keep_together;
use super::sums::{add_lanes, add_row_dots};
use super::{InstructionSet, LANES, Lanes, Real, TILE, VECTORS, row};

/// The transpose of a tile, features in the lanes: what [`outer_accumulate`] reads.
#[derive(Debug, Clone)]
pub(crate) struct Transposed<T> {
    features: usize,
    /// `[vector of features][trajectory]`. What fills the last vector up is never read back.
    columns: Vec<Lanes<T>>,
    /// Half way: `[quad of features][trajectory][feature in the quad]`, for one vector of features.
    quads: Vec<[T; 4]>,
    /// The features after the last whole vector, `[feature][trajectory]`, if they are too few to be worth a column.
    rest: Vec<Lanes<T>>,
    /// Sums of a column that is not full. In memory that outlives the kernel, so that the compiler keeps features,
    /// not rows, in its vectors.
    part: Box<[Lanes<T>; OUTER_ROWS]>,
}

/// Rows of D that share a pass over the trajectories; half as many where two columns of Xᵀ do.
const OUTER_ROWS: usize = 16;
/// Rows of D that share a pass where registers are few.
const NARROW_ROWS: usize = 6;
/// A column costs a pass over all trajectories for each row of D, as much as the dot products of nine features.
const WORTH_A_COLUMN: usize = 9;

impl<T: Real> Transposed<T> {
    /// Room for a transpose.
    pub(crate) fn new() -> Self {
        Self {
            features: 0,
            columns: Vec::new(),
            quads: vec![[T::ZERO; 4]; 4 * TILE],
            rest: Vec::new(),
            part: Box::new([Lanes::ZERO; OUTER_ROWS]),
        }
    }

    /// Takes the transpose of `x`.
    #[inline(always)]
    pub(crate) fn set(&mut self, x: &[Lanes<T>]) {
        let features = x.len() / VECTORS;
        let rest = features % LANES;
        let rest = if rest < WORTH_A_COLUMN { rest } else { 0 };
        self.features = features;
        self.columns.resize(TILE * (features - rest).div_ceil(LANES), Lanes::ZERO);
        self.rest.clear();
        self.rest.extend_from_slice(&x[(features - rest) * VECTORS..]);
        for (vector, column) in self.columns.chunks_exact_mut(TILE).enumerate() {
            for quad in 0..4 {
                let f = vector * LANES + 4 * quad;
                let [a, b, c, d]: [&[Lanes<T>; VECTORS]; 4] =
                    std::array::from_fn(|k| row(x, (f + k).min(features - 1)));
                for v in 0..VECTORS {
                    let out = &mut self.quads[quad * TILE + v * LANES..][..LANES];
                    interleave([&a[v].0, &b[v].0, &c[v].0, &d[v].0], out);
                }
            }
            let [a, b, c, d]: [&[[T; 4]]; 4] = std::array::from_fn(|quad| &self.quads[quad * TILE..][..TILE]);
            for ((((out, a), b), c), d) in column.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                out.0[..4].copy_from_slice(a);
                out.0[4..8].copy_from_slice(b);
                out.0[8..12].copy_from_slice(c);
                out.0[12..].copy_from_slice(d);
                keep_together();
            }
        }
    }
}

/// Four rows side by side. The compiler makes shuffles of this loop as long as it does not know its length.
#[inline(always)]
fn interleave<T: Real>([a, b, c, d]: [&[T]; 4], out: &mut [[T; 4]]) {
    let lanes = std::hint::black_box(LANES);
    let rows = a[..lanes].iter().zip(&b[..lanes]).zip(&c[..lanes]).zip(&d[..lanes]);
    for (out, (((a, b), c), d)) in out.iter_mut().zip(rows) {
        *out = [*a, *b, *c, *d];
    }
}

/// `w[o][i] += Σ_trajectories d[o] x[i]`, with x given by its transpose.
///
/// The sum runs over trajectories with the inputs in the lanes, so that no lane is summed across but for a few last
/// inputs.
#[inline(always)]
pub(crate) fn outer_accumulate<T: Real, S: InstructionSet>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
) {
    assert!(weights.len() * VECTORS == d.len() * x.features);
    let (whole, all) = (x.features / LANES, x.columns.len() / TILE);
    let mut column = 0;
    while S::WIDE && column + 2 <= whole {
        outer_columns::<T, S, 2, false>(weights, d, x, column);
        column += 2;
    }
    while column < whole {
        outer_columns::<T, S, 1, false>(weights, d, x, column);
        column += 1;
    }
    if column < all {
        outer_columns::<T, S, 1, true>(weights, d, x, column);
    }
    outer_rest::<T, S>(weights, d, x);
}

/// The columns of the inputs that have no vector of their own: a dot product for each weight.
#[inline(always)]
fn outer_rest<T: Real, S: InstructionSet>(weights: &mut [T], d: &[Lanes<T>], x: &Transposed<T>) {
    let first = x.features - x.rest.len() / VECTORS;
    let mut sums = [T::ZERO; LANES];
    for (i, input) in x.rest.chunks_exact(VECTORS).enumerate() {
        for (block, d) in d.chunks(LANES * VECTORS).enumerate() {
            let count = d.len() / VECTORS;
            sums.fill(T::ZERO);
            add_row_dots::<T, S>(&mut sums[..count], d, input, count);
            for (o, sum) in sums[..count].iter().enumerate() {
                weights[(block * LANES + o) * x.features + first + i] += *sum;
            }
        }
    }
}

/// The columns from `column` on, for all rows of D. A column in `PART` is not full, and comes alone; to tell so at run time
/// would take the sums of all blocks out of the registers.
#[inline(always)]
fn outer_columns<T: Real, S: InstructionSet, const COLUMNS: usize, const PART: bool>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
    column: usize,
) {
    let outputs = d.len() / VECTORS;
    let work = &mut Columns::<T, S, COLUMNS, PART> { weights, d, x, column, set: PhantomData };
    if !S::WIDE {
        in_blocks::<NARROW_ROWS>(outputs, work);
    } else if COLUMNS == 1 {
        in_blocks::<OUTER_ROWS>(outputs, work);
    } else {
        in_blocks::<{ OUTER_ROWS / 2 }>(outputs, work);
    }
}

struct Columns<'a, T, S, const COLUMNS: usize, const PART: bool> {
    weights: &'a mut [T],
    d: &'a [Lanes<T>],
    x: &'a mut Transposed<T>,
    column: usize,
    set: PhantomData<S>,
}

impl<T: Real, S: InstructionSet, const COLUMNS: usize, const PART: bool> Blocks
    for Columns<'_, T, S, COLUMNS, PART>
{
    #[inline(always)]
    fn block<const ROWS: usize>(&mut self, first: usize) {
        let Self { weights, d, x, column, .. } = self;
        let column = *column;
        let mut sums = [[Lanes::<T>::ZERO; COLUMNS]; ROWS];
        let columns: [&[Lanes<T>; TILE]; COLUMNS] = std::array::from_fn(|c| {
            x.columns[(column + c) * TILE..].first_chunk().expect("a column has the length of a tile")
        });
        let d: &[[Lanes<T>; VECTORS]; ROWS] =
            d.as_chunks().0[first..].first_chunk().expect("a block lies within the rows");
        for v in 0..VECTORS {
            for i in 0..LANES {
                let mut x = [Lanes::ZERO; COLUMNS];
                for c in 0..COLUMNS {
                    x[c] = columns[c][v * LANES + i];
                }
                for b in 0..ROWS {
                    // Or the compiler vectorises across rows or trajectories, and shuffles where a broadcast will do.
                    keep_together();
                    let d = d[b][v].0[i];
                    for c in 0..COLUMNS {
                        sums[b][c] = sums[b][c].accumulate::<S>(d, x[c]);
                    }
                }
            }
        }
        if PART {
            for b in 0..ROWS {
                x.part[b] = sums[b][0];
            }
            for b in 0..ROWS {
                let target = &mut weights[(first + b) * x.features..][..x.features][column * LANES..];
                add_lanes(target, &x.part[b]);
            }
            return;
        }
        for b in 0..ROWS {
            let target = &mut weights[(first + b) * x.features + column * LANES..];
            let target = target.as_chunks_mut::<{ LANES }>().0.first_chunk_mut::<COLUMNS>();
            let target = target.expect("the columns are whole");
            for c in 0..COLUMNS {
                keep_together();
                let sum = sums[b][c];
                for i in 0..LANES {
                    target[c][i] += sum.0[i];
                }
            }
        }
    }
}
