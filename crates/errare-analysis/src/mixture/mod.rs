//! Where responses came from: mixture responsibilities with the target's precision and guesses held fixed.
//!
//! p(y) = u/2π + Σₙ wₙ vM(y − rₙ; κ) with κ and u of the *target* distribution: only how often each item is
//! reported is estimated, by EM. The nearest-item rule is not used: it misclassifies wherever two report
//! features are closer than a few standard deviations. Weights are a choice among items (Luce), the odds of
//! an uncued item against the cued one depending on its probe distance.

mod evidence;
mod fit;
mod information;
mod likelihood;
mod newton;
mod swap_curve;
mod target;

pub use swap_curve::{Rate, SwapCurve, expected_swap_rates, swap_curve, swap_rates_by_display};
pub use target::{DistanceBins, MixtureTarget, SWAP_CURVE_BINS};

pub(crate) use information::Information;
pub(crate) use likelihood::{Free, Mixture};
pub(crate) use target::response_standard_deviation;
