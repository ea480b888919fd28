//! What a stage's losses say about its training: how far from the floor, on which plateau, over, or diverged.
//!
//! The trainer shows every batch to the [`Monitor`]; its state is part of a checkpoint, so that a resumed training
//! judges as one that was never stopped.

use serde::{Deserialize, Serialize};

use crate::config::{TrainingConfig, Until};
use crate::landmarks::{Landmarks, Plateau};

/// Time constant (steps) of the smoothed losses.
const SMOOTHING: f64 = 200.0;
/// The losses are smoothed this long before they may end a stage.
const SETTLING: u64 = 400;
/// A batch is bad when its loss is this many times what a silent network reaches. A sane network is never worse than
/// silence for long: even when a stage begins with trials it has never seen, it takes a few hundred steps.
const BAD: f64 = 10.0;
/// A loss of more times what a silent network reaches is smoothed as if it were so many, so that one spike, whatever its
/// size, is forgotten in some 2,000 steps.
const SPIKE: f64 = 100.0;
/// Training has diverged when, after warm-up, bad batches outnumber the others by so many.
const BAD_BATCHES: u64 = 1000;
/// A gradient of a smaller norm moves nothing in single precision ...
const VANISHED: f64 = 1e-10;
/// ... and after so many of them in a row, nothing ever will.
const VANISHED_BATCHES: u64 = 100;
/// A loss within these ratios of a plateau's, for `PLATEAU_STEPS` steps, is on the plateau.
const PLATEAU_BAND: [f64; 2] = [0.96, 1.12];
const PLATEAU_STEPS: u64 = 400;

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All its steps were taken.
    Steps,
    /// The mean per-τ excess fell to `until.excess`.
    Excess,
    /// The objective fell to `until.loss_over_floor`.
    LossOverFloor,
    /// Nothing improved for `until.patience` steps.
    NoProgress,
}

/// What is wrong with a training that has diverged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Divergence {
    pub(crate) quantity: String,
    pub(crate) value: f64,
    pub(crate) limit: String,
}

impl Divergence {
    /// A quantity that became `value`, which is not finite.
    pub(crate) fn not_finite(quantity: String, value: f64) -> Self {
        Self { quantity, value, limit: "but it must be finite".into() }
    }
}

/// One batch, as the monitor sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// Objective without penalties.
    pub(crate) loss: f64,
    /// Mean squared error at τ = 1…T; index 0 is unused.
    pub(crate) per_step: &'a [f64],
    /// Norm of the gradient before clipping.
    pub(crate) gradient_norm: f64,
    /// Steps of the stage, this one included.
    pub(crate) stage_step: u64,
}

/// State of a stage's losses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Monitor {
    /// Exponentially smoothed objective, without penalties.
    pub smoothed_loss: f64,
    /// Smoothed mean squared error at τ = 1…T; index 0 is unused.
    pub smoothed_per_step: Vec<f64>,
    /// The smallest excess that counted as an improvement, and the stage's step at which it was reached.
    best: Option<(f64, u64)>,
    bad_batches: u64,
    vanished_batches: u64,
    /// Steps that the loss has been on each plateau, in the order of the landmarks.
    plateau_steps: Vec<u64>,
    /// The latest batch gave no reason to doubt the weights.
    #[serde(skip)]
    sound: bool,
}

impl Monitor {
    /// Takes note of a batch.
    pub(crate) fn observe(&mut self, batch: Batch<'_>, training: &TrainingConfig, landmarks: &Landmarks) {
        let t = (batch.stage_step - 1) as f64;
        let keep = (1.0 - 1.0 / SMOOTHING).min(t / (t + 1.0));
        let highest = SPIKE * landmarks.silent;
        // Not `min`, which would make a number of what is none.
        let smooth = |smoothed: f64, loss: f64| {
            keep * smoothed + (1.0 - keep) * if loss > highest { highest } else { loss }
        };
        self.smoothed_loss = smooth(self.smoothed_loss, batch.loss);
        self.smoothed_per_step.resize(batch.per_step.len(), 0.0);
        for (smoothed, loss) in self.smoothed_per_step.iter_mut().zip(batch.per_step) {
            *smoothed = smooth(*smoothed, *loss);
        }
        let bad = batch.loss > BAD * landmarks.silent;
        if !bad {
            self.bad_batches = self.bad_batches.saturating_sub(1);
        } else if batch.stage_step > training.warm_up {
            self.bad_batches += 1;
        }
        let vanished = batch.gradient_norm < VANISHED;
        self.vanished_batches = if vanished { self.vanished_batches + 1 } else { 0 };
        self.sound = !bad && self.bad_batches == 0 && !vanished;
        self.plateau_steps.resize(landmarks.plateaus.len(), 0);
        for (steps, (_, level)) in self.plateau_steps.iter_mut().zip(&landmarks.plateaus) {
            let ratio = self.smoothed_loss / level;
            let there = (PLATEAU_BAND[0]..=PLATEAU_BAND[1]).contains(&ratio);
            *steps = if there { *steps + 1 } else { 0 };
        }
        if let Some(until) = training.until
            && Self::is_settled(batch.stage_step, training)
        {
            let excess = self.excess(landmarks);
            let improved =
                self.best.is_none_or(|(best, _)| excess < best - until.min_improvement * best.abs());
            if improved {
                self.best = Some((excess, batch.stage_step));
            }
        }
    }

