//! The error type of this crate.

use std::path::PathBuf;

/// What can go wrong with networks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A foundation refused its input.
    #[error(transparent)]
    Core(#[from] errare_core::Error),
    /// A file of a run cannot be written while it trains.
    #[error(transparent)]
    Writing(errare_core::Error),
    /// A behaviour model refused its input.
    #[error(transparent)]
    Behaviour(#[from] errare_behaviour::Error),
    /// A key of an experiment has a value outside its domain.
    #[error("{key} is {value}, but it must be {expected}")]
    Invalid {
        /// The key, dotted.
        key: String,
        /// The value given.
        value: String,
        /// The domain, in words.
        expected: String,
    },
    /// An experiment file cannot be read as one.
    #[error("{path}: {reason}", path = path.display())]
    Experiment {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the key or line.
        reason: String,
    },
    /// A checkpoint does not hold what it should.
    #[error("{path}: {reason}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Training cannot go on: a quantity is no longer finite, or beyond what a working network shows.
    #[error(
        "{quantity} became {value} at step {step} (seed {seed}), {limit}; \
         the last good checkpoint is kept: lower training.learning_rate or training.clip"
    )]
    Diverged {
        /// What diverged: the loss, or the tensor by name.
        quantity: String,
        /// Its value.
        value: f64,
        /// The limit it violates, in words.
        limit: String,
        /// Training step, counted over all stages.
        step: u64,
        /// Seed of the experiment.
        seed: u64,
    },
}

impl Error {
    pub(crate) fn invalid(key: &str, value: impl ToString, expected: &str) -> Self {
        Self::Invalid { key: key.into(), value: value.to_string(), expected: expected.into() }
    }

    /// True when the input, not the run, is at fault.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Diverged { .. } | Self::Writing(_))
    }
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
