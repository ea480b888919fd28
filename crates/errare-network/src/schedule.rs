//! The diffusion schedule: how a clean response is noised, and what each denoising step must do.
//!
//! Index τ runs from T (noisiest, reached first after the cue) down to 1. All constants in f64: those of
//! small τ amplify by up to 10 and cancel (Ho, Jain & Abbeel 2020; Radmard, Bays & Lengyel, arXiv 2512.04808).

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Smallest β and α: what the network has to do is divided by both, and computed in f32.
const SMALLEST_BETA: f64 = 1e-6;
const SMALLEST_ALPHA: f64 = 1e-4;
/// Smallest ᾱ_T: weights of steps divide by it.
const SMALLEST_ALPHA_BAR: f64 = 1e-290;

/// The variance σ²_τ of the noise that reverse step τ adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReverseVariance {
    /// β̃_τ, the variance of q(x_{τ−1} | x_τ, x₀): the published rule. It leaves out what x_τ does not tell about x₀,
    /// so even a perfect network is too precise: 0.087 instead of s₀ = 0.125 in each dimension.
    Published,
    /// β̃_τ + A²_τ Var(x₀ | x_τ, item), the variance of q(x_{τ−1} | x_τ, item), in closed form as the spread s₀ about
    /// the item is known; the last step then adds noise too. With it a perfect network has the target's spread.
    /// Its swaps stay a little too rare (0.293 for 0.30), as by the published rule: that comes of the number of steps.
    Posterior,
}

/// Constants of every τ; index 0 is unused.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// β_τ: variance added at noising step τ.
    pub beta: Vec<f64>,
    /// ᾱ_τ = Π (1 − β): squared scale of the clean response in x_τ.
    pub alpha_bar: Vec<f64>,
    /// β̃_τ: variance of q(x_{τ−1} | x_τ, x₀); β̃₁ = 0.
    pub beta_tilde: Vec<f64>,
    /// σ²_τ: variance of the noise that reverse step τ adds; β̃_τ unless corrected.
    pub reverse_variance: Vec<f64>,
    /// Kᴬ_τ: weight of x₀ in the target of W_x F.
    pub clean_weight: Vec<f64>,
    /// Kᴮ_τ: weight of x_τ in the target of W_x F.
    pub noised_weight: Vec<f64>,
}

impl Schedule {
    /// A schedule of `steps` steps with β linear from `beta[0]` (τ = 1) to `beta[1]` (τ = T), for a network
    /// with Euler factor α.
    ///
    /// # Errors
    /// Unless 1e-6 ≤ β < 1, 1e-4 ≤ α ≤ 1, there is at least one step, and ᾱ_T is no smaller than f64 can hold.
    pub fn new(steps: usize, beta: [f64; 2], alpha: f64) -> Result<Self> {
        if steps == 0 {
            return Err(Error::invalid("task.epochs.response", 0, "at least 1 step"));
        }
        let refuse_beta =
            |expected: &str| Err(Error::invalid("diffusion.beta", format!("{beta:?}"), expected));
        if !beta.iter().all(|b| (SMALLEST_BETA..1.0).contains(b)) {
            return refuse_beta("two numbers of at least 1e-6 and below 1");
        }
        if !(SMALLEST_ALPHA..=1.0).contains(&alpha) {
            return Err(Error::invalid("network.alpha", alpha, "1e-4 to 1"));
        }
        let empty = || vec![0.0; steps + 1];
        let mut schedule = Self {
            beta: empty(),
            alpha_bar: empty(),
            beta_tilde: empty(),
            reverse_variance: empty(),
            clean_weight: empty(),
            noised_weight: empty(),
        };
        schedule.alpha_bar[0] = 1.0;
        for tau in 1..=steps {
            let position = if steps == 1 { 1.0 } else { (tau - 1) as f64 / (steps - 1) as f64 };
            let b = beta[0] + (beta[1] - beta[0]) * position;
            let before = schedule.alpha_bar[tau - 1];
            let after = before * (1.0 - b);
            schedule.beta[tau] = b;
            schedule.alpha_bar[tau] = after;
            let [clean, noised] = schedule.posterior_weights(tau);
            schedule.beta_tilde[tau] = b * (1.0 - before) / (1.0 - after);
            schedule.reverse_variance[tau] = schedule.beta_tilde[tau];
            schedule.clean_weight[tau] = clean / alpha;
            schedule.noised_weight[tau] = (noised - (1.0 - alpha)) / alpha;
        }
        if schedule.alpha_bar[steps] < SMALLEST_ALPHA_BAR {
            let expected =
                format!("smaller: in {steps} response steps, even rounding errors of the response are lost");
            return refuse_beta(&expected);
        }
        Ok(schedule)
    }

