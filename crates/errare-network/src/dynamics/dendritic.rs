//! Dendritic dynamics: every neuron reads all neurons through its own two-level tree of dendrites.
//!
//! Leaf h¹ = softplus(a + Wʳ r + Wˢ s + Wᵉ e), branch h² = softplus(Σ p² h¹ + w² e + c²), soma
//! F = softplus(Σ p¹ h² + w¹ e + c¹) ≥ 0 (Radmard, Bays & Lengyel, arXiv 2512.04808).
//!
//! Symbols in the kernels: n neurons, B₁ branches a neuron, B₂ leaves a branch; `g0`, `g1`, `g2` are the
//! gradients at the inputs of soma, leaf and branch.

use std::ops::Range;

use super::{Cell, Scratch, StepGradients, StepInputs, add_to, embed, embed_adjoint};
use crate::kernel::{
    Isa, Kernel, Lanes, Real, Transposed, VECTORS, affine_rows, outer_accumulate, row, row_dot, row_mut,
    row_sum, rows_mut, transposed_accumulate,
};
use crate::parameters::{Initial, Layout};

/// A tree of `branches × leaves` dendrites per neuron.
#[derive(Debug, Clone)]
pub(crate) struct Dendritic {
    neurons: usize,
    branches: usize,
    leaves: usize,
    leaf_recurrent: Range<usize>,
    leaf_bias: Range<usize>,
    leaf_input: Range<usize>,
    leaf_time: Range<usize>,
    leaf_to_branch: Range<usize>,
    branch_time: Range<usize>,
    branch_bias: Range<usize>,
    branch_to_soma: Range<usize>,
    soma_time: Range<usize>,
    soma_bias: Range<usize>,
}

impl Dendritic {
    /// Lays out the cell's tensors: `inputs` values of s, `time` values of e.
    pub(crate) fn new(
        layout: &mut Layout,
        neurons: usize,
        [branches, leaves]: [usize; 2],
        inputs: usize,
        time: usize,
    ) -> Self {
        let (n, b1, b2) = (neurons, branches, leaves);
        let total = n * b1 * b2;
        let from_neurons = Initial::fan_in(n);
        let from_time = Initial::fan_in(time);
        // Xavier with the fans of a tensor: the last index counts as output, the rest as receptive field.
        let xavier =
            |fan_in: usize, fan_out: usize| Initial::Normal((2.0 / (fan_in + fan_out) as f64).sqrt());
        Self {
            neurons,
            branches,
            leaves,
            leaf_recurrent: layout.add("leaf.recurrent", &[n, b1, b2, n], from_neurons),
            leaf_bias: layout.add("leaf.bias", &[n, b1, b2], from_neurons),
            leaf_input: layout.add("leaf.input", &[total, inputs], Initial::fan_in(inputs)),
            leaf_time: layout.add("leaf.time", &[total, time], from_time),
            leaf_to_branch: layout.add("branch.leaf", &[n, b1, b2], xavier(b1 * b2, n * b2)),
            branch_time: layout.add("branch.time", &[n * b1, time], from_time),
            branch_bias: layout.add("branch.bias", &[n, b1], from_time),
            branch_to_soma: layout.add("soma.branch", &[n, b1], xavier(b1, n)),
            soma_time: layout.add("soma.time", &[n, time], from_time),
            soma_bias: layout.add("soma.bias", &[n], from_time),
        }
    }

    /// (leaves, branches, somata) as ranges of the units.
    fn unit_ranges(&self) -> [Range<usize>; 3] {
        let branches = self.neurons * self.branches;
        let leaves = branches * self.leaves;
        [0..leaves, leaves..leaves + branches, leaves + branches..leaves + branches + self.neurons]
    }

    /// (time weights, bias) of each level of the tree, as [`Self::unit_ranges`].
    fn levels(&self) -> [(&Range<usize>, &Range<usize>); 3] {
        [
            (&self.leaf_time, &self.leaf_bias),
            (&self.branch_time, &self.branch_bias),
            (&self.soma_time, &self.soma_bias),
        ]
    }
}

