//! Adam (Kingma & Ba 2015) with global-norm clipping, warm-up and a cosine fall of the rate.

use crate::config::TrainingConfig;

/// Decay of the first and second moments.
const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// Moments of the gradient, f32; corrections are taken in f64.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Adam {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters] }
    }

    /// One update; `step` counts from 0 within the stage.
    pub(crate) fn update(&mut self, parameters: &mut [f32], gradient: &[f32], step: u64, rate: f64) {
        let t = (step + 1) as f64;
        let correction = BETA.map(|beta| 1.0 - beta.powf(t));
        let (scale, root) = ((rate / correction[0]) as f32, (1.0 / correction[1].sqrt()) as f32);
        let [b1, b2] = BETA.map(|beta| beta as f32);
        for i in 0..parameters.len() {
            let g = gradient[i];
            self.first[i] = b1 * self.first[i] + (1.0 - b1) * g;
            self.second[i] = b2 * self.second[i] + (1.0 - b2) * g * g;
            parameters[i] -= scale * self.first[i] / (self.second[i].sqrt() * root + EPSILON);
        }
    }
}

/// Learning rate at `step` of a stage of `steps`: linear warm-up, then a cosine down to `final_rate` of the peak.
pub(crate) fn learning_rate(config: &TrainingConfig, step: u64, steps: u64) -> f64 {
    let warm = (step + 1) as f64 / config.warm_up.max(1) as f64;
    let left = steps.saturating_sub(config.warm_up).max(1) as f64;
    let position = (step.saturating_sub(config.warm_up) as f64 / left).min(1.0);
    let fall =
        config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + (std::f64::consts::PI * position).cos());
    config.learning_rate * warm.min(1.0) * fall
}

/// Scales a gradient to a norm of at most `limit`; returns the norm it had, in f64.
pub(crate) fn clip(gradient: &mut [f32], limit: f64) -> f64 {
    let norm = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
    if norm > limit {
        let factor = (limit / norm) as f32;
        gradient.iter_mut().for_each(|g| *g *= factor);
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_step_moves_every_parameter_by_the_rate() {
        let mut parameters = vec![1.0, -2.0];
        Adam::new(2).update(&mut parameters, &[0.3, -40.0], 0, 0.01);
        assert!((parameters[0] - 0.99).abs() < 1e-6 && (parameters[1] + 1.99).abs() < 1e-6);
    }

    #[test]
    fn converges_on_a_quadratic() {
        let mut x = vec![3.0f32];
        let mut adam = Adam::new(1);
        for step in 0..4000 {
            let gradient = [2.0 * (x[0] - 0.5)];
            adam.update(&mut x, &gradient, step, 5e-3);
        }
        assert!((x[0] - 0.5).abs() < 1e-3, "{}", x[0]);
    }

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
        assert!((clip(&mut gradient, 1.0) - 5.0).abs() < 1e-9);
        assert!((gradient[0] - 0.6).abs() < 1e-6);
    }
}
