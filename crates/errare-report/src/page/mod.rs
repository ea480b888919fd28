//! The report: one HTML file that shows its figures, gives their data away and needs nothing else.

mod metric;
mod render;
mod section;
mod table;

use std::path::Path;

pub use metric::{KeyNumber, Metric};
pub(crate) use section::Block;
pub use section::Section;
pub use table::{Cell, Column, Table};

use crate::Result;

/// The template that [`Page::render`] uses, as a start for one's own.
///
/// Templates are in the language of Jinja and see `title`, `summary`, `language`, `key_numbers`, `sections`
/// (each with `id`, `title`, `blocks`; a block has a `kind` of `paragraph`, `list`, `note`, `heading`,
/// `key_numbers`, `table` or `figure`), `provenance` and `generator`. Everything is escaped unless marked `safe`.
pub const DEFAULT_TEMPLATE: &str = include_str!("template.html");

/// A page: what was done in a paragraph, the numbers that matter, sections, and where it all came from.
///
/// ```
/// use errare_report::{Page, Section};
///
/// let page = Page::new("Colour wheel", "One fit of 1,800 trials.").section(Section::new("Fit").paragraph("p < q"));
/// let html = page.render()?;
/// assert!(html.contains("p &lt; q"));
/// # Ok::<(), errare_report::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) language: String,
    pub(crate) key_numbers: Vec<KeyNumber>,
    pub(crate) sections: Vec<Section>,
    pub(crate) provenance: Vec<(String, String)>,
    pub(crate) generator: String,
}

impl Page {
    /// A page with a title and a summary of one plain paragraph.
    #[must_use]
    pub fn new(title: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            summary: summary.into(),
            language: "en".into(),
            key_numbers: Vec::new(),
            sections: Vec::new(),
            provenance: Vec::new(),
            generator: concat!("errare ", env!("CARGO_PKG_VERSION")).into(),
        }
    }

    /// Adds a number to the cards below the summary.
    #[must_use]
    pub fn key_number(mut self, number: KeyNumber) -> Self {
        self.key_numbers.push(number);
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds a line to the provenance table: seed, version, hash of the data, …
    #[must_use]
    pub fn provenance(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.provenance.push((name.into(), value.into()));
        self
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// [`Error::FigureName`](crate::Error::FigureName), [`Error::DuplicateFigure`](crate::Error::DuplicateFigure)
    /// or [`Error::TableRow`](crate::Error::TableRow).
    pub fn render(&self) -> Result<String> {
        self.render_with(DEFAULT_TEMPLATE)
    }

    /// The page through another template; see [`DEFAULT_TEMPLATE`].
    ///
    /// # Errors
    /// Those of [`Page::render`], and [`Error::Template`](crate::Error::Template) with the line at fault.
    pub fn render_with(&self, template: &str) -> Result<String> {
        render::render(self, template)
    }

    /// Writes [`Page::render`] to `path` atomically.
    ///
    /// # Errors
    /// Those of [`Page::render`], and [`Error::Core`](crate::Error::Core) naming a file that could not be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(errare_core::run_dir::write_atomic(path, self.render()?.as_bytes())?)
    }
}