impl<T: Real> Cell<T> for Dendritic {
    fn units(&self) -> usize {
        self.unit_ranges()[2].end
    }

    fn drive_rows(&self) -> usize {
        self.neurons * self.branches * self.leaves
    }

    fn input_weights(&self) -> Range<usize> {
        self.leaf_input.clone()
    }

    fn biases(&self, parameters: &[T], embedding: &[T], bias: &mut [T]) {
        for (units, (time, constant)) in self.unit_ranges().into_iter().zip(self.levels()) {
            embed(&parameters[time.clone()], &parameters[constant.clone()], embedding, &mut bias[units]);
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
        for (units, (time, constant)) in self.unit_ranges().into_iter().zip(self.levels()) {
            let d = &d_bias[units];
            add_to(&mut gradient[constant.clone()], d);
            embed_adjoint(&parameters[time.clone()], embedding, d, &mut gradient[time.clone()], d_embedding);
        }
    }

    fn scratch_rows(&self) -> usize {
        2 * self.leaves
    }

    fn forward(&self, isa: Isa, inputs: StepInputs<'_, T>, f: &mut [Lanes<T>], scratch: &mut [Lanes<T>]) {
        isa.run(Forward { cell: self, inputs, f, h1: scratch });
    }

    fn adjoint(
        &self,
        isa: Isa,
        inputs: StepInputs<'_, T>,
        f: &[Lanes<T>],
        d_f: &[Lanes<T>],
        gradients: StepGradients<'_, T>,
        scratch: &mut Scratch<T>,
    ) {
        let (h1, slope) = scratch.rows.split_at_mut(self.leaves * VECTORS);
        let transposed = &mut scratch.transposed;
        isa.run(Adjoint { cell: self, inputs, f, d_f, gradients, transposed, h1, slope });
    }
}

struct Forward<'a, T> {
    cell: &'a Dendritic,
    inputs: StepInputs<'a, T>,
    f: &'a mut [Lanes<T>],
    h1: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, f, h1 } = self;
        let (n, b1, b2) = (cell.neurons, cell.branches, cell.leaves);
        let recurrent = &inputs.parameters[cell.leaf_recurrent.clone()];
        let p2 = &inputs.parameters[cell.leaf_to_branch.clone()];
        let p1 = &inputs.parameters[cell.branch_to_soma.clone()];
        let [leaf_units, branch_units, soma_units] = cell.unit_ranges();
        let h1 = rows_mut(h1, 0, b2);
        for i in 0..n {
            let mut soma = [Lanes::splat(inputs.bias[soma_units.start + i]); VECTORS];
            for branch in i * b1..(i + 1) * b1 {
                let leaf = branch * b2;
                affine_rows::<T, FMA>(
                    h1,
                    &recurrent[leaf * n..(leaf + b2) * n],
                    &inputs.bias[leaf_units.start + leaf..][..b2],
                    inputs.drive.map(|drive| &drive[leaf * VECTORS..(leaf + b2) * VECTORS]),
                    inputs.state,
                );
                let mut h2 = [Lanes::splat(inputs.bias[branch_units.start + branch]); VECTORS];
                for l in 0..b2 {
                    let h1 = row(h1, l);
                    for v in 0..VECTORS {
                        h2[v] = h2[v].add_scaled::<FMA>(p2[leaf + l], h1[v].map(|z| z.softplus::<FMA>().0));
                    }
                }
                for v in 0..VECTORS {
                    soma[v] = soma[v].add_scaled::<FMA>(p1[branch], h2[v].map(|z| z.softplus::<FMA>().0));
                }
            }
            let out = row_mut(f, i);
            for v in 0..VECTORS {
                out[v] = soma[v].map(|z| z.softplus::<FMA>().0);
            }
        }
    }
}

