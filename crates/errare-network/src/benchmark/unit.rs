//! The units of a training step's cost, each alone and at full speed: what bounds the step on this machine.

use std::hint::black_box;

use errare_core::random::Purpose;

use crate::engine::fill_normals;
use crate::kernel::{Isa, Kernel, LANES, Lanes, NoiseLanes, Real, VECTORS, zeros};

/// A unit of cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A floating-point operation, two to a multiply-add in registers.
    Operation,
    /// A softplus.
    Softplus,
    /// A softplus with its derivative.
    SoftplusSlope,
    /// A standard normal.
    Normal,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 4] = [Self::Operation, Self::Softplus, Self::SoftplusSlope, Self::Normal];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Softplus => "softplus",
            Self::SoftplusSlope => "softplus_slope",
            Self::Normal => "normal",
        }
    }

    /// Spends about `count` of the unit, in f32 on one thread; returns how many it was.
    pub fn spend(self, count: u64) -> u64 {
        let isa = Isa::detect();
        let run = |per_round: usize, kernel: &mut dyn FnMut()| {
            let rounds = count.div_ceil(per_round as u64);
            (0..rounds).for_each(|_| kernel());
            rounds * per_round as u64
        };
        // Small enough for the first-level cache.
        const ROWS: usize = 16;
        let mut out = zeros::<f32>(ROWS);
        match self {
            Self::Operation => {
                let mut sums = [[Lanes::ZERO; VECTORS]; BLOCK];
                let x = [Lanes::splat(0.5); VECTORS];
                run(2 * BLOCK * VECTORS * LANES * CHAIN, &mut || {
                    isa.run(black_box(MultiplyAdds { weights: [0.5; BLOCK], x, sums: &mut sums }));
                    black_box(&sums);
                })
            }
            Self::Softplus | Self::SoftplusSlope => {
                let mut slopes = out.clone();
                let mut z = out.clone();
                fill_normals(isa, &mut NoiseLanes::new(1, Purpose::ProcessNoise, 0, 0), &mut z);
                run(z.len() * LANES, &mut || {
                    let z = black_box(&z[..]);
                    if self == Self::Softplus {
                        isa.run(Softplus { z, values: &mut out });
                    } else {
                        isa.run(SoftplusSlope { z, values: &mut out, slopes: &mut slopes });
                    }
                    black_box((&out, &slopes));
                })
            }
            Self::Normal => {
                let mut noise = NoiseLanes::new(1, Purpose::ProcessNoise, 0, 0);
                run(out.len() * LANES, &mut || {
                    fill_normals(isa, &mut noise, &mut out);
                    black_box(&out);
                })
            }
        }
    }
}

/// Multiply-adds in a chain; [`BLOCK`] × [`VECTORS`] chains hide their latency and fit the registers.
const CHAIN: usize = 256;
const BLOCK: usize = 4;

struct MultiplyAdds<'a> {
    weights: [f32; BLOCK],
    x: [Lanes<f32>; VECTORS],
    sums: &'a mut [[Lanes<f32>; VECTORS]; BLOCK],
}

impl Kernel for MultiplyAdds<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let mut sums = [[Lanes::ZERO; VECTORS]; BLOCK];
        for _ in 0..CHAIN {
            for b in 0..BLOCK {
                for v in 0..VECTORS {
                    sums[b][v] = sums[b][v].add_scaled::<FMA>(self.weights[b], self.x[v]);
                }
            }
        }
        *self.sums = sums;
    }
}

struct Softplus<'a> {
    z: &'a [Lanes<f32>],
    values: &'a mut [Lanes<f32>],
}

impl Kernel for Softplus<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (z, value) in self.z.iter().zip(self.values) {
            *value = z.map(|z| z.softplus::<FMA>().0);
        }
    }
}

struct SoftplusSlope<'a> {
    z: &'a [Lanes<f32>],
    values: &'a mut [Lanes<f32>],
    slopes: &'a mut [Lanes<f32>],
}

impl Kernel for SoftplusSlope<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for ((z, value), slope) in self.z.iter().zip(self.values).zip(self.slopes) {
            for k in 0..LANES {
                (value.0[k], slope.0[k]) = z.0[k].softplus::<FMA>();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_what_was_asked_for_is_spent() {
        for unit in Unit::ALL {
            let spent = unit.spend(1_000_000);
            assert!((1_000_000..2_000_000).contains(&spent), "{}: {spent}", unit.name());
        }
    }
}
