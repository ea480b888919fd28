//! The von Mises distribution on the circle: the error around a remembered item.

use std::f64::consts::TAU;

use rand::RngExt;

use crate::angle::wrap;
use crate::random::Stream;
use crate::special::{bessel_ratio, log_i0e};
use crate::{Error, Result};

/// A von Mises distribution of mean 0 and concentration κ (1/rad², about 1/variance for large κ).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VonMises {
    kappa: f64,
    log_normaliser: f64,
}

impl VonMises {
    /// A von Mises distribution of concentration `kappa`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless κ is finite and not negative.
    pub fn new(kappa: f64) -> Result<Self> {
        if !kappa.is_finite() || kappa < 0.0 {
            return Err(Error::OutOfRange { name: "kappa", value: kappa, expected: "finite and at least 0" });
        }
        Ok(Self { kappa, log_normaliser: TAU.ln() + log_i0e(kappa) })
    }

    /// Concentration κ.
    #[must_use]
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// Log density at deviation `error` (radians): κ(cos e − 1) − ln(2π I₀e(κ)).
    #[inline]
    #[must_use]
    pub fn log_density(&self, error: f64) -> f64 {
        self.kappa * (error.cos() - 1.0) - self.log_normaliser
    }

    /// Circular standard deviation √(−2 ln A(κ)) in radians.
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        (-2.0 * bessel_ratio(self.kappa).ln()).sqrt()
    }

    /// Draws a deviation (radians) by the rejection method of Best & Fisher (1979).
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let k = self.kappa;
        if k < 1e-6 {
            return wrap(TAU * stream.random::<f64>());
        }
        if k > 1e5 {
            // The wrapped normal of variance 1/κ: the relative error of the density is O(1/κ).
            let (u, v): (f64, f64) = (1.0 - stream.random::<f64>(), stream.random());
            return wrap((-2.0 * u.ln() / k).sqrt() * (TAU * v).cos());
        }
        let a = 1.0 + (1.0 + 4.0 * k * k).sqrt();
        let b = (a - (2.0 * a).sqrt()) / (2.0 * k);
        let r = (1.0 + b * b) / (2.0 * b);
        loop {
            let z = (std::f64::consts::PI * stream.random::<f64>()).cos();
            let f = (1.0 + r * z) / (r + z);
            let c = k * (r - f);
            let u: f64 = 1.0 - stream.random::<f64>();
            if c * (2.0 - c) > u || (c / u).ln() + 1.0 >= c {
                let angle = f.clamp(-1.0, 1.0).acos();
                return wrap(if stream.random::<bool>() { angle } else { -angle });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::angle::CircularSummary;
    use crate::random::{Purpose, stream};

    #[test]
    fn density_integrates_to_one() {
        for kappa in [0.0, 0.5, 8.0, 400.0, 1e4] {
            let von_mises = VonMises::new(kappa).unwrap();
            let n = 1 << 14;
            let sum: f64 =
                (0..n).map(|i| von_mises.log_density(TAU * f64::from(i) / f64::from(n)).exp()).sum();
            assert!((sum * TAU / f64::from(n) - 1.0).abs() < 1e-10, "kappa {kappa}");
        }
    }

    #[test]
    fn samples_have_the_right_moments() {
        for (index, kappa) in [0.0, 0.3, 3.0, 30.0, 3e3, 3e5].into_iter().enumerate() {
            let von_mises = VonMises::new(kappa).unwrap();
            let mut stream = stream(5, Purpose::Surrogate, &[index as u64]);
            let n = 40_000;
            let summary = CircularSummary::of((0..n).map(|_| von_mises.sample(&mut stream)));
            let expected = bessel_ratio(kappa);
            // 1 − R has sampling sd of order (1 − R)/√n · √2, plus 1/√n at κ = 0.
            let tolerance = 5.0 * (1.0 - expected).max(1e-7) / f64::from(n).sqrt() * 1.5;
            assert!((summary.resultant - expected).abs() < tolerance, "kappa {kappa}: {}", summary.resultant);
        }
    }

    #[test]
    fn a_negative_concentration_is_refused() {
        assert!(VonMises::new(-1.0).unwrap_err().to_string().contains("kappa is -1"));
    }
}
