//! Emissions: the distribution of a response around the item it was drawn from. One file each.
//!
//! `tabulated` serves those without a closed form, and the fits of all classical models.

mod confusability;
mod parameters;
mod signal_discrimination;
mod slots;
mod tabulated;
mod variable_precision;
mod von_mises;
mod von_mises_mixture;
mod wrapped_stable;

use std::fmt::Debug;

use errare_core::random::Stream;

use crate::{Error, Result};

use confusability::confusability;
pub use parameters::EmissionParameters;
use signal_discrimination::signal_discrimination;
use slots::AveragedSlots;
pub(crate) use tabulated::{Position, nodes};
use variable_precision::VariablePrecision;
pub use von_mises_mixture::VonMisesMixture;
pub(crate) use wrapped_stable::MIN_ALPHA;
pub use wrapped_stable::WrappedStable;

/// A symmetric distribution of mean 0 on the circle (radians). A new emission is one implementation.
pub trait Emission: Debug + Send + Sync {
    /// Log density at a deviation (radians).
    fn log_density(&self, deviation: f64) -> f64;
    /// Draws a deviation (radians) in [−π, π).
    fn sample(&self, stream: &mut Stream) -> f64;
    /// Circular standard deviation (radians).
    fn standard_deviation(&self) -> f64;
    /// The widest spacing (radians) at which points show the finest structure of the density: for a normal density its
    /// standard deviation, where a trapezoid rule errs by less than 10⁻⁶. Peaks under heavy tails are much finer than the
    /// standard deviation.
    fn resolution(&self) -> f64;
}

/// Refuses a parameter that is not finite and above 0.
fn positive(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::OutOfRange { name, value, expected: "finite and above 0" })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use approx::assert_abs_diff_eq;
    use errare_core::angle::CircularSummary;
    use errare_core::random::{Purpose, stream};
    use errare_core::von_mises::VonMises;

    use super::*;

    fn emissions() -> Vec<Box<dyn Emission>> {
        let mixture = |share, narrow, wide| Box::new(VonMisesMixture::new(share, narrow, wide).unwrap());
        let stable = |alpha, gamma| Box::new(WrappedStable::new(alpha, gamma).unwrap());
        vec![
            mixture(0.7, 30.0, 2.0),
            mixture(1.0, 400.0, 0.0),
            mixture(0.0, 1e5, 1.0),
            stable(2.0, 0.3),
            stable(1.9, 0.05),
            stable(1.0, 0.2),
            stable(0.6, 0.15),
            stable(1.5, 4.0),
            stable(2.0, 0.01),
        ]
    }

    /// The trapezoidal rule is exact on the circle once it resolves the peak.
    #[test]
    fn densities_integrate_to_one() {
        for emission in emissions() {
            let n = 1 << 14;
            let at = |index: i32| emission.log_density(TAU * f64::from(index) / f64::from(n)).exp();
            let sum: f64 = (-n / 2..n / 2).map(at).sum();
            assert_abs_diff_eq!(sum * TAU / f64::from(n), 1.0, epsilon = 1e-10);
        }
    }

    #[test]
    fn samples_have_the_moments_of_the_density() {
        for (index, emission) in emissions().iter().enumerate() {
            let mut stream = stream(5, Purpose::Surrogate, &[index as u64]);
            let draws = 40_000;
            let sample = CircularSummary::of((0..draws).map(|_| emission.sample(&mut stream)));
            let n = 1 << 14;
            let moment: f64 = (0..n)
                .map(|i| TAU * (f64::from(i) / f64::from(n) - 0.5))
                .map(|angle| angle.cos() * emission.log_density(angle).exp() * TAU / f64::from(n))
                .sum();
            let error = 5.0 * (1.0 - moment * moment).max(1e-8).sqrt() / f64::from(draws).sqrt();
            assert!((sample.resultant - moment).abs() < error, "{emission:?}: {} {moment}", sample.resultant);
            assert_abs_diff_eq!(emission.standard_deviation(), (-2.0 * moment.ln()).sqrt(), epsilon = 1e-6);
        }
    }

    /// A trapezoid rule at the resolution finds the same mass wherever the mean lies between its nodes.
    #[test]
    fn the_resolution_shows_the_peak() {
        let mut all = emissions();
        all.push(Box::new(VonMises::new(9.0).unwrap()));
        all.push(Box::new(VariablePrecision::new(8.0, 6.0).unwrap()));
        all.push(Box::new(AveragedSlots::new(5.0, 6.0, 3).unwrap()));
        all.push(Box::new(signal_discrimination(3.0, 8.0).unwrap()));
        let smooth = all.len();
        // A cusp, which no rule resolves so well.
        all.push(Box::new(confusability(2.5, 0.4).unwrap()));
        for (index, emission) in all.iter().enumerate() {
            let nodes = (TAU / emission.resolution()).ceil();
            assert!(emission.resolution() <= 1.01 * emission.standard_deviation(), "{emission:?}");
            let tolerance = if index < smooth { 3e-7 } else { 1e-3 };
            for place in [0.0, 0.25, 0.5] {
                let at = |node: f64| emission.log_density(TAU * ((node + place) / nodes - 0.5)).exp();
                let mass: f64 = (0..nodes as usize).map(|node| at(node as f64)).sum::<f64>() * TAU / nodes;
                assert_abs_diff_eq!(mass, 1.0, epsilon = tolerance);
            }
        }
    }

    #[test]
    fn extreme_parameters_stay_finite() {
        let mut all = emissions();
        all.push(Box::new(VonMisesMixture::new(0.5, 1e7, 0.0).unwrap()));
        for alpha in [0.5, 0.8, 1.0, 1.3, 1.999, 2.0] {
            let least = WrappedStable::least_gamma(alpha);
            for gamma in [least, 2.0 * least, 1.0, 50.0] {
                all.push(Box::new(WrappedStable::new(alpha, gamma).unwrap()));
            }
        }
        for (index, emission) in all.iter().enumerate() {
            let mut last = f64::INFINITY;
            for step in 0..200 {
                let value = emission.log_density(f64::from(step) / 199.0 * TAU / 2.0);
                assert!(value.is_finite(), "{index} at {step}");
                // Where densities are close to their rounding they may waver.
                let slack = if value < -18.0 { 0.5 } else { 1e-6 };
                assert!(value <= last + slack, "{index} rises at {step}: {value} after {last}");
                last = value;
            }
            assert!(emission.sample(&mut stream(1, Purpose::Surrogate, &[])).is_finite());
            assert!(emission.standard_deviation() >= 0.0);
        }
    }
}
