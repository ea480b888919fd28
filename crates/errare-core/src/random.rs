//! Random streams that are addressed, not consumed.
//!
//! Every draw belongs to a key (seed, purpose, indices): resuming, chunking and threading cannot change
//! it, because no two units of work share a generator. A stream is xoshiro256++ seeded by a hash of its
//! key; the vectorised noise of the training loop derives its lanes from the same [`key`].

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator behind a [`stream`].
pub type Stream = Xoshiro256PlusPlus;

/// What a stream is for; two purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Items and cues of displays.
    Displays = 1,
    /// Network weights and read-out.
    Initialisation = 2,
    /// Target responses, and the forward noising chain.
    Targets = 3,
    /// Process noise of the network.
    ProcessNoise = 4,
    /// Responses of surrogate trials.
    Surrogate = 5,
    /// Draws from a posterior.
    Posterior = 6,
    /// Free-running simulation.
    Simulation = 7,
    /// The oracle sampler.
    Oracle = 8,
    /// Bootstrap resamples.
    Bootstrap = 9,
    /// Permutations and random rotations of null distributions.
    Null = 10,
    /// Quadrature nodes.
    Nodes = 11,
    /// Choices per training step, such as a drawn delay.
    Schedule = 12,
    /// Starting points of optimisers.
    Starts = 13,
    /// Which trials a cross-validation holds out when.
    Folds = 14,
    /// The plane when a free-running response begins.
    HandOff = 15,
    /// Exchanges of uncued items between trials.
    Exchange = 16,
}

/// Hashes (seed, purpose, indices) into a 64-bit key.
#[must_use]
pub fn key(seed: u64, purpose: Purpose, indices: &[u64]) -> u64 {
    let mut state = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    state = mix(state ^ (purpose as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
    for (position, &index) in indices.iter().enumerate() {
        let salted = index.wrapping_add((position as u64 + 1).wrapping_mul(0x8cb9_2ba7_2f3d_8dd7));
        state = mix(state.rotate_left(23) ^ mix(salted));
    }
    state
}

/// The stream of a key: the same numbers at every call, on every machine, for any number of threads.
///
/// ```
/// use errare_core::random::{Purpose, stream};
/// use rand::RngExt;
/// let a: f64 = stream(1, Purpose::Displays, &[7]).random();
/// let b: f64 = stream(1, Purpose::Displays, &[7]).random();
/// assert_eq!(a, b);
/// ```
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, indices: &[u64]) -> Stream {
    Stream::seed_from_u64(key(seed, purpose, indices))
}

/// Finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection that mixes all bits.
#[inline]
#[must_use]
pub fn mix(value: u64) -> u64 {
    let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighbouring_keys_never_collide() {
        let mut keys = HashSet::new();
        for seed in 0..20 {
            for purpose in [Purpose::Displays, Purpose::Targets, Purpose::ProcessNoise] {
                for i in 0..50 {
                    for j in 0..20 {
                        assert!(keys.insert(key(seed, purpose, &[i, j])));
                    }
                }
            }
        }
        assert!(keys.insert(key(0, Purpose::Displays, &[0])), "the number of indices is part of the key");
    }
}
