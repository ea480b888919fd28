//! The von Mises family: one coordinate, ln κ; its M step is closed.

use errare_core::special::{MAX_KAPPA, bessel_ratio, bessel_ratio_derivative, bessel_ratio_inverse};
use errare_core::von_mises::VonMises;

use super::{Deviations, Family, LogDensity, Population};
use crate::emission::EmissionParameters;

/// ln κ stays above this, where the distribution is uniform to a thousandth.
pub(super) const MIN_LOG_KAPPA: f64 = -7.0;
const NEWTON_STEPS: usize = 30;

#[derive(Debug)]
pub(super) struct VonMisesFamily;

/// κ at its coordinate.
pub(super) fn kappa(coordinate: f64) -> f64 {
    coordinate.clamp(MIN_LOG_KAPPA, MAX_KAPPA.ln()).exp()
}

/// The distribution at a coordinate.
pub(super) fn von_mises(coordinate: f64) -> VonMises {
    VonMises::new(kappa(coordinate)).expect("a concentration within its range")
}

impl Family for VonMisesFamily {
    fn start(&self, kappa: f64) -> Vec<f64> {
        vec![kappa.ln().clamp(MIN_LOG_KAPPA, MAX_KAPPA.ln())]
    }

    fn parameters(&self, coordinates: &[f64]) -> EmissionParameters {
        EmissionParameters::VonMises { kappa: kappa(coordinates[0]) }
    }

    fn log_density(&self, coordinates: &[f64]) -> LogDensity {
        let von_mises = von_mises(coordinates[0]);
        let (kappa, peak) = (von_mises.kappa(), von_mises.log_density(0.0));
        Box::new(move |cosine| kappa * (cosine - 1.0) + peak)
    }

    fn expected(&self, coordinates: &[f64], deviations: Deviations<'_>) -> (f64, Vec<f64>) {
        let von_mises = von_mises(coordinates[0]);
        let kappa = von_mises.kappa();
        let (mass, cosine) = sums(deviations);
        let value = kappa * (cosine - mass) + mass * von_mises.log_density(0.0);
        (value, vec![kappa * (cosine - mass * bessel_ratio(kappa))])
    }

    fn step(&self, _: &[f64], deviations: Deviations<'_>, population: Option<&Population>) -> Vec<f64> {
        let (mass, cosine) = sums(deviations);
        let free = self.start(bessel_ratio_inverse(cosine / mass));
        let Some(population) = population else { return free };
        // Between the mode of the population and that of the trials the sum of both is concave enough for Newton's
        // method with the Fisher information.
        let mut x = population.mean[0];
        for _ in 0..NEWTON_STEPS {
            let at = kappa(x);
            let slope =
                at * (cosine - mass * bessel_ratio(at)) - (x - population.mean[0]) / population.sd[0].powi(2);
            let information = mass * at * at * bessel_ratio_derivative(at) + population.sd[0].powi(-2);
            let moved = (slope / information).clamp(-1.0, 1.0);
            x += moved;
            if moved.abs() < 1e-12 {
                break;
            }
        }
        vec![x.clamp(MIN_LOG_KAPPA, MAX_KAPPA.ln())]
    }
}

/// Σ weight and Σ weight · cos ε.
fn sums(deviations: Deviations<'_>) -> (f64, f64) {
    deviations.iter().fold((0.0, 0.0), |(mass, sum), (cosine, weight)| (mass + weight, sum + weight * cosine))
}
