//! Dendritic dynamics: every neuron reads all neurons through its own tree of dendrites.
//!
//! A tree of branchings (B₁, …, B_L) has B₁⋯B_L leaves and L levels of integration, level 0 being the soma:
//! leaf h_L = softplus(a + Wʳ r + Wˢ s + Wᵉ e), level l < L: h_l = softplus(Σ p h_{l+1} + w e + c) with the sum
//! over the B_{l+1} children, F = h₀ ≥ 0 (Radmard, Bays & Lengyel, arXiv 2512.04808; published with (10, 10)).
//!
//! Affine maps start uniform in ±1/√fan_in. The p from level l + 1 start normal with variance
//! 2/(B₁⋯B_{l+1} + n B₂⋯B_{l+1}): Xavier's rule with the fans of a tensor, whose second index counts as input, the
//! first as output and the others as receptive field. Parameters, for n_l = n B₁⋯B_l units at level l:
//! n_L(n + d_s + d_e + 1) + Σ_{l<L} (n_{l+1} + n_l (d_e + 1)).
//!
//! Tensors are named by level: `soma`, `branch` (`branch1`, `branch2`, … if there are several levels of them) and
//! `leaf`. `branch.leaf` weighs the leaves of each branch.
//!
//! In the kernels, g is the gradient at the input of a unit; it takes the place of the unit's slope.

use std::ops::Range;

use super::{Cell, Scratch, StepGradients, StepInputs};
use crate::dense::{add_to, affine, affine_adjoint};
use crate::kernel::{
    InstructionSet, Isa, Kernel, LANES, Lanes, Real, Transposed, VECTORS, add_lane_sums, add_row_sums,
    affine_rows, dot_rows, outer_accumulate, row, row_mut, rows, rows_mut, softplus_in_place, sum_row,
    transposed_accumulate,
};
use crate::parameters::{Initial, Layout};

/// A tree of dendrites for each neuron.
#[derive(Debug, Clone)]
pub(crate) struct Dendritic {
    neurons: usize,
    recurrent: Range<usize>,
    input: Range<usize>,
    /// Levels of the tree; the soma first, the leaves last.
    levels: Vec<Level>,
}

/// The units at one distance from the somata.
#[derive(Debug, Clone)]
struct Level {
    /// Units a neuron.
    size: usize,
    /// Its units among those of the cell, neuron by neuron.
    units: Range<usize>,
    /// Its rows in the scratch of a neuron.
    rows: Range<usize>,
    time: Range<usize>,
    bias: Range<usize>,
    /// Weights of the units above, one for each of them; the leaves have none.
    children: Range<usize>,
}

impl Dendritic {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e.
    pub(crate) fn new(
        layout: &mut Layout,
        neurons: usize,
        branches: &[usize],
        inputs: usize,
        time: usize,
    ) -> Self {
        let depth = branches.len();
        let n = neurons;
        let name = |level: usize| match level {
            0 => "soma".to_string(),
            _ if level == depth => "leaf".to_string(),
            _ if depth == 2 => "branch".to_string(),
            _ => format!("branch{level}"),
        };
        let shape = |level: usize, last: &[usize]| [&[n][..], &branches[..level], last].concat::<usize>();
        let size = |level: usize| branches[..level].iter().product::<usize>();
        let from_neurons = Initial::fan_in(n);
        let from_time = Initial::fan_in(time);
        let mut recurrent = 0..0;
        let mut input = 0..0;
        let mut levels = Vec::new();
        let (mut units, mut rows) = (0, 0);
        for level in (0..=depth).rev() {
            let is_leaf = level == depth;
            let (of, count) = (name(level), n * size(level));
            let mut add = |tensor: &str, shape: &[usize], initial| {
                layout.add(&format!("{of}.{tensor}"), shape, initial)
            };
            let (time_range, bias, children);
            if is_leaf {
                recurrent = add("recurrent", &shape(level, &[n]), from_neurons);
                bias = add("bias", &shape(level, &[]), from_neurons);
                input = add("input", &[count, inputs], Initial::fan_in(inputs));
                time_range = add("time", &[count, time], from_time);
                children = 0..0;
            } else {
                let above = size(level + 1);
                let fans = above + n * above / branches[0];
                let xavier = Initial::Normal((2.0 / fans as f64).sqrt());
                children = add(&name(level + 1), &shape(level + 1, &[]), xavier);
                time_range = add("time", &[count, time], from_time);
                bias = add("bias", &shape(level, &[]), from_time);
            }
            levels.push(Level {
                size: size(level),
                units: units..units + count,
                rows: rows..rows + size(level),
                time: time_range,
                bias,
                children,
            });
            units += count;
            rows += size(level);
        }
        levels.reverse();
        Self { neurons, recurrent, input, levels }
    }

