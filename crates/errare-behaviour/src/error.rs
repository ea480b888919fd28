//! The error type of this crate.

/// What can go wrong with trials and behaviour models.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A foundation refused its input.
    #[error(transparent)]
    Core(#[from] errare_core::Error),
    /// A parameter of a model lies outside its domain.
    #[error("{name} is {value}, but it must be {expected}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The domain, in words.
        expected: &'static str,
    },
    /// There is nothing to fit.
    #[error("there are no trials to fit")]
    NoTrials,
    /// A swap function of probe distance needs probe features.
    #[error("the trials have no probe features, which the model needs: use bns:none or three-component")]
    MissingProbe,
    /// A part that this build leaves out.
    #[error("this build has no {what}: build it with --features {feature}")]
    NotBuilt {
        /// The part.
        what: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The sampler of a posterior failed.
    #[error("chain {chain} of the sampler failed: {problem}")]
    Sampler {
        /// Number of the chain.
        chain: u64,
        /// What it says.
        problem: String,
    },
    /// Only BNS fits participants together.
    #[error(
        "{model} cannot be fitted with participants {participants}: only the bns models can be fitted together"
    )]
    NotTogether {
        /// The model.
        model: String,
        /// The treatment of participants asked for.
        participants: &'static str,
    },
    /// A file or directory does not hold fits.
    #[error("{} holds no fits, as a directory that `errare fit` wrote does: {source}", path.display())]
    NoFits {
        /// What was given.
        path: std::path::PathBuf,
        /// Why its file cannot be read.
        source: errare_core::Error,
    },
    /// A selection of fits means none, or more than one.
    #[error("{problem}; there are fits for: {available}")]
    NoSuchFit {
        /// What is wrong with the selection.
        problem: &'static str,
        /// The fits there are.
        available: String,
    },
    /// A fit read from a file does not describe a model.
    #[error("the fit for {label} is broken: {problem}")]
    BrokenFit {
        /// The group of trials fitted.
        label: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table of trials is not what it should be; nothing of it was read.
    #[error("{}", crate::data::describe(path, problems, hints))]
    InvalidTable {
        /// The file, or the name of the set.
        path: String,
        /// Everything that is wrong, by row.
        problems: Vec<crate::data::Problem>,
        /// What may be behind it all, such as other units than those that it was read in.
        hints: Vec<String>,
    },
    /// A Parquet table could not be written.
    #[error("Parquet table: {0}")]
    Parquet(String),
    /// A name is not one of those there are.
    #[error("unknown {what} {name:?}: {hint}")]
    UnknownName {
        /// The kind of thing named.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        hint: String,
    },
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
