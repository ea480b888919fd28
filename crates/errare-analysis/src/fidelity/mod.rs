//! Behavioural fidelity: does the free-running network give the responses that its target asks for?
//!
//! A network is judged against the *oracle sampler* (what a perfect network would produce under the same
//! schedule), not against the nominal target, which no network can reach exactly. Every comparison comes with
//! its floor: what 95 % of pairs of samples of the oracle stay below.

mod compare;
mod metric;
mod portrait;
mod target;
mod verdict;

pub use compare::{Fidelity, Samples, SwapCurveComparison};
pub use metric::{Metric, Metrics};
pub use target::FidelityTarget;
pub use verdict::{Criteria, Criterion};
