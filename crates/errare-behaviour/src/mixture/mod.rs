//! The classical mixture models of delayed estimation, fitted by expectation maximisation.
//!
//! p(y) = p_T vM(ε₁; κ) + p_N/(N − 1) Σₙ₌₂ vM(εₙ; κ) + p_U/2π: with p_N = 0 the two-component model of Zhang &
//! Luck (2008, Nature 453:233), else the three-component model of Bays, Catalao & Husain (2009, J Vis 9(10):7).

mod em;
mod expectation;
mod information;

pub use em::{MixtureEstimate, MixtureWeights, fit_mixture};
pub use information::StandardErrors;

#[cfg(test)]
mod tests;
