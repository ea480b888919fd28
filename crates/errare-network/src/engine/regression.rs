//! The regression of a denoising step: its residual in the behavioural plane, and how that enters the costate.

use super::plane::{Plane, add_to_row};
use crate::kernel::{InstructionSet, Kernel, Lanes, Real, VECTORS, row, row_mut};

/// Prediction − target in the plane, and its weighted mean square.
pub(super) struct Residual<'a, T> {
    pub(super) plane: Plane<'a, T>,
    pub(super) of: &'a [Lanes<T>],
    pub(super) clean: (T, &'a [Lanes<T>]),
    pub(super) noised: (T, &'a [Lanes<T>]),
    pub(super) lane_weight: &'a [Lanes<T>; VECTORS],
    pub(super) residual: &'a mut [Lanes<T>],
    pub(super) loss: &'a mut f64,
}

impl<T: Real> Kernel for Residual<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let x = self.plane.read::<S>(self.of);
        let mut sum = Lanes::ZERO;
        for axis in 0..2 {
            let (clean, noised) = (row(self.clean.1, axis), row(self.noised.1, axis));
            let residual = row_mut(self.residual, axis);
            for v in 0..VECTORS {
                let target = clean[v].map(|c| c * self.clean.0).add_scaled::<S>(self.noised.0, noised[v]);
                residual[v] = x[axis][v].zip(target, |x, y| x - y);
                let weighted = residual[v].zip(self.lane_weight[v], |e, w| e * w);
                sum = sum.add_product::<S>(weighted, residual[v]);
            }
        }
        *self.loss = 0.5 * sum.sum().to_f64();
    }
}

/// λ gains the state's regression; dF = αλ plus the drive's; the state's direct share is (1 − α)λ.
pub(super) struct Costate<'a, T> {
    pub(super) plane: Plane<'a, T>,
    pub(super) alpha: T,
    pub(super) state_residual: Option<(T, &'a [Lanes<T>])>,
    pub(super) drive_residual: Option<(T, &'a [Lanes<T>])>,
    pub(super) lane_weight: &'a [Lanes<T>; VECTORS],
    pub(super) costate: &'a [Lanes<T>],
    pub(super) d_f: &'a mut [Lanes<T>],
    pub(super) d_state: &'a mut [Lanes<T>],
}

impl<T: Real> Costate<'_, T> {
    #[inline(always)]
    fn weighted(&self, (weight, residual): (T, &[Lanes<T>])) -> [[Lanes<T>; VECTORS]; 2] {
        let mut x = [[Lanes::ZERO; VECTORS]; 2];
        for axis in 0..2 {
            for v in 0..VECTORS {
                x[axis][v] = row(residual, axis)[v].zip(self.lane_weight[v], |e, w| weight * e * w);
            }
        }
        x
    }
}

impl<T: Real> Kernel for Costate<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let of_state = self.state_residual.map(|residual| self.weighted(residual));
        let of_drive = self.drive_residual.map(|residual| self.weighted(residual));
        let leak = T::ONE - self.alpha;
        for (i, weights) in self.plane.columns().enumerate() {
            let mut costate = *row(self.costate, i);
            if let Some(x) = &of_state {
                add_to_row::<T, S>(weights, x, &mut costate);
            }
            let (d_f, d_state) = (row_mut(self.d_f, i), row_mut(self.d_state, i));
            for v in 0..VECTORS {
                d_f[v] = costate[v].map(|c| self.alpha * c);
                d_state[v] = costate[v].map(|c| leak * c);
            }
            if let Some(x) = &of_drive {
                add_to_row::<T, S>(weights, x, d_f);
            }
        }
    }
}
