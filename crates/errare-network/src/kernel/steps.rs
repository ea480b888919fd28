//! D·Xᵀ summed over neighbouring steps, the gradient of weights whose inputs and output gradients are at hand for several
//! steps. Trajectories stay in the lanes, so nothing is transposed: each weight is a dot product over trajectories and
//! steps, and its lanes are summed once for all steps.

use std::ops::Range;

use super::sums::{add_half_sums, add_lane_sums};
use super::{InstructionSet, LANES, Lanes, Real, VECTORS, multiply_add};

/// A number of rows for each of several steps.
///
/// Behind the rows of a step there is room for those that a [`BLOCK`] reads beyond them. Neighbouring steps are an odd
/// number of rows apart: were it a multiple of sixteen, one row's place at all steps would be the same in the first-level
/// cache, which has room for few of them there.
#[derive(Debug, Clone)]
pub(crate) struct StepBuffer<T> {
    rows: usize,
    /// `[step][row][vector]`.
    buffer: Vec<Lanes<T>>,
}

impl<T: Real> StepBuffer<T> {
    /// Zeros, for `steps` steps.
    pub(crate) fn new(steps: usize, rows: usize) -> Self {
        let mut buffer = Self { rows, buffer: Vec::new() };
        buffer.resize(steps);
        buffer
    }

    /// Makes room for `steps` steps.
    pub(crate) fn resize(&mut self, steps: usize) {
        self.buffer.resize(steps * self.stride(), Lanes::ZERO);
    }

    /// Rows from one step to the next.
    fn per_step(&self) -> usize {
        (self.rows + BLOCK - 1) | 1
    }

    fn stride(&self) -> usize {
        self.per_step() * VECTORS
    }

    /// The rows of a step.
    pub(crate) fn step(&self, step: usize) -> &[Lanes<T>] {
        &self.buffer[step * self.stride()..][..self.rows * VECTORS]
    }

    /// The rows of a step, to write.
    pub(crate) fn step_mut(&mut self, step: usize) -> &mut [Lanes<T>] {
        let from = step * self.stride();
        &mut self.buffer[from..][..self.rows * VECTORS]
    }

    /// The rows of a step and of the next, to write.
    pub(crate) fn pair_mut(&mut self, step: usize) -> [&mut [Lanes<T>]; 2] {
        let (stride, size) = (self.stride(), self.rows * VECTORS);
        let (before, after) = self.buffer[step * stride..].split_at_mut(stride);
        [&mut before[..size], &mut after[..size]]
    }

    /// The rows of neighbouring steps.
    pub(crate) fn steps(&self, steps: Range<usize>) -> StepRows<'_, T> {
        let stride = self.stride();
        let buffer = &self.buffer[steps.start * stride..steps.end * stride];
        StepRows { buffer, per_step: self.per_step(), first: 0, count: self.rows }
    }
}

/// The same rows of neighbouring steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepRows<'a, T> {
    /// `[step][row][vector]`.
    buffer: &'a [Lanes<T>],
    /// Rows from one step to the next.
    per_step: usize,
    first: usize,
    count: usize,
}

impl<'a, T> StepRows<'a, T> {
    /// Some of the rows.
    #[inline(always)]
    pub(crate) fn part(self, first: usize, count: usize) -> Self {
        Self { first: self.first + first, count, ..self }
    }

    /// `ROWS` rows from `row` on, of each step; there may be fewer than that, and others behind them.
    #[inline(always)]
    fn blocks<const ROWS: usize>(self, row: usize) -> impl Iterator<Item = &'a [[Lanes<T>; VECTORS]; ROWS]> {
        let from = self.first + row;
        self.buffer.chunks_exact(self.per_step * VECTORS).map(move |step| {
            step.as_chunks().0[from..].first_chunk().expect("a block lies within the rows of a step")
        })
    }
}

