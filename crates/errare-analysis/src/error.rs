//! The error type of this crate.

/// What can go wrong in an analysis.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A foundation refused its input.
    #[error(transparent)]
    Core(#[from] errare_core::Error),
    /// A parameter lies outside its domain.
    #[error("{name} is {value}, but it must be {expected}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The domain, in words.
        expected: &'static str,
    },
    /// Two things that belong together have different sizes.
    #[error("{what}: {left} against {right}, but they must be equal")]
    SizeMismatch {
        /// What is counted, and of which two things.
        what: &'static str,
        /// The first count.
        left: usize,
        /// The second count.
        right: usize,
    },
    /// Two sets of responses answer different displays.
    #[error(
        "display {display} differs between the two sets of responses, but they must answer the same displays"
    )]
    DifferentDisplays {
        /// Index of the first display that differs.
        display: usize,
    },
    /// A display lacks the probe feature that distances are measured in.
    #[error("display {display} has no probe features, but swap rates are asked for by probe distance")]
    NoProbe {
        /// Index of the display.
        display: usize,
    },
    /// A response is not a finite point away from the origin, so it has no angle.
    #[error("response {sample} to display {display} is ({x}, {y}), which has no angle")]
    NoAngle {
        /// Index of the display.
        display: usize,
        /// Index of the response among those to the display.
        sample: usize,
        /// First coordinate.
        x: f32,
        /// Second coordinate.
        y: f32,
    },
    /// Too few colour bins hold trials to define the plane of a ring.
    #[error(
        "at step {step} only {bins} colour bins of slot {slot} hold trials, but a plane needs at least {needed}: \
         simulate more trials or use fewer bins"
    )]
    TooFewBins {
        /// Index of the step.
        step: usize,
        /// Index of the slot.
        slot: usize,
        /// Bins that hold trials.
        bins: usize,
        /// Bins needed.
        needed: usize,
    },
    /// The read-out's rows are not orthonormal, so the behaviour plane cannot be removed.
    #[error(
        "rows {row} and {column} of the read-out have inner product {value}, but they must be orthonormal"
    )]
    NotOrthonormal {
        /// First row.
        row: usize,
        /// Second row.
        column: usize,
        /// Their inner product.
        value: f64,
    },
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
