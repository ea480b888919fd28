//! A trial as the network runs it: what each step reads and how much noise it adds.

use crate::experiment::Stage;
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
pub(crate) fn trial_steps(stage: &Stage, schedule: &Schedule, delay: usize) -> Vec<TrialStep> {
    let Stage { task, network, .. } = stage;
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
            let null_noise = network.null_space_noise.unwrap_or(plane_noise);
            TrialStep { epoch, code, phase, plane_noise, null_noise }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DiffusionConfig, NetworkConfig};
    use crate::schedule::ReverseVariance;

    /// (plane, null space) noise of the steps of one epoch.
    fn noise(network: &NetworkConfig, rule: ReverseVariance, epoch: Epoch) -> Vec<(f64, f64)> {
        let diffusion = DiffusionConfig { reverse_variance: rule, ..DiffusionConfig::default() };
        let stage = Stage { network: network.clone(), diffusion, ..Stage::default() };
        let steps = trial_steps(&stage, &stage.schedule().unwrap(), 15);
        steps.iter().filter(|s| s.epoch == epoch).map(|s| (s.plane_noise, s.null_noise)).collect()
    }

    #[test]
    fn by_the_published_rule_the_schedule_sets_all_noise() {
        let network = NetworkConfig::default();
        for epoch in [Epoch::Stimulus, Epoch::Delay, Epoch::Cue, Epoch::Gap] {
            for (plane, null) in noise(&network, ReverseVariance::Published, epoch) {
                assert!((plane - 0.5476).abs() < 1e-4 && null == plane);
            }
        }
        let response = noise(&network, ReverseVariance::Published, Epoch::Response);
        assert!((response[0].0 - 0.5476).abs() < 1e-4 && response.iter().all(|(plane, null)| plane == null));
        assert_eq!(response[39], (0.0, 0.0), "the response is the posterior mean");
    }

    #[test]
    fn memory_noise_can_be_set_apart_from_the_schedule() {
        let network = NetworkConfig {
            preparation_noise: Some(0.1),
            null_space_noise: Some(0.2),
            ..NetworkConfig::default()
        };
        let published = noise(&NetworkConfig::default(), ReverseVariance::Published, Epoch::Response);
        let response = noise(&network, ReverseVariance::Published, Epoch::Response);
        assert_eq!(noise(&network, ReverseVariance::Published, Epoch::Delay), [(0.1, 0.1); 15]);
        assert!(response.iter().zip(&published).all(|(own, published)| own.0 == published.0), "in the plane");
        assert!(response.iter().all(|(_, null)| *null == 0.2));
    }

    #[test]
    fn with_the_posterior_variance_the_last_step_is_noisy_too() {
        let response = noise(&NetworkConfig::default(), ReverseVariance::Posterior, Epoch::Response);
        // √(s₀²(1 − ᾱ₁)/(ᾱ₁s₀² + 1 − ᾱ₁)) with s₀ = 0.125, ᾱ₁ = 0.99.
        assert!((response[39].0 - 0.078_33).abs() < 1e-4, "{}", response[39].0);
    }
}