/// Rows of X, and of D, whose dot products fit the registers.
const BLOCK: usize = 4;
/// Rows of D where registers are few.
const NARROW_BLOCK: usize = 3;
/// Rows of the longer matrix that stay in the first-level cache, over all steps, while the shorter one passes.
const CHUNK: usize = 8;
/// The same in whole blocks of either matrix where registers are few.
const NARROW_CHUNK: usize = NARROW_BLOCK * BLOCK;

/// `w[o][i] += Σ_steps Σ_trajectories d[o] x[i]`.
#[inline(always)]
pub(crate) fn outer_accumulate_steps<T: Real, S: InstructionSet>(
    weights: &mut [T],
    d: StepRows<'_, T>,
    x: StepRows<'_, T>,
) {
    assert!(weights.len() == d.count * x.count);
    if S::WIDE {
        add_blocks::<T, S, BLOCK>(weights, d, x, CHUNK);
    } else {
        add_blocks::<T, S, NARROW_BLOCK>(weights, d, x, NARROW_CHUNK);
    }
}

/// [`outer_accumulate_steps`] in blocks of `ROWS` rows of D and [`BLOCK`] of X, `chunk` rows of the longer at a time.
#[inline(always)]
fn add_blocks<T: Real, S: InstructionSet, const ROWS: usize>(
    weights: &mut [T],
    d: StepRows<'_, T>,
    x: StepRows<'_, T>,
    chunk: usize,
) {
    for from in (0..d.count.max(x.count)).step_by(chunk) {
        let (outputs, inputs) = if d.count > x.count {
            (from..d.count.min(from + chunk), 0..x.count)
        } else {
            (0..d.count, from..x.count.min(from + chunk))
        };
        for o in outputs.step_by(ROWS) {
            for i in inputs.clone().step_by(BLOCK) {
                add_block::<T, S, ROWS>(weights, d, x, o, i);
            }
        }
    }
}

/// Adds the products of `ROWS` rows of D from `o` on and [`BLOCK`] of X from `i` on. Those of rows behind the last are
/// computed too, and dropped: smaller blocks for the rest, whose lanes the compiler took apart for AVX2, took longer than
/// whole ones.
#[inline(always)]
fn add_block<T: Real, S: InstructionSet, const ROWS: usize>(
    weights: &mut [T],
    d: StepRows<'_, T>,
    x: StepRows<'_, T>,
    o: usize,
    i: usize,
) {
    let rows = d.blocks::<ROWS>(o).zip(x.blocks::<BLOCK>(i));
    let mut sums = [T::ZERO; LANES];
    if S::WIDE {
        add_lane_sums(&mut sums, &products::<T, S, ROWS, BLOCK>(rows));
    } else {
        add_half_sums(&mut sums, &half_products::<T, S, ROWS, BLOCK>(rows));
    }
    let outputs = weights[o * x.count..].chunks_exact_mut(x.count).take(ROWS);
    for (weights, sums) in outputs.zip(sums.as_chunks::<BLOCK>().0) {
        if let Some(weights) = weights[i..].first_chunk_mut::<BLOCK>() {
            for c in 0..BLOCK {
                weights[c] += sums[c];
            }
        } else {
            for (weight, sum) in weights[i..].iter_mut().zip(sums) {
                *weight += *sum;
            }
        }
    }
}

/// Some rows of D and of X at one step.
type RowPair<'a, T, const ROWS: usize, const COLUMNS: usize> =
    (&'a [[Lanes<T>; VECTORS]; ROWS], &'a [[Lanes<T>; VECTORS]; COLUMNS]);

/// The products of all rows of D and X, row by row, summed over steps and vectors.
#[inline(always)]
fn products<'a, T: Real, S: InstructionSet, const ROWS: usize, const COLUMNS: usize>(
    steps: impl Iterator<Item = RowPair<'a, T, ROWS, COLUMNS>>,
) -> [Lanes<T>; LANES] {
    let mut products = [[Lanes::<T>::ZERO; COLUMNS]; ROWS];
    for (d, x) in steps {
        for v in 0..VECTORS {
            for r in 0..ROWS {
                for c in 0..COLUMNS {
                    products[r][c] = products[r][c].accumulate_product::<S>(d[r][v], x[c][v]);
                }
            }
        }
    }
    let mut vectors = [Lanes::ZERO; LANES];
    for r in 0..ROWS {
        for c in 0..COLUMNS {
            vectors[r * COLUMNS + c] = products[r][c];
        }
    }
    vectors
}

