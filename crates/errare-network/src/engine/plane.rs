//! The passes over a tile that involve the behavioural plane: read-out, overwriting, noise.

use crate::kernel::{Isa, Kernel, Lanes, NoiseLanes, Real, VECTORS, lane, row, row_mut};

/// The read-out W_x, `[axis][neuron]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane<'a, T>(pub(crate) &'a [Vec<T>; 2]);

impl<T: Real> Plane<'_, T> {
    /// x = W_x r.
    #[inline(always)]
    pub(crate) fn read<const FMA: bool>(&self, state: &[Lanes<T>]) -> [[Lanes<T>; VECTORS]; 2] {
        let mut x = [[Lanes::ZERO; VECTORS]; 2];
        for (axis, x) in self.0.iter().zip(&mut x) {
            for (i, &w) in axis.iter().enumerate() {
                let r = row(state, i);
                for v in 0..VECTORS {
                    x[v] = x[v].add_scaled::<FMA>(w, r[v]);
                }
            }
        }
        x
    }

    /// r ← r + W_xᵀ x.
    #[inline(always)]
    pub(crate) fn add<const FMA: bool>(&self, x: &[[Lanes<T>; VECTORS]; 2], state: &mut [Lanes<T>]) {
        for (axis, x) in self.0.iter().zip(x) {
            for (i, &w) in axis.iter().enumerate() {
                let r = row_mut(state, i);
                for v in 0..VECTORS {
                    r[v] = r[v].add_scaled::<FMA>(w, x[v]);
                }
            }
        }
    }

    /// r ← P⊥ r + W_xᵀ x: the plane of r becomes x.
    #[inline(always)]
    pub(crate) fn overwrite<const FMA: bool>(&self, x: &[Lanes<T>], state: &mut [Lanes<T>]) {
        let mut change = self.read::<FMA>(state);
        for axis in 0..2 {
            let target = row(x, axis);
            for v in 0..VECTORS {
                change[axis][v] = target[v].zip(change[axis][v], |a, b| a - b);
            }
        }
        self.add::<FMA>(&change, state);
    }
}

/// Fills rows with standard normals.
pub(crate) fn fill_normals<T: Real>(isa: Isa, noise: &mut NoiseLanes, out: &mut [Lanes<T>]) {
    struct Fill<'a, T>(&'a mut NoiseLanes, &'a mut [Lanes<T>]);
    impl<T: Real> Kernel for Fill<'_, T> {
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            self.0.fill::<T, FMA>(self.1);
        }
    }
    isa.run(Fill(noise, out));
}

/// One trajectory's value, in f64.
pub(super) fn lane_f64<T: Real>(buffer: &[Lanes<T>], index: usize, trajectory: usize) -> f64 {
    lane(buffer, index, trajectory).to_f64()
}
