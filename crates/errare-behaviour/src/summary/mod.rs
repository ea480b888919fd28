//! What is counted without a model: circular summaries of the errors, and swaps by the non-parametric estimator.
//!
//! `circular` summarises the errors about the cued item as the field does; `swap_estimator` finds from the
//! stimuli alone which items responses depend on. Every figure is a smooth function of means over trials, so that its
//! standard error is that of the means carried through (the delta method): `measured`. Stands beside the models; both
//! serve posterior predictive checks.

mod circular;
mod measured;
mod swap_estimator;

pub use circular::{ErrorSummary, chance_precision};
pub use measured::Measured;
pub use swap_estimator::{RankShare, SwapEstimate, swap_estimate};
