//! The engine that training and simulation share: trajectories of a tile through all steps of a trial,
//! forwards and backwards.

mod backward;
mod forward;
mod free_running;
mod penalties;
mod plan;
mod plane;
mod regression;
mod targets;
mod trial;

pub(crate) use backward::backward;
pub(crate) use forward::{States, Tile, TileInputs, begin, step_forward};
pub(crate) use plan::{BatchPlan, GradientSlot, Problem};
pub(crate) use plane::{Plane, fill_normals};
pub(crate) use trial::{TrialStep, trial_steps};
