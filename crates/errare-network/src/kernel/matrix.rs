//! The three matrix kernels of the recurrence: W·X, Wᵀ·D and D·Xᵀ, over a tile.
//!
//! Weights are row-major `[output][input]`. All three are `#[inline(always)]`, to be called inside a
//! [`Kernel`](super::Kernel).

use super::lanes::keep_together;
use super::{Lanes, Real, TILE, VECTORS, row, row_mut};

/// Output rows that share a pass over the input: 4 rows × 4 vectors of accumulators fit the registers.
const BLOCK: usize = 4;

/// `out[o] = (bias[o]) (+ drive[o]) + Σᵢ w[o][i] x[i]` for the rows of `out`.
#[inline(always)]
pub(crate) fn affine_rows<T: Real, const FMA: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    bias: Option<&[T]>,
    drive: Option<&[Lanes<T>]>,
    x: &[Lanes<T>],
) {
    let outputs = out.len() / VECTORS;
    let inputs = x.len() / VECTORS;
    assert!(weights.len() == outputs * inputs && bias.is_none_or(|bias| bias.len() == outputs));
    let mut o = 0;
    while o + BLOCK <= outputs {
        affine_block::<T, FMA, BLOCK>(out, weights, bias, drive, x, o, inputs);
        o += BLOCK;
    }
    if o + 2 <= outputs {
        affine_block::<T, FMA, 2>(out, weights, bias, drive, x, o, inputs);
        o += 2;
    }
    if o < outputs {
        affine_block::<T, FMA, 1>(out, weights, bias, drive, x, o, inputs);
    }
}

#[inline(always)]
fn affine_block<T: Real, const FMA: bool, const ROWS: usize>(
    out: &mut [Lanes<T>],
    weights: &[T],
    bias: Option<&[T]>,
    drive: Option<&[Lanes<T>]>,
    x: &[Lanes<T>],
    first: usize,
    inputs: usize,
) {
    let mut sums = [[Lanes::ZERO; VECTORS]; ROWS];
    // All of one length, so that the loop needs no bounds checks: where vectors and whole numbers share ports, as in
    // Intel's cores, each instruction that is not a product costs one.
    let x = &x.as_chunks::<VECTORS>().0[..inputs];
    // A closure would lose the instruction set if it were not inlined.
    let all = weights;
    let mut weights = [&all[..0]; ROWS];
    for b in 0..ROWS {
        weights[b] = &all[(first + b) * inputs..][..inputs];
    }
    for i in 0..inputs {
        let x = x[i];
        for b in 0..ROWS {
            let w = weights[b][i];
            for v in 0..VECTORS {
                sums[b][v] = sums[b][v].accumulate::<FMA>(w, x[v]);
            }
        }
    }
    for b in 0..ROWS {
        let out = row_mut(out, first + b);
        let bias = bias.map_or(T::ZERO, |bias| bias[first + b]);
        match drive {
            Some(drive) => {
                let drive = row(drive, first + b);
                for v in 0..VECTORS {
                    out[v] = sums[b][v].zip(drive[v], |sum, drive| sum + (bias + drive));
                }
            }
            None => {
                for v in 0..VECTORS {
                    out[v] = sums[b][v].map(|sum| sum + bias);
                }
            }
        }
    }
}

/// `out[i] += Σₒ w[o][i] d[o]` for all inputs i.
#[inline(always)]
pub(crate) fn transposed_accumulate<T: Real, const FMA: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    let inputs = out.len() / VECTORS;
    let outputs = d.len() / VECTORS;
    assert!(weights.len() == outputs * inputs);
    let mut i = 0;
    while i + BLOCK <= inputs {
        transposed_block::<T, FMA, BLOCK>(out, weights, d, i, inputs);
        i += BLOCK;
    }
    if i + 2 <= inputs {
        transposed_block::<T, FMA, 2>(out, weights, d, i, inputs);
        i += 2;
    }
    if i < inputs {
        transposed_block::<T, FMA, 1>(out, weights, d, i, inputs);
    }
}

