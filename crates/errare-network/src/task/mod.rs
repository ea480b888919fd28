//! Tasks: a display becomes input over time.
//!
//! A trial runs through stimulus, delay, cue and gap ("preparation") into the response epoch, in which the
//! denoising happens. Inputs are constant within an epoch.

mod encoder;
mod epochs;
mod feature;
mod index;

pub(crate) use encoder::{Encoder, Phase};
pub use epochs::{Epoch, Epochs};
pub(crate) use feature::{FeatureCue, TUNED};
pub(crate) use index::IndexCue;