    /// The smoothed losses may decide.
    fn is_settled(stage_step: u64, training: &TrainingConfig) -> bool {
        stage_step >= SETTLING.max(training.warm_up)
    }

    /// Smoothed (loss − floor)/max(floor, mean floor) at τ = 1…T; 0 at steps without a regression.
    #[must_use]
    pub(crate) fn excess_per_step(&self, landmarks: &Landmarks) -> Vec<f64> {
        let regressed = landmarks.regressed.iter().filter(|on| **on).count() as f64;
        let mean_floor = landmarks.floor_per_step.iter().sum::<f64>() / regressed;
        let each = self.smoothed_per_step.iter().zip(&landmarks.floor_per_step).zip(&landmarks.regressed);
        each.skip(1)
            .map(|((loss, floor), on)| if *on { (loss - floor) / floor.max(mean_floor) } else { 0.0 })
            .collect()
    }

    /// Mean of [`Self::excess_per_step`] over the steps that have a regression.
    pub(crate) fn excess(&self, landmarks: &Landmarks) -> f64 {
        let regressed = landmarks.regressed.iter().filter(|on| **on).count() as f64;
        self.excess_per_step(landmarks).iter().sum::<f64>() / regressed
    }

    /// The plateau that the loss has stayed on; the nearer one, where two could be meant.
    pub(crate) fn plateau(&self, landmarks: &Landmarks) -> Option<Plateau> {
        let stayed = self.plateau_steps.iter().zip(&landmarks.plateaus);
        stayed
            .filter(|(steps, _)| **steps >= PLATEAU_STEPS)
            .map(|(_, (plateau, level))| (plateau, (self.smoothed_loss / level - 1.0).abs()))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(plateau, _)| *plateau)
    }

    /// Whether the weights may replace those of the last good checkpoint.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound
    }

    /// What shows, after this batch, that training cannot recover; `last` when no steps are left to try.
    pub(crate) fn divergence(
        &self,
        batch: Batch<'_>,
        landmarks: &Landmarks,
        last: bool,
    ) -> Option<Divergence> {
        let limit = BAD * landmarks.silent;
        let silence = format!("{BAD} times what a network that answers nothing reaches");
        let divergence =
            |quantity: &str, value, limit| Some(Divergence { quantity: quantity.into(), value, limit });
        if self.bad_batches >= BAD_BATCHES {
            let limit = format!("above {limit:.4} for {BAD_BATCHES} steps: {silence}");
            return divergence("the smoothed loss", self.smoothed_loss, limit);
        }
        if last && !self.sound && self.smoothed_loss > limit {
            let limit = format!("above {limit:.4} at the end: {silence}");
            return divergence("the smoothed loss", self.smoothed_loss, limit);
        }
        if self.vanished_batches >= VANISHED_BATCHES {
            let limit = format!("below {VANISHED:e} for {VANISHED_BATCHES} steps: the network is dead");
            return divergence("the gradient's norm", batch.gradient_norm, limit);
        }
        None
    }

    /// Why the stage is over after so many steps of it, if it is.
    pub(crate) fn ending(
        &self,
        stage_step: u64,
        steps: u64,
        training: &TrainingConfig,
        landmarks: &Landmarks,
    ) -> Option<Ending> {
        if stage_step >= steps {
            return Some(Ending::Steps);
        }
        let Until { loss_over_floor, excess, patience, .. } = training.until?;
        if !Self::is_settled(stage_step, training) {
            return None;
        }
        if loss_over_floor.is_some_and(|limit| self.smoothed_loss <= (1.0 + limit) * landmarks.floor) {
            return Some(Ending::LossOverFloor);
        }
        if excess.is_some_and(|limit| self.excess(landmarks) <= limit) {
            return Some(Ending::Excess);
        }
        let (_, best_step) = self.best?;
        let waited = patience.is_some_and(|patience| stage_step - best_step >= patience);
        waited.then_some(Ending::NoProgress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps, the last without a regression: floors 1 and 3, silence 20, one plateau at 8.
    fn landmarks() -> Landmarks {
        Landmarks {
            floor_per_step: vec![0.0, 1.0, 3.0, 0.0],
            floor: 2.0,
            silent: 20.0,
            plateaus: vec![(Plateau::Uninformed, 8.0)],
            regressed: vec![false, true, true, false],
        }
    }

    struct Watched {
        monitor: Monitor,
        training: TrainingConfig,
        stage_step: u64,
    }

    impl Watched {
        fn new(until: Until) -> Self {
            let training = TrainingConfig { warm_up: 100, until: Some(until), ..TrainingConfig::default() };
            Self { monitor: Monitor::default(), training, stage_step: 0 }
        }

        /// Shows a batch with this loss at every τ; `last` when training ends with it.
        fn show_last(&mut self, loss: f64, gradient_norm: f64, last: bool) -> Option<Divergence> {
            self.stage_step += 1;
            let per_step = [0.0, loss, loss, 0.0];
            let batch = Batch { loss, per_step: &per_step, gradient_norm, stage_step: self.stage_step };
            self.monitor.observe(batch, &self.training, &landmarks());
            self.monitor.divergence(batch, &landmarks(), last)
        }

        fn show(&mut self, loss: f64, gradient_norm: f64) -> Option<Divergence> {
            self.show_last(loss, gradient_norm, false)
        }

        fn ending(&self) -> Option<Ending> {
            self.monitor.ending(self.stage_step, 100_000, &self.training, &landmarks())
        }

        /// Steps with the losses of `loss` until the stage ends.
        fn steps_until_over(&mut self, loss: impl Fn(u64) -> f64) -> (u64, Ending) {
            loop {
                assert_eq!(self.show(loss(self.stage_step), 1.0), None);
                if let Some(ending) = self.ending() {
                    return (self.stage_step, ending);
                }
                assert!(self.stage_step < 50_000, "the stage never ends");
            }
        }
    }

    #[test]
    fn a_loss_that_stays_huge_is_a_divergence_and_says_so() {
        let mut watched = Watched::new(Until::default());
        (0..1099).for_each(|_| assert_eq!(watched.show(900.0, 1.0), None));
        let found = watched.show(900.0, 1.0).expect("after warm-up and 1000 steps");
        assert!((found.value - 900.0).abs() < 1e-9 && found.quantity == "the smoothed loss");
        assert!(found.limit.contains("above 200.0000 for 1000 steps"), "{}", found.limit);
    }

    #[test]
    fn an_erratic_loss_that_is_mostly_huge_is_a_divergence() {
        let mut watched = Watched::new(Until::default());
        let at = (1..20_000u64).find(|i| watched.show(if i % 4 == 0 { 3.0 } else { 1e4 }, 1.0).is_some());
        assert!(at.is_some_and(|at| (2000..2200).contains(&at)), "{at:?}");
    }

    #[test]
    fn transients_spikes_and_mere_failure_to_learn_are_no_divergence() {
        // As measured when a stage lengthened its trials unclipped: forty times silence for hundreds of steps.
        let mut watched = Watched::new(Until::default());
        (0..600).for_each(|_| assert_eq!(watched.show(1000.0, 2e5), None));
        (0..2000).for_each(|_| assert_eq!(watched.show(12.0, 1.0), None));
        assert_eq!(watched.show(1e9, 1.0), None);
        (0..3000).for_each(|_| assert_eq!(watched.show(12.0, 1.0), None));
        (0..5000).for_each(|_| assert_eq!(watched.show(25.0, 1e-6), None));
    }

    #[test]
    fn a_spike_of_any_size_is_forgotten() {
        let mut watched = Watched::new(Until::default());
        (0..2000).for_each(|_| drop(watched.show(2.5, 1.0)));
        let before = watched.monitor.excess(&landmarks());
        watched.show(1e27, 1.0);
        (0..2000).for_each(|_| drop(watched.show(2.5, 1.0)));
        let after = watched.monitor.excess(&landmarks());
        assert!((after - before).abs() < 1e-3, "{before} and {after}");
        watched.show(f64::NAN, 1.0);
        assert!(watched.monitor.smoothed_loss.is_nan(), "what is no number stays none");
    }

    #[test]
    fn a_gradient_that_vanished_is_a_divergence() {
        let mut watched = Watched::new(Until::default());
        (0..99).for_each(|_| assert_eq!(watched.show(21.0, 0.0), None));
        assert_eq!(watched.show(21.0, 1e-3), None);
        (0..99).for_each(|_| assert_eq!(watched.show(21.0, 0.0), None));
        assert!(!watched.monitor.is_sound());
        assert_eq!(watched.show(21.0, 0.0).unwrap().quantity, "the gradient's norm");
    }

    #[test]
    fn training_may_not_end_on_a_huge_loss() {
        let mut watched = Watched::new(Until::default());
        (0..50).for_each(|_| assert_eq!(watched.show(300.0, 1.0), None));
        assert!(watched.show_last(300.0, 1.0, true).unwrap().limit.contains("at the end"));
        let mut recovered = Watched::new(Until::default());
        recovered.show(1e9, 1.0);
        (0..99).for_each(|_| assert_eq!(recovered.show(3.0, 1.0), None));
        assert_eq!(recovered.show_last(3.0, 1.0, true), None, "a spike long past");
    }

    #[test]
    fn weights_are_sound_only_when_nothing_is_amiss() {
        let mut watched = Watched::new(Until::default());
        watched.show(15.0, 1.0);
        assert!(watched.monitor.is_sound());
        watched.show(201.0, 1.0);
        assert!(!watched.monitor.is_sound(), "even during warm-up");
        (0..200).for_each(|_| drop(watched.show(15.0, 1.0)));
        (0..10).for_each(|_| drop(watched.show(201.0, 1.0)));
        (0..9).for_each(|_| drop(watched.show(15.0, 1.0)));
        assert!(!watched.monitor.is_sound(), "as many good batches as bad ones must have passed");
        watched.show(15.0, 1.0);
        assert!(watched.monitor.is_sound());
    }

    #[test]
    fn excess_is_relative_to_the_floor_of_its_step_or_the_mean_floor() {
        let mut watched = Watched::new(Until::default());
        (0..3).for_each(|_| drop(watched.show(4.0, 1.0)));
        // (4 − 1)/max(1, 2) and (4 − 3)/3.
        assert_eq!(watched.monitor.excess_per_step(&landmarks()), [1.5, 1.0 / 3.0, 0.0]);
        assert!((watched.monitor.excess(&landmarks()) - (1.5 + 1.0 / 3.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_plateau_is_named_after_staying_there() {
        let mut watched = Watched::new(Until::default());
        (0..399).for_each(|_| drop(watched.show(8.4, 1.0)));
        assert_eq!(watched.monitor.plateau(&landmarks()), None, "it may be passing through");
        watched.show(8.4, 1.0);
        assert_eq!(watched.monitor.plateau(&landmarks()), Some(Plateau::Uninformed));
        (0..200).for_each(|_| drop(watched.show(4.0, 1.0)));
        assert_eq!(watched.monitor.plateau(&landmarks()), None, "it has been left");
    }

    #[test]
    fn a_stage_ends_when_its_excess_is_small() {
        let mut watched = Watched::new(Until { excess: Some(0.5), ..Until::default() });
        let (step, ending) = watched.steps_until_over(|step| if step < 1000 { 6.0 } else { 2.2 });
        assert_eq!(ending, Ending::Excess);
        // Excess 2 falls to 0.17 with time constant 200: it passes 0.5 after 200 ln(1.83/0.33) = 342 steps.
        assert!((1300..1400).contains(&step), "{step}");
        let mut watched = Watched::new(Until { excess: Some(0.5), ..Until::default() });
        assert_eq!(watched.steps_until_over(|_| 2.0).0, SETTLING, "not before the losses have settled");
    }

    #[test]
    fn a_stage_ends_when_nothing_improves() {
        let until = Until { patience: Some(700), min_improvement: 0.05, ..Until::default() };
        let mut watched = Watched::new(until);
        // Falls until step 2000, then creeps by less than 5 % in 700 steps.
        let creep = |step: u64| 6.0 - 1e-3 * step.min(2000) as f64 - 1e-5 * step as f64;
        let (step, ending) = watched.steps_until_over(creep);
        assert_eq!(ending, Ending::NoProgress);
        assert!((2700..3600).contains(&step), "{step}");
        let mut patient = Watched::new(Until { min_improvement: 0.0, ..until });
        (0..6000).for_each(|step| assert_eq!(patient.show(creep(step), 1.0), None));
        assert_eq!(patient.ending(), None, "any improvement counts");
    }
}
