//! How well a network reproduces the behaviour it was trained on, and how it does so.
//!
//! * [`fidelity`]: the whole comparison of a network with its oracle, and the verdict.
//! * [`densities`]: error densities, with what is expected without swaps.
//! * [`distance`]: distances between two sets of responses to the same displays.
//! * [`mixture`]: swap rates of a set of responses, in total and by probe distance.
//! * [`geometry`]: alignment of the planes in which the network's states hold the remembered colours.
//!
//! Functions take plain data: [`Responses`](errare_network::Responses), displays, or sums over states.
//! In the flow: trials → behaviour → task → network → training → simulation → **analysis** → report.

pub mod densities;
pub mod distance;
mod error;
pub mod fidelity;
pub mod geometry;
mod interval;
pub mod mixture;
mod root_mean_square;
#[cfg(test)]
mod testing;

pub use error::{Error, Result};
