//! errare fits recurrent networks to human behaviour, its errors included, and shows how the errors arise.
//!
//! This crate is the façade: it re-exports the crates that do the work, in the order in which data flows through
//! them, and carries the `errare` command.
//!
//! | module | what lives there |
//! |---|---|
//! | [`core`] | angles, special functions, random streams, run directories, provenance, progress |
//! | [`behaviour`] | trial tables and bundled data, mixture models, BNS, surrogate trials |
//! | [`network`] | tasks, dynamics, diffusion objectives, training, simulation |
//! | [`analysis`] | fidelity of a network to its target, geometry of its states |
//! | [`report`] | figures and the self-contained page |

mod fitting;
pub mod pipeline;

pub use errare_analysis as analysis;
pub use errare_behaviour as behaviour;
pub use errare_core as core;
pub use errare_network as network;
pub use errare_report as report;

pub use fitting::{fit_groups, fit_together};

/// The program that is running: this release, and the commit it was compiled from.
#[must_use]
pub fn build() -> core::provenance::Build {
    core::provenance::Build::new(option_env!("ERRARE_COMMIT"))
}
