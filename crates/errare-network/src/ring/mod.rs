//! Clean responses as a mixture on the ring, and what a perfect denoiser makes of them.
//!
//! A clean response is x₀ = R(cos y, sin y) + s₀ε with y from the behaviour model. From its density follows the exact
//! posterior mean E[x₀ | x_τ] (Radmard, Bays & Lengyel, arXiv 2512.04808, and the mixture's algebra), which training
//! regresses on, floors are computed from, and the oracle samples with.

mod constants;
mod posterior;
mod shape;
mod target;

pub(crate) use constants::PosteriorConstants;
pub(crate) use posterior::{Shared, TileTargets};
pub use shape::Ring;
pub use target::RingTarget;
