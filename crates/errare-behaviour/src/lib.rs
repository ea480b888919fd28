//! Behaviour models of delayed estimation: what people's responses look like, errors included.
//!
//! A behaviour model is a distribution of the response given a [`Display`]: mixture weights of the sources of
//! a response (a guess, the cued item, each other item) and an [`Emission`] around the chosen item. Models
//! are fitted to a trial table, compared, and drawn from; a network is trained on the same object.
//!
//! Second in the flow: trials → **behaviour** → task → network → training → simulation → analysis → report.

pub mod data;
mod display;
mod emission;
mod error;
mod response_model;
mod swap_function;

pub use data::{Group, GroupKey, ReadOptions, Trial, TrialTable, Units};
pub use display::{Display, DisplayGenerator};
pub use emission::Emission;
pub use error::{Error, Result};
pub use response_model::{Response, ResponseModel, Source};
pub use swap_function::SwapFunction;
