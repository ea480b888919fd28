//! What a figure shows, apart from how it is drawn: panels of series over axes with units.

mod axis;
pub(crate) mod data;
mod panel;
mod series;

pub use axis::Axis;
pub(crate) use axis::{Bounds, Ticks};
pub use panel::Panel;
pub(crate) use panel::Span;
pub(crate) use series::Kind;
pub use series::{Dash, Datum, Marker, Series};

use crate::{Error, Result};

/// Which axes the panels of a figure share: one range for all, labels on the outside only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// Each panel has its own axes.
    Nothing,
    /// One horizontal axis.
    X,
    /// One vertical axis.
    Y,
    /// Both.
    #[default]
    Both,
}

/// A figure: a title, a caption, and panels in a grid. Drawn to SVG, with its data as CSV.
///
/// ```
/// use errare_report::{Axis, Figure, Panel, Role, Series, Unit};
///
/// let panel = Panel::new(Axis::new("response error", Unit::Radians).pi_ticks(), Axis::new("density", Unit::PerRadian))
///     .series(Series::line("model", [(-1.0, 0.1), (0.0, 0.9), (1.0, 0.1)]).role(Role::Model));
/// let figure = Figure::new("errors", "Errors are centred on the cued item").panel(panel);
/// assert!(figure.svg()?.contains("density (rad⁻¹)"));
/// # Ok::<(), errare_report::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) description: Option<String>,
    pub(crate) how_computed: Vec<String>,
    pub(crate) panels: Vec<Panel>,
    pub(crate) columns: Option<usize>,
    pub(crate) share: Share,
    pub(crate) width: f64,
    pub(crate) panel_height: Option<f64>,
    pub(crate) dashed_means: String,
}

impl Figure {
    /// A figure without panels. `name` becomes the file name and, in a page, the anchor `#figure-NAME`: 1 to 64 of a–z, 0–9, '-'
    /// and '_', starting with a letter (checked when the figure is drawn).
    #[must_use]
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            caption: String::new(),
            description: None,
            how_computed: Vec::new(),
            panels: Vec::new(),
            columns: None,
            share: Share::default(),
            width: 760.0,
            panel_height: None,
            dashed_means: "no data here".into(),
        }
    }

    /// What the reader sees and how to read it; shown below the figure.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The figure in words, for those who cannot see it; otherwise title, caption and axes are given.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds a paragraph on how the figure was computed: trials, seeds, formulae, source.
    #[must_use]
    pub fn how_computed(mut self, paragraph: impl Into<String>) -> Self {
        self.how_computed.push(paragraph.into());
        self
    }

    /// Adds a panel; panels fill the grid row by row.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Number of columns of the grid; otherwise up to three.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = Some(columns.max(1));
        self
    }

    /// Which axes the panels share; both unless told.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    /// Width of the drawing in pixels at 96 dpi, 320 to 2000; 760 unless told.
    #[must_use]
    pub fn width(mut self, width: f64) -> Self {
        self.width = if width.is_finite() { width.clamp(320.0, 2000.0) } else { self.width };
        self
    }

    /// Height of the data area of each panel in pixels, 24 to 1500; chosen from its width unless told.
    #[must_use]
    pub fn panel_height(mut self, height: f64) -> Self {
        self.panel_height = height.is_finite().then(|| height.clamp(24.0, 1500.0));
        self
    }

    /// What dashes stand for where a datum is marked [`Datum::without_data`], in the legend.
    #[must_use]
    pub fn dashed_means(mut self, meaning: impl Into<String>) -> Self {
        self.dashed_means = meaning.into();
        self
    }

    /// The name of the figure's files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The figure's data in tidy long form: `panel, series, x, y, lo, hi`, one row per datum.
    ///
    /// A histogram has one row per edge, its height being that of the bin to the right. A span in time has
    /// its ends in `lo` and `hi`. Shaded spans and reference lines follow as `series` of their own. Columns
    /// `has_data` and `hue` (rad) are there when used; `x_axis` and `y_axis` say what the numbers are, with units.
    /// Empty cells are missing values.
    #[must_use]
    pub fn csv(&self) -> String {
        data::csv(self)
    }

    pub(crate) fn check_name(&self) -> Result<()> {
        let fits = self.name.len() <= 64
            && self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
        if fits { Ok(()) } else { Err(Error::FigureName { name: self.name.clone() }) }
    }

    /// The figure in words.
    pub(crate) fn description_text(&self) -> String {
        if let Some(description) = &self.description {
            return description.clone();
        }
        let mut text = self.caption.clone();
        for (index, panel) in self.panels.iter().enumerate() {
            if index == 0 || panel.y.text() != self.panels[index - 1].y.text() {
                let (y, x) = (panel.y.text(), panel.x.text());
                let named = !y.is_empty() && !x.is_empty();
                let axes = if named { format!("{y} against {x}.") } else { String::new() };
                if !text.is_empty() && named {
                    text.push(' ');
                }
                text.push_str(&axes);
            }
        }
        text
    }
}