    /// A and B of the posterior q(x_{τ−1} | x_τ, x₀) = N(A x₀ + B x_τ, β̃).
    pub(crate) fn posterior_weights(&self, tau: usize) -> [f64; 2] {
        let (before, after, b) = (self.alpha_bar[tau - 1], self.alpha_bar[tau], self.beta[tau]);
        [before.sqrt() * b / (1.0 - after), (1.0 - b).sqrt() * (1.0 - before) / (1.0 - after)]
    }

    /// The same schedule with the reverse steps' noise by another rule, for clean responses of spread s₀ about an item.
    #[must_use]
    pub fn with_reverse_variance(mut self, rule: ReverseVariance, spread: f64) -> Self {
        for tau in 1..=self.steps() {
            // Var(x₀ | x_τ, item) = s₀²(1 − ᾱ)/(ᾱs₀² + 1 − ᾱ).
            let [clean, _] = self.posterior_weights(tau);
            let (after, variance) = (self.alpha_bar[tau], spread * spread);
            let unknown = variance * (1.0 - after) / (after * variance + 1.0 - after);
            self.reverse_variance[tau] = self.beta_tilde[tau]
                + match rule {
                    ReverseVariance::Published => 0.0,
                    ReverseVariance::Posterior => clean * clean * unknown,
                };
        }
        self
    }

