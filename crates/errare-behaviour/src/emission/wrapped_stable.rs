//! The symmetric stable distribution wrapped on the circle: heavy tails that may stand in for guesses.
//!
//! α = 2 is the wrapped normal of variance 2γ², α = 1 the wrapped Cauchy. The density is its Fourier series
//! 1/2π + (1/π) Σₚ e^{−(γp)^α} cos pε, cut where its terms end (see `LAST`); a fixed cut rings, and goes
//! negative, when γ or α is small.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use errare_core::angle::wrap;
use errare_core::random::Stream;
use rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::Emission;
use crate::{Error, Result};

/// The smallest α: below it the peak is a cusp that no series resolves.
pub(crate) const MIN_ALPHA: f64 = 0.5;
/// The series ends where its terms are e^{−30} = 1e-13.
const LAST: f64 = 30.0;
/// No more terms than this; it limits γ from below.
const MAX_TERMS: f64 = 20_000.0;
/// Rounding of the sum, hence the least density (1/rad) that can be told from 0.
const FLOOR: f64 = 1e-11;

/// A wrapped symmetric stable distribution of mean 0.
#[derive(Debug, Clone, PartialEq)]
pub struct WrappedStable {
    alpha: f64,
    gamma: f64,
    /// e^{−(γp)^α}/π for p = 1, 2, ….
    terms: Vec<f64>,
}

/// A log density with its derivatives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StableSlopes {
    pub(crate) log_density: f64,
    pub(crate) by_alpha: f64,
    pub(crate) by_log_gamma: f64,
}

impl WrappedStable {
    /// A distribution of exponent `alpha` and scale `gamma` (radians).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless α lies in [0.5, 2] and γ is finite and at least
    /// [`least_gamma`](Self::least_gamma).
    pub fn new(alpha: f64, gamma: f64) -> Result<Self> {
        if !(MIN_ALPHA..=2.0).contains(&alpha) {
            return Err(Error::OutOfRange { name: "alpha", value: alpha, expected: "from 0.5 to 2" });
        }
        if !(gamma.is_finite() && gamma >= Self::least_gamma(alpha) * (1.0 - 1e-12)) {
            let expected = "finite and so large that 20,000 terms give the density (2.74e-4 at alpha 2, 0.0015 at alpha \
                            1, 0.045 at alpha 0.5)";
            return Err(Error::OutOfRange { name: "gamma", value: gamma, expected });
        }
        let count = (LAST.powf(1.0 / alpha) / gamma).ceil().clamp(1.0, MAX_TERMS) as usize;
        let terms = (1..=count).map(|p| (-(gamma * p as f64).powf(alpha)).exp() / PI).collect();
        Ok(Self { alpha, gamma, terms })
    }

    /// The smallest γ (radians) at an α.
    #[must_use]
    pub fn least_gamma(alpha: f64) -> f64 {
        LAST.powf(1.0 / alpha) / MAX_TERMS
    }

    /// Σ coefficient · cos pε over p = 1, 2, … by Clenshaw's recurrence.
    fn series(terms: &[f64], cosine: f64) -> f64 {
        let (mut above, mut current) = (0.0, 0.0);
        for term in terms.iter().rev() {
            (above, current) = (current, 2.0f64.mul_add(cosine * current, term - above));
        }
        cosine * current - above
    }

    /// Log density at the cosine of a deviation.
    #[inline]
    pub(crate) fn log_density_at(&self, cosine: f64) -> f64 {
        (1.0 / TAU + Self::series(&self.terms, cosine)).max(FLOOR).ln()
    }

    /// What [`slopes_at`](Self::slopes_at) needs beside the terms themselves: those of ∂/∂α and of ∂/∂ ln γ.
    pub(crate) fn slope_terms(&self) -> [Vec<f64>; 2] {
        let with = |factor: &dyn Fn(f64, f64) -> f64| {
            self.terms
                .iter()
                .enumerate()
                .map(|(index, term)| {
                    let scaled = self.gamma * (index + 1) as f64;
                    -term * factor(scaled, scaled.powf(self.alpha))
                })
                .collect()
        };
        [with(&|scaled, power| power * scaled.ln()), with(&|_, power| self.alpha * power)]
    }

    /// Log density and its derivatives at the cosine of a deviation.
    pub(crate) fn slopes_at(&self, cosine: f64, slope_terms: &[Vec<f64>; 2]) -> StableSlopes {
        let density = (1.0 / TAU + Self::series(&self.terms, cosine)).max(FLOOR);
        let [by_alpha, by_log_gamma] =
            [0, 1].map(|index| Self::series(&slope_terms[index], cosine) / density);
        StableSlopes { log_density: density.ln(), by_alpha, by_log_gamma }
    }
}

impl Emission for WrappedStable {
    fn log_density(&self, deviation: f64) -> f64 {
        self.log_density_at(deviation.cos())
    }

    /// The method of Chambers, Mallows & Stuck (1976).
    fn sample(&self, stream: &mut Stream) -> f64 {
        let u: f64 = stream.random_range(-FRAC_PI_2..FRAC_PI_2);
        let w: f64 = Exp1.sample(stream);
        let a = self.alpha;
        let x = (a * u).sin() / u.cos().powf(1.0 / a) * (((1.0 - a) * u).cos() / w).powf((1.0 - a) / a);
        wrap((self.gamma * x).rem_euclid(TAU))
    }

    fn standard_deviation(&self) -> f64 {
        (2.0 * self.gamma.powf(self.alpha)).sqrt()
    }

    fn resolution(&self) -> f64 {
        // One over the frequency at which the terms of the series have fallen as far as those of a normal density have
        // at one over its standard deviation.
        TAU * self.gamma * (2.0 * PI * PI).powf(-1.0 / self.alpha)
    }
}
