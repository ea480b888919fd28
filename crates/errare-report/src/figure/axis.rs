//! Axes: a quantity with its unit, a range, and what its ticks say.

use crate::Unit;

/// The range of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bounds {
    /// From the data.
    Auto,
    /// As told.
    Fixed(f64, f64),
}

/// What the ticks say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ticks {
    /// Round decimal numbers.
    Decimal,
    /// Whole numbers only.
    Whole,
    /// Multiples of π/2 (or of π/4 or π, by the room).
    Pi,
    /// Names at 1, 2, 3, …
    Names(Vec<String>),
}

/// An axis. The unit is part of its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub(crate) quantity: String,
    pub(crate) unit: Unit,
    pub(crate) bounds: Bounds,
    pub(crate) ticks: Ticks,
    pub(crate) log: bool,
    pub(crate) including: Vec<f64>,
}

impl Axis {
    /// A linear axis whose range follows the data.
    #[must_use]
    pub fn new(quantity: impl Into<String>, unit: Unit) -> Self {
        Self {
            quantity: quantity.into(),
            unit,
            bounds: Bounds::Auto,
            ticks: Ticks::Decimal,
            log: false,
            including: Vec::new(),
        }
    }

    /// An axis of names: the k-th stands at k, counted from 1. A vertical one reads from the top.
    #[must_use]
    pub fn names<S: Into<String>>(quantity: impl Into<String>, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let last = names.len().max(1) as f64 + 0.5;
        Self { ticks: Ticks::Names(names), ..Self::new(quantity, Unit::Dimensionless) }.range(0.5, last)
    }

    /// Fixes the range, in the axis' unit. A range that is not finite, not increasing or narrower than 10⁻¹⁰ of
    /// its ends is ignored.
    #[must_use]
    pub fn range(mut self, lo: f64, hi: f64) -> Self {
        let largest = lo.abs().max(hi.abs());
        if largest <= 1e100 && hi - lo > (1e-10 * largest).max(1e-14) {
            self.bounds = Bounds::Fixed(lo, hi);
        }
        self
    }

    /// Widens a range that follows the data so that it includes `value`.
    #[must_use]
    pub fn including(mut self, value: f64) -> Self {
        self.including.push(value);
        self
    }

    /// Ticks at multiples of π/2, for angles in radians.
    #[must_use]
    pub fn pi_ticks(mut self) -> Self {
        self.ticks = Ticks::Pi;
        self
    }

    /// Ticks at whole numbers only, for set sizes and counts.
    #[must_use]
    pub fn whole_ticks(mut self) -> Self {
        self.ticks = Ticks::Whole;
        self
    }

    /// A logarithmic axis, of values from 10⁻¹⁰ on; smaller ones, zeros and negative ones are left out of the
    /// drawing. Drawn as a linear one when its range is within a factor of a few.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// The quantity with its unit.
    pub(crate) fn text(&self) -> String {
        self.unit.label(&self.quantity)
    }
}
