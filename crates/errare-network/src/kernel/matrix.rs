//! The three matrix kernels of the recurrence: W·X, Wᵀ·D and D·Xᵀ, over a tile.
//!
//! Weights are row-major `[output][input]`. All three are `#[inline(always)]`, to be called inside a
//! [`Kernel`](super::Kernel).

use super::{Lanes, Real, TILE, VECTORS, multiply_add, row, row_mut};

/// Output rows that share a pass over the input: 4 rows × 4 vectors of accumulators fit the registers.
const BLOCK: usize = 4;

/// `out[o] = bias[o] (+ drive[o]) + Σᵢ w[o][i] x[i]` for the rows of `out`.
#[inline(always)]
pub(crate) fn affine_rows<T: Real, const FMA: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    bias: &[T],
    drive: Option<&[Lanes<T>]>,
    x: &[Lanes<T>],
) {
    let outputs = out.len() / VECTORS;
    let inputs = x.len() / VECTORS;
    assert!(weights.len() == outputs * inputs && bias.len() == outputs);
    let mut o = 0;
    while o + BLOCK <= outputs {
        affine_block::<T, FMA, BLOCK>(out, weights, bias, drive, x, o, inputs);
        o += BLOCK;
    }
    while o < outputs {
        affine_block::<T, FMA, 1>(out, weights, bias, drive, x, o, inputs);
        o += 1;
    }
}

#[inline(always)]
fn affine_block<T: Real, const FMA: bool, const ROWS: usize>(
    out: &mut [Lanes<T>],
    weights: &[T],
    bias: &[T],
    drive: Option<&[Lanes<T>]>,
    x: &[Lanes<T>],
    first: usize,
    inputs: usize,
) {
    let mut sums = [[Lanes::ZERO; VECTORS]; ROWS];
    for b in 0..ROWS {
        sums[b] = [Lanes::splat(bias[first + b]); VECTORS];
        if let Some(drive) = drive {
            let drive = row(drive, first + b);
            for v in 0..VECTORS {
                sums[b][v] = sums[b][v].zip(drive[v], |a, d| a + d);
            }
        }
    }
    let weights: [&[T]; ROWS] = std::array::from_fn(|b| &weights[(first + b) * inputs..][..inputs]);
    // The row ahead is carried from pass to pass, so that it is read into registers once, not once a row of W.
    let mut ahead = *row(x, 0);
    for i in 0..inputs {
        let x = std::mem::replace(&mut ahead, *row(x, (i + 1).min(inputs - 1)));
        for b in 0..ROWS {
            let w = weights[b][i];
            for v in 0..VECTORS {
                sums[b][v] = sums[b][v].accumulate::<FMA>(w, x[v]);
            }
        }
    }
    for b in 0..ROWS {
        *row_mut(out, first + b) = sums[b];
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
        transposed_block::<T, FMA, BLOCK>(out, weights, d, i, inputs, outputs);
        i += BLOCK;
    }
    while i < inputs {
        transposed_block::<T, FMA, 1>(out, weights, d, i, inputs, outputs);
        i += 1;
    }
}

