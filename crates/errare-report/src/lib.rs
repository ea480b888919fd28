//! Figures and pages: plain data in, SVG with CSV beside it and one self-contained HTML file out.
//!
//! * [`Figure`], [`Panel`], [`Axis`], [`Series`]: what a figure shows; [`Figure::svg`], [`Figure::csv`] and
//!   [`Figure::write`] draw it. [`Role`] and [`Colour`] keep colours consistent and safe for colour blindness.
//! * [`Page`], [`Section`], [`Table`], [`Metric`], [`KeyNumber`]: a report; [`Page::render`] gives HTML that
//!   needs no network, no script and no font of its own, [`Page::render_with`] takes another template.
//! * [`number`], [`Estimate`], [`Unit`]: numbers with digits that mean something, and units.
//!
//! Nothing here knows the science. The same input gives the same bytes.
//!
//! Last in the flow: trials → behaviour → task → network → training → simulation → analysis → **report**.

mod colour;
mod draw;
mod error;
mod figure;
pub mod number;
mod output;
mod page;
mod unit;

pub use colour::{Colour, Rgb, Role};
pub use error::{Error, Result};
pub use figure::{Axis, Dash, Datum, Figure, Marker, Panel, Series, Share};
pub use number::Estimate;
pub use page::{Cell, Column, DEFAULT_TEMPLATE, KeyNumber, Metric, Page, Section, Table};
pub use unit::Unit;
