//! A figure with its standard error and 95 % interval.

use errare_core::special::NORMAL_975;

/// A figure with its asymptotic standard error and 95 % interval; all `None` where the trials leave it undefined.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measured {
    /// The figure.
    pub value: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Lower end of the interval.
    pub lo: Option<f64>,
    /// Upper end of the interval.
    pub hi: Option<f64>,
}

impl Measured {
    /// A figure whose trials moved it by `influences`: n (estimate − estimate without the trial), to first order.
    pub(super) fn new(value: f64, influences: impl Iterator<Item = f64>) -> Self {
        let (mut count, mut squares) = (0.0, 0.0);
        for influence in influences {
            count += 1.0;
            squares += influence * influence;
        }
        let value = Some(value).filter(|value| value.is_finite());
        // A single trial has no spread.
        let error =
            value.map(|_| f64::sqrt(squares) / count).filter(|error| error.is_finite() && count > 1.0);
        let end = |sign: f64| value.zip(error).map(|(value, error)| value + sign * NORMAL_975 * error);
        Self { value, standard_error: error, lo: end(-1.0), hi: end(1.0) }
    }

    /// The same with the interval cut where the figure cannot be.
    pub(super) fn within(self, lowest: f64, highest: f64) -> Self {
        Self { lo: self.lo.map(|lo| lo.max(lowest)), hi: self.hi.map(|hi| hi.min(highest)), ..self }
    }
}
