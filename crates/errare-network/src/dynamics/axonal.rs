//! Axonal dynamics: every neuron's axon branches into a tree of its own, and the somata read all of its tips.
//!
//! With branchings (B₁, …, B_L), λ(x) = max(x, x/100) and y₀ = r: y₁ = λ(w₁ r + Wˢ s + U₁ e), deeper levels
//! y_l = λ(w_l y_{l−1} + U_l e) with y_{l−1} of the parent, F = softplus(A y_L + a) ≥ 0 (Radmard, Bays & Lengyel,
//! arXiv 2512.04808; published with (10, 10)).
//!
//! A and a start uniform in ±1/√fan_in. The trees start normal by Xavier's rule: w_l with variance
//! 2/(B₁⋯B_l + n B₂⋯B_l), as in the dendritic tree, and Wˢ and U_l with 2/(fan_in + fan_out). Parameters, for
//! n_l = n B₁⋯B_l units at level l: Σ n_l (d_e + 1) + n_1 d_s + n (n_L + 1).
//!
//! Tensors are named by level: `axon1` is next to the soma. In the kernels, g is the gradient at the input of a unit.

use std::ops::Range;

use super::{Cell, Scratch, StepGradients, StepInputs};
use crate::dense::{add_to, affine, affine_adjoint};
use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, Real, Transposed, VECTORS, add_row_dots, add_row_sums, affine_rows,
    outer_accumulate, row, row_mut, rows_mut, softplus_in_place, transposed_accumulate,
};
use crate::parameters::{Initial, Layout};

/// Slope of λ below 0.
const LEAK: f64 = 0.01;

/// An axonal tree for each neuron and a dense map from the tips to the somata.
#[derive(Debug, Clone)]
pub(crate) struct Axonal {
    neurons: usize,
    input: Range<usize>,
    /// Levels of the trees; those next to the somata first.
    levels: Vec<Level>,
    output: Range<usize>,
    output_bias: Range<usize>,
}

/// The branches at one distance from the somata.
#[derive(Debug, Clone)]
struct Level {
    /// Branches of each branch (or soma) of the level before.
    fan: usize,
    /// Its units among those of the cell, which are also its rows in the scratch.
    units: Range<usize>,
    /// Weight of each unit's parent.
    weights: Range<usize>,
    time: Range<usize>,
}

impl Axonal {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e.
    pub(crate) fn new(
        layout: &mut Layout,
        neurons: usize,
        branches: &[usize],
        inputs: usize,
        time: usize,
    ) -> Self {
        let n = neurons;
        let xavier = |fans: usize| Initial::Normal((2.0 / fans as f64).sqrt());
        let mut levels: Vec<Level> = Vec::new();
        let mut input = 0..0;
        for (depth, &fan) in branches.iter().enumerate() {
            let size: usize = branches[..=depth].iter().product();
            let from = levels.last().map_or(0, |level| level.units.end);
            let shape = [&[n][..], &branches[..=depth]].concat();
            let name = |tensor: &str| format!("axon{}.{tensor}", depth + 1);
            let weights = layout.add(&name("parent"), &shape, xavier(size + n * size / branches[0]));
            if depth == 0 {
                input = layout.add(&name("input"), &[n * size, inputs], xavier(inputs + n * size));
            }
            let time = layout.add(&name("time"), &[n * size, time], xavier(time + n * size));
            levels.push(Level { fan, units: from..from + n * size, weights, time });
        }
        let tips = n * branches.iter().product::<usize>();
        Self {
            neurons,
            input,
            levels,
            output: layout.add("soma.axon", &[n, tips], Initial::fan_in(tips)),
            output_bias: layout.add("soma.bias", &[n], Initial::fan_in(tips)),
        }
    }

    /// Branches of all trees.
    fn branches(&self) -> usize {
        self.levels.last().map_or(0, |level| level.units.end)
    }

