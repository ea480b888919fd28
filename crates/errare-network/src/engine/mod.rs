//! The engine that training and simulation share: trajectories of a tile through all steps of a trial,
//! forwards and backwards.

mod backward;
mod forward;
mod free_running;
mod plane;
mod trial;

pub(crate) use backward::{BatchPlan, GradientSlot, backward};
pub(crate) use forward::{Tile, TileInputs, begin, step_forward};
pub(crate) use plane::{Plane, fill_normals};
pub(crate) use trial::{TrialStep, trial_steps};
