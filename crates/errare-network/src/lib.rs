//! Recurrent networks whose free-running dynamics reproduce a whole response distribution.
//!
//! Third in the flow: trials → behaviour → **task → network → training → simulation** → analysis → report.

mod circuit;
mod config;
mod dynamics;
mod embedding;
mod engine;
mod error;
mod kernel;
mod objective;
mod parameters;
mod schedule;
mod simulation;
mod task;
mod training;

pub use circuit::Readout;
pub use config::{
    BehaviourConfig, Cue, DiffusionConfig, Dynamics, FitReference, HandOff, NetworkConfig, ObjectiveConfig,
    ObjectiveKind, Swap, TaskConfig, TaskKind, TrainingConfig, Until,
};
pub use error::{Error, Result};
pub use objective::Weighting;
pub use parameters::{Layout, Tensor};
pub use schedule::Schedule;
pub use simulation::Responses;
pub use task::{Epoch, Epochs};
