//! The figures of the reports, each a function of results: what they show is decided here, how they look in
//! `errare-report`.

mod behaviour;
mod check;
mod comparison;
mod geometry;
mod participants;
mod responses;
mod training;

pub use behaviour::{errors_by_set_size, swap_curves, weights_by_set_size};
pub(in crate::pipeline) use check::p_text;
pub use check::{checked_curves, checked_summaries};
pub use comparison::{compared_swap_functions, differences};
pub use geometry::alignment;
pub use participants::shrinkage_by_participant;
pub use responses::{clouds, error_densities, swap_rates};
pub use training::{learning, timeline};

use errare_report::{Axis, Unit};

/// Axes of an error density.
fn density_axes(quantity: &str) -> (Axis, Axis) {
    let pi = std::f64::consts::PI;
    (
        Axis::new(quantity, Unit::Radians).range(-pi, pi).pi_ticks(),
        Axis::new("probability density", Unit::PerRadian).including(0.0),
    )
}
