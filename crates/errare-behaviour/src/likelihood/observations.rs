//! What a model sees of a trial table: for every item its distance from the response and from the cued item.

use std::f64::consts::PI;
use std::ops::Range;

use errare_core::angle::difference;

use crate::data::TrialTable;
use crate::{Display, Error, Result};

/// Trials as the models use them. Items are stored trial after trial, the cued item first; set sizes may be
/// mixed. All angles are in radians in [−π, π).
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    /// Index of the first item of each trial, and the number of items at the end.
    starts: Vec<usize>,
    errors: Vec<f64>,
    cosines: Vec<f64>,
    probe_offsets: Option<Vec<f64>>,
    report_offsets: Vec<f64>,
}

impl Observations {
    /// Trials given as displays with their responses (radians).
    ///
    /// # Errors
    /// [`Error::NoTrials`] without a trial, [`Error::OutOfRange`] for a display without items or a feature or
    /// response that is not finite.
    pub fn new<'a>(trials: impl IntoIterator<Item = (&'a Display, f64)>) -> Result<Self> {
        let mut all = Self {
            starts: vec![0],
            errors: Vec::new(),
            cosines: Vec::new(),
            probe_offsets: Some(Vec::new()),
            report_offsets: Vec::new(),
        };
        for (display, response) in trials {
            all.push(display, response)?;
        }
        if all.is_empty() {
            return Err(Error::NoTrials);
        }
        Ok(all)
    }

    fn push(&mut self, display: &Display, response: f64) -> Result<()> {
        let finite = |name, value: f64| {
            if value.is_finite() {
                Ok(value)
            } else {
                Err(Error::OutOfRange { name, value, expected: "a finite angle" })
            }
        };
        let count = display.set_size();
        if count == 0 {
            return Err(Error::OutOfRange { name: "set size", value: 0.0, expected: "at least 1" });
        }
        finite("response", response)?;
        for item in 0..count {
            let error = difference(response, finite("report feature", display.report[item])?);
            self.errors.push(error);
            self.cosines.push(error.cos());
            self.report_offsets.push(display.report_offset(item));
            // A single item needs no probe feature: it has no offset but 0.
            let offset = if count == 1 { Some(0.0) } else { display.probe_offset(item) };
            match (&mut self.probe_offsets, offset) {
                (Some(offsets), Some(offset)) => offsets.push(finite("probe feature", offset)?),
                (offsets, _) => *offsets = None,
            }
        }
        self.starts.push(self.errors.len());
        Ok(())
    }

    /// Some of the trials, in the order given; at least one.
    pub(crate) fn select(&self, trials: impl IntoIterator<Item = usize>) -> Self {
        let trials: Vec<usize> = trials.into_iter().collect();
        let mut starts = vec![0];
        starts.extend(trials.iter().scan(0, |end, &trial| {
            *end += self.set_size(trial);
            Some(*end)
        }));
        let pick = |values: &[f64]| {
            trials.iter().flat_map(|&trial| values[self.items(trial)].iter().copied()).collect()
        };
        Self {
            starts,
            errors: pick(&self.errors),
            cosines: pick(&self.cosines),
            probe_offsets: self.probe_offsets.as_deref().map(pick),
            report_offsets: pick(&self.report_offsets),
        }
    }

    /// The trials of several, one after the other.
    ///
    /// # Errors
    /// [`Error::NoTrials`] when there are none.
    pub(crate) fn concatenated(parts: &[&Self]) -> Result<Self> {
        let mut parts = parts.iter();
        let mut all = Self::clone(parts.next().ok_or(Error::NoTrials)?);
        for part in parts {
            let items = all.errors.len();
            all.starts.extend(part.starts[1..].iter().map(|start| items + start));
            all.errors.extend(&part.errors);
            all.cosines.extend(&part.cosines);
            all.report_offsets.extend(&part.report_offsets);
            match (&mut all.probe_offsets, &part.probe_offsets) {
                (Some(offsets), Some(more)) => offsets.extend(more),
                (offsets, _) => *offsets = None,
            }
        }
        Ok(all)
    }

    /// Number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no trial; never true after construction.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Indices of a trial's items in [`errors`](Self::errors) and the offsets.
    #[must_use]
    pub fn items(&self, trial: usize) -> Range<usize> {
        self.starts[trial]..self.starts[trial + 1]
    }

    /// Number of items of a trial.
    #[must_use]
    pub fn set_size(&self, trial: usize) -> usize {
        self.items(trial).len()
    }

    /// The set size that all trials share, or `None`.
    #[must_use]
    pub fn common_set_size(&self) -> Option<usize> {
        let first = self.set_size(0);
        (1..self.len()).all(|trial| self.set_size(trial) == first).then_some(first)
    }

    /// Largest set size.
    #[must_use]
    pub fn max_set_size(&self) -> usize {
        (0..self.len()).map(|trial| self.set_size(trial)).max().unwrap_or(0)
    }

    /// Response minus report feature of every item.
    #[must_use]
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// Cosines of [`errors`](Self::errors).
    #[must_use]
    pub fn cosines(&self) -> &[f64] {
        &self.cosines
    }

    /// Probe offset of every item from the cued one; `None` when a display of several items has no probe
    /// features.
    #[must_use]
    pub fn probe_offsets(&self) -> Option<&[f64]> {
        self.probe_offsets.as_deref()
    }

    /// Report offset of every item from the cued one.
    #[must_use]
    pub fn report_offsets(&self) -> &[f64] {
        &self.report_offsets
    }

    /// Smallest and largest distance (radians in [0, π]) in the probe feature between the cued item and
    /// another; `None` without probe features or without uncued items.
    #[must_use]
    pub fn probe_range(&self) -> Option<(f64, f64)> {
        self.range(self.probe_offsets()?)
    }

    /// Smallest and largest distance in the report feature, as [`probe_range`](Self::probe_range).
    #[must_use]
    pub fn report_range(&self) -> Option<(f64, f64)> {
        self.range(self.report_offsets())
    }

    fn range(&self, offsets: &[f64]) -> Option<(f64, f64)> {
        let uncued = (0..self.len()).flat_map(|trial| self.items(trial).skip(1));
        uncued.map(|item| offsets[item].abs()).fold(None, |range, distance| {
            let (low, high) = range.unwrap_or((PI, 0.0f64));
            Some((low.min(distance), high.max(distance)))
        })
    }
}