#[inline(always)]
fn transposed_block<T: Real, const FMA: bool, const COLUMNS: usize>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
    first: usize,
    inputs: usize,
) {
    let mut sums = [[Lanes::ZERO; VECTORS]; COLUMNS];
    for c in 0..COLUMNS {
        sums[c] = *row(out, first + c);
    }
    for (w, d) in weights.chunks_exact(inputs).zip(d.as_chunks::<VECTORS>().0) {
        let w: &[T; COLUMNS] = w[first..].first_chunk().expect("a block lies within the row");
        for c in 0..COLUMNS {
            for v in 0..VECTORS {
                sums[c][v] = sums[c][v].accumulate::<FMA>(w[c], d[v]);
            }
        }
    }
    for c in 0..COLUMNS {
        *row_mut(out, first + c) = sums[c];
    }
}

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
        let rest = features % super::LANES;
        let rest = if rest < WORTH_A_COLUMN { rest } else { 0 };
        self.features = features;
        self.columns.resize(TILE * (features - rest).div_ceil(super::LANES), Lanes::ZERO);
        self.rest.clear();
        self.rest.extend_from_slice(&x[(features - rest) * VECTORS..]);
        for (vector, column) in self.columns.chunks_exact_mut(TILE).enumerate() {
            for quad in 0..4 {
                let f = vector * super::LANES + 4 * quad;
                let [a, b, c, d]: [&[Lanes<T>; VECTORS]; 4] =
                    std::array::from_fn(|k| row(x, (f + k).min(features - 1)));
                for v in 0..VECTORS {
                    let out = &mut self.quads[quad * TILE + v * super::LANES..][..super::LANES];
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
    let lanes = std::hint::black_box(super::LANES);
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
pub(crate) fn outer_accumulate<T: Real, const FMA: bool>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
) {
    assert!(weights.len() * VECTORS == d.len() * x.features);
    let (whole, all) = (x.features / super::LANES, x.columns.len() / TILE);
    let mut column = 0;
    while column + 2 <= whole {
        outer_columns::<T, FMA, { OUTER_ROWS / 2 }, 2, false>(weights, d, x, column);
        column += 2;
    }
    if column < whole {
        outer_columns::<T, FMA, OUTER_ROWS, 1, false>(weights, d, x, column);
        column += 1;
    }
    if column < all {
        outer_columns::<T, FMA, OUTER_ROWS, 1, true>(weights, d, x, column);
    }
    outer_rest::<T, FMA>(weights, d, x);
}

/// The columns of the inputs that have no vector of their own: a dot product for each weight.
#[inline(always)]
fn outer_rest<T: Real, const FMA: bool>(weights: &mut [T], d: &[Lanes<T>], x: &Transposed<T>) {
    let first = x.features - x.rest.len() / VECTORS;
    let mut sums = [T::ZERO; super::LANES];
    for (i, input) in x.rest.chunks_exact(VECTORS).enumerate() {
        for (block, d) in d.chunks(super::LANES * VECTORS).enumerate() {
            let count = d.len() / VECTORS;
            sums.fill(T::ZERO);
            add_row_dots::<T, FMA>(&mut sums[..count], d, input, count);
            for (o, sum) in sums[..count].iter().enumerate() {
                weights[(block * super::LANES + o) * x.features + first + i] += *sum;
            }
        }
    }
}

/// The columns from `column` on, for all rows of D. A column in `PART` is not full, and comes alone.
#[inline(always)]
fn outer_columns<T: Real, const FMA: bool, const ROWS: usize, const COLUMNS: usize, const PART: bool>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
    column: usize,
) {
    let outputs = d.len() / VECTORS;
    let mut o = 0;
    while o + ROWS <= outputs {
        outer_block::<T, FMA, ROWS, COLUMNS, PART>(weights, d, x, o, column);
        o += ROWS;
    }
    while o + 4 <= outputs {
        outer_block::<T, FMA, 4, COLUMNS, PART>(weights, d, x, o, column);
        o += 4;
    }
    if o + 2 <= outputs {
        outer_block::<T, FMA, 2, COLUMNS, PART>(weights, d, x, o, column);
        o += 2;
    }
    if o < outputs {
        outer_block::<T, FMA, 1, COLUMNS, PART>(weights, d, x, o, column);
    }
}

#[inline(always)]
fn outer_block<T: Real, const FMA: bool, const ROWS: usize, const COLUMNS: usize, const PART: bool>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
    first: usize,
    column: usize,
) {
    let mut sums = [[Lanes::<T>::ZERO; COLUMNS]; ROWS];
    let columns: [&[Lanes<T>; TILE]; COLUMNS] = std::array::from_fn(|c| {
        x.columns[(column + c) * TILE..].first_chunk().expect("a column has the length of a tile")
    });
    let d: &[[Lanes<T>; VECTORS]; ROWS] =
        d.as_chunks().0[first..].first_chunk().expect("a block lies within the rows");
    for v in 0..VECTORS {
        for i in 0..super::LANES {
            let mut x = [Lanes::ZERO; COLUMNS];
            for c in 0..COLUMNS {
                x[c] = columns[c][v * super::LANES + i];
            }
            for b in 0..ROWS {
                // Or the compiler vectorises across rows or trajectories, and shuffles where a broadcast will do.
                keep_together();
                let d = d[b][v].0[i];
                for c in 0..COLUMNS {
                    sums[b][c] = sums[b][c].accumulate::<FMA>(d, x[c]);
                }
            }
        }
    }
    if PART {
        for b in 0..ROWS {
            x.part[b] = sums[b][0];
        }
        for b in 0..ROWS {
            let target = &mut weights[(first + b) * x.features..][..x.features][column * super::LANES..];
            add_lanes(target, &x.part[b]);
        }
        return;
    }
    for b in 0..ROWS {
        let target = &mut weights[(first + b) * x.features + column * super::LANES..];
        let target = target.as_chunks_mut::<{ super::LANES }>().0.first_chunk_mut::<COLUMNS>();
        let target = target.expect("the columns are whole");
        for c in 0..COLUMNS {
            keep_together();
            let sum = sums[b][c];
            for i in 0..super::LANES {
                target[c][i] += sum.0[i];
            }
        }
    }
}