    /// Rows of the tips.
    fn tips(&self) -> Range<usize> {
        self.levels.last().map_or(0..0, |level| level.units.start * VECTORS..level.units.end * VECTORS)
    }

    /// Activations of all branches into `tree`.
    #[inline(always)]
    fn grow<T: Real, S: InstructionSet>(&self, inputs: &StepInputs<'_, T>, tree: &mut [Lanes<T>]) {
        let mut parents = inputs.state;
        let mut rest = tree;
        let mut drive = inputs.drive;
        for level in &self.levels {
            let (rows, deeper) = rest.split_at_mut(level.units.len() * VECTORS);
            let weights = &inputs.parameters[level.weights.clone()];
            let bias = &inputs.bias[level.units.clone()];
            for parent in 0..level.units.len() / level.fan {
                let y = row(parents, parent);
                for unit in parent * level.fan..(parent + 1) * level.fan {
                    let (w, bias) = (weights[unit], bias[unit]);
                    let drive = drive.map(|drive| row(drive, unit));
                    for (v, out) in row_mut(rows, unit).iter_mut().enumerate() {
                        let constant = Lanes::splat(bias);
                        let constant = drive.map_or(constant, |drive| constant.zip(drive[v], |b, d| b + d));
                        *out = constant.add_scaled::<S>(w, y[v]).map(rectify);
                    }
                }
            }
            (parents, rest, drive) = (rows, deeper, None);
        }
    }
}

/// λ(x).
#[inline(always)]
fn rectify<T: Real>(x: T) -> T {
    if x > T::ZERO { x } else { x * T::from_f64(LEAK) }
}

/// λ′, given λ: both have the same sign.
#[inline(always)]
fn slope<T: Real>(y: T) -> T {
    if y > T::ZERO { T::ONE } else { T::from_f64(LEAK) }
}

impl<T: Real> Cell<T> for Axonal {
    fn units(&self) -> usize {
        self.branches() + self.neurons
    }

    fn drive_rows(&self) -> usize {
        self.levels[0].units.len()
    }

    fn input_weights(&self) -> Range<usize> {
        self.input.clone()
    }

    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]) {
        let none = vec![T::ZERO; self.branches()];
        for level in &self.levels {
            let units = level.units.clone();
            affine(&parameters[level.time.clone()], &none[units.clone()], embedding, &mut bias[units]);
        }
        bias[self.branches()..].copy_from_slice(&parameters[self.output_bias.clone()]);
    }

    fn biases_adjoint(
        &self,
        parameters: &[T],
        embedding: &[T],
        d_bias: &[T],
        gradient: &mut [T],
        d_embedding: &mut [T],
    ) {
        for level in &self.levels {
            let (d, time) = (&d_bias[level.units.clone()], level.time.clone());
            affine_adjoint(&parameters[time.clone()], embedding, d, &mut gradient[time], d_embedding);
        }
        add_to(&mut gradient[self.output_bias.clone()], &d_bias[self.branches()..]);
    }

    fn kept_rows(&self) -> usize {
        self.neurons
    }

    fn scratch_rows(&self) -> usize {
        2 * self.branches() + self.neurons
    }

    fn forward(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        f: &mut [Lanes<T>],
        kept: &mut [Lanes<T>],
        scratch: &mut [Lanes<T>],
    ) {
        let tree = rows_mut(scratch, 0, self.branches());
        isa.run(Forward { cell: self, inputs, f: &mut *f, tree });
        kept.copy_from_slice(f);
    }

    fn adjoint(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        kept: &[Lanes<T>],
        d_f: &[Lanes<T>],
        gradients: StepGradients<'_, T>,
        scratch: &mut Scratch<T>,
    ) {
        let (tree, rest) = scratch.rows.split_at_mut(self.branches() * VECTORS);
        let (g, g_soma) = rest.split_at_mut(self.branches() * VECTORS);
        let transposed = &mut scratch.transposed;
        isa.run(Adjoint { cell: self, inputs, f: kept, d_f, gradients, transposed, tree, g, g_soma });
    }
}

