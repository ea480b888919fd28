//! Responses of a network, or of the oracle sampler, to a set of displays.

use errare_behaviour::Display;

/// Two-dimensional responses, `samples` for each display.
#[derive(Debug, Clone, PartialEq)]
pub struct Responses {
    /// The displays.
    pub displays: Vec<Display>,
    /// Responses per display.
    pub samples: usize,
    /// Read-out x = W_x r after the last step; display-major, `displays.len() * samples` points.
    pub points: Vec<[f32; 2]>,
}

impl Responses {
    /// The responses to display `index`.
    #[must_use]
    pub fn of(&self, index: usize) -> &[[f32; 2]] {
        &self.points[index * self.samples..(index + 1) * self.samples]
    }

    /// Every response as (display, angle in radians, radius).
    pub fn polar(&self) -> impl Iterator<Item = (&Display, f64, f64)> {
        self.points.iter().enumerate().map(|(index, point)| {
            let (x, y) = (f64::from(point[0]), f64::from(point[1]));
            (&self.displays[index / self.samples], errare_core::angle::wrap(y.atan2(x)), x.hypot(y))
        })
    }
}
