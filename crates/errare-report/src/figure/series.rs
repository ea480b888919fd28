//! Series: labelled data and the mark that stands for each datum.

use crate::colour::{Colour, Role};
use crate::{Error, Result};

/// One datum. A coordinate that is not finite breaks a line and leaves out a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Datum {
    /// Horizontal coordinate, in the unit of the axis.
    pub x: f64,
    /// Vertical coordinate, in the unit of the axis.
    pub y: f64,
    /// Lower and upper end of the interval of y.
    pub interval: Option<(f64, f64)>,
    /// An angle (radians) that colours the point.
    pub hue: Option<f64>,
    /// Whether data support the datum; without, a line is dashed and a point hollow.
    pub has_data: bool,
}

impl Datum {
    /// A point.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None, hue: None, has_data: true }
    }

    /// Adds an interval of y: a band around a line, a bar through a point.
    #[must_use]
    pub fn interval(mut self, lo: f64, hi: f64) -> Self {
        self.interval = Some((lo, hi));
        self
    }

    /// Colours the point by an angle (radians).
    #[must_use]
    pub fn hue(mut self, angle: f64) -> Self {
        self.hue = Some(angle);
        self
    }

    /// Marks the datum as one that no data support: prior or extrapolation.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        self.has_data = false;
        self
    }
}

impl From<(f64, f64)> for Datum {
    fn from((x, y): (f64, f64)) -> Self {
        Self::new(x, y)
    }
}

/// (x, y, lo, hi).
impl From<(f64, f64, f64, f64)> for Datum {
    fn from((x, y, lo, hi): (f64, f64, f64, f64)) -> Self {
        Self::new(x, y).interval(lo, hi)
    }
}

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ◆
    Diamond,
    /// ▲
    Triangle,
}

/// The pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// ───
    Solid,
    /// ─ ─
    Dashed,
    /// ···
    Dotted,
}

/// What stands for a datum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Line,
    /// A staircase; `filled` shades the area below.
    Steps {
        filled: bool,
    },
    Points,
    /// Many small translucent points.
    Cloud,
    Bars,
    /// Horizontal bars from `lo` to `hi` at y.
    Spans,
}

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mark {
    pub(crate) kind: Kind,
    pub(crate) colour: Option<Colour>,
    pub(crate) dash: Dash,
    pub(crate) marker: Option<Marker>,
    pub(crate) joined: bool,
}

/// Labelled data of one kind. Series of one label share their colour and their entry in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub(crate) label: String,
    pub(crate) mark: Mark,
    pub(crate) data: Vec<Datum>,
}

impl Series {
    fn of<D: Into<Datum>>(kind: Kind, label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        let mark = Mark { kind, colour: None, dash: Dash::Solid, marker: None, joined: false };
        Self { label: label.into(), mark, data: data.into_iter().map(Into::into).collect() }
    }

    /// A line through the data in their order, with a band where they have intervals.
    #[must_use]
    pub fn line<D: Into<Datum>>(label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        Self::of(Kind::Line, label, data)
    }

    /// A point per datum, with error bars where they have intervals.
    #[must_use]
    pub fn points<D: Into<Datum>>(label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        Self::of(Kind::Points, label, data)
    }

    /// Many small translucent points, such as single responses; each may have a hue. Keep below some 10⁴.
    #[must_use]
    pub fn cloud<D: Into<Datum>>(label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        Self::of(Kind::Cloud, label, data)
    }

    /// A bar from 0 to y per datum, with error bars where they have intervals. Several such series of one
    /// panel stand side by side.
    #[must_use]
    pub fn bars<D: Into<Datum>>(label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        Self::of(Kind::Bars, label, data)
    }

    /// A line of constant pieces: each y holds until the next x.
    #[must_use]
    pub fn steps<D: Into<Datum>>(label: impl Into<String>, data: impl IntoIterator<Item = D>) -> Self {
        Self::of(Kind::Steps { filled: false }, label, data)
    }

    /// A shaded histogram of `heights` between n + 1 increasing `edges`.
    ///
    /// # Errors
    /// [`Error::HistogramEdges`].
    pub fn histogram(label: impl Into<String>, edges: &[f64], heights: &[f64]) -> Result<Self> {
        if edges.len() != heights.len() + 1 {
            return Err(Error::HistogramEdges { edges: edges.len(), heights: heights.len() });
        }
        let heights = heights.iter().copied().chain([f64::NAN]);
        Ok(Self::of(Kind::Steps { filled: true }, label, edges.iter().copied().zip(heights)))
    }

    /// Horizontal bars (`row`, `from`, `to`) on a vertical axis of names, such as the epochs of a task.
    #[must_use]
    pub fn spans(label: impl Into<String>, spans: impl IntoIterator<Item = (usize, f64, f64)>) -> Self {
        let data = spans.into_iter().map(|(row, from, to)| Datum::new(from, row as f64).interval(from, to));
        Self::of(Kind::Spans, label, data)
    }

    /// The colour and marker of a role.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        let marker = match role {
            Role::Human | Role::Target => Marker::Circle,
            Role::Model | Role::Swap => Marker::Diamond,
            Role::Network | Role::Guess => Marker::Square,
            Role::NoSwap | Role::Null => Marker::Triangle,
        };
        self.colour(role).marker(marker)
    }

    /// The colour; otherwise the next of the palette.
    #[must_use]
    pub fn colour(mut self, colour: impl Into<Colour>) -> Self {
        self.mark.colour = Some(colour.into());
        self
    }

    /// The pattern of the line.
    #[must_use]
    pub fn dash(mut self, dash: Dash) -> Self {
        self.mark.dash = dash;
        self
    }

    /// The shape of the points.
    #[must_use]
    pub fn marker(mut self, marker: Marker) -> Self {
        self.mark.marker = Some(marker);
        self
    }

    /// Joins the points by a thin line.
    #[must_use]
    pub fn joined(mut self) -> Self {
        self.mark.joined = true;
        self
    }

    /// Marks the data for which `unsupported` holds as [`Datum::without_data`].
    #[must_use]
    pub fn without_data_where(mut self, unsupported: impl Fn(&Datum) -> bool) -> Self {
        for datum in &mut self.data {
            datum.has_data &= !unsupported(datum);
        }
        self
    }
}
