//! Rate dynamics: F = V φ(U r + Wˢ s + Wᵉ e + b) + c with φ = softplus, a one-layer perceptron of the state.
//!
//! Affine maps start uniform in ±1/√fan_in. Parameters: h(2n + d_s + d_e + 1) + n for h hidden units.

use std::ops::Range;

use super::{Cell, Scratch, StepGradients, StepInputs, add_to, embed, embed_adjoint};
use crate::kernel::{
    Isa, Kernel, Lanes, Real, Transposed, VECTORS, affine_rows, outer_accumulate, row_sum,
    transposed_accumulate,
};
use crate::parameters::{Initial, Layout};

/// A perceptron of `hidden` units between state and drive.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    neurons: usize,
    hidden: usize,
    recurrent: Range<usize>,
    input: Range<usize>,
    time: Range<usize>,
    bias: Range<usize>,
    output: Range<usize>,
    output_bias: Range<usize>,
}

impl Rate {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e.
    pub(crate) fn new(
        layout: &mut Layout,
        neurons: usize,
        hidden: usize,
        inputs: usize,
        time: usize,
    ) -> Self {
        Self {
            neurons,
            hidden,
            recurrent: layout.add("hidden.recurrent", &[hidden, neurons], Initial::fan_in(neurons)),
            input: layout.add("hidden.input", &[hidden, inputs], Initial::fan_in(inputs)),
            time: layout.add("hidden.time", &[hidden, time], Initial::fan_in(time)),
            bias: layout.add("hidden.bias", &[hidden], Initial::fan_in(neurons)),
            output: layout.add("output.hidden", &[neurons, hidden], Initial::fan_in(hidden)),
            output_bias: layout.add("output.bias", &[neurons], Initial::fan_in(hidden)),
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
        3 * self.hidden
    }

    fn forward(&self, isa: Isa, inputs: StepInputs<'_, T>, f: &mut [Lanes<T>], scratch: &mut [Lanes<T>]) {
        isa.run(Forward { cell: self, inputs, f, h: &mut scratch[..self.hidden * VECTORS] });
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
        let (slope, d_h) = rest.split_at_mut(self.hidden * VECTORS);
        isa.run(Adjoint { cell: self, inputs, d_f, gradients, transposed, transposed_hidden, h, slope, d_h });
    }
}

struct Forward<'a, T> {
    cell: &'a Rate,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    h: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, f, h } = self;
        let p = inputs.parameters;
        let (hidden, output) = inputs.bias.split_at(cell.hidden);
        affine_rows::<T, FMA>(h, &p[cell.recurrent.clone()], hidden, inputs.drive, inputs.state);
        for value in h.iter_mut() {
            *value = value.map(|z| z.softplus::<FMA>().0);
        }
        affine_rows::<T, FMA>(f, &p[cell.output.clone()], output, None, h);
    }
}

struct Adjoint<'a, T> {
    cell: &'a Rate,
    inputs: StepInputs<'a, T>,
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    transposed: &'a mut Transposed<T>,
    transposed_hidden: &'a mut Transposed<T>,
    h: &'a mut [Lanes<T>],
    slope: &'a mut [Lanes<T>],
    d_h: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, d_f, gradients, transposed, transposed_hidden, h, slope, d_h } = self;
        let p = inputs.parameters;
        let gradient = gradients.parameters;
        affine_rows::<T, FMA>(
            h,
            &p[cell.recurrent.clone()],
            &inputs.bias[..cell.hidden],
            inputs.drive,
            inputs.state,
        );
        for (h, slope) in h.iter_mut().zip(&mut *slope) {
            for k in 0..crate::kernel::LANES {
                (h.0[k], slope.0[k]) = h.0[k].softplus::<FMA>();
            }
        }
        transposed_hidden.set(h);
        outer_accumulate::<T, FMA>(&mut gradient[cell.output.clone()], d_f, transposed_hidden);
        d_h.fill(Lanes::ZERO);
        transposed_accumulate::<T, FMA>(d_h, &p[cell.output.clone()], d_f);
        for (d, slope) in d_h.iter_mut().zip(slope) {
            *d = d.zip(*slope, |d, s| d * s);
        }
        for unit in 0..cell.hidden {
            gradients.bias[unit] += row_sum(d_h, unit);
        }
        for neuron in 0..cell.neurons {
            gradients.bias[cell.hidden + neuron] += row_sum(d_f, neuron);
        }
        if let Some(d_drive) = gradients.drive {
            for (total, d) in d_drive.iter_mut().zip(&*d_h) {
                *total = total.zip(*d, |a, b| a + b);
            }
        }
        transposed.set(inputs.state);
        outer_accumulate::<T, FMA>(&mut gradient[cell.recurrent.clone()], d_h, transposed);
        transposed_accumulate::<T, FMA>(gradients.state, &p[cell.recurrent.clone()], d_h);
    }
}
