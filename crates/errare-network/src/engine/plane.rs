//! The passes over a tile that involve the behavioural plane: read-out, overwriting, noise.

use crate::kernel::{InstructionSet, Isa, Kernel, Lanes, NoiseLanes, Real, VECTORS, lane, row};

/// The read-out W_x, `[axis][neuron]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane<'a, T>(pub(crate) &'a [Vec<T>; 2]);

impl<T: Real> Plane<'_, T> {
    /// The weights of both axes, neuron by neuron: states are long, so both are read off in one pass.
    #[inline(always)]
    pub(super) fn columns(&self) -> impl Iterator<Item = [T; 2]> {
        self.0[0].iter().zip(&self.0[1]).map(|(&a, &b)| [a, b])
    }

    /// x = W_x r.
    #[inline(always)]
    pub(crate) fn read<S: InstructionSet>(&self, state: &[Lanes<T>]) -> [[Lanes<T>; VECTORS]; 2] {
        let mut x = [[Lanes::ZERO; VECTORS]; 2];
        for (r, w) in state.as_chunks::<VECTORS>().0.iter().zip(self.columns()) {
            for v in 0..VECTORS {
                for axis in 0..2 {
                    x[axis][v] = x[axis][v].accumulate::<S>(w[axis], r[v]);
                }
            }
        }
        x
    }

    /// r ← r + W_xᵀ x.
    #[inline(always)]
    pub(crate) fn add<S: InstructionSet>(&self, x: &[[Lanes<T>; VECTORS]; 2], state: &mut [Lanes<T>]) {
        for (r, w) in state.as_chunks_mut::<VECTORS>().0.iter_mut().zip(self.columns()) {
            add_to_row::<T, S>(w, x, r);
        }
    }

    /// r ← P⊥ r + W_xᵀ x: the plane of r becomes x.
    #[inline(always)]
    pub(crate) fn overwrite<S: InstructionSet>(&self, x: &[Lanes<T>], state: &mut [Lanes<T>]) {
        let mut change = self.read::<S>(state);
        for axis in 0..2 {
            let target = row(x, axis);
            for v in 0..VECTORS {
                change[axis][v] = target[v].zip(change[axis][v], |a, b| a - b);
            }
        }
        self.add::<S>(&change, state);
    }
}

/// Adds to one neuron's row what a point x of the plane is to it.
#[inline(always)]
pub(super) fn add_to_row<T: Real, S: InstructionSet>(
    weights: [T; 2],
    x: &[[Lanes<T>; VECTORS]; 2],
    r: &mut [Lanes<T>; VECTORS],
) {
    for v in 0..VECTORS {
        for axis in 0..2 {
            r[v] = r[v].add_scaled::<S>(weights[axis], x[axis][v]);
        }
    }
}

/// Fills rows with standard normals.
pub(crate) fn fill_normals<T: Real>(isa: Isa, noise: &mut NoiseLanes, out: &mut [Lanes<T>]) {
    struct Fill<'a, T>(&'a mut NoiseLanes, &'a mut [Lanes<T>]);
    impl<T: Real> Kernel for Fill<'_, T> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            self.0.fill::<T, S>(self.1);
        }
    }
    isa.run(Fill(noise, out));
}

/// One trajectory's value, in f64.
pub(super) fn lane_f64<T: Real>(buffer: &[Lanes<T>], index: usize, trajectory: usize) -> f64 {
    lane(buffer, index, trajectory).to_f64()
}
