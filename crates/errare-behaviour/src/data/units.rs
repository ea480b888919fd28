//! Units in which a file may write its angles.

use std::f64::consts::{PI, TAU};
use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// How far (radians, after doubling) a value may lie outside its interval: room for rounded decimals.
pub(super) const TOLERANCE: f64 = 1e-3;

/// Units of a column of angles. Half-circle spaces (orientation) are doubled on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// Radians on the full circle.
    #[default]
    Rad,
    /// Degrees on the full circle, 360° a turn.
    Deg,
    /// Degrees on a half circle, 180° a turn: orientation.
    Deg180,
    /// Radians on a half circle, π a turn: orientation.
    Rad180,
}

impl Units {
    /// Every unit, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Rad, Self::Deg, Self::Deg180, Self::Rad180];

    /// The name used in options and messages: `rad`, `deg`, `deg180`, `rad180`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rad => "rad",
            Self::Deg => "deg",
            Self::Deg180 => "deg180",
            Self::Rad180 => "rad180",
        }
    }

    /// One full turn of the feature in these units: 2π, 360, 180 or π.
    #[must_use]
    pub fn turn(self) -> f64 {
        match self {
            Self::Rad => TAU,
            Self::Deg => 360.0,
            Self::Deg180 => 180.0,
            Self::Rad180 => PI,
        }
    }

    /// Radians on the full circle (not wrapped) of a value in these units.
    #[must_use]
    pub fn to_radians(self, value: f64) -> f64 {
        match self {
            Self::Rad => value,
            Self::Deg => value.to_radians(),
            Self::Deg180 => 2.0 * value.to_radians(),
            Self::Rad180 => 2.0 * value,
        }
    }

    /// The intervals that hold valid values, in words.
    pub(super) fn intervals(self) -> &'static str {
        match self {
            Self::Rad => "[-pi, pi) or [0, 2pi)",
            Self::Deg => "[-180, 180) or [0, 360)",
            Self::Deg180 => "[-90, 90) or [0, 180)",
            Self::Rad180 => "[-pi/2, pi/2) or [0, pi)",
        }
    }
}

impl fmt::Display for Units {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Units {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|units| units.name() == text).ok_or_else(|| Error::UnknownName {
            what: "units",
            name: text.to_owned(),
            hint: "expected rad, deg, deg180 (half circle in degrees) or rad180 (half circle in radians)"
                .into(),
        })
    }
}
