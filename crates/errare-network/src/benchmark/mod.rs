//! What comparisons with other implementations need to see of a training step. Not part of the library's
//! interface.

mod reference_step;
mod unit;

pub use reference_step::{Array, ReferenceStep};
pub use unit::Unit;
