//! Rate dynamics: F = V φ(U r + Wˢ s + Wᵉ e + b) + c with φ = softplus, a one-layer perceptron of the state.
//!
//! Affine maps start uniform in ±1/√fan_in. Parameters: h(2n + d_s + d_e + 1) + n for h hidden units.
//!
//! Low-rank rate dynamics have U = M Nᵀ/n with M of h × k and N of n × k, both starting standard normal (as in
//! Mastrogiuseppe & Ostojic 2018): the state acts on the hidden units through its k overlaps κ = Nᵀ r/n.
//! Parameters: k(h + n) + h(n + d_s + d_e + 1) + n.
//!
//! The rows that the cell keeps are the activations of the hidden units and the overlaps.

use std::ops::Range;

use super::{Cell, Scratch, Span, StepGradients, StepInputs, WeightGradient};
use crate::dense::{add_to, affine, affine_adjoint};
use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, Real, VECTORS, add_row_sums, affine_rows, softplus_in_place,
    transposed_accumulate, transposed_rows,
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
    fn hidden_inputs<T: Real, S: InstructionSet>(
        &self,
        inputs: &StepInputs<'_, T>,
        overlaps: &mut [Lanes<T>],
        z: &mut [Lanes<T>],
    ) {
        let p = inputs.parameters;
        let mut source = inputs.state;
        if let Some(weights) = &self.overlaps {
            affine_rows::<T, S>(overlaps, &p[weights.clone()], None, None, inputs.state);
            self.divide_by_neurons(overlaps);
            source = overlaps;
        }
        let bias = &inputs.bias[..self.hidden];
        affine_rows::<T, S>(z, &p[self.recurrent.clone()], Some(bias), inputs.drive, source);
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
        affine(&parameters[self.time.clone()], &parameters[self.bias.clone()], embedding, hidden);
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
        affine_adjoint(&parameters[time.clone()], embedding, hidden, &mut gradient[time], d_embedding);
    }

    fn kept_rows(&self) -> usize {
        self.hidden + self.rank()
    }

    fn scratch_rows(&self) -> usize {
        0
    }

    fn forward(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        f: &mut [Lanes<T>],
        kept: &mut [Lanes<T>],
        _scratch: &mut [Lanes<T>],
    ) {
        let (h, overlaps) = kept.split_at_mut(self.hidden * VECTORS);
        isa.run(Forward { cell: self, inputs, f, h, overlaps });
    }

    fn adjoint(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        kept: &[Lanes<T>],
        d_f: &[Lanes<T>],
        gradients: StepGradients<'_, T>,
        _scratch: &mut Scratch<T>,
    ) {
        isa.run(Adjoint { cell: self, inputs, h: &kept[..self.hidden * VECTORS], d_f, gradients });
    }

    fn weight_gradients<'a>(&self, span: Span<'a, T>) -> Vec<WeightGradient<'a, T>> {
        let (hidden, rank) = (self.hidden, self.rank());
        let Span { state, kept, d_f, d_kept } = span;
        let (h, d_h) = (kept.part(0, hidden), d_kept.part(0, hidden));
        let (overlaps, d_overlaps) = (kept.part(hidden, rank), d_kept.part(hidden, rank));
        let of = |weights: &Range<usize>, d, x| WeightGradient { weights: weights.clone(), d, x };
        let output = of(&self.output, d_f, h);
        match &self.overlaps {
            None => vec![output, of(&self.recurrent, d_h, state)],
            Some(weights) => {
                vec![output, of(&self.recurrent, d_h, overlaps), of(weights, d_overlaps, state)]
            }
        }
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
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, h, overlaps } = self;
        cell.hidden_inputs::<T, S>(&inputs, overlaps, h);
        softplus_in_place::<T, S>(h);
        let weights = &inputs.parameters[cell.output.clone()];
        affine_rows::<T, S>(f, weights, Some(&inputs.bias[cell.hidden..]), None, h);
    }
}

struct Adjoint<'a, T> {
    cell: &'a Rate,
    inputs: StepInputs<'a, T>,
    h: &'a [Lanes<T>],
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, h, d_f, gradients } = self;
        let p = inputs.parameters;
        let (d_h, d_overlaps) = gradients.kept.split_at_mut(cell.hidden * VECTORS);
        transposed_rows::<T, S>(d_h, &p[cell.output.clone()], d_f);
        // softplus′ = 1 − e^{−softplus}.
        for (d, h) in d_h.iter_mut().zip(h) {
            *d = d.zip(*h, |d, h| d * (T::ONE - (-h).exp_negative::<S>()));
        }
        add_row_sums(&mut gradients.bias[..cell.hidden], d_h);
        add_row_sums(&mut gradients.bias[cell.hidden..], d_f);
        if let Some(d_drive) = gradients.drive {
            for (total, d) in d_drive.iter_mut().zip(&*d_h) {
                *total = total.zip(*d, |a, b| a + b);
            }
        }
        let Some(weights) = &cell.overlaps else {
            transposed_accumulate::<T, S>(gradients.state, &p[cell.recurrent.clone()], d_h);
            return;
        };
        transposed_rows::<T, S>(d_overlaps, &p[cell.recurrent.clone()], d_h);
        cell.divide_by_neurons(d_overlaps);
        transposed_accumulate::<T, S>(gradients.state, &p[weights.clone()], d_overlaps);
    }
}
