//! The epochs of a trial.

use serde::{Deserialize, Serialize};

/// An epoch of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Epoch {
    /// The items are shown.
    Stimulus,
    /// Retention before the cue.
    Delay,
    /// The cue is shown.
    Cue,
    /// Between cue and response, without input.
    Gap,
    /// The response: the T denoising steps.
    Response,
}

/// Lengths of the epochs in steps of dt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Epochs {
    /// Stimulus.
    pub stimulus: usize,
    /// Delay before the cue: one value is drawn for each training step, uniform in [shortest, longest].
    pub delay: [usize; 2],
    /// Cue.
    pub cue: usize,
    /// Gap after the cue.
    pub gap: usize,
    /// Response: the number T of denoising steps.
    pub response: usize,
}

impl Default for Epochs {
    /// 0.25 s, 0.75 s, 0.25 s, 0.05 s and 2 s at dt = 0.05 s.
    fn default() -> Self {
        Self { stimulus: 5, delay: [15, 15], cue: 5, gap: 1, response: 40 }
    }
}

impl Epochs {
    /// The epoch of every step, with this delay.
    #[must_use]
    pub fn steps(&self, delay: usize) -> Vec<Epoch> {
        [
            (Epoch::Stimulus, self.stimulus),
            (Epoch::Delay, delay),
            (Epoch::Cue, self.cue),
            (Epoch::Gap, self.gap),
            (Epoch::Response, self.response),
        ]
        .into_iter()
        .flat_map(|(epoch, steps)| std::iter::repeat_n(epoch, steps))
        .collect()
    }
}