#[inline(always)]
fn transposed_block<T: Real, const FMA: bool, const COLUMNS: usize>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
    first: usize,
    inputs: usize,
    outputs: usize,
) {
    let mut sums = [[Lanes::ZERO; VECTORS]; COLUMNS];
    for c in 0..COLUMNS {
        sums[c] = *row(out, first + c);
    }
    for o in 0..outputs {
        let d = row(d, o);
        let w: &[T] = &weights[o * inputs + first..][..COLUMNS];
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

/// The transpose of a tile, `[trajectory][feature]`: what [`outer_accumulate`] reads.
#[derive(Debug, Clone)]
pub(crate) struct Transposed<T> {
    features: usize,
    /// Vectors a trajectory. What fills the last one up is never read back.
    width: usize,
    rows: Vec<Lanes<T>>,
    /// Sums of the block being worked on. In memory that outlives the kernel, so that the compiler keeps
    /// trajectories, not rows, in its vectors.
    block: Box<[Lanes<T>; OUTER_ROWS * OUTER_COLUMNS]>,
}

/// Rows of D and vectors of Xᵀ that share a pass over the trajectories.
const OUTER_ROWS: usize = 8;
const OUTER_COLUMNS: usize = 2;

impl<T: Real> Transposed<T> {
    /// Room for a transpose.
    pub(crate) fn new() -> Self {
        Self {
            features: 0,
            width: 0,
            rows: Vec::new(),
            block: Box::new([Lanes::ZERO; OUTER_ROWS * OUTER_COLUMNS]),
        }
    }

    /// Takes the transpose of `x`.
    #[inline(always)]
    pub(crate) fn set(&mut self, x: &[Lanes<T>]) {
        let features = x.len() / VECTORS;
        self.features = features;
        self.width = features.div_ceil(super::LANES);
        self.rows.resize(TILE * self.width, Lanes::ZERO);
        let width = self.width;
        for quad in 0..features.div_ceil(4) {
            let f = 4 * quad;
            let rows: [&[Lanes<T>; VECTORS]; 4] = std::array::from_fn(|k| row(x, (f + k).min(features - 1)));
            for v in 0..VECTORS {
                for i in 0..super::LANES {
                    let target = &mut self.rows[(v * super::LANES + i) * width + f / super::LANES];
                    let target = &mut target.0[f % super::LANES..][..4];
                    for k in 0..4 {
                        target[k] = rows[k][v].0[i];
                    }
                }
            }
        }
    }
}

/// `w[o][i] += Σ_trajectories d[o] x[i]`, with x given by its transpose.
///
/// The sum runs over trajectories with the inputs in the lanes, so that no lane is ever summed across.
#[inline(always)]
pub(crate) fn outer_accumulate<T: Real, const FMA: bool>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
) {
    let outputs = d.len() / VECTORS;
    assert!(weights.len() == outputs * x.features);
    let mut column = 0;
    while column < x.width {
        let pair = column + 1 < x.width;
        let mut o = 0;
        while o < outputs {
            let rows = (outputs - o).min(OUTER_ROWS);
            match (rows, pair) {
                (8, true) => outer_block::<T, FMA, 8, 2>(weights, d, x, o, column),
                (4..8, true) => outer_block::<T, FMA, 4, 2>(weights, d, x, o, column),
                (_, true) => outer_block::<T, FMA, 1, 2>(weights, d, x, o, column),
                (8, false) => outer_block::<T, FMA, 8, 1>(weights, d, x, o, column),
                (4..8, false) => outer_block::<T, FMA, 4, 1>(weights, d, x, o, column),
                (_, false) => outer_block::<T, FMA, 1, 1>(weights, d, x, o, column),
            }
            o += match rows {
                8 => 8,
                4..8 => 4,
                _ => 1,
            };
        }
        column += 1 + usize::from(pair);
    }
}

#[inline(always)]
fn outer_block<T: Real, const FMA: bool, const ROWS: usize, const COLUMNS: usize>(
    weights: &mut [T],
    d: &[Lanes<T>],
    x: &mut Transposed<T>,
    first: usize,
    column: usize,
) {
    let mut sums = [[Lanes::<T>::ZERO; COLUMNS]; ROWS];
    // As in `affine_block`, the trajectory ahead is carried from pass to pass.
    let mut ahead: [Lanes<T>; COLUMNS] = *x.rows[column..].first_chunk().expect("a column");
    for v in 0..VECTORS {
        for i in 0..super::LANES {
            let next = (v * super::LANES + i + 1).min(TILE - 1) * x.width + column;
            let next = *x.rows[next..].first_chunk().expect("a row");
            let x = std::mem::replace(&mut ahead, next);
            for b in 0..ROWS {
                // The bounds check keeps the compiler from vectorising across rows.
                let d = d[(first + b) * VECTORS + v].0[i];
                for c in 0..COLUMNS {
                    sums[b][c] = sums[b][c].accumulate::<FMA>(d, x[c]);
                }
            }
        }
    }
    for b in 0..ROWS {
        for c in 0..COLUMNS {
            x.block[b * OUTER_COLUMNS + c] = sums[b][c];
        }
    }
    for b in 0..ROWS {
        let target = &mut weights[(first + b) * x.features..][..x.features][column * super::LANES..];
        for (target, sum) in target.chunks_mut(super::LANES).zip(&x.block[b * OUTER_COLUMNS..][..COLUMNS]) {
            add_lanes(target, sum);
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

/// Σ over trajectories of row `index`: fixed order.
#[inline(always)]
pub(crate) fn row_sum<T: Real>(d: &[Lanes<T>], index: usize) -> T {
    let [a, b, c, e] = *row(d, index);
    a.zip(b, |x, y| x + y).zip(c.zip(e, |x, y| x + y), |x, y| x + y).sum()
}

/// Σ over trajectories of a row times a row.
#[inline(always)]
pub(crate) fn row_dot<T: Real, const FMA: bool>(a: &[Lanes<T>; VECTORS], b: &[Lanes<T>; VECTORS]) -> T {
    let mut sum = Lanes::ZERO;
    for v in 0..VECTORS {
        for i in 0..super::LANES {
            sum.0[i] = multiply_add::<T, FMA>(a[v].0[i], b[v].0[i], sum.0[i]);
        }
    }
    sum.sum()
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
    }

    impl Kernel for All<'_> {
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            affine_rows::<f32, FMA>(self.out, self.w, self.bias, self.drive, self.x);
            transposed_accumulate::<f32, FMA>(self.back, self.w, self.d);
            let mut x = Transposed::new();
            x.set(self.x);
            outer_accumulate::<f32, FMA>(self.gradient, self.d, &mut x);
            for (o, sum) in self.sums.iter_mut().enumerate() {
                *sum = row_sum(self.d, o);
            }
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
                isa.run(All {
                    w: &w, bias: &bias, drive: driven.then_some(&drive[..]), x: &x, d: &d,
                    out: &mut out, back: &mut back, gradient: &mut gradient, sums: &mut sums,
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
                    for i in 0..inputs {
                        let plain: f64 = (0..TILE).map(|t| f64::from(lane(&d, o, t) * lane(&x, i, t))).sum();
                        prop_assert!((plain - f64::from(gradient[o * inputs + i])).abs() < 2e-4);
                    }
                }
            }
        }
    }
}
