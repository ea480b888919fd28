//! Two von Mises distributions at one mean: coordinates logit λ, ln κ₁, ln κ₂; its M step is an EM of its own.

use errare_core::special::{bessel_ratio, bessel_ratio_inverse};

use super::von_mises::{MIN_LOG_KAPPA, kappa};
use super::{Deviations, Family, LogDensity, Population, climb};
use crate::emission::{EmissionParameters, VonMisesMixture};

/// Both shares stay above e⁻⁹.
const MAX_LOGIT: f64 = 9.0;
/// EM steps a call: the responsibilities of the items move meanwhile.
const STEPS: usize = 4;

#[derive(Debug)]
pub(super) struct MixtureFamily;

fn share(coordinate: f64) -> f64 {
    1.0 / (1.0 + (-coordinate.clamp(-MAX_LOGIT, MAX_LOGIT)).exp())
}

fn mixture(coordinates: &[f64]) -> VonMisesMixture {
    VonMisesMixture::new(share(coordinates[0]), kappa(coordinates[1]), kappa(coordinates[2]))
        .expect("parameters within their ranges")
}

/// Part that the first component has in a density.
fn first_part(mixture: &VonMisesMixture, cosine: f64) -> f64 {
    let [a, b] = mixture.log_parts(cosine);
    1.0 / (1.0 + (b - a).exp())
}

impl Family for MixtureFamily {
    fn start(&self, kappa: f64) -> Vec<f64> {
        let kappa = kappa.ln().max(MIN_LOG_KAPPA);
        vec![0.8, kappa + 0.6, kappa - 1.0]
    }

    fn parameters(&self, coordinates: &[f64]) -> EmissionParameters {
        let [a, b] = [kappa(coordinates[1]), kappa(coordinates[2])];
        let lambda = share(coordinates[0]);
        let (lambda, kappa_1, kappa_2) = if a >= b { (lambda, a, b) } else { (1.0 - lambda, b, a) };
        EmissionParameters::VonMisesMixture { lambda, kappa_1, kappa_2 }
    }

    fn log_density(&self, coordinates: &[f64]) -> LogDensity {
        let mixture = mixture(coordinates);
        Box::new(move |cosine| mixture.log_density_at(cosine))
    }

    fn expected(&self, coordinates: &[f64], deviations: Deviations<'_>) -> (f64, Vec<f64>) {
        let mixture = mixture(coordinates);
        let share = share(coordinates[0]);
        let [a, b] = [1, 2].map(|index| kappa(coordinates[index]));
        let ratios = [bessel_ratio(a), bessel_ratio(b)];
        let (mut value, mut slopes) = (0.0, vec![0.0; 3]);
        for (cosine, weight) in deviations.iter() {
            value += weight * mixture.log_density_at(cosine);
            let first = first_part(&mixture, cosine);
            slopes[0] += weight * (first - share);
            slopes[1] += weight * first * a * (cosine - ratios[0]);
            slopes[2] += weight * (1.0 - first) * b * (cosine - ratios[1]);
        }
        (value, slopes)
    }

    fn step(
        &self,
        coordinates: &[f64],
        deviations: Deviations<'_>,
        population: Option<&Population>,
    ) -> Vec<f64> {
        if population.is_some() {
            return climb(self, coordinates, deviations, population, &[0.1; 3]);
        }
        let mut x = coordinates.to_vec();
        for _ in 0..STEPS {
            let mixture = mixture(&x);
            let (mut mass, mut sum) = ([0.0; 2], [0.0; 2]);
            for (cosine, weight) in deviations.iter() {
                let first = weight * first_part(&mixture, cosine);
                for (part, weight) in [first, weight - first].into_iter().enumerate() {
                    mass[part] += weight;
                    sum[part] += weight * cosine;
                }
            }
            let log_kappa = |part: usize| {
                let kappa = bessel_ratio_inverse(sum[part] / mass[part].max(f64::MIN_POSITIVE));
                kappa.ln().max(MIN_LOG_KAPPA)
            };
            let logit = (mass[0].max(1e-300) / mass[1].max(1e-300)).ln();
            x = vec![logit.clamp(-MAX_LOGIT, MAX_LOGIT), log_kappa(0), log_kappa(1)];
        }
        x
    }
}
