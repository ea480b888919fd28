//! What every input code offers: the network's input in the two epochs that have one, and its adjoint.

use std::fmt::Debug;

use errare_behaviour::Display;

use crate::Result;
use crate::kernel::Real;

/// An epoch with input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The items are shown.
    Stimulus,
    /// The cue is shown.
    Cue,
}

/// A code of displays and cues, with trainable parameters. A new code is one implementation.
pub(crate) trait Encoder<T: Real>: Debug + Send + Sync {
    /// Length of the network's input s.
    fn inputs(&self) -> usize;

    /// Refuses a display that the code has no input for; messages call it `name`.
    fn check(&self, name: &str, display: &Display) -> Result<()>;

    /// Writes the input of a display that has been checked, in one phase.
    fn encode(&self, parameters: &[T], display: &Display, phase: Phase, input: &mut [T]);

    /// Adds the gradient of the parameters, given that of the input.
    fn adjoint(&self, parameters: &[T], display: &Display, phase: Phase, d_input: &[T], gradient: &mut [T]);
}
