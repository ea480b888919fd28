//! A panel: two axes, the series over them, and what marks time or levels behind them.

use crate::figure::{Axis, Series};

/// A vertical shaded span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) label: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// A straight reference line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) at: f64,
    pub(crate) horizontal: bool,
}

/// One pair of axes and what is drawn over them.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    pub(crate) spans: Vec<Span>,
    pub(crate) lines: Vec<Line>,
    pub(crate) equal_aspect: bool,
}

impl Panel {
    /// An empty panel.
    #[must_use]
    pub fn new(x: Axis, y: Axis) -> Self {
        Self {
            title: String::new(),
            x,
            y,
            series: Vec::new(),
            spans: Vec::new(),
            lines: Vec::new(),
            equal_aspect: false,
        }
    }

    /// What sets this panel apart from the others, such as `"set size 4"`.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a series; later ones are drawn over earlier ones.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Shades x from `from` to `to` behind the data, such as the cue epoch.
    #[must_use]
    pub fn span(mut self, label: impl Into<String>, from: f64, to: f64) -> Self {
        self.spans.push(Span { label: label.into(), from, to });
        self
    }

    /// Draws a reference level, such as chance or a floor.
    #[must_use]
    pub fn level(mut self, label: impl Into<String>, y: f64) -> Self {
        self.lines.push(Line { label: label.into(), at: y, horizontal: true });
        self
    }

    /// Draws a reference line at one x, such as the end of training.
    #[must_use]
    pub fn moment(mut self, label: impl Into<String>, x: f64) -> Self {
        self.lines.push(Line { label: label.into(), at: x, horizontal: false });
        self
    }

    /// Makes a unit as long on both axes (linear axes only), for positions in a plane.
    #[must_use]
    pub fn equal_aspect(mut self) -> Self {
        self.equal_aspect = true;
        self
    }
}
