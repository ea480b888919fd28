//! Rate dynamics: F = V φ(U r + Wˢ s + Wᵉ e + b) + c with φ = softplus, a one-layer perceptron of the state.
//!
//! Affine maps start uniform in ±1/√fan_in. Parameters: h(2n + d_s + d_e + 1) + n for h hidden units.
//!
//! Low-rank rate dynamics have U = M Nᵀ/n with M of h × k and N of n × k, both starting standard normal (as in
//! Mastrogiuseppe & Ostojic 2018): the state acts on the hidden units through its k overlaps κ = Nᵀ r/n.
//! Parameters: k(h + n) + h(n + d_s + d_e + 1) + n.

use std::ops::Range;

use super::{Cell, Scratch, StepGradients, StepInputs, add_to, embed, embed_adjoint};
use crate::kernel::{
    Isa, Kernel, Lanes, Real, Transposed, VECTORS, add_row_sums, affine_rows, outer_accumulate,
    softplus_rows, transposed_accumulate,
};
use crate::parameters::{Initial, Layout};

/// A perceptron of `hidden` units between state and drive.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    neurons: usize,
    hidden: usize,
    /// Nᵀ, `[overlap][neuron]`; `None` at full rank.
    overlaps: Option<Range<usize>>,
    /// U, or M of a low rank.
    recurrent: Range<usize>,
    input: Range<usize>,
    time: Range<usize>,
    bias: Range<usize>,
    output: Range<usize>,
    output_bias: Range<usize>,
}

impl Rate {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e; U of rank `rank`, or any.
    pub(crate) fn new(
        layout: &mut Layout,
        neurons: usize,
        hidden: usize,
        rank: Option<usize>,
        inputs: usize,
        time: usize,
    ) -> Self {
        let overlaps =
            rank.map(|rank| layout.add("overlap.recurrent", &[rank, neurons], Initial::Normal(1.0)));
        let recurrent = match rank {
            Some(rank) => layout.add("hidden.overlap", &[hidden, rank], Initial::Normal(1.0)),
            None => layout.add("hidden.recurrent", &[hidden, neurons], Initial::fan_in(neurons)),
        };
        Self {
            neurons,
            hidden,
            overlaps,
            recurrent,
            input: layout.add("hidden.input", &[hidden, inputs], Initial::fan_in(inputs)),
            time: layout.add("hidden.time", &[hidden, time], Initial::fan_in(time)),
            bias: layout.add("hidden.bias", &[hidden], Initial::fan_in(neurons)),
            output: layout.add("output.hidden", &[neurons, hidden], Initial::fan_in(hidden)),
            output_bias: layout.add("output.bias", &[neurons], Initial::fan_in(hidden)),
        }
    }

    fn rank(&self) -> usize {
        self.overlaps.as_ref().map_or(0, |overlaps| overlaps.len() / self.neurons)
    }

    /// What the hidden units sum up. `overlaps` receives κ if the rank is low.
    #[inline(always)]
    fn hidden_inputs<T: Real, const FMA: bool>(
        &self,
        inputs: &StepInputs<'_, T>,
        overlaps: &mut [Lanes<T>],
        z: &mut [Lanes<T>],
    ) {
        let p = inputs.parameters;
        let mut source = inputs.state;
        if let Some(weights) = &self.overlaps {
            affine_rows::<T, FMA>(overlaps, &p[weights.clone()], None, None, inputs.state);
            self.divide_by_neurons(overlaps);
            source = overlaps;
        }
        let bias = &inputs.bias[..self.hidden];
        affine_rows::<T, FMA>(z, &p[self.recurrent.clone()], Some(bias), inputs.drive, source);
    }

    #[inline(always)]
    fn divide_by_neurons<T: Real>(&self, rows: &mut [Lanes<T>]) {
        let share = T::from_f64(1.0 / self.neurons as f64);
        for value in rows {
            *value = value.map(|x| share * x);
        }
    }
}

impl<T: Real> Cell<T> for Rate {
    fn units(&self) -> usize {
        self.hidden + self.neurons
    }

    fn drive_rows(&self) -> usize {
        self.hidden
    }

