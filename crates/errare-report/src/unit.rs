//! Units, so that no axis and no column can forget its own.

use std::borrow::Cow;

/// The unit of a quantity on an axis, in a column or beside a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Radians.
    Radians,
    /// Degrees.
    Degrees,
    /// Seconds.
    Seconds,
    /// Steps of the network's clock, or of the optimiser.
    Steps,
    /// Densities on the circle.
    PerRadian,
    /// Probabilities and proportions, in [0, 1].
    Probability,
    /// Natural logarithms of probabilities.
    Nats,
    /// Counted things, such as trials or items.
    Count(Cow<'static, str>),
    /// Pure numbers: cosines, ratios, losses.
    Dimensionless,
    /// Anything else, by its symbol.
    Other(Cow<'static, str>),
}

impl Unit {
    /// The symbol behind a number and in brackets behind a label; empty for pure numbers and probabilities.
    #[must_use]
    pub fn symbol(&self) -> &str {
        match self {
            Self::Radians => "rad",
            Self::Degrees => "°",
            Self::Seconds => "s",
            Self::Steps => "steps",
            Self::PerRadian => "rad⁻¹",
            Self::Nats => "nat",
            Self::Probability | Self::Dimensionless => "",
            Self::Count(what) | Self::Other(what) => what,
        }
    }

    /// A number with its unit: `"0.3 rad"`, `"21°"`.
    #[must_use]
    pub fn after(&self, number: &str) -> String {
        match self.symbol() {
            "" => number.to_owned(),
            "°" => format!("{number}°"),
            symbol => format!("{number} {symbol}"),
        }
    }

    /// A quantity with its unit, as on an axis: `"response error (rad)"`.
    #[must_use]
    pub fn label(&self, quantity: &str) -> String {
        match self.symbol() {
            "" => quantity.to_owned(),
            symbol => format!("{quantity} ({symbol})"),
        }
    }
}
