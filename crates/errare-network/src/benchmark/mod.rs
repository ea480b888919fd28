//! What comparisons with other implementations and with the machine's limit need to see of a training step and of its
//! parts. Not part of the library's interface.

mod reference_step;
mod unit;
mod work;

pub use reference_step::{Array, ReferenceStep};
pub use unit::Unit;
pub use work::{Work, cells, matrix_kernels};