    fn input_weights(&self) -> Range<usize> {
        self.input.clone()
    }

    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]) {
        let (hidden, output) = bias.split_at_mut(self.hidden);
        embed(&parameters[self.time.clone()], &parameters[self.bias.clone()], embedding, hidden);
        output.copy_from_slice(&parameters[self.output_bias.clone()]);
    }

    fn biases_adjoint(
        &self,
        parameters: &[T],
        embedding: &[T],
        d_bias: &[T],
        gradient: &mut [T],
        d_embedding: &mut [T],
    ) {
        let (hidden, output) = d_bias.split_at(self.hidden);
        add_to(&mut gradient[self.bias.clone()], hidden);
        add_to(&mut gradient[self.output_bias.clone()], output);
        let time = self.time.clone();
        embed_adjoint(&parameters[time.clone()], embedding, hidden, &mut gradient[time], d_embedding);
    }

    fn scratch_rows(&self) -> usize {
        3 * self.hidden + 2 * self.rank()
    }

    fn forward(&self, isa: Isa, inputs: StepInputs<'_, T>, f: &mut [Lanes<T>], scratch: &mut [Lanes<T>]) {
        let (h, rest) = scratch.split_at_mut(self.hidden * VECTORS);
        isa.run(Forward { cell: self, inputs, f, h, overlaps: &mut rest[..self.rank() * VECTORS] });
    }

    fn adjoint(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        _f: &[Lanes<T>],
        d_f: &[Lanes<T>],
        gradients: StepGradients<'_, T>,
        scratch: &mut Scratch<T>,
    ) {
        let Scratch { rows, transposed, transposed_hidden } = scratch;
        let (h, rest) = rows.split_at_mut(self.hidden * VECTORS);
        let (slope, rest) = rest.split_at_mut(self.hidden * VECTORS);
        let (d_h, rest) = rest.split_at_mut(self.hidden * VECTORS);
        let (overlaps, d_overlaps) = rest.split_at_mut(self.rank() * VECTORS);
        let transposed = [transposed, transposed_hidden];
        isa.run(Adjoint {
            cell: self,
            inputs,
            d_f,
            gradients,
            transposed,
            h,
            slope,
            d_h,
            overlaps,
            d_overlaps,
        });
    }
}

struct Forward<'a, T> {
    cell: &'a Rate,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    h: &'a mut [Lanes<T>],
    overlaps: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, f, h, overlaps } = self;
        cell.hidden_inputs::<T, FMA>(&inputs, overlaps, h);
        for value in h.iter_mut() {
            *value = value.map(|z| z.softplus::<FMA>().0);
        }
        let weights = &inputs.parameters[cell.output.clone()];
        affine_rows::<T, FMA>(f, weights, Some(&inputs.bias[cell.hidden..]), None, h);
    }
}

struct Adjoint<'a, T> {
    cell: &'a Rate,
    inputs: StepInputs<'a, T>,
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    transposed: [&'a mut Transposed<T>; 2],
    h: &'a mut [Lanes<T>],
    slope: &'a mut [Lanes<T>],
    d_h: &'a mut [Lanes<T>],
    overlaps: &'a mut [Lanes<T>],
    d_overlaps: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, d_f, gradients, transposed, h, slope, d_h, overlaps, d_overlaps } = self;
        let [transposed, transposed_hidden] = transposed;
        let p = inputs.parameters;
        let gradient = gradients.parameters;
        cell.hidden_inputs::<T, FMA>(&inputs, overlaps, h);
        softplus_rows::<T, FMA>(h, slope);
        transposed_hidden.set(h);
        outer_accumulate::<T, FMA>(&mut gradient[cell.output.clone()], d_f, transposed_hidden);
        d_h.fill(Lanes::ZERO);
        transposed_accumulate::<T, FMA>(d_h, &p[cell.output.clone()], d_f);
        for (d, slope) in d_h.iter_mut().zip(slope) {
            *d = d.zip(*slope, |d, s| d * s);
        }
        add_row_sums(&mut gradients.bias[..cell.hidden], d_h);
        add_row_sums(&mut gradients.bias[cell.hidden..], d_f);
        if let Some(d_drive) = gradients.drive {
            for (total, d) in d_drive.iter_mut().zip(&*d_h) {
                *total = total.zip(*d, |a, b| a + b);
            }
        }
        transposed.set(inputs.state);
        let Some(weights) = &cell.overlaps else {
            outer_accumulate::<T, FMA>(&mut gradient[cell.recurrent.clone()], d_h, transposed);
            transposed_accumulate::<T, FMA>(gradients.state, &p[cell.recurrent.clone()], d_h);
            return;
        };
        transposed_hidden.set(overlaps);
        outer_accumulate::<T, FMA>(&mut gradient[cell.recurrent.clone()], d_h, transposed_hidden);
        d_overlaps.fill(Lanes::ZERO);
        transposed_accumulate::<T, FMA>(d_overlaps, &p[cell.recurrent.clone()], d_h);
        cell.divide_by_neurons(d_overlaps);
        outer_accumulate::<T, FMA>(&mut gradient[weights.clone()], d_overlaps, transposed);
        transposed_accumulate::<T, FMA>(gradients.state, &p[weights.clone()], d_overlaps);
    }
}
