//! The wrapped stable family: coordinates logit of α's place in [0.5, 2] and ln of γ over its least value; its M step
//! climbs the expected log density.

use super::{Deviations, Family, LogDensity, Population, climb};
use crate::emission::{EmissionParameters, MIN_ALPHA, WrappedStable};

/// α comes this close, on its logit, to the ends of its range.
const MAX_LOGIT: f64 = 9.0;
/// The largest γ (radians): the distribution is uniform long before.
const MAX_LOG_GAMMA: f64 = 3.0;
const RANGE: f64 = 2.0 - MIN_ALPHA;

#[derive(Debug)]
pub(super) struct StableFamily;

/// α and γ with ∂α/∂x and ∂ ln γ/∂(x, y): γ is kept above its least value at α.
struct Place {
    alpha: f64,
    gamma: f64,
    alpha_slope: f64,
    gamma_slope: f64,
}

fn place(coordinates: &[f64]) -> Place {
    let x = coordinates[0].clamp(-MAX_LOGIT, MAX_LOGIT);
    let part = 1.0 / (1.0 + (-x).exp());
    let alpha = MIN_ALPHA + RANGE * part;
    let least = WrappedStable::least_gamma(alpha).ln();
    let y = coordinates[1].min(MAX_LOG_GAMMA);
    let inside = x == coordinates[0];
    Place {
        alpha,
        gamma: y.max(least).exp(),
        alpha_slope: if inside { RANGE * part * (1.0 - part) } else { 0.0 },
        gamma_slope: if y == coordinates[1] && y > least { 1.0 } else { 0.0 },
    }
}

fn stable(place: &Place) -> WrappedStable {
    WrappedStable::new(place.alpha, place.gamma).expect("parameters within their ranges")
}

impl Family for StableFamily {
    fn start(&self, kappa: f64) -> Vec<f64> {
        // α = 1.7, and the variance 2γ² of a normal distribution.
        let gamma = (0.5 / kappa.max(1e-2)).sqrt();
        vec![((1.7 - MIN_ALPHA) / (2.0 - 1.7)).ln(), gamma.ln()]
    }

    fn parameters(&self, coordinates: &[f64]) -> EmissionParameters {
        let Place { alpha, gamma, .. } = place(coordinates);
        EmissionParameters::WrappedStable { alpha, gamma }
    }

    fn log_density(&self, coordinates: &[f64]) -> LogDensity {
        let stable = stable(&place(coordinates));
        Box::new(move |cosine| stable.log_density_at(cosine))
    }

    fn expected(&self, coordinates: &[f64], deviations: Deviations<'_>) -> (f64, Vec<f64>) {
        let place = place(coordinates);
        let stable = stable(&place);
        let slope_terms = stable.slope_terms();
        let (mut value, mut slopes) = (0.0, vec![0.0; 2]);
        for (cosine, weight) in deviations.iter() {
            let at = stable.slopes_at(cosine, &slope_terms);
            value += weight * at.log_density;
            slopes[0] += weight * at.by_alpha * place.alpha_slope;
            slopes[1] += weight * at.by_log_gamma * place.gamma_slope;
        }
        (value, slopes)
    }

    fn step(
        &self,
        coordinates: &[f64],
        deviations: Deviations<'_>,
        population: Option<&Population>,
    ) -> Vec<f64> {
        climb(self, coordinates, deviations, population, &[0.3, 0.05])
    }
}
