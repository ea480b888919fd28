//! What comes of holding the variational posterior against NUTS, coefficient by coefficient.

/// How long to sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NutsOptions {
    /// Independent chains, which start apart.
    pub chains: u64,
    /// Draws of each chain that tune the sampler and are thrown away.
    pub tuning: u64,
    /// Draws of each chain that are kept.
    pub draws: u64,
    /// Seed of the chains.
    pub seed: u64,
}

impl Default for NutsOptions {
    fn default() -> Self {
        Self { chains: 4, tuning: 500, draws: 1000, seed: 1 }
    }
}

/// One coefficient of the swap function, or the guess, in both posteriors (logits).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CoefficientCheck {
    /// guess, level, or the number of the feature.
    pub name: String,
    /// Variational mean …
    pub mean: f64,
    /// … and standard deviation.
    pub sd: f64,
    /// Mean of the draws of NUTS …
    pub nuts_mean: f64,
    /// … and their standard deviation.
    pub nuts_sd: f64,
    /// Bulk effective sample size of these draws (Vehtari et al. 2021).
    pub ess: f64,
    /// R̂ of the chains.
    pub r_hat: f64,
}

impl CoefficientCheck {
    /// |difference of the means| in standard deviations of NUTS.
    #[must_use]
    pub fn shift(&self) -> f64 {
        (self.mean - self.nuts_mean).abs() / self.nuts_sd
    }
}

/// The variational posterior of one fit beside NUTS.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct GoldStandard {
    /// Chains.
    pub chains: u64,
    /// Draws of each.
    pub draws: u64,
    /// Draws that ended in a divergence.
    pub divergences: usize,
    /// The coefficients, in order.
    pub coefficients: Vec<CoefficientCheck>,
}

impl GoldStandard {
    /// Largest shift of a mean, in standard deviations.
    #[must_use]
    pub fn largest_shift(&self) -> f64 {
        self.coefficients.iter().map(CoefficientCheck::shift).fold(0.0, f64::max)
    }

    /// Smallest effective sample size.
    #[must_use]
    pub fn smallest_ess(&self) -> f64 {
        self.coefficients.iter().map(|check| check.ess).fold(f64::INFINITY, f64::min)
    }

    /// Largest R̂.
    #[must_use]
    pub fn largest_r_hat(&self) -> f64 {
        self.coefficients.iter().map(|check| check.r_hat).fold(0.0, f64::max)
    }
}
