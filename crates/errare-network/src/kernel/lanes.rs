//! Lane arrays and buffers over a tile.

use super::{InstructionSet, Real};

/// Trajectories in one vector.
pub(crate) const LANES: usize = 16;
/// Vectors in a row of a tile.
pub(crate) const VECTORS: usize = 4;
/// Trajectories in a tile.
pub(crate) const TILE: usize = LANES * VECTORS;

/// One vector: the same feature of [`LANES`] neighbouring trajectories.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes<T>(pub(crate) [T; LANES]);

/// Keeps the compiler from vectorising a pass over a buffer across its vectors, with the lanes apart: it would
/// then gather each lane from memory, which takes several times as long.
#[inline(always)]
pub(super) fn keep_together() {
    std::hint::black_box(());
}

impl<T: Real> Lanes<T> {
    pub(crate) const ZERO: Self = Self([T::ZERO; LANES]);

    #[inline(always)]
    pub(crate) fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(T) -> T) -> Self {
        let mut out = self;
        for i in 0..LANES {
            out.0[i] = f(self.0[i]);
        }
        keep_together();
        out
    }

    #[inline(always)]
    pub(crate) fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut out = self;
        for i in 0..LANES {
            out.0[i] = f(self.0[i], other.0[i]);
        }
        keep_together();
        out
    }

    /// self + a·b, with a common factor a.
    #[inline(always)]
    pub(crate) fn add_scaled<S: InstructionSet>(self, a: T, b: Self) -> Self {
        keep_together();
        self.accumulate::<S>(a, b)
    }

    /// [`Self::add_scaled`] for loops whose sums stay in registers.
    #[inline(always)]
    pub(crate) fn accumulate<S: InstructionSet>(self, a: T, b: Self) -> Self {
        let mut out = self;
        for i in 0..LANES {
            out.0[i] = super::multiply_add::<T, S>(a, b.0[i], self.0[i]);
        }
        out
    }

    /// self + a∘b, lane by lane.
    #[inline(always)]
    pub(crate) fn add_product<S: InstructionSet>(self, a: Self, b: Self) -> Self {
        keep_together();
        self.accumulate_product::<S>(a, b)
    }

    /// [`Self::add_product`] for loops whose sums stay in registers.
    #[inline(always)]
    pub(crate) fn accumulate_product<S: InstructionSet>(self, a: Self, b: Self) -> Self {
        let mut out = self;
        for i in 0..LANES {
            out.0[i] = super::multiply_add::<T, S>(a.0[i], b.0[i], self.0[i]);
        }
        out
    }

    /// Softplus of every lane, and its slope, given e^{−|z|}.
    #[inline(always)]
    pub(crate) fn softplus_given<S: InstructionSet>(self, decay: Self) -> (Self, Self) {
        let (mut value, mut slope) = (Self::ZERO, Self::ZERO);
        for i in 0..LANES {
            (value.0[i], slope.0[i]) = self.0[i].softplus_given::<S>(decay.0[i]);
        }
        (value, slope)
    }

    /// Sum over the lanes, pairwise in a fixed order.
    #[inline(always)]
    pub(crate) fn sum(self) -> T {
        let halves: [T; 8] = std::array::from_fn(|i| self.0[i] + self.0[i + 8]);
        let quarters: [T; 4] = std::array::from_fn(|i| halves[i] + halves[i + 4]);
        (quarters[0] + quarters[2]) + (quarters[1] + quarters[3])
    }
}

/// Softplus of a buffer, in its place.
#[inline(always)]
pub(crate) fn softplus_in_place<T: Real, S: InstructionSet>(z: &mut [Lanes<T>]) {
    let mut decays = [Lanes::ZERO; 4 * VECTORS];
    for z in z.chunks_mut(decays.len()) {
        for (decay, z) in decays.iter_mut().zip(&*z) {
            *decay = z.map(T::decay::<S>);
        }
        for (z, decay) in z.iter_mut().zip(&decays) {
            *z = z.zip(*decay, |z, decay| z.softplus_given::<S>(decay).0);
        }
    }
}

/// A zeroed buffer of `rows` rows over a tile.
pub(crate) fn zeros<T: Real>(rows: usize) -> Vec<Lanes<T>> {
    vec![Lanes::ZERO; rows * VECTORS]
}

/// Row `index` of a buffer.
#[inline(always)]
pub(crate) fn row<T>(buffer: &[Lanes<T>], index: usize) -> &[Lanes<T>; VECTORS] {
    buffer[index * VECTORS..][..VECTORS].try_into().expect("the slice has the length of a row")
}

/// Row `index` of a buffer, to write.
#[inline(always)]
pub(crate) fn row_mut<T>(buffer: &mut [Lanes<T>], index: usize) -> &mut [Lanes<T>; VECTORS] {
    (&mut buffer[index * VECTORS..][..VECTORS]).try_into().expect("the slice has the length of a row")
}

/// Rows `from..from + count` of a buffer.
#[inline(always)]
pub(crate) fn rows<T>(buffer: &[Lanes<T>], from: usize, count: usize) -> &[Lanes<T>] {
    &buffer[from * VECTORS..(from + count) * VECTORS]
}

/// Rows `from..from + count` of a buffer, to write.
#[inline(always)]
pub(crate) fn rows_mut<T>(buffer: &mut [Lanes<T>], from: usize, count: usize) -> &mut [Lanes<T>] {
    &mut buffer[from * VECTORS..(from + count) * VECTORS]
}

/// The value of trajectory `trajectory` (within the tile) in row `index`.
#[inline(always)]
pub(crate) fn lane<T: Copy>(buffer: &[Lanes<T>], index: usize, trajectory: usize) -> T {
    buffer[index * VECTORS + trajectory / LANES].0[trajectory % LANES]
}

/// The value of trajectory `trajectory` in row `index`, to write.
#[inline(always)]
pub(crate) fn lane_mut<T>(buffer: &mut [Lanes<T>], index: usize, trajectory: usize) -> &mut T {
    &mut buffer[index * VECTORS + trajectory / LANES].0[trajectory % LANES]
}

/// Rows of values in ±1 that look random, for tests.
#[cfg(test)]
pub(crate) fn scattered(rows: usize, salt: u64) -> Vec<Lanes<f32>> {
    let mut buffer = zeros(rows);
    for r in 0..rows {
        for t in 0..TILE {
            let hash = errare_core::random::mix(salt + (r * TILE + t) as u64);
            *lane_mut(&mut buffer, r, t) = (hash % 2001) as f32 / 1000.0 - 1.0;
        }
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Isa, Kernel};

    struct InPlace<'a>(&'a mut [Lanes<f32>]);

    impl Kernel for InPlace<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            softplus_in_place::<f32, S>(self.0);
        }
    }

    #[test]
    fn softplus_of_a_buffer_of_any_length() {
        for rows in [1, 3, 4, 9] {
            let mut z = scattered(rows, 5);
            z.iter_mut().flat_map(|z| &mut z.0).for_each(|z| *z *= 20.0);
            for isa in Isa::available() {
                let mut values = z.clone();
                isa.run(InPlace(&mut values));
                let pairs = z.iter().flat_map(|z| z.0).zip(values.iter().flat_map(|value| value.0));
                for (z, value) in pairs {
                    let exact = f64::from(z).max(0.0) + f64::from(-z.abs()).exp().ln_1p();
                    assert!((f64::from(value) - exact).abs() < 3e-6 * exact, "{isa:?}: {value} of {z}");
                }
            }
        }
    }
}