/// Lanes in half of a vector.
const HALF: usize = LANES / 2;

/// sum + a∘b.
#[inline(always)]
fn accumulate_half<T: Real, S: InstructionSet>(mut sum: [T; HALF], a: [T; HALF], b: [T; HALF]) -> [T; HALF] {
    for i in 0..HALF {
        sum[i] = multiply_add::<T, S>(a[i], b[i], sum[i]);
    }
    sum
}

/// [`products`] with the two halves of each vector summed too, two products side by side.
#[inline(always)]
fn half_products<'a, T: Real, S: InstructionSet, const ROWS: usize, const COLUMNS: usize>(
    steps: impl Iterator<Item = RowPair<'a, T, ROWS, COLUMNS>>,
) -> [Lanes<T>; HALF] {
    let mut products = [[[T::ZERO; HALF]; COLUMNS]; ROWS];
    // A loop whose length is known would be unrolled, its loads moved to the front, and the sums out of the registers.
    let halves = std::hint::black_box(2 * VECTORS);
    for (d, x) in steps {
        for h in 0..halves {
            let (v, half) = (h / 2 % VECTORS, h % 2);
            for c in 0..COLUMNS {
                let x = x[c][v].0.as_chunks().0[half];
                for r in 0..ROWS {
                    let d = d[r][v].0.as_chunks().0[half];
                    products[r][c] = accumulate_half::<T, S>(products[r][c], d, x);
                }
            }
        }
    }
    let mut pairs = [Lanes::ZERO; HALF];
    for r in 0..ROWS {
        for c in 0..COLUMNS {
            let k = r * COLUMNS + c;
            pairs[k / 2].0.as_chunks_mut().0[k % 2] = products[r][c];
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{Isa, Kernel, TILE, Wide, lane, scattered};

    struct Run<'a>(&'a mut [f32], StepRows<'a, f32>, StepRows<'a, f32>);

    impl Kernel for Run<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            outer_accumulate_steps::<f32, S>(self.0, self.1, self.2);
        }
    }

    fn filled(steps: usize, rows: usize, salt: u64) -> StepBuffer<f32> {
        let mut buffer = StepBuffer::new(steps, rows);
        for step in 0..steps {
            buffer.step_mut(step).copy_from_slice(&scattered(rows, salt + (step * rows * TILE) as u64));
        }
        buffer
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_instruction_set_matches_the_plain_sums(
            outputs in 1usize..16, inputs in 1usize..16, steps in 1usize..5, before in 0usize..3, salt in 0u64..1000,
        ) {
            let (d, x) = (filled(steps + 1, before + outputs + 1, salt), filled(steps + 1, inputs, salt + 1));
            // The blocks of AVX-512 on any machine, too.
            for isa in Isa::available().into_iter().map(Some).chain([None]) {
                let mut weights = vec![0.5; outputs * inputs];
                let of = 1..steps + 1;
                let run = Run(&mut weights, d.steps(of.clone()).part(before, outputs), x.steps(of));
                match isa {
                    Some(isa) => isa.run(run),
                    None => run.run::<Wide>(),
                }
                for o in 0..outputs {
                    for i in 0..inputs {
                        let plain: f64 = (0..steps * TILE)
                            .map(|k| {
                                let (step, t) = (1 + k / TILE, k % TILE);
                                f64::from(lane(d.step(step), before + o, t)) * f64::from(lane(x.step(step), i, t))
                            })
                            .sum();
                        prop_assert!((plain + 0.5 - f64::from(weights[o * inputs + i])).abs() < 4e-4);
                    }
                }
            }
        }
    }
}
