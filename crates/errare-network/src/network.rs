//! A trained network: its last stage's configuration, weights and read-out.

use std::path::{Path, PathBuf};

use crate::circuit::{Circuit, Readout};
use crate::experiment::{Experiment, Stage};
use crate::training::{CHECKPOINT, Saved, Trainer};
use crate::{Error, Result};

/// A network ready to simulate, with the moving average of its weights.
#[derive(Debug)]
pub struct Network {
    pub(crate) stage: Stage,
    pub(crate) circuit: Circuit<f32>,
    pub(crate) parameters: Vec<f32>,
    readout: Readout,
    started_from: Option<PathBuf>,
}

impl Network {
    /// The network as it stands in training.
    #[must_use]
    pub fn of(trainer: &Trainer) -> Self {
        let experiment = trainer.experiment();
        let (stage, readout) = (experiment.last().clone(), trainer.readout.clone());
        let circuit = stage.circuit(&readout);
        let parameters = trainer.average.clone();
        Self { stage, circuit, parameters, readout, started_from: experiment.started_from().cloned() }
    }

    /// Reads the network of a run directory.
    ///
    /// # Errors
    /// When there is no checkpoint, or it is damaged.
    pub fn load(run: impl AsRef<Path>) -> Result<Self> {
        let path = run.as_ref().join(CHECKPOINT);
        let bytes =
            std::fs::read(&path).map_err(|source| errare_core::Error::Io { path: path.clone(), source })?;
        let saved = Saved::read(&bytes, &path)?;
        let experiment = Experiment::parse(saved.experiment(), run.as_ref())?;
        let stage = experiment.last().clone();
        let readout = saved.readout(&path)?;
        if readout[0].len() != stage.network.neurons {
            let (found, expected) = (readout[0].len(), stage.network.neurons);
            let reason = format!("readout has {found} neurons, but the network has {expected}");
            return Err(Error::Checkpoint { path, reason });
        }
        let circuit = stage.circuit::<f32>(&readout);
        let parameters = saved.vector("average", &circuit.layout, &path)?;
        Ok(Self { stage, circuit, parameters, readout, started_from: experiment.started_from().cloned() })
    }

    /// The configuration of the last stage.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The same network under another hand-off rule.
    #[must_use]
    pub fn with_hand_off(mut self, hand_off: crate::HandOff) -> Self {
        self.stage.diffusion.hand_off = hand_off;
        self
    }

    /// W_x, the two orthonormal axes of the behavioural plane.
    #[must_use]
    pub fn readout(&self) -> &Readout {
        &self.readout
    }

    /// The run whose weights training started from; `None` when it started from random ones.
    #[must_use]
    pub fn started_from(&self) -> Option<&Path> {
        self.started_from.as_deref()
    }

    /// Number of parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters.len()
    }
}
