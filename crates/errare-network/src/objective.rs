//! Objectives: which regressions on the behavioural plane a training step minimises.
//!
//! At each response step an objective may ask that a quantity in the plane equal a linear combination of the
//! clean response x₀ and its noised version x_τ. A new objective of this kind is one constructor.

use crate::schedule::Schedule;

/// What a regression is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regressed {
    /// W_x F(r): the drive towards the plane, before the step.
    Drive,
    /// W_x r after the step.
    State,
}

/// One squared-error term: weight · mean ‖prediction − (clean·x₀ + noised·x_τ)‖²/2 dims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Regression {
    pub(crate) on: Regressed,
    pub(crate) clean: f64,
    pub(crate) noised: f64,
    pub(crate) weight: f64,
}

/// The regressions of every τ; index 0 is unused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Objective {
    /// Before each response step the plane is overwritten with x_τ.
    pub(crate) teacher_forcing: bool,
    pub(crate) regressions: Vec<Option<Regression>>,
}

/// How the diffusion loss weighs its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// Every τ alike, in units of the drive: the published loss.
    #[default]
    Uniform,
    /// The weights of the evidence lower bound, α²/2β̃_τ (β̃₂ in place of β̃₁ = 0), scaled to mean 1.
    Elbo,
    /// In units of the clean response, 1/Kᴬ_τ², scaled to mean 1.
    CleanResponse,
    /// Half way between the two, 1/Kᴬ_τ, scaled to mean 1: the early steps, which choose the item, count more than
    /// in units of the drive, without drowning the late ones, which place the response.
    Balanced,
}

impl Objective {
    /// Diffusion: the mean update must be the posterior mean of the reverse process, with teacher forcing.
    pub(crate) fn diffusion(schedule: &Schedule, weighting: Weighting) -> Self {
        let steps = schedule.steps();
        let raw: Vec<f64> = (1..=steps)
            .map(|tau| match weighting {
                Weighting::Uniform => 1.0,
                Weighting::Elbo => 1.0 / schedule.beta_tilde[tau.max(2).min(steps)].max(f64::MIN_POSITIVE),
                Weighting::CleanResponse => schedule.clean_weight[tau].powi(-2),
                Weighting::Balanced => schedule.clean_weight[tau].powi(-1),
            })
            .collect();
        let total: f64 = raw.iter().sum();
        let regressions = std::iter::once(None)
            .chain((1..=steps).map(|tau| {
                Some(Regression {
                    on: Regressed::Drive,
                    clean: schedule.clean_weight[tau],
                    noised: schedule.noised_weight[tau],
                    weight: raw[tau - 1] / total,
                })
            }))
            .collect();
        Self { teacher_forcing: true, regressions }
    }

    /// Task-optimal: squared error of the read-out in the last `last` response steps.
    ///
    /// On targets that contain swaps this is the "MSE on swaps" control.
    pub(crate) fn task_optimal(steps: usize, last: usize) -> Self {
        let regression =
            Regression { on: Regressed::State, clean: 1.0, noised: 0.0, weight: 1.0 / last as f64 };
        let regressions = (0..=steps).map(|tau| (1..=last).contains(&tau).then_some(regression)).collect();
        Self { teacher_forcing: false, regressions }
    }

    /// Σ weight·loss over τ, given the mean squared error at each τ (index 0 is unused).
    pub(crate) fn weighted(&self, per_step: &[f64]) -> f64 {
        self.regressions.iter().zip(per_step).map(|(r, loss)| r.map_or(0.0, |r| r.weight) * loss).sum()
    }
}
