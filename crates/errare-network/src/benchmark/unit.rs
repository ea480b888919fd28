//! The units of a training step's cost, each alone and at full speed: what bounds the step on this machine.

use std::hint::black_box;

use errare_core::random::Purpose;

use crate::engine::fill_normals;
use crate::kernel::{
    InstructionSet, Isa, Kernel, LANES, Lanes, NoiseLanes, Real, VECTORS, softplus_in_place, zeros,
};

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
                let mut sum = [Lanes::ZERO; VECTORS];
                run(2 * MULTIPLY_ADDS * LANES, &mut || {
                    isa.run(black_box(MultiplyAdds {
                        weights: [0.5; 6],
                        x: [Lanes::splat(0.5); VECTORS],
                        sum: &mut sum,
                    }));
                    black_box(&sum);
                })
            }
            Self::Softplus => {
                fill_normals(isa, &mut NoiseLanes::new(1, Purpose::ProcessNoise, 0, 0), &mut out);
                // In place, over and over: the values rise by ever less, which changes no instruction.
                run(out.len() * LANES, &mut || isa.run(Softplus(black_box(&mut out))))
            }
            Self::SoftplusSlope => {
                let (mut slopes, mut z) = (out.clone(), out.clone());
                fill_normals(isa, &mut NoiseLanes::new(1, Purpose::ProcessNoise, 0, 0), &mut z);
                run(z.len() * LANES, &mut || {
                    isa.run(SoftplusSlope { z: black_box(&z), values: &mut out, slopes: &mut slopes });
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

/// Multiply-adds of vectors in a round.
const MULTIPLY_ADDS: usize = 6144;

struct MultiplyAdds<'a> {
    weights: [f32; 6],
    x: [Lanes<f32>; VECTORS],
    sum: &'a mut [Lanes<f32>; VECTORS],
}

impl MultiplyAdds<'_> {
    /// `ROWS` × `WIDTH` chains: enough to hide the latency of a product, and few enough for the registers.
    #[inline(always)]
    fn chains<S: InstructionSet, const ROWS: usize, const WIDTH: usize>(&mut self) {
        let mut sums = [[Lanes::ZERO; WIDTH]; ROWS];
        for _ in 0..MULTIPLY_ADDS / (ROWS * WIDTH) {
            for b in 0..ROWS {
                for v in 0..WIDTH {
                    sums[b][v] = sums[b][v].add_scaled::<S>(self.weights[b], self.x[v]);
                }
            }
        }
        for sums in &sums {
            for v in 0..WIDTH {
                self.sum[v] = self.sum[v].zip(sums[v], |x, y| x + y);
            }
        }
    }
}

impl Kernel for MultiplyAdds<'_> {
    #[inline(always)]
    fn run<S: InstructionSet>(mut self) {
        if S::WIDE {
            self.chains::<S, 4, VECTORS>();
        } else {
            self.chains::<S, 6, 1>();
        }
    }
}

struct Softplus<'a>(&'a mut [Lanes<f32>]);

impl Kernel for Softplus<'_> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        softplus_in_place::<f32, S>(self.0);
    }
}

struct SoftplusSlope<'a> {
    z: &'a [Lanes<f32>],
    values: &'a mut [Lanes<f32>],
    slopes: &'a mut [Lanes<f32>],
}

impl Kernel for SoftplusSlope<'_> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        for (z, slope) in self.z.iter().zip(&mut *self.slopes) {
            *slope = z.map(f32::decay::<S>);
        }
        for ((z, value), slope) in self.z.iter().zip(self.values).zip(self.slopes) {
            (*value, *slope) = z.softplus_given::<S>(*slope);
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
