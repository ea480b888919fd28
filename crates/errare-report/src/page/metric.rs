//! Numbers that are judged: a value with its interval, its floor, and the limit it should keep.

use crate::number::significant;
use crate::{Cell, Estimate};

/// A number on a card.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyNumber {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) interval: String,
    pub(crate) note: String,
}

impl KeyNumber {
    /// A card with a label below a value with its unit, and its interval if it has one.
    #[must_use]
    pub fn new(label: impl Into<String>, estimate: &Estimate) -> Self {
        let interval = estimate.value.and_then(|_| estimate.interval_text()).unwrap_or_default();
        Self { interval, ..Self::text(label, estimate.value_with_unit()) }
    }

    /// A card with a label below any text.
    #[must_use]
    pub fn text(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), interval: String::new(), note: String::new() }
    }

    /// Adds small print: number of trials, floor, what would be chance.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// What a metric should keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// A metric with all that is needed to judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    name: String,
    meaning: String,
    estimate: Estimate,
    count: Option<u64>,
    floor: Option<f64>,
    limit: Option<Limit>,
    met: Option<bool>,
}

impl Metric {
    /// A metric and, in a few words, what it measures.
    #[must_use]
    pub fn new(name: impl Into<String>, meaning: impl Into<String>, estimate: Estimate) -> Self {
        Self {
            name: name.into(),
            meaning: meaning.into(),
            estimate,
            count: None,
            floor: None,
            limit: None,
            met: None,
        }
    }

    /// What it was computed from: trials, displays, seeds.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// The best value that sampling noise allows, in the metric's unit.
    #[must_use]
    pub fn floor(mut self, floor: impl Into<Option<f64>>) -> Self {
        self.floor = floor.into();
        self
    }

    /// Met when the value is at most `limit`.
    #[must_use]
    pub fn at_most(mut self, limit: f64) -> Self {
        self.limit = Some(Limit::AtMost(limit));
        self
    }

    /// Met when the value is at least `limit`.
    #[must_use]
    pub fn at_least(mut self, limit: f64) -> Self {
        self.limit = Some(Limit::AtLeast(limit));
        self
    }

    /// Says whether it is met, where that is not a matter of one limit.
    #[must_use]
    pub fn met(mut self, met: bool) -> Self {
        self.met = Some(met);
        self
    }

    /// Whether it is met; `None` without a limit or a value. A value that is no number is not met.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        self.met.or_else(|| {
            let value = self.estimate.value?;
            Some(match self.limit? {
                Limit::AtMost(limit) => value <= limit,
                Limit::AtLeast(limit) => value >= limit,
            })
        })
    }

    /// Name, value, floor, limit, verdict, number: a row of [`Table::of_metrics`](crate::Table::of_metrics).
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let number = |value: Option<f64>| value.map_or(Cell::Missing, |v| Cell::text(significant(v, 3)));
        let limit = match self.limit {
            Some(Limit::AtMost(limit)) => Cell::text(format!("≤ {}", as_given(limit))),
            Some(Limit::AtLeast(limit)) => Cell::text(format!("≥ {}", as_given(limit))),
            None => Cell::Missing,
        };
        let value = Cell::Explained {
            text: self.estimate.value_with_unit(),
            detail: self.estimate.value.and_then(|_| self.estimate.interval_text()).unwrap_or_default(),
        };
        vec![
            Cell::Explained { text: self.name.clone(), detail: self.meaning.clone() },
            if self.estimate.value.is_some() { value } else { Cell::Missing },
            number(self.floor),
            limit,
            Cell::Met(self.is_met()),
            self.count.map_or(Cell::Missing, |count| Cell::text(crate::number::count(count))),
        ]
    }
}

/// A limit is exact: it is shown as it was written.
fn as_given(limit: f64) -> String {
    if limit == 0.0 || (1e-6..1e6).contains(&limit.abs()) {
        limit.to_string().replace('-', "−")
    } else {
        significant(limit, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    #[test]
    fn limits_decide() {
        let metric = |value: Option<f64>| Metric::new("m", "", Estimate::new(value, Unit::Dimensionless));
        assert_eq!(metric(Some(0.02)).at_most(0.02).is_met(), Some(true));
        assert_eq!(metric(Some(0.021)).at_most(0.02).is_met(), Some(false));
        assert_eq!(metric(Some(0.021)).at_least(0.02).is_met(), Some(true));
        assert_eq!(metric(Some(f64::NAN)).at_most(1.0).is_met(), Some(false));
        assert_eq!(metric(None).at_most(1.0).is_met(), None);
        assert_eq!(metric(Some(1.0)).is_met(), None);
        assert_eq!(metric(Some(1.0)).at_most(2.0).met(false).is_met(), Some(false));
    }
}
