//! The error type of the pipelines: that of any crate below, or of an output format.

/// What can go wrong in a pipeline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A foundation refused.
    #[error(transparent)]
    Core(#[from] errare_core::Error),
    /// A behaviour model refused.
    #[error(transparent)]
    Behaviour(#[from] errare_behaviour::Error),
    /// A network refused.
    #[error(transparent)]
    Network(#[from] errare_network::Error),
    /// An analysis refused.
    #[error(transparent)]
    Analysis(#[from] errare_analysis::Error),
    /// A figure or page refused.
    #[error(transparent)]
    Report(#[from] errare_report::Error),
    /// A run directory is asked to hold another experiment than it does.
    #[error(
        "{path} holds another experiment: choose another --out, or go on with that one by `errare resume`",
        path = path.display()
    )]
    OtherExperiment {
        /// The directory.
        path: std::path::PathBuf,
    },
    /// A directory is asked to hold another demonstration than it does.
    #[error(
        "{path} holds the demonstration of `{held}`, not of `{wanted}`: choose another --out, or repeat the one that is \
         there",
        path = path.display()
    )]
    OtherDemonstration {
        /// The directory.
        path: std::path::PathBuf,
        /// The options of what it holds.
        held: String,
        /// Those asked for.
        wanted: String,
    },
    /// A trial has no fit, or more than one, that could answer it.
    #[error("{problem} the trials of {label}; there are fits for: {available}")]
    NoAnsweringFit {
        /// What is wrong.
        problem: &'static str,
        /// The trials.
        label: String,
        /// The fits there are.
        available: String,
    },
    /// A fit that a step needs is not there.
    #[error("{what} has no fit for set size {set_size}")]
    MissingFit {
        /// Which fits.
        what: String,
        /// The set size.
        set_size: usize,
    },
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
