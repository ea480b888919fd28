//! Two of the three matrix kernels of the recurrence, over a tile: W·X and Wᵀ·D. The third is in
//! [`outer`](super::outer).
//!
//! Weights are row-major `[output][input]`. All are `#[inline(always)]`, to be called inside a
//! [`Kernel`](super::Kernel).

use std::marker::PhantomData;

use super::blocks::{VectorBlocks, in_vector_blocks};
use super::{InstructionSet, Lanes, Real, VECTORS};

/// `out[o] = (bias[o]) (+ drive[o]) + Σᵢ w[o][i] x[i]` for the rows of `out`.
#[inline(always)]
pub(crate) fn affine_rows<T: Real, S: InstructionSet>(
    out: &mut [Lanes<T>],
    weights: &[T],
    bias: Option<&[T]>,
    drive: Option<&[Lanes<T>]>,
    x: &[Lanes<T>],
) {
    let outputs = out.len() / VECTORS;
    let inputs = x.len() / VECTORS;
    assert!(weights.len() == outputs * inputs && bias.is_none_or(|bias| bias.len() == outputs));
    let work = &mut Affine { out, weights, bias, drive, x: x.as_chunks().0, set: PhantomData::<S> };
    in_vector_blocks::<S>(outputs, work);
}

struct Affine<'a, T, S> {
    out: &'a mut [Lanes<T>],
    weights: &'a [T],
    bias: Option<&'a [T]>,
    drive: Option<&'a [Lanes<T>]>,
    x: &'a [[Lanes<T>; VECTORS]],
    set: PhantomData<S>,
}

impl<T: Real, S: InstructionSet> VectorBlocks for Affine<'_, T, S> {
    #[inline(always)]
    fn block<const ROWS: usize, const WIDTH: usize>(&mut self, first: usize, from: usize) {
        let mut sums = [[Lanes::ZERO; WIDTH]; ROWS];
        // All as long as x, so that the loop needs no bounds checks: where vectors and whole numbers share ports, as in
        // Intel's cores, each instruction that is not a product costs one.
        let (x, inputs) = (self.x, self.x.len());
        let mut weights = [&self.weights[..0]; ROWS];
        for b in 0..ROWS {
            weights[b] = &self.weights[(first + b) * inputs..][..inputs];
        }
        for i in 0..inputs {
            let x: &[Lanes<T>; WIDTH] = x[i][from..].first_chunk().expect("vectors of one row");
            for b in 0..ROWS {
                let w = weights[b][i];
                for v in 0..WIDTH {
                    sums[b][v] = sums[b][v].accumulate::<S>(w, x[v]);
                }
            }
        }
        for b in 0..ROWS {
            let at = (first + b) * VECTORS + from;
            let out = &mut self.out[at..][..WIDTH];
            let bias = self.bias.map_or(T::ZERO, |bias| bias[first + b]);
            match self.drive {
                Some(drive) => {
                    let drive = &drive[at..][..WIDTH];
                    for v in 0..WIDTH {
                        out[v] = sums[b][v].zip(drive[v], |sum, drive| sum + (bias + drive));
                    }
                }
                None => {
                    for v in 0..WIDTH {
                        out[v] = sums[b][v].map(|sum| sum + bias);
                    }
                }
            }
        }
    }
}

/// `out[i] = Σₒ w[o][i] d[o]` for all inputs i.
#[inline(always)]
pub(crate) fn transposed_rows<T: Real, S: InstructionSet>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    transposed::<T, S, false>(out, weights, d);
}

/// `out[i] += Σₒ w[o][i] d[o]` for all inputs i.
#[inline(always)]
pub(crate) fn transposed_accumulate<T: Real, S: InstructionSet>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    transposed::<T, S, true>(out, weights, d);
}

#[inline(always)]
fn transposed<T: Real, S: InstructionSet, const ADD: bool>(
    out: &mut [Lanes<T>],
    weights: &[T],
    d: &[Lanes<T>],
) {
    let inputs = out.len() / VECTORS;
    let outputs = d.len() / VECTORS;
    assert!(weights.len() == outputs * inputs);
    let work =
        &mut TransposedProduct::<T, S, ADD> { out, weights, d: d.as_chunks().0, inputs, set: PhantomData };
    in_vector_blocks::<S>(inputs, work);
}

struct TransposedProduct<'a, T, S, const ADD: bool> {
    out: &'a mut [Lanes<T>],
    weights: &'a [T],
    d: &'a [[Lanes<T>; VECTORS]],
    inputs: usize,
    set: PhantomData<S>,
}

impl<T: Real, S: InstructionSet, const ADD: bool> VectorBlocks for TransposedProduct<'_, T, S, ADD> {
    #[inline(always)]
    fn block<const ROWS: usize, const WIDTH: usize>(&mut self, first: usize, from: usize) {
        let mut sums = [[Lanes::ZERO; WIDTH]; ROWS];
        if ADD {
            for c in 0..ROWS {
                sums[c].copy_from_slice(&self.out[(first + c) * VECTORS + from..][..WIDTH]);
            }
        }
        for (w, d) in self.weights.chunks_exact(self.inputs).zip(self.d) {
            let w: &[T; ROWS] = w[first..].first_chunk().expect("a block lies within the row");
            let d: &[Lanes<T>; WIDTH] = d[from..].first_chunk().expect("vectors of one row");
            for c in 0..ROWS {
                for v in 0..WIDTH {
                    sums[c][v] = sums[c][v].accumulate::<S>(w[c], d[v]);
                }
            }
        }
        for c in 0..ROWS {
            self.out[(first + c) * VECTORS + from..][..WIDTH].copy_from_slice(&sums[c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        Isa, Kernel, TILE, Transposed, Wide, add_row_dots, add_row_sums, lane, outer_accumulate, scattered,
        zeros,
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
        fn run<S: InstructionSet>(self) {
            affine_rows::<f32, S>(self.out, self.w, Some(self.bias), self.drive, self.x);
            transposed_rows::<f32, S>(self.back, self.w, self.d);
            transposed_accumulate::<f32, S>(self.twice, self.w, self.d);
            transposed_accumulate::<f32, S>(self.twice, self.w, self.d);
            let mut x = Transposed::new();
            x.set(self.x);
            outer_accumulate::<f32, S>(self.gradient, self.d, &mut x);
            add_row_sums(self.sums, self.d);
            add_row_dots::<f32, S>(self.dots, self.d, self.x, 1 + self.d.len() / self.x.len());
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
            // The blocks of AVX-512 on any machine, too.
            for isa in Isa::available().into_iter().map(Some).chain([None]) {
                // What stands in `back` is overwritten.
                let (mut out, mut back, mut twice) = (zeros(outputs), scattered(inputs, salt), zeros(inputs));
                let (mut gradient, mut sums) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
                let mut dots = vec![0.5; outputs];
                let all = All {
                    w: &w, bias: &bias, drive: driven.then_some(&drive[..]), x: &x, d: &d,
                    out: &mut out, back: &mut back, twice: &mut twice, gradient: &mut gradient, sums: &mut sums, dots: &mut dots,
                };
                match isa {
                    Some(isa) => isa.run(all),
                    None => all.run::<Wide>(),
                }
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
