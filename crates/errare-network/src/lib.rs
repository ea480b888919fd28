//! Recurrent networks whose free-running dynamics reproduce a whole response distribution.
//!
//! Third in the flow: trials → behaviour → **task → network → training → simulation** → analysis → report.

mod simulation;

pub use simulation::Responses;