/// Adds the first lanes of `sum` to `target`, which may be shorter.
#[inline(always)]
fn add_lanes<T: Real>(target: &mut [T], sum: &Lanes<T>) {
    if let Some(target) = target.first_chunk_mut::<{ super::LANES }>() {
        for i in 0..super::LANES {
            target[i] += sum.0[i];
        }
    } else {
        for (value, sum) in target.iter_mut().zip(&sum.0) {
            *value += *sum;
        }
    }
}

/// Softplus of every value of `z`, in its place, and its slope.
#[inline(always)]
pub(crate) fn softplus_rows<T: Real, const FMA: bool>(z: &mut [Lanes<T>], slopes: &mut [Lanes<T>]) {
    for (z, slope) in z.iter_mut().zip(slopes) {
        (*z, *slope) = z.softplus::<FMA>();
        keep_together();
    }
}

/// `sums[r] += Σ_trajectories a[r]` for all rows r: fixed order.
#[inline(always)]
pub(crate) fn add_row_sums<T: Real>(sums: &mut [T], a: &[Lanes<T>]) {
    assert!(sums.len() * VECTORS == a.len());
    let mut partial = [Lanes::ZERO; super::LANES];
    for (sums, rows) in sums.chunks_mut(super::LANES).zip(a.chunks(super::LANES * VECTORS)) {
        for (r, partial) in partial[..sums.len()].iter_mut().enumerate() {
            let [a, b, c, d] = *row(rows, r);
            *partial = a.zip(b, |x, y| x + y).zip(c.zip(d, |x, y| x + y), |x, y| x + y);
        }
        add_lane_sums(sums, &partial);
    }
}

/// `sums[r] += Σ_trajectories a[r] b[r / fan]` for all rows r: fixed order.
#[inline(always)]
pub(crate) fn add_row_dots<T: Real, const FMA: bool>(
    sums: &mut [T],
    a: &[Lanes<T>],
    b: &[Lanes<T>],
    fan: usize,
) {
    assert!(sums.len() * VECTORS == a.len());
    let mut partial = [Lanes::ZERO; super::LANES];
    for (block, sums) in sums.chunks_mut(super::LANES).enumerate() {
        for (r, partial) in partial[..sums.len()].iter_mut().enumerate() {
            let r = block * super::LANES + r;
            let (a, b) = (row(a, r), row(b, r / fan));
            let mut sum = Lanes::ZERO;
            for v in 0..VECTORS {
                sum = sum.add_product::<FMA>(a[v], b[v]);
            }
            *partial = sum;
        }
        add_lane_sums(sums, &partial);
    }
}

/// Adds to each sum the lanes of its vector: a tree that halves the lanes and gathers the vectors at once, with a third
/// of the instructions of a sum for each.
#[inline(always)]
fn add_lane_sums<T: Real>(sums: &mut [T], vectors: &[Lanes<T>; super::LANES]) {
    let mut eight = [Lanes::ZERO; 8];
    for k in 0..8 {
        eight[k] = fold::<T, 8>(&vectors[2 * k], &vectors[2 * k + 1]);
    }
    let mut four = [Lanes::ZERO; 4];
    for k in 0..4 {
        four[k] = fold::<T, 4>(&eight[2 * k], &eight[2 * k + 1]);
    }
    let two = [fold::<T, 2>(&four[0], &four[1]), fold::<T, 2>(&four[2], &four[3])];
    add_lanes(sums, &fold::<T, 1>(&two[0], &two[1]));
}