struct Forward<'a, T> {
    cell: &'a Axonal,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    tree: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, tree } = self;
        cell.grow::<T, S>(&inputs, tree);
        let weights = &inputs.parameters[cell.output.clone()];
        let bias = Some(&inputs.bias[cell.branches()..]);
        affine_rows::<T, S>(f, weights, bias, None, &tree[cell.tips()]);
        softplus_in_place::<T, S>(f);
    }
}

struct Adjoint<'a, T> {
    cell: &'a Axonal,
    inputs: StepInputs<'a, T>,
    f: &'a [Lanes<T>],
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    transposed: &'a mut Transposed<T>,
    tree: &'a mut [Lanes<T>],
    g: &'a mut [Lanes<T>],
    g_soma: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, d_f, mut gradients, transposed, tree, g, g_soma } = self;
        cell.grow::<T, S>(&inputs, tree);
        // softplus′ = 1 − e^{−softplus}, so the soma's slope needs no recomputation.
        for ((g, d), f) in g_soma.iter_mut().zip(d_f).zip(f) {
            *g = d.zip(*f, |d, f| d * (T::ONE - (-f).exp_negative::<S>()));
        }
        add_row_sums(&mut gradients.bias[cell.branches()..], g_soma);
        transposed.set(&tree[cell.tips()]);
        let d_output = &mut gradients.parameters[cell.output.clone()];
        outer_accumulate::<T, S>(d_output, g_soma, transposed);
        g.fill(Lanes::ZERO);
        let weights = &inputs.parameters[cell.output.clone()];
        transposed_accumulate::<T, S>(&mut g[cell.tips()], weights, g_soma);
        for (depth, level) in cell.levels.iter().enumerate().rev() {
            let from = level.units.start * VECTORS;
            let (g_before, g) = g.split_at_mut(from);
            let (before, y) = tree.split_at(from);
            if depth == 0 {
                let parents = (inputs.state, &mut *gradients.state);
                let (parameters, bias) = (&mut *gradients.parameters, &mut *gradients.bias);
                level.adjoint::<T, S>(inputs.parameters, parents, y, g, parameters, bias);
                if let Some(d_drive) = gradients.drive.as_deref_mut() {
                    for (total, g) in d_drive.iter_mut().zip(&*g) {
                        *total = total.zip(*g, |a, b| a + b);
                    }
                }
            } else {
                let first = cell.levels[depth - 1].units.start * VECTORS;
                let parents = (&before[first..], &mut g_before[first..]);
                let (parameters, bias) = (&mut *gradients.parameters, &mut *gradients.bias);
                level.adjoint::<T, S>(inputs.parameters, parents, y, g, parameters, bias);
            }
        }
    }
}

impl Level {
    /// Turns the gradients of the level's activations into g, and adds to those of its parents and weights.
    #[inline(always)]
    fn adjoint<T: Real, S: InstructionSet>(
        &self,
        parameters: &[T],
        (parents, d_parents): (&[Lanes<T>], &mut [Lanes<T>]),
        y: &[Lanes<T>],
        g: &mut [Lanes<T>],
        gradient: &mut [T],
        d_bias: &mut [T],
    ) {
        for parent in 0..self.units.len() / self.fan {
            let mut d_before = *row(d_parents, parent);
            for unit in parent * self.fan..(parent + 1) * self.fan {
                let (w, y, g) = (parameters[self.weights.start + unit], row(y, unit), row_mut(g, unit));
                for v in 0..VECTORS {
                    g[v] = g[v].zip(y[v], |d, y| d * slope(y));
                    d_before[v] = d_before[v].add_scaled::<S>(w, g[v]);
                }
            }
            *row_mut(d_parents, parent) = d_before;
        }
        let g = &g[..self.units.len() * VECTORS];
        add_row_dots::<T, S>(&mut gradient[self.weights.clone()], g, parents, self.fan);
        add_row_sums(&mut d_bias[self.units.clone()], g);
    }
}
