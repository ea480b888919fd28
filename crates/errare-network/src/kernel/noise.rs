//! Vectorised normals: one xoshiro128++ generator a trajectory, each in its own lane.
//!
//! A trajectory's generator is seeded by its key alone (seed, purpose, step, trajectory), so neither the tile
//! it lands in nor the thread that runs it changes its noise.

use errare_core::random::{Purpose, key, mix};

use super::{InstructionSet, LANES, Lanes, Real, TILE, VECTORS};

/// Generators of the trajectories of one tile (Blackman & Vigna 2021, xoshiro128++).
#[derive(Debug, Clone)]
pub(crate) struct NoiseLanes {
    state: [[[u32; LANES]; 4]; VECTORS],
}

impl NoiseLanes {
    /// Generators for trajectories `first..first + TILE` of (seed, purpose, step).
    pub(crate) fn new(seed: u64, purpose: Purpose, step: u64, first: u64) -> Self {
        let mut state = [[[0; LANES]; 4]; VECTORS];
        for trajectory in 0..TILE {
            let words = Self::seed_words(seed, purpose, step, first + trajectory as u64);
            for (word, value) in words.into_iter().enumerate() {
                state[trajectory / LANES][word][trajectory % LANES] = value;
            }
        }
        Self { state }
    }

    /// The four state words of one trajectory.
    fn seed_words(seed: u64, purpose: Purpose, step: u64, trajectory: u64) -> [u32; 4] {
        let low = key(seed, purpose, &[step, trajectory]);
        let high = mix(low.wrapping_add(0x9e37_79b9_7f4a_7c15));
        // The all-zero state is xoshiro's only fixed point.
        [low as u32 | 1, (low >> 32) as u32, high as u32, (high >> 32) as u32]
    }

    /// The next 32 bits of every generator of vector `v`.
    #[inline(always)]
    fn next(&mut self, v: usize) -> [u32; LANES] {
        let [s0, s1, s2, s3] = &mut self.state[v];
        let mut out = [0; LANES];
        for i in 0..LANES {
            out[i] = s0[i].wrapping_add(s3[i]).rotate_left(7).wrapping_add(s0[i]);
            let t = s1[i] << 9;
            s2[i] ^= s0[i];
            s3[i] ^= s1[i];
            s1[i] ^= s2[i];
            s0[i] ^= s3[i];
            s2[i] ^= t;
            s3[i] = s3[i].rotate_left(11);
        }
        out
    }

    /// Fills rows of a tile with standard normals, two rows at a time.
    #[inline(always)]
    pub(crate) fn fill<T: Real, S: InstructionSet>(&mut self, out: &mut [Lanes<T>]) {
        let rows = out.len() / VECTORS;
        for pair in 0..rows.div_ceil(2) {
            for v in 0..VECTORS {
                let (radius, angle) = (self.next(v), self.next(v));
                let (mut first, mut second) = (Lanes::ZERO, Lanes::ZERO);
                for i in 0..LANES {
                    (first.0[i], second.0[i]) = T::normal_pair::<S>(radius[i], angle[i]);
                }
                out[2 * pair * VECTORS + v] = first;
                if 2 * pair + 1 < rows {
                    out[(2 * pair + 1) * VECTORS + v] = second;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro128PlusPlus;

    use super::*;
    use crate::kernel::{Unfused, lane, zeros};

    #[test]
    fn each_lane_is_its_own_xoshiro() {
        let mut lanes = NoiseLanes::new(7, Purpose::ProcessNoise, 3, 128);
        let drawn: Vec<_> = (0..5).map(|_| lanes.next(1)).collect();
        for i in 0..LANES {
            let words = NoiseLanes::seed_words(7, Purpose::ProcessNoise, 3, 128 + (LANES + i) as u64);
            let mut bytes = [0; 16];
            for (word, chunk) in words.iter().zip(bytes.chunks_exact_mut(4)) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            let mut reference = Xoshiro128PlusPlus::from_seed(bytes);
            for values in &drawn {
                assert_eq!(values[i], reference.next_u32());
            }
        }
    }

    #[test]
    fn a_trajectory_keeps_its_noise_in_any_tile() {
        let (mut a, mut b) = (zeros::<f32>(6), zeros::<f32>(6));
        NoiseLanes::new(1, Purpose::ProcessNoise, 9, 64).fill::<f32, Unfused>(&mut a);
        NoiseLanes::new(1, Purpose::ProcessNoise, 9, 80).fill::<f32, Unfused>(&mut b);
        for r in 0..6 {
            assert_eq!(lane(&a, r, 20), lane(&b, r, 4));
        }
    }

    #[test]
    fn normals_have_normal_moments() {
        let mut rows = zeros::<f32>(500);
        NoiseLanes::new(2, Purpose::ProcessNoise, 0, 0).fill::<f32, Unfused>(&mut rows);
        let values: Vec<f64> = rows.iter().flat_map(|v| v.0).map(f64::from).collect();
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|x| x.powi(p)).sum::<f64>() / n;
        // Five standard errors of each moment: √(1, 2, 15, 96)/√n.
        for (p, expected, variance) in [(1, 0.0, 1.0f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            assert!((moment(p) - expected).abs() < 5.0 * (variance / n).sqrt(), "moment {p}: {}", moment(p));
        }
        let neighbours: f64 =
            rows.iter().map(|v| f64::from(v.0[0] * v.0[1])).sum::<f64>() / rows.len() as f64;
        assert!(neighbours.abs() < 5.0 / (rows.len() as f64).sqrt());
    }
}
