//! Passes over the rows of a tile: sums and dot products over the trajectories. Tested with the other kernels in
//! [`matrix`](super::matrix).

use super::{InstructionSet, LANES, Lanes, Real, VECTORS, row};

/// `sums[r] += Σ_trajectories a[r]` for all rows r: fixed order.
#[inline(always)]
pub(crate) fn add_row_sums<T: Real>(sums: &mut [T], a: &[Lanes<T>]) {
    assert!(sums.len() * VECTORS == a.len());
    let mut partial = [Lanes::ZERO; LANES];
    for (sums, rows) in sums.chunks_mut(LANES).zip(a.as_chunks().0.chunks(LANES)) {
        for (partial, row) in partial.iter_mut().zip(rows) {
            *partial = sum_row(row);
        }
        add_lane_sums(sums, &partial);
    }
}

/// `sums[r] += Σ_trajectories a[r] b[r / fan]` for all rows r: fixed order.
#[inline(always)]
pub(crate) fn add_row_dots<T: Real, S: InstructionSet>(
    sums: &mut [T],
    a: &[Lanes<T>],
    b: &[Lanes<T>],
    fan: usize,
) {
    assert!(sums.len() * VECTORS == a.len());
    let mut partial = [Lanes::ZERO; LANES];
    for (block, sums) in sums.chunks_mut(LANES).enumerate() {
        for (r, partial) in partial[..sums.len()].iter_mut().enumerate() {
            let r = block * LANES + r;
            *partial = dot_rows::<T, S>(row(a, r), row(b, r / fan));
        }
        add_lane_sums(sums, &partial);
    }
}

/// The vectors of a row, added.
#[inline(always)]
pub(crate) fn sum_row<T: Real>([a, b, c, d]: &[Lanes<T>; VECTORS]) -> Lanes<T> {
    a.zip(*b, |x, y| x + y).zip(c.zip(*d, |x, y| x + y), |x, y| x + y)
}

/// The products of the vectors of two rows, added.
#[inline(always)]
pub(crate) fn dot_rows<T: Real, S: InstructionSet>(
    a: &[Lanes<T>; VECTORS],
    b: &[Lanes<T>; VECTORS],
) -> Lanes<T> {
    let mut sum = Lanes::ZERO;
    for v in 0..VECTORS {
        sum = sum.add_product::<S>(a[v], b[v]);
    }
    sum
}

/// Adds to each sum the lanes of its vector: a tree that halves the lanes and gathers the vectors at once, with a third
/// of the instructions of a sum for each.
#[inline(always)]
pub(crate) fn add_lane_sums<T: Real>(sums: &mut [T], vectors: &[Lanes<T>; LANES]) {
    let mut eight = [Lanes::ZERO; LANES / 2];
    for k in 0..LANES / 2 {
        eight[k] = fold::<T, 8>(&vectors[2 * k], &vectors[2 * k + 1]);
    }
    add_half_sums(sums, &eight);
}

/// [`add_lane_sums`] of vectors half as long, two of them side by side.
#[inline(always)]
pub(super) fn add_half_sums<T: Real>(sums: &mut [T], pairs: &[Lanes<T>; LANES / 2]) {
    let mut four = [Lanes::ZERO; 4];
    for k in 0..4 {
        four[k] = fold::<T, 4>(&pairs[2 * k], &pairs[2 * k + 1]);
    }
    // Or the compiler shuffles first and then adds, which takes twice the shuffles: 1 % of a tree's step.
    std::hint::black_box(&mut four);
    let mut two = [fold::<T, 2>(&four[0], &four[1]), fold::<T, 2>(&four[2], &four[3])];
    std::hint::black_box(&mut two);
    add_lanes(sums, &fold::<T, 1>(&two[0], &two[1]));
}

/// Adds neighbouring groups of `WIDTH` lanes: those of `a` end in the lower half, those of `b` in the upper.
#[inline(always)]
fn fold<T: Real, const WIDTH: usize>(a: &Lanes<T>, b: &Lanes<T>) -> Lanes<T> {
    let half = LANES / 2;
    let mut even = Lanes::ZERO;
    let mut odd = Lanes::ZERO;
    for i in 0..half {
        let from = i / WIDTH * 2 * WIDTH + i % WIDTH;
        (even.0[i], even.0[half + i]) = (a.0[from], b.0[from]);
        (odd.0[i], odd.0[half + i]) = (a.0[from + WIDTH], b.0[from + WIDTH]);
    }
    even.zip(odd, |x, y| x + y)
}

/// Adds the first lanes of `sum` to `target`, which may be shorter.
#[inline(always)]
pub(super) fn add_lanes<T: Real>(target: &mut [T], sum: &Lanes<T>) {
    if let Some(target) = target.first_chunk_mut::<{ LANES }>() {
        for i in 0..LANES {
            target[i] += sum.0[i];
        }
    } else {
        for (value, sum) in target.iter_mut().zip(&sum.0) {
            *value += *sum;
        }
    }
}
