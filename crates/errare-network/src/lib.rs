//! Recurrent networks whose free-running dynamics reproduce a whole response distribution.
//!
//! Third in the flow: trials → behaviour → **task → network → training → simulation** → analysis → report.

#[doc(hidden)]
pub mod benchmark;
mod circuit;
mod config;
mod dense;
mod dynamics;
mod embedding;
mod engine;
mod error;
mod experiment;
mod floor;
mod kernel;
mod landmarks;
mod network;
mod objective;
mod parameters;
mod ring;
mod schedule;
mod simulation;
mod target;
mod task;
mod training;

pub use circuit::Readout;
pub use config::{
    BehaviourConfig, CleanTarget, Cue, DiffusionConfig, Dynamics, FitReference, HandOff, NetworkConfig,
    ObjectiveConfig, ObjectiveKind, OptimiserKind, Swap, TaskConfig, TaskKind, TrainingConfig, Until,
};
pub use error::{Error, Result};
pub use experiment::{Experiment, Stage};
pub use floor::{diffusion_floor, task_optimal_floor};
pub use landmarks::Plateau;
pub use network::Network;
pub use objective::Weighting;
pub use parameters::{Layout, Tensor};
pub use ring::{Ring, RingTarget};
pub use schedule::{ReverseVariance, Schedule};
pub use simulation::{Responses, Simulation, Trajectories, sample_oracle};
pub use target::CarriedExperiment;
pub use task::{Epoch, Epochs};
pub use training::{
    CHECKPOINT, EVENTS, EXPERIMENT, Ending, LogEntry, Monitor, Progress, Trainer, TrainingSummary,
    begin_training, read_experiment, read_log, train,
};