/// Adds neighbouring groups of `WIDTH` lanes: those of `a` end in the lower half, those of `b` in the upper.
#[inline(always)]
fn fold<T: Real, const WIDTH: usize>(a: &Lanes<T>, b: &Lanes<T>) -> Lanes<T> {
    let half = super::LANES / 2;
    let mut even = Lanes::ZERO;
    let mut odd = Lanes::ZERO;
    for i in 0..half {
        let from = i / WIDTH * 2 * WIDTH + i % WIDTH;
        (even.0[i], even.0[half + i]) = (a.0[from], b.0[from]);
        (odd.0[i], odd.0[half + i]) = (a.0[from + WIDTH], b.0[from + WIDTH]);
    }
    even.zip(odd, |x, y| x + y)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Isa, Kernel, lane, lane_mut, zeros};

    struct All<'a> {
        w: &'a [f32],
        bias: &'a [f32],
        drive: Option<&'a [Lanes<f32>]>,
        x: &'a [Lanes<f32>],
        d: &'a [Lanes<f32>],
        out: &'a mut [Lanes<f32>],
        back: &'a mut [Lanes<f32>],
        gradient: &'a mut [f32],
        sums: &'a mut [f32],
        dots: &'a mut [f32],
    }

    impl Kernel for All<'_> {
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            affine_rows::<f32, FMA>(self.out, self.w, Some(self.bias), self.drive, self.x);
            transposed_accumulate::<f32, FMA>(self.back, self.w, self.d);
            let mut x = Transposed::new();
            x.set(self.x);
            outer_accumulate::<f32, FMA>(self.gradient, self.d, &mut x);
            add_row_sums(self.sums, self.d);
            add_row_dots::<f32, FMA>(self.dots, self.d, self.x, 1 + self.d.len() / self.x.len());
        }
    }

    fn filled(rows: usize, salt: u64) -> Vec<Lanes<f32>> {
        let mut buffer = zeros(rows);
        for r in 0..rows {
            for t in 0..TILE {
                let hash = errare_core::random::mix(salt + (r * TILE + t) as u64);
                *lane_mut(&mut buffer, r, t) = (hash % 2001) as f32 / 1000.0 - 1.0;
            }
        }
        buffer
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_instruction_set_matches_the_plain_sums(
            outputs in 1usize..23, inputs in 1usize..37, salt in 0u64..1000, driven: bool,
        ) {
            let w: Vec<f32> = filled(outputs * inputs, salt).iter().map(|v| v.0[3]).take(outputs * inputs).collect();
            let bias: Vec<f32> = (0..outputs).map(|o| o as f32 * 0.1).collect();
            let (x, d, drive) = (filled(inputs, salt + 1), filled(outputs, salt + 2), filled(outputs, salt + 3));
            for isa in Isa::available() {
                let (mut out, mut back) = (zeros(outputs), zeros(inputs));
                let (mut gradient, mut sums) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
                let mut dots = vec![0.5; outputs];
                isa.run(All {
                    w: &w, bias: &bias, drive: driven.then_some(&drive[..]), x: &x, d: &d,
                    out: &mut out, back: &mut back, gradient: &mut gradient, sums: &mut sums, dots: &mut dots,
                });
                for t in [0, 17, 63] {
                    for o in 0..outputs {
                        let plain: f64 = (0..inputs).map(|i| f64::from(w[o * inputs + i] * lane(&x, i, t))).sum();
                        let extra = if driven { lane(&drive, o, t) } else { 0.0 };
                        prop_assert!((plain + f64::from(bias[o] + extra) - f64::from(lane(&out, o, t))).abs() < 1e-4);
                    }
                    for i in 0..inputs {
                        let plain: f64 = (0..outputs).map(|o| f64::from(w[o * inputs + i] * lane(&d, o, t))).sum();
                        prop_assert!((plain - f64::from(lane(&back, i, t))).abs() < 1e-4);
                    }
                }
                for o in 0..outputs {
                    let sum: f64 = (0..TILE).map(|t| f64::from(lane(&d, o, t))).sum();
                    prop_assert!((sum - f64::from(sums[o])).abs() < 1e-4);
                    let fan = 1 + outputs / inputs;
                    let dot = (0..TILE).map(|t| f64::from(lane(&d, o, t) * lane(&x, o / fan, t))).sum::<f64>();
                    prop_assert!((dot + 0.5 - f64::from(dots[o])).abs() < 1e-4);
                    for i in 0..inputs {
                        let plain: f64 = (0..TILE).map(|t| f64::from(lane(&d, o, t) * lane(&x, i, t))).sum();
                        prop_assert!((plain - f64::from(gradient[o * inputs + i])).abs() < 2e-4);
                    }
                }
            }
        }
    }
}
