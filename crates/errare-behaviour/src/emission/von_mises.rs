//! The von Mises distribution of the core, as an emission.

use errare_core::random::Stream;
use errare_core::von_mises::VonMises;

use super::Emission;

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

    fn resolution(&self) -> f64 {
        // The wider, the less normal.
        VonMises::standard_deviation(self).min(0.8)
    }
}
