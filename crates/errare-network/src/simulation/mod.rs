//! The free-running network and the oracle: responses, and trajectories for the analyses.

mod free_run;
mod oracle;
mod responses;

pub use free_run::{Simulation, Trajectories};
pub use oracle::sample_oracle;
pub use responses::Responses;
