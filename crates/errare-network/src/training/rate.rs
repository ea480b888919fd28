//! How far a training step goes: the learning rate over a stage, and the limit on the gradient.

use crate::config::TrainingConfig;

/// Learning rate at `step` of a stage of `steps`: linear warm-up, then a cosine down to `final_rate` of the peak.
pub(crate) fn learning_rate(config: &TrainingConfig, step: u64, steps: u64) -> f64 {
    let warm = (step + 1) as f64 / config.warm_up.max(1) as f64;
    let left = steps.saturating_sub(config.warm_up).max(1) as f64;
    let position = (step.saturating_sub(config.warm_up) as f64 / left).min(1.0);
    let fall =
        config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + (std::f64::consts::PI * position).cos());
    config.learning_rate * warm.min(1.0) * fall
}

/// Norm of a gradient, in f64, where no square overflows: finite unless one of the numbers is not.
pub(crate) fn norm(gradient: &[f32]) -> f64 {
    gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt()
}

/// Scales a gradient of this norm to one of at most `limit`.
pub(crate) fn clip(gradient: &mut [f32], norm: f64, limit: f64) {
    if norm > limit {
        let factor = (limit / norm) as f32;
        gradient.iter_mut().for_each(|g| *g *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let config =
            TrainingConfig { warm_up: 10, learning_rate: 1.0, final_rate: 0.1, ..Default::default() };
        assert!((learning_rate(&config, 4, 100) - 0.5).abs() < 1e-12);
        assert!((learning_rate(&config, 10, 100) - 1.0).abs() < 1e-12);
        assert!((learning_rate(&config, 100, 100) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn clipping_keeps_the_direction() {
        let mut gradient = vec![3.0, 4.0];
        let length = norm(&gradient);
        assert!((length - 5.0).abs() < 1e-9);
        clip(&mut gradient, length, 1.0);
        assert!((gradient[0] - 0.6).abs() < 1e-6);
        // The squares of the largest numbers do not overflow.
        assert!(norm(&[f32::MAX, f32::MAX]).is_finite());
    }
}