    fn leaves(&self) -> &Level {
        &self.levels[self.levels.len() - 1]
    }

    /// Rows that a neuron's tree needs.
    fn tree_rows(&self) -> usize {
        self.levels[0].rows.end
    }

    /// What the leaves of neuron `i` sum up, into the rows of the leaves.
    #[inline(always)]
    fn leaf_inputs<T: Real, S: InstructionSet>(
        &self,
        i: usize,
        inputs: &StepInputs<'_, T>,
        tree: &mut [Lanes<T>],
    ) {
        let leaves = self.leaves();
        let (from, size) = (i * leaves.size, leaves.size);
        let n = self.neurons;
        affine_rows::<T, S>(
            rows_mut(tree, leaves.rows.start, size),
            &inputs.parameters[self.recurrent.clone()][from * n..(from + size) * n],
            Some(&inputs.bias[leaves.units.clone()][from..from + size]),
            inputs.drive.map(|drive| &drive[from * VECTORS..(from + size) * VECTORS]),
            inputs.state,
        );
    }
}

impl Level {
    /// Units above each of this level's.
    fn fan(&self, above: &Level) -> usize {
        above.size / self.size
    }

    /// What each unit of neuron `i` sums up, into the level's rows, given what the units of the level above sum up.
    /// These become activations, and `slopes`, which is written to in any case, their slopes if these are wanted.
    #[inline(always)]
    fn integrate<T: Real, S: InstructionSet, const SLOPES: bool>(
        &self,
        above: &Level,
        i: usize,
        inputs: &StepInputs<'_, T>,
        tree: &mut [Lanes<T>],
        slopes: &mut [Lanes<T>],
    ) {
        let fan = self.fan(above);
        let weights = &inputs.parameters[self.children.clone()][i * above.size..];
        for unit in 0..self.size {
            let first = above.rows.start + unit * fan;
            let (h, slopes) = (rows_mut(tree, first, fan), rows_mut(slopes, first, fan));
            for (decay, z) in slopes.iter_mut().zip(&*h) {
                *decay = z.map(T::decay::<S>);
            }
            let bias = inputs.bias[self.units.start + i * self.size + unit];
            let mut sum = [Lanes::splat(bias); VECTORS];
            let children = h.as_chunks_mut::<VECTORS>().0.iter_mut().zip(slopes.as_chunks_mut::<VECTORS>().0);
            for ((h, slopes), &p) in children.zip(&weights[unit * fan..][..fan]) {
                for v in 0..VECTORS {
                    let slope;
                    (h[v], slope) = h[v].softplus_given::<S>(slopes[v]);
                    if SLOPES {
                        slopes[v] = slope;
                    }
                    sum[v] = sum[v].add_scaled::<S>(p, h[v]);
                }
            }
            *row_mut(tree, self.rows.start + unit) = sum;
        }
    }
}

impl<T: Real> Cell<T> for Dendritic {
    fn units(&self) -> usize {
        self.levels[0].units.end
    }

    fn drive_rows(&self) -> usize {
        self.leaves().units.len()
    }

    fn input_weights(&self) -> Range<usize> {
        self.input.clone()
    }

    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]) {
        for level in &self.levels {
            let (time, constant) = (&parameters[level.time.clone()], &parameters[level.bias.clone()]);
            affine(time, constant, embedding, &mut bias[level.units.clone()]);
        }
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
            add_to(&mut gradient[level.bias.clone()], d);
            affine_adjoint(&parameters[time.clone()], embedding, d, &mut gradient[time], d_embedding);
        }
    }

    fn kept_rows(&self) -> usize {
        self.neurons
    }

    fn scratch_rows(&self) -> usize {
        2 * self.tree_rows()
    }

    fn forward(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        f: &mut [Lanes<T>],
        kept: &mut [Lanes<T>],
        scratch: &mut [Lanes<T>],
    ) {
        let (tree, slopes) = scratch.split_at_mut(self.tree_rows() * VECTORS);
        isa.run(Forward { cell: self, inputs, f: &mut *f, tree, slopes });
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
        let (tree, slopes) = scratch.rows.split_at_mut(self.tree_rows() * VECTORS);
        let transposed = &mut scratch.transposed;
        isa.run(Adjoint { cell: self, inputs, f: kept, d_f, gradients, transposed, tree, slopes });
    }
}

struct Forward<'a, T> {
    cell: &'a Dendritic,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    tree: &'a mut [Lanes<T>],
    /// Room for the exponentials of softplus.
    slopes: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, tree, slopes } = self;
        for i in 0..cell.neurons {
            cell.leaf_inputs::<T, S>(i, &inputs, tree);
            for pair in cell.levels.windows(2).rev() {
                let [level, above] = pair else { unreachable!("windows of two") };
                level.integrate::<T, S, false>(above, i, &inputs, tree, slopes);
            }
            *row_mut(f, i) = *row(tree, cell.levels[0].rows.start);
        }
        softplus_in_place::<T, S>(f);
    }
}