struct Adjoint<'a, T> {
    cell: &'a Dendritic,
    inputs: StepInputs<'a, T>,
    f: &'a [Lanes<T>],
    d_f: &'a [Lanes<T>],
    gradients: StepGradients<'a, T>,
    transposed: &'a mut Transposed<T>,
    h1: &'a mut [Lanes<T>],
    slope: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Adjoint<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { cell, inputs, f, d_f, mut gradients, transposed, h1, slope } = self;
        let (n, b1, b2) = (cell.neurons, cell.branches, cell.leaves);
        let recurrent = &inputs.parameters[cell.leaf_recurrent.clone()];
        let p2 = &inputs.parameters[cell.leaf_to_branch.clone()];
        let p1 = &inputs.parameters[cell.branch_to_soma.clone()];
        let [leaf_units, branch_units, soma_units] = cell.unit_ranges();
        transposed.set(inputs.state);
        for i in 0..n {
            // softplus′ = 1 − e^{−softplus}, so the soma's slope needs no recomputation.
            let (f, d_f) = (row(f, i), row(d_f, i));
            let mut g0 = [Lanes::ZERO; VECTORS];
            for v in 0..VECTORS {
                g0[v] = d_f[v].zip(f[v], |d, f| d * (T::ONE - (-f).exp_negative::<FMA>()));
            }
            gradients.bias[soma_units.start + i] += row_sum(&g0, 0);
            for branch in i * b1..(i + 1) * b1 {
                let leaf = branch * b2;
                let weights = &recurrent[leaf * n..(leaf + b2) * n];
                affine_rows::<T, FMA>(
                    h1,
                    weights,
                    &inputs.bias[leaf_units.start + leaf..][..b2],
                    inputs.drive.map(|drive| &drive[leaf * VECTORS..(leaf + b2) * VECTORS]),
                    inputs.state,
                );
                let mut z2 = [Lanes::splat(inputs.bias[branch_units.start + branch]); VECTORS];
                for l in 0..b2 {
                    let (h1, slope) = (row_mut(h1, l), row_mut(slope, l));
                    for v in 0..VECTORS {
                        for k in 0..crate::kernel::LANES {
                            (h1[v].0[k], slope[v].0[k]) = h1[v].0[k].softplus::<FMA>();
                        }
                        z2[v] = z2[v].add_scaled::<FMA>(p2[leaf + l], h1[v]);
                    }
                }
                let (mut h2, mut g2) = ([Lanes::ZERO; VECTORS], [Lanes::ZERO; VECTORS]);
                for v in 0..VECTORS {
                    for k in 0..crate::kernel::LANES {
                        let (value, slope) = z2[v].0[k].softplus::<FMA>();
                        h2[v].0[k] = value;
                        g2[v].0[k] = p1[branch] * g0[v].0[k] * slope;
                    }
                }
                gradients.parameters[cell.branch_to_soma.start + branch] += row_dot::<T, FMA>(&g0, &h2);
                gradients.bias[branch_units.start + branch] += row_sum(&g2, 0);
                for l in 0..b2 {
                    let d = row_dot::<T, FMA>(&g2, row(h1, l));
                    gradients.parameters[cell.leaf_to_branch.start + leaf + l] += d;
                    // From here `slope` holds g1.
                    let slope = row_mut(slope, l);
                    for v in 0..VECTORS {
                        slope[v] = slope[v].zip(g2[v], |s, g| p2[leaf + l] * g * s);
                    }
                    gradients.bias[leaf_units.start + leaf + l] += row_sum(slope, 0);
                }
                if let Some(d_drive) = gradients.drive.as_deref_mut() {
                    for (total, g1) in rows_mut(d_drive, leaf, b2).iter_mut().zip(&*slope) {
                        *total = total.zip(*g1, |a, b| a + b);
                    }
                }
                let d_weights = &mut gradients.parameters[cell.leaf_recurrent.clone()];
                outer_accumulate::<T, FMA>(&mut d_weights[leaf * n..(leaf + b2) * n], slope, transposed);
                transposed_accumulate::<T, FMA>(gradients.state, weights, slope);
            }
        }
    }
}
