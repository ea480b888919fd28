//! Training: gradients of a batch, the optimiser, and the loop with its stages, log and checkpoints.

mod batch;
mod checkpoint;
mod moments;
mod monitor;
mod optimiser;
mod rate;
mod run;
mod soap;
mod trainer;

pub(crate) use batch::{Accumulators, BatchLoss, SLOTS, draw_delay, draw_displays};
pub use checkpoint::CHECKPOINT;
pub(crate) use checkpoint::Saved;
pub use monitor::{Ending, Monitor};
pub(crate) use run::read;
pub use run::{EVENTS, EXPERIMENT, TrainingSummary, begin_training, read_experiment, read_log, train};
pub use trainer::{LogEntry, Progress, Trainer};
