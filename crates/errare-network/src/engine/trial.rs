//! A trial as the network runs it: what each step reads and how much noise it adds.

use crate::config::{NetworkConfig, TaskConfig};
use crate::schedule::Schedule;
use crate::task::{Epoch, Phase};

/// One update r ← (1 − α) r + α F + σ ξ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrialStep {
    pub(crate) epoch: Epoch,
    /// Time code: 0 in the preparation, τ in the response.
    pub(crate) code: usize,
    /// The input, if one is on.
    pub(crate) phase: Option<Phase>,
    /// Standard deviation of the noise in the behavioural plane.
    pub(crate) plane_noise: f64,
    /// Standard deviation of the noise in its complement.
    pub(crate) null_noise: f64,
}

/// The steps of a trial with the given delay.
pub(crate) fn trial_steps(
    task: &TaskConfig,
    network: &NetworkConfig,
    schedule: &Schedule,
    delay: usize,
) -> Vec<TrialStep> {
    let steps = schedule.steps();
    let preparation = network.preparation_noise.unwrap_or_else(|| schedule.reverse_sd(steps));
    let mut tau = steps;
    task.epochs
        .steps(delay)
        .into_iter()
        .map(|epoch| {
            let phase = match epoch {
                Epoch::Stimulus => Some(Phase::Stimulus),
                Epoch::Cue => Some(Phase::Cue),
                Epoch::Delay | Epoch::Gap | Epoch::Response => None,
            };
            if epoch != Epoch::Response {
                return TrialStep {
                    epoch,
                    code: 0,
                    phase,
                    plane_noise: preparation,
                    null_noise: preparation,
                };
            }
            let code = tau;
            tau -= 1;
            let plane_noise = schedule.reverse_sd(code);
            // The last step adds no noise anywhere: the response is the posterior mean.
            let null_noise = match network.null_space_noise {
                Some(sd) if code > 1 => sd,
                _ => plane_noise,
            };
            TrialStep { epoch, code, phase, plane_noise, null_noise }
        })
        .collect()
}
