//! Gated dynamics (Cho et al. 2014): F = (1 − z) ∘ h + z ∘ r, inside the leak of the state.
//!
//! Gates z and g = logistic(U r + Wˢ s + Wᵉ e + b), candidate h = tanh(U (g ∘ r) + Wˢ s + Wᵉ e + b), each with weights
//! of its own. Affine maps start uniform in ±1/√fan_in. Parameters: 3n(n + d_s + d_e + 1).
//!
//! Units are in the order update gate z, reset gate g, candidate h; the rows that the cell keeps z, g, g ∘ r, h. In the
//! adjoint the gradients `d` are those at the units' inputs.

use std::ops::Range;

use super::{Cell, Scratch, Span, StepGradients, StepInputs, WeightGradient};
use crate::dense::{add_to, affine, affine_adjoint};
use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, Real, VECTORS, add_row_sums, affine_rows, transposed_accumulate,
    transposed_rows,
};
use crate::parameters::{Initial, Layout};

/// A gated recurrent unit for each neuron.
#[derive(Debug, Clone)]
pub(crate) struct Gru {
    neurons: usize,
    recurrent: Range<usize>,
    input: Range<usize>,
    time: Range<usize>,
    bias: Range<usize>,
}

impl Gru {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e.
    pub(crate) fn new(layout: &mut Layout, neurons: usize, inputs: usize, time: usize) -> Self {
        let n = neurons;
        Self {
            neurons,
            recurrent: layout.add("gates.recurrent", &[3, n, n], Initial::fan_in(n)),
            input: layout.add("gates.input", &[3, n, inputs], Initial::fan_in(inputs)),
            time: layout.add("gates.time", &[3, n, time], Initial::fan_in(time)),
            bias: layout.add("gates.bias", &[3, n], Initial::fan_in(n)),
        }
    }

    /// z, g, g ∘ r and h into four blocks of rows.
    #[inline(always)]
    fn activate<T: Real, S: InstructionSet>(&self, inputs: &StepInputs<'_, T>, rows: &mut [Lanes<T>]) {
        let size = self.neurons * VECTORS;
        let weights = &inputs.parameters[self.recurrent.clone()];
        let (both, candidate) = weights.split_at(2 * self.neurons * self.neurons);
        let (bias_both, bias_candidate) = inputs.bias.split_at(2 * self.neurons);
        let (gates, rest) = rows.split_at_mut(2 * size);
        let (gated, h) = rest.split_at_mut(size);
        let drive = inputs.drive.map(|drive| drive.split_at(2 * size));
        affine_rows::<T, S>(gates, both, Some(bias_both), drive.map(|(both, _)| both), inputs.state);
        for gate in gates.iter_mut() {
            *gate = gate.map(T::logistic::<S>);
        }
        for ((gated, g), r) in gated.iter_mut().zip(&gates[size..]).zip(inputs.state) {
            *gated = g.zip(*r, |g, r| g * r);
        }
        let drive = drive.map(|(_, candidate)| candidate);
        affine_rows::<T, S>(h, candidate, Some(bias_candidate), drive, gated);
        for value in h.iter_mut() {
            *value = value.map(T::hyperbolic_tangent::<S>);
        }
    }
}

impl<T: Real> Cell<T> for Gru {
    fn units(&self) -> usize {
        3 * self.neurons
    }

    fn drive_rows(&self) -> usize {
        3 * self.neurons
    }

    fn input_weights(&self) -> Range<usize> {
        self.input.clone()
    }

    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]) {
        affine(&parameters[self.time.clone()], &parameters[self.bias.clone()], embedding, bias);
    }

    fn biases_adjoint(
        &self,
        parameters: &[T],
        embedding: &[T],
        d_bias: &[T],
        gradient: &mut [T],
        d_embedding: &mut [T],
    ) {
        add_to(&mut gradient[self.bias.clone()], d_bias);
        let time = self.time.clone();
        affine_adjoint(&parameters[time.clone()], embedding, d_bias, &mut gradient[time], d_embedding);
    }

    fn kept_rows(&self) -> usize {
        4 * self.neurons
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
        isa.run(Forward { cell: self, inputs, f, rows: kept });
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
        isa.run(Adjoint { cell: self, inputs, d_f, gradients, rows: kept });
    }

    fn weight_gradients<'a>(&self, span: Span<'a, T>) -> Vec<WeightGradient<'a, T>> {
        let n = self.neurons;
        let Span { state, kept, d_kept: d, .. } = span;
        let Range { start, end } = self.recurrent;
        let candidate = start + 2 * n * n;
        vec![
            WeightGradient { weights: start..candidate, d: d.part(0, 2 * n), x: state },
            WeightGradient { weights: candidate..end, d: d.part(2 * n, n), x: kept.part(2 * n, n) },
        ]
    }
}

struct Forward<'a, T> {
    cell: &'a Gru,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    rows: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, rows } = self;
        cell.activate::<T, S>(&inputs, rows);
        let size = cell.neurons * VECTORS;
        for i in 0..size {
            let (z, h, r) = (rows[i], rows[3 * size + i], inputs.state[i]);
            // F = h + z (r − h)
            f[i] = h.add_product::<S>(z, r.zip(h, |r, h| r - h));
        }
    }
}

struct Adjoint<'a, T> {
    cell: &'a Gru,
    inputs: StepInputs<'a, T>,
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    rows: &'a [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, d_f, gradients, rows } = self;
        let n = cell.neurons;
        let size = n * VECTORS;
        let weights = &inputs.parameters[cell.recurrent.clone()];
        let (both, candidate) = weights.split_at(2 * n * n);
        // The fourth block holds the gradient of g ∘ r.
        let (d, d_gated) = gradients.kept.split_at_mut(3 * size);
        for i in 0..size {
            let (z, h, r) = (rows[i], rows[3 * size + i], inputs.state[i]);
            d[i] = d_f[i].zip(r.zip(h, |r, h| r - h), |d, x| d * x).zip(z, |d, z| d * z * (T::ONE - z));
            d[2 * size + i] = d_f[i].zip(z, |d, z| d * (T::ONE - z)).zip(h, |d, h| d * (T::ONE - h * h));
            gradients.state[i] = gradients.state[i].add_product::<S>(d_f[i], z);
        }
        transposed_rows::<T, S>(d_gated, candidate, &d[2 * size..]);
        for i in 0..size {
            let (g, r) = (rows[size + i], inputs.state[i]);
            d[size + i] = d_gated[i].zip(r, |d, r| d * r).zip(g, |d, g| d * g * (T::ONE - g));
            gradients.state[i] = gradients.state[i].add_product::<S>(d_gated[i], g);
        }
        transposed_accumulate::<T, S>(gradients.state, both, &d[..2 * size]);
        add_row_sums(gradients.bias, d);
        if let Some(d_drive) = gradients.drive {
            for (total, d) in d_drive.iter_mut().zip(&*d) {
                *total = total.zip(*d, |a, b| a + b);
            }
        }
    }
}
