//! Two of the three matrix kernels of the recurrence, over a tile: W·X and Wᵀ·D. The third is in
//! [`outer`](super::outer).
//!
//! Weights are row-major `[output][input]`. All are `#[inline(always)]`, to be called inside a
//! [`Kernel`](super::Kernel).

use super::{Lanes, Real, VECTORS, row, row_mut};

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

/// `out[i] = Σₒ w[o][i] d[o]` for all inputs i.
#[inline(always)]
pub(crate) fn transposed_rows<T: Real, const FMA: bool>(out: &mut [Lanes<T>], weights: &[T], d: &[Lanes<T>]) {
    transposed::<T, FMA, false>(out, weights, d);
}

/// `out[i] += Σₒ w[o][i] d[o]` for all inputs i.
#[inline(always)]
pub(crate) fn transposed_accumulate<T: Real, const FMA: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    transposed::<T, FMA, true>(out, weights, d);
}

#[inline(always)]
fn transposed<T: Real, const FMA: bool, const ADD: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    let inputs = out.len() / VECTORS;
    let outputs = d.len() / VECTORS;
    assert!(weights.len() == outputs * inputs);
    let mut i = 0;
    while i + BLOCK <= inputs {
        transposed_block::<T, FMA, ADD, BLOCK>(out, weights, d, i, inputs);
        i += BLOCK;
    }
    if i + 2 <= inputs {
        transposed_block::<T, FMA, ADD, 2>(out, weights, d, i, inputs);
        i += 2;
    }
    if i < inputs {
        transposed_block::<T, FMA, ADD, 1>(out, weights, d, i, inputs);
    }
}

#[inline(always)]
fn transposed_block<T: Real, const FMA: bool, const ADD: bool, const COLUMNS: usize>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
    first: usize,
    inputs: usize,
) {
    let mut sums = [[Lanes::ZERO; VECTORS]; COLUMNS];
    if ADD {
        for c in 0..COLUMNS {
            sums[c] = *row(out, first + c);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        Isa, Kernel, TILE, Transposed, add_row_dots, add_row_sums, lane, outer_accumulate, scattered, zeros,
    };

    struct All<'a> {
        w: &'a [f32],
        bias: &'a [f32],
        drive: Option<&'a [Lanes<f32>]>,
        x: &'a [Lanes<f32>],
        d: &'a [Lanes<f32>],
        out: &'a mut [Lanes<f32>],
        back: &'a mut [Lanes<f32>],
        twice: &'a mut [Lanes<f32>],
        gradient: &'a mut [f32],
        sums: &'a mut [f32],
        dots: &'a mut [f32],
    }

    impl Kernel for All<'_> {
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            affine_rows::<f32, FMA>(self.out, self.w, Some(self.bias), self.drive, self.x);
            transposed_rows::<f32, FMA>(self.back, self.w, self.d);
            transposed_accumulate::<f32, FMA>(self.twice, self.w, self.d);
            transposed_accumulate::<f32, FMA>(self.twice, self.w, self.d);
            let mut x = Transposed::new();
            x.set(self.x);
            outer_accumulate::<f32, FMA>(self.gradient, self.d, &mut x);
            add_row_sums(self.sums, self.d);
            add_row_dots::<f32, FMA>(self.dots, self.d, self.x, 1 + self.d.len() / self.x.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_instruction_set_matches_the_plain_sums(
            outputs in 1usize..23, inputs in 1usize..37, salt in 0u64..1000, driven: bool,
        ) {
            let w: Vec<f32> = scattered(outputs * inputs, salt).iter().map(|v| v.0[3]).take(outputs * inputs).collect();
            let bias: Vec<f32> = (0..outputs).map(|o| o as f32 * 0.1).collect();
            let (x, d, drive) = (scattered(inputs, salt + 1), scattered(outputs, salt + 2), scattered(outputs, salt + 3));
            for isa in Isa::available() {
                // What stands in `back` is overwritten.
                let (mut out, mut back, mut twice) = (zeros(outputs), scattered(inputs, salt), zeros(inputs));
                let (mut gradient, mut sums) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
                let mut dots = vec![0.5; outputs];
                isa.run(All {
                    w: &w, bias: &bias, drive: driven.then_some(&drive[..]), x: &x, d: &d,
                    out: &mut out, back: &mut back, twice: &mut twice, gradient: &mut gradient, sums: &mut sums, dots: &mut dots,
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
                        prop_assert!((2.0 * plain - f64::from(lane(&twice, i, t))).abs() < 2e-4);
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
