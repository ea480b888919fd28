//! The free-running network: responses, and trajectories for the analyses.

mod free_run;
mod responses;

pub use free_run::{Simulation, Trajectories};
pub use responses::Responses;
