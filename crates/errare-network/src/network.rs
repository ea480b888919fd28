//! A trained network: its last stage's configuration, weights and read-out.

use std::path::Path;

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
}

impl Network {
    /// The network as it stands in training.
    #[must_use]
    pub fn of(trainer: &Trainer) -> Self {
        let stage = trainer.experiment().last().clone();
        Self::new(stage, trainer.average.clone(), trainer.readout.clone())
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
        let stage = Experiment::parse(saved.experiment(), run.as_ref())?.last().clone();
        let readout = saved.readout(&path)?;
        if readout[0].len() != stage.network.neurons {
            let (found, expected) = (readout[0].len(), stage.network.neurons);
            let reason = format!("readout has {found} neurons, but the network has {expected}");
            return Err(Error::Checkpoint { path, reason });
        }
        let circuit = Circuit::<f32>::new(&stage.network, stage.task.cue, stage.largest_set_size(), &readout);
        let parameters = saved.vector("average", &circuit.layout, &path)?;
        Ok(Self { stage, circuit, parameters, readout })
    }

    fn new(stage: Stage, parameters: Vec<f32>, readout: Readout) -> Self {
        let circuit = Circuit::new(&stage.network, stage.task.cue, stage.largest_set_size(), &readout);
        Self { stage, circuit, parameters, readout }
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

    /// Number of parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.parameters.len()
    }
}