struct Adjoint<'a, T> {
    cell: &'a Dendritic,
    inputs: StepInputs<'a, T>,
    f: &'a [Lanes<T>],
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    transposed: &'a mut Transposed<T>,
    tree: &'a mut [Lanes<T>],
    slopes: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let Self { cell, inputs, f, d_f, mut gradients, transposed, tree, slopes } = self;
        let n = cell.neurons;
        let (soma, leaves) = (&cell.levels[0], cell.leaves());
        transposed.set(inputs.state);
        for i in 0..n {
            cell.leaf_inputs::<T, S>(i, &inputs, tree);
            for pair in cell.levels.windows(2).rev() {
                let [level, above] = pair else { unreachable!("windows of two") };
                level.integrate::<T, S, true>(above, i, &inputs, tree, slopes);
            }
            // softplus′ = 1 − e^{−softplus}, so the soma's slope needs no recomputation.
            let (f, d_f) = (row(f, i), row(d_f, i));
            for (v, g) in row_mut(slopes, soma.rows.start).iter_mut().enumerate() {
                *g = d_f[v].zip(f[v], |d, f| d * (T::ONE - (-f).exp_negative::<S>()));
            }
            add_row_sums(&mut gradients.bias[soma.units.start + i..][..1], row(slopes, soma.rows.start));
            for pair in cell.levels.windows(2) {
                let [level, above] = pair else { unreachable!("windows of two") };
                descend::<T, S>([level, above], i, inputs.parameters, &mut gradients, tree, slopes);
            }
            let (from, size) = (i * leaves.size, leaves.size);
            let g = rows_mut(slopes, leaves.rows.start, size);
            if let Some(d_drive) = gradients.drive.as_deref_mut() {
                for (total, g) in rows_mut(d_drive, from, size).iter_mut().zip(&*g) {
                    *total = total.zip(*g, |a, b| a + b);
                }
            }
            let weights = &inputs.parameters[cell.recurrent.clone()][from * n..(from + size) * n];
            transposed_accumulate::<T, S>(gradients.state, weights, g);
            let d_weights = &mut gradients.parameters[cell.recurrent.clone()][from * n..(from + size) * n];
            outer_accumulate::<T, S>(d_weights, g, transposed);
        }
    }
}

/// Carries the gradients of a level of neuron `i` to the weights and the units of the level above.
#[inline(always)]
fn descend<T: Real, S: InstructionSet>(
    [level, above]: [&Level; 2],
    i: usize,
    parameters: &[T],
    gradients: &mut StepGradients<'_, T>,
    tree: &[Lanes<T>],
    slopes: &mut [Lanes<T>],
) {
    let fan = level.fan(above);
    let from = i * above.size;
    // The rows of the leaves come first, so those of a level follow those of the level above.
    let (slopes, g) = slopes.split_at_mut(level.rows.start * VECTORS);
    let (slopes, g) = (rows_mut(slopes, above.rows.start, above.size).as_chunks_mut().0, g.as_chunks().0);
    let h = rows(tree, above.rows.start, above.size).as_chunks().0;
    let children = level.children.start + from..level.children.start + from + above.size;
    let p = &parameters[children.clone()];
    let d_p = &mut gradients.parameters[children];
    let d_bias = &mut gradients.bias[above.units.start + from..][..above.size];
    let (mut dots, mut sums) = ([Lanes::ZERO; LANES], [Lanes::ZERO; LANES]);
    // From the last on, which the way up has left in the first-level cache: it has no room for a tree.
    for (block, (d_p, d_bias)) in d_p.chunks_mut(LANES).zip(d_bias.chunks_mut(LANES)).enumerate().rev() {
        for r in 0..d_p.len() {
            let child = block * LANES + r;
            (dots[r], sums[r]) = chain::<T, S>(&h[child], &g[child / fan], p[child], &mut slopes[child]);
        }
        add_lane_sums(d_p, &dots);
        add_lane_sums(d_bias, &sums);
    }
}

/// Carries g to a child: its slope becomes its own g. Returns the gradients of its weight, Σ g h, and of its bias.
#[inline(always)]
fn chain<T: Real, S: InstructionSet>(
    h: &[Lanes<T>; VECTORS],
    g: &[Lanes<T>; VECTORS],
    p: T,
    slope: &mut [Lanes<T>; VECTORS],
) -> (Lanes<T>, Lanes<T>) {
    let mut own = [Lanes::ZERO; VECTORS];
    for v in 0..VECTORS {
        own[v] = slope[v].zip(g[v], |s, g| p * g * s);
    }
    *slope = own;
    (dot_rows::<T, S>(h, g), sum_row(&own))
}
