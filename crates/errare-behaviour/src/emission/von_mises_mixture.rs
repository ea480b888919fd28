//! Two von Mises distributions at one mean: most responses narrow, some wide. A cheap stand-in for precision that varies
//! from trial to trial.

use errare_core::random::Stream;
use errare_core::special::bessel_ratio;
use errare_core::von_mises::VonMises;
use rand::RngExt;

use super::Emission;
use crate::{Error, Result};

/// λ vM(κ₁) + (1 − λ) vM(κ₂), both of mean 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VonMisesMixture {
    share: f64,
    parts: [VonMises; 2],
    /// ln λ and ln(1 − λ).
    log_shares: [f64; 2],
}

impl VonMisesMixture {
    /// A mixture with `share` λ of concentration `kappa_1`, the rest of `kappa_2` (1/rad²).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless λ lies in [0, 1]; the concentrations must be finite and at least 0.
    pub fn new(share: f64, kappa_1: f64, kappa_2: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::OutOfRange { name: "lambda", value: share, expected: "from 0 to 1" });
        }
        let parts = [VonMises::new(kappa_1)?, VonMises::new(kappa_2)?];
        Ok(Self { share, parts, log_shares: [share.ln(), (1.0 - share).ln()] })
    }

    /// ln λ vM(κ₁) and ln (1 − λ) vM(κ₂) at the cosine of a deviation.
    #[inline]
    pub(crate) fn log_parts(&self, cosine: f64) -> [f64; 2] {
        [0, 1].map(|part| {
            let von_mises = &self.parts[part];
            self.log_shares[part] + von_mises.kappa() * (cosine - 1.0) + von_mises.log_density(0.0)
        })
    }

    /// Log density at the cosine of a deviation.
    #[inline]
    pub(crate) fn log_density_at(&self, cosine: f64) -> f64 {
        let [a, b] = self.log_parts(cosine);
        let top = a.max(b);
        top + (-(a - b).abs()).exp().ln_1p()
    }
}

impl Emission for VonMisesMixture {
    fn log_density(&self, deviation: f64) -> f64 {
        self.log_density_at(deviation.cos())
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        let part = usize::from(stream.random::<f64>() >= self.share);
        self.parts[part].sample(stream)
    }

    fn standard_deviation(&self) -> f64 {
        let [narrow, wide] = self.parts.map(|part| bessel_ratio(part.kappa()));
        (-2.0 * (self.share * narrow + (1.0 - self.share) * wide).ln()).sqrt()
    }

    fn resolution(&self) -> f64 {
        let present = self.parts.iter().zip(self.log_shares).filter(|(_, share)| share.is_finite());
        present.map(|(part, _)| part.resolution()).fold(f64::INFINITY, f64::min)
    }
}
