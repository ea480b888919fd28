//! Distances between two sets of responses to the same displays: how far a network's answers are from its
//! target's, beyond what sampling alone would give.
//!
//! All are computed per display, where the target is one distribution, and averaged over displays.

mod divergence;
mod energy;
mod wasserstein;

pub(crate) use divergence::error_bin;
pub use divergence::{ERROR_BINS, error_divergence, jensen_shannon};
pub use energy::{EnergyDistance, EnergySpace, energy_distance};
pub use wasserstein::{circular_wasserstein, mean_wasserstein};

use errare_network::Responses;

use crate::{Error, Result};

/// Refuses two sets of responses that do not answer the same displays.
pub(crate) fn check_displays(a: &Responses, b: &Responses) -> Result<()> {
    if a.displays.len() != b.displays.len() {
        return Err(Error::SizeMismatch {
            what: "number of displays of the two sets of responses",
            left: a.displays.len(),
            right: b.displays.len(),
        });
    }
    match a.displays.iter().zip(&b.displays).position(|(a, b)| a != b) {
        Some(display) => Err(Error::DifferentDisplays { display }),
        None => Ok(()),
    }
}

/// Refuses responses whose points are not `displays × samples`, or too few, or have no angle.
pub(crate) fn check_responses(responses: &Responses, least_samples: usize) -> Result<()> {
    if responses.displays.is_empty() {
        return Err(Error::OutOfRange { name: "number of displays", value: 0.0, expected: "at least 1" });
    }
    if responses.samples < least_samples {
        return Err(Error::OutOfRange {
            name: "responses per display",
            value: responses.samples as f64,
            expected: if least_samples > 1 { "at least 2" } else { "at least 1" },
        });
    }
    if responses.points.len() != responses.displays.len() * responses.samples {
        return Err(Error::SizeMismatch {
            what: "number of points and displays × samples",
            left: responses.points.len(),
            right: responses.displays.len() * responses.samples,
        });
    }
    let has_angle = |&[x, y]: &[f32; 2]| x.is_finite() && y.is_finite() && (x != 0.0 || y != 0.0);
    match responses.points.iter().position(|point| !has_angle(point)) {
        Some(index) => {
            let ([x, y], samples) = (responses.points[index], responses.samples);
            Err(Error::NoAngle { display: index / samples, sample: index % samples, x, y })
        }
        None => Ok(()),
    }
}