impl TryFrom<&TrialTable> for Observations {
    type Error = Error;

    fn try_from(table: &TrialTable) -> Result<Self> {
        Self::new(table.trials().iter().map(|trial| (&trial.display, trial.response)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(probe: &[f64], report: &[f64]) -> Display {
        Display { probe: probe.to_vec(), report: report.to_vec(), cued_slot: 0 }
    }

    #[test]
    fn offsets_and_errors_are_wrapped() {
        let pair = display(&[3.0, -3.0], &[-3.0, 1.0]);
        let single = display(&[], &[0.5]);
        let all = Observations::new([(&pair, 3.0), (&single, 0.0)]).unwrap();
        assert_eq!((all.len(), all.common_set_size(), all.max_set_size()), (2, None, 2));
        assert!((all.errors()[0] + std::f64::consts::TAU - 6.0).abs() < 1e-12);
        assert!((all.probe_offsets().unwrap()[1] - (std::f64::consts::TAU - 6.0)).abs() < 1e-12);
        assert_eq!(all.errors()[2], -0.5);
        let (low, high) = all.probe_range().unwrap();
        assert!(low == high && (low - 0.2831853).abs() < 1e-6);
    }

    #[test]
    fn bad_trials_are_refused() {
        assert!(matches!(Observations::new([]), Err(Error::NoTrials)));
        let good = display(&[], &[0.5, 1.0]);
        assert!(Observations::new([(&good, 0.1)]).unwrap().probe_offsets().is_none());
        let message = Observations::new([(&good, f64::NAN)]).unwrap_err().to_string();
        assert!(message.contains("response is NaN"), "{message}");
        assert!(Observations::new([(&display(&[], &[]), 0.0)]).is_err());
    }
}
