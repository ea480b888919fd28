//! Foundations of errare: what every other crate stands on and what depends on none of them.
//!
//! * [`angle`]: wrapping, circular statistics, displays of separated angles.
//! * [`special`]: Bessel functions of the von Mises family, stable for κ up to 10⁴ and beyond.
//! * [`von_mises`]: density, moments and sampler of the von Mises distribution.
//! * [`quadrature`]: Gaussian nodes and weights.
//! * [`random`]: random streams that are addressed by a key, never shared between trajectories.
//! * [`run_dir`]: atomic files, run directories, the log of events; [`provenance`]: what made a run.
//! * [`progress`]: bars on a terminal, lines in a log.
//! * [`explain_toml`]: what is wrong with a TOML file, in plain words.
//!
//! First in the flow: trials → behaviour → task → network → training → simulation → analysis → report.

pub mod angle;
mod error;
pub mod progress;
pub mod provenance;
pub mod quadrature;
pub mod random;
pub mod run_dir;
pub mod special;
mod toml_message;
pub mod von_mises;

pub use error::{Error, Result};
pub use toml_message::explain_toml;
