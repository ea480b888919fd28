//! Emissions: the distribution of a response around the item it was drawn from.

use std::fmt::Debug;

use errare_core::random::Stream;
use errare_core::von_mises::VonMises;

/// A symmetric distribution of mean 0 on the circle (radians). A new emission is one implementation.
pub trait Emission: Debug + Send + Sync {
    /// Log density at a deviation (radians).
    fn log_density(&self, deviation: f64) -> f64;
    /// Draws a deviation (radians) in [−π, π).
    fn sample(&self, stream: &mut Stream) -> f64;
    /// Circular standard deviation (radians).
    fn standard_deviation(&self) -> f64;
}

impl Emission for VonMises {
    fn log_density(&self, deviation: f64) -> f64 {
        VonMises::log_density(self, deviation)
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        VonMises::sample(self, stream)
    }

    fn standard_deviation(&self) -> f64 {
        VonMises::standard_deviation(self)
    }
}
