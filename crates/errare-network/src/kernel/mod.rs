//! Lane arithmetic: the arithmetic of the training loop, trajectories side by side in SIMD lanes.
//!
//! A *tile* is [`TILE`] trajectories. A matrix over a tile is `[feature][vector]`: [`VECTORS`] vectors of
//! [`LANES`] trajectories for each feature. Kernels are plain Rust over lane arrays, generic over f32 (the
//! training loop) and f64 (the checks), compiled for each instruction set by [`Isa::run`].

mod blocks;
mod isa;
mod lanes;
mod matrix;
mod noise;
mod outer;
mod real;
mod steps;
mod sums;

pub(crate) use isa::{InstructionSet, Isa, Kernel};
#[cfg(test)]
pub(crate) use isa::{Narrow, Unfused, Wide};
#[cfg(test)]
pub(crate) use lanes::scattered;
pub(crate) use lanes::{
    LANES, Lanes, TILE, VECTORS, lane, lane_mut, row, row_mut, rows, rows_mut, softplus_in_place, zeros,
};
pub(crate) use matrix::{affine_rows, transposed_accumulate, transposed_rows};
pub(crate) use noise::NoiseLanes;
pub(crate) use outer::{Transposed, outer_accumulate};
pub(crate) use real::{Real, multiply_add};
pub(crate) use steps::{StepBuffer, StepRows, outer_accumulate_steps};
pub(crate) use sums::{add_lane_sums, add_row_dots, add_row_sums, dot_rows, sum_row};