    /// Number T of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.beta.len() - 1
    }

    /// Standard deviation σ_τ of the noise added with reverse step τ.
    #[must_use]
    pub fn reverse_sd(&self, tau: usize) -> f64 {
        self.reverse_variance[tau].sqrt()
    }

    /// Standard deviation √(1 − ᾱ_T) of the base distribution.
    #[must_use]
    pub fn base_sd(&self) -> f64 {
        (1.0 - self.alpha_bar[self.steps()]).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    #[test]
    fn published_constants() {
        // (τ, β, √ᾱ, √(1 − ᾱ), √β̃, Kᴬ, Kᴮ) of β linear from 0.01 to 0.30 in 40 steps, α = 0.1.
        let table = [
            (1, 0.0100, 0.9950, 0.1000, 0.0, 10.000, -9.000),
            (2, 0.0174, 0.9863, 0.1651, 0.0800, 6.3637, -5.3639),
            (3, 0.0249, 0.9739, 0.2268, 0.1148, 4.7673, -3.7682),
            (5, 0.0397, 0.9388, 0.3444, 0.1659, 3.2111, -2.2154),
            (10, 0.0769, 0.7998, 0.6003, 0.2560, 1.7770, -0.8135),
            (20, 0.1513, 0.4267, 0.9044, 0.3812, 0.8567, -0.1529),
            (30, 0.2256, 0.1465, 0.9892, 0.4735, 0.3840, -0.2565),
            (40, 0.3000, 0.0310, 0.9995, 0.5476, 0.1114, -0.6369),
        ];
        let schedule = Schedule::new(40, [0.01, 0.30], 0.1).unwrap();
        for (tau, beta, scale, noise, reverse, clean, noised) in table {
            assert_abs_diff_eq!(schedule.beta[tau], beta, epsilon = 5.1e-5);
            assert_abs_diff_eq!(schedule.alpha_bar[tau].sqrt(), scale, epsilon = 5.1e-5);
            assert_abs_diff_eq!((1.0 - schedule.alpha_bar[tau]).sqrt(), noise, epsilon = 5.1e-5);
            assert_abs_diff_eq!(schedule.reverse_sd(tau), reverse, epsilon = 5.1e-5);
            assert_abs_diff_eq!(schedule.clean_weight[tau], clean, epsilon = 5.1e-5);
            assert_abs_diff_eq!(schedule.noised_weight[tau], noised, epsilon = 5.1e-5);
        }
        assert_eq!(schedule.beta_tilde[1], 0.0);
        assert_abs_diff_eq!(schedule.alpha_bar[40], 9.634e-4, epsilon = 5e-8);
    }

    #[test]
    fn the_target_makes_the_update_the_posterior_mean() {
        let alpha = 0.1;
        let schedule = Schedule::new(40, [0.01, 0.30], alpha).unwrap();
        let (x0, x) = (2.3, -0.7);
        for tau in 1..=40 {
            let (before, after) = (schedule.alpha_bar[tau - 1], schedule.alpha_bar[tau]);
            let b = schedule.beta[tau];
            let mean = (before.sqrt() * b * x0 + (1.0 - b).sqrt() * (1.0 - before) * x) / (1.0 - after);
            let target = schedule.clean_weight[tau] * x0 + schedule.noised_weight[tau] * x;
            assert_abs_diff_eq!((1.0 - alpha) * x + alpha * target, mean, epsilon = 1e-12);
        }
    }

    #[test]
    fn with_the_posterior_variance_reverse_steps_retrace_the_marginals() {
        // One Gaussian mode: x_τ has variance v = ᾱs₀² + 1 − ᾱ, and the reverse step is linear in it,
        // x_{τ−1} = (A g + B) x_τ + σ z with E[x₀ | x_τ] = g x_τ. Its variance must be that of x_{τ−1}.
        let spread = 0.125;
        let published = Schedule::new(40, [0.01, 0.30], 0.1).unwrap();
        let schedule = published.clone().with_reverse_variance(ReverseVariance::Posterior, spread);
        let variance = |tau: usize| {
            let alpha_bar = schedule.alpha_bar[tau];
            alpha_bar * spread * spread + 1.0 - alpha_bar
        };
        for tau in 1..=40 {
            let (before, after) = (schedule.alpha_bar[tau - 1], schedule.alpha_bar[tau]);
            let clean = before.sqrt() * schedule.beta[tau] / (1.0 - after);
            let noised = (1.0 - schedule.beta[tau]).sqrt() * (1.0 - before) / (1.0 - after);
            let gain = after.sqrt() * spread * spread / variance(tau);
            let reached = (clean * gain + noised).powi(2) * variance(tau) + schedule.reverse_sd(tau).powi(2);
            assert_abs_diff_eq!(reached, variance(tau - 1), epsilon = 1e-12);
        }
        let back = schedule.with_reverse_variance(ReverseVariance::Published, spread);
        assert_eq!(back, published);
    }

    #[test]
    fn bad_constants_are_refused() {
        assert!(Schedule::new(0, [0.01, 0.3], 0.1).is_err());
        for (steps, beta, alpha, words) in [
            (40, [0.01, 1.3], 0.1, "diffusion.beta is [0.01, 1.3]"),
            (40, [1e-17, 1e-17], 0.1, "at least 1e-6"),
            (1000, [0.5, 0.9], 0.1, "diffusion.beta is [0.5, 0.9], but it must be smaller"),
            (40, [0.01, 0.3], 1e-300, "network.alpha is 0.000"),
            (40, [0.01, 0.3], f64::NAN, "network.alpha is NaN, but it must be 1e-4 to 1"),
        ] {
            let error = Schedule::new(steps, beta, alpha).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
