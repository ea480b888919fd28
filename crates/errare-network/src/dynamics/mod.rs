//! The recurrent dynamics F: one cell a file, each with a forward and a hand-derived adjoint.
//!
//! A cell sees, at one step, the state r of a tile of trajectories, the bias vector of the current time code
//! (biases and time projections, one value a unit) and, while an input is on, the *drive*: the input's
//! projection onto its first layer, computed once per epoch.

mod axonal;
mod dendritic;
mod gru;
mod rate;

use std::fmt::Debug;
use std::ops::Range;

pub(crate) use axonal::Axonal;
pub(crate) use dendritic::Dendritic;
pub(crate) use gru::Gru;
pub(crate) use rate::Rate;

use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, Real, StepRows, Transposed, affine_rows, outer_accumulate,
    outer_accumulate_steps, transposed_accumulate, zeros,
};

/// What a cell reads at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepInputs<'a, T> {
    /// The flat parameter vector.
    pub(crate) parameters: &'a [T],
    /// Bias of every unit under the current time code.
    pub(crate) bias: &'a [T],
    /// Drive of the current input, `[drive row][trajectory]`; `None` while there is no input.
    pub(crate) drive: Option<&'a [Lanes<T>]>,
    /// State r, `[neuron][trajectory]`.
    pub(crate) state: &'a [Lanes<T>],
}

/// Where an adjoint adds its gradients.
#[derive(Debug)]
pub(crate) struct StepGradients<'a, T> {
    /// Of the flat parameter vector.
    pub(crate) parameters: &'a mut [T],
    /// Of the bias vector of the current time code.
    pub(crate) bias: &'a mut [T],
    /// Of the drive; present when the step had one.
    pub(crate) drive: Option<&'a mut [Lanes<T>]>,
    /// Of the state.
    pub(crate) state: &'a mut [Lanes<T>],
    /// Of the rows that the cell keeps, for [`Cell::weight_gradients`]; overwritten.
    pub(crate) kept: &'a mut [Lanes<T>],
}

/// Steps whose weight gradients are added at once. Twice as many gain nothing, and leave the caches sooner.
pub(crate) const SPAN: usize = 8;

/// Neighbouring steps behind their adjoints, at most [`SPAN`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a, T> {
    /// The states that they started from.
    pub(crate) state: StepRows<'a, T>,
    /// What the cell kept.
    pub(crate) kept: StepRows<'a, T>,
    /// Gradients of F.
    pub(crate) d_f: StepRows<'a, T>,
    /// Gradients of what the cell kept.
    pub(crate) d_kept: StepRows<'a, T>,
}

/// The gradient D·Xᵀ of a matrix of weights over a span of steps.
#[derive(Debug)]
pub(crate) struct WeightGradient<'a, T> {
    /// The weights, `[row of d][row of x]`.
    pub(crate) weights: Range<usize>,
    pub(crate) d: StepRows<'a, T>,
    pub(crate) x: StepRows<'a, T>,
}

/// An architecture of F. A new dynamics implements this and is named in [`crate::NetworkConfig`].
pub(crate) trait Cell<T: Real>: Debug + Send + Sync {
    /// Units with a bias of their own, the length of a bias vector.
    fn units(&self) -> usize;

    /// Rows of the drive: the units that see the input. They come first among the units.
    fn drive_rows(&self) -> usize;

    /// The matrix [drive rows × input size] that projects the input.
    fn input_weights(&self) -> Range<usize>;

    /// The bias vector under time embedding e.
    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]);

    /// Adjoint of [`Cell::biases`]: adds to the gradients of the parameters and of e.
    fn biases_adjoint(
        &self,
        parameters: &[T],
        embedding: &[T],
        d_bias: &[T],
        gradient: &mut [T],
        d_embedding: &mut [T],
    );

    /// Rows that a forward step keeps for its adjoint, which would else compute them again. All steps of a trial should
    /// fit the second-level cache.
    fn kept_rows(&self) -> usize;

    /// Rows of scratch that forward and adjoint need.
    fn scratch_rows(&self) -> usize;

    /// F(r, s, e) into `f`, `[neuron][trajectory]`, and what the adjoint shall find into `kept`.
    fn forward(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        f: &mut [Lanes<T>],
        kept: &mut [Lanes<T>],
        scratch: &mut [Lanes<T>],
    );

    /// Adjoint of [`Cell::forward`], given what it kept and the gradient `d_f` with respect to F.
    fn adjoint(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        kept: &[Lanes<T>],
        d_f: &[Lanes<T>],
        gradients: StepGradients<'_, T>,
        scratch: &mut Scratch<T>,
    );

    /// The weight gradients that are added over several steps at once. Trees add all theirs in the adjoint.
    fn weight_gradients<'a>(&self, _span: Span<'a, T>) -> Vec<WeightGradient<'a, T>> {
        Vec::new()
    }
}

/// Scratch of one worker.
#[derive(Debug)]
pub(crate) struct Scratch<T> {
    pub(crate) rows: Vec<Lanes<T>>,
    pub(crate) transposed: Transposed<T>,
}

impl<T: Real> Scratch<T> {
    pub(crate) fn new(cell: &dyn Cell<T>) -> Self {
        Self { rows: zeros(cell.scratch_rows()), transposed: Transposed::new() }
    }
}

/// Adds the weight gradients of a span of steps.
pub(crate) fn add_weight_gradients<T: Real>(
    isa: Isa,
    cell: &dyn Cell<T>,
    span: Span<'_, T>,
    gradient: &mut [T],
) {
    struct Run<'a, T>(&'a mut [T], WeightGradient<'a, T>);
    impl<T: Real> Kernel for Run<'_, T> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            outer_accumulate_steps::<T, S>(self.0, self.1.d, self.1.x);
        }
    }
    for product in cell.weight_gradients(span) {
        isa.run(Run(&mut gradient[product.weights.clone()], product));
    }
}

/// The drive of an input s, `[input][trajectory]`.
pub(crate) fn drive<T: Real>(isa: Isa, weights: &[T], input: &[Lanes<T>], drive: &mut [Lanes<T>]) {
    struct Run<'a, T>(&'a [T], &'a [Lanes<T>], &'a mut [Lanes<T>]);
    impl<T: Real> Kernel for Run<'_, T> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            affine_rows::<T, S>(self.2, self.0, None, None, self.1);
        }
    }
    isa.run(Run(weights, input, drive));
}

/// Adjoint of [`drive`]: adds to the gradients of the weights and of the input.
pub(crate) fn drive_adjoint<T: Real>(
    isa: Isa,
    weights: &[T],
    input: &[Lanes<T>],
    d_drive: &[Lanes<T>],
    d_weights: &mut [T],
    d_input: &mut [Lanes<T>],
) {
    struct Run<'a, T> {
        weights: &'a [T],
        input: &'a [Lanes<T>],
        transposed: &'a mut Transposed<T>,
        d_drive: &'a [Lanes<T>],
        d_weights: &'a mut [T],
        d_input: &'a mut [Lanes<T>],
    }
    impl<T: Real> Kernel for Run<'_, T> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            self.transposed.set(self.input);
            outer_accumulate::<T, S>(self.d_weights, self.d_drive, self.transposed);
            transposed_accumulate::<T, S>(self.d_input, self.weights, self.d_drive);
        }
    }
    let mut transposed = Transposed::new();
    isa.run(Run { weights, input, transposed: &mut transposed, d_drive, d_weights, d_input });
}
