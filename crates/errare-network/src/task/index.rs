//! Index cue: report features as unit vectors in fixed slots, the cue a learned vector per slot.
//!
//! s ∈ R^{2N + N}: in the stimulus epoch (cos, sin) of each slot's report feature, in the cue epoch the cued
//! slot's row of a learned N × N embedding in the last N entries.

use std::ops::Range;

use errare_behaviour::Display;

use super::{Encoder, Phase};
use crate::dense::add_to;
use crate::kernel::Real;
use crate::parameters::{Initial, Layout};
use crate::{Error, Result};

/// The slot code of displays of one set size.
#[derive(Debug, Clone)]
pub(crate) struct IndexCue {
    set_size: usize,
    embedding: Range<usize>,
}

impl IndexCue {
    pub(crate) fn new(layout: &mut Layout, set_size: usize, gain: f64) -> Self {
        let embedding = layout.add("cue.embedding", &[set_size, set_size], Initial::Normal(gain));
        Self { set_size, embedding }
    }

    fn cue_row(&self, display: &Display) -> Range<usize> {
        let from = self.embedding.start + display.cued_slot * self.set_size;
        from..from + self.set_size
    }
}

impl<T: Real> Encoder<T> for IndexCue {
    fn inputs(&self) -> usize {
        3 * self.set_size
    }

    fn check(&self, name: &str, display: &Display) -> Result<()> {
        let (slots, items) = (self.set_size, display.set_size());
        if items != slots {
            let expected = format!("{slots}, one for each slot of the network's index cue");
            return Err(Error::invalid(&format!("the number of items of {name}"), items, &expected));
        }
        if display.cued_slot >= slots {
            let expected = format!("below {slots}, the number of slots");
            return Err(Error::invalid(&format!("cued_slot of {name}"), display.cued_slot, &expected));
        }
        Ok(())
    }

    fn encode(&self, parameters: &[T], display: &Display, phase: Phase, input: &mut [T]) {
        input.fill(T::ZERO);
        match phase {
            Phase::Stimulus => {
                for slot in 0..self.set_size {
                    let (sin, cos) = display.report[display.item_in_slot(slot)].sin_cos();
                    input[2 * slot] = T::from_f64(cos);
                    input[2 * slot + 1] = T::from_f64(sin);
                }
            }
            Phase::Cue => input[2 * self.set_size..].copy_from_slice(&parameters[self.cue_row(display)]),
        }
    }

    fn adjoint(&self, _parameters: &[T], display: &Display, phase: Phase, d_input: &[T], gradient: &mut [T]) {
        if phase == Phase::Cue {
            add_to(&mut gradient[self.cue_row(display)], &d_input[2 * self.set_size..]);
        }
    }
}
