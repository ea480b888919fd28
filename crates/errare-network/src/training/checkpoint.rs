//! Checkpoints: one safetensors file with weights, moving average, optimiser moments and counters.
//!
//! Randomness is addressed by seed and step, so nothing else is needed to go on with the same bytes.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::trainer::{Progress, Trainer};
use crate::circuit::Readout;
use crate::parameters::Layout;
use crate::{Error, Result};

/// Name of the checkpoint in a run directory.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// Key of the JSON metadata; one key, because the format does not keep the order of several.
const METADATA: &str = "errare";
const FORMAT: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    format: u32,
    #[serde(flatten)]
    progress: Progress,
    experiment: String,
}

/// The flat vectors a checkpoint holds, by the prefix of their tensors.
const VECTORS: [&str; 2] = ["weight", "average"];

impl Trainer {
    /// The checkpoint as bytes: the same state gives the same bytes.
    ///
    /// # Errors
    /// When the format refuses the tensors.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let metadata = Metadata {
            format: FORMAT,
            progress: self.progress().clone(),
            experiment: self.experiment().to_toml().into(),
        };
        let fail = |reason: String| Error::Checkpoint { path: CHECKPOINT.into(), reason };
        let json = serde_json::to_string(&metadata).map_err(|error| fail(error.to_string()))?;
        let mut bytes: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
        let mut push = |name: String, shape: Vec<usize>, values: &[f32]| {
            bytes.push((name, shape, Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()));
        };
        for (prefix, values) in VECTORS.iter().zip([&self.parameters, &self.average]) {
            for tensor in self.layout().tensors() {
                let name = format!("{prefix}/{}", tensor.name);
                push(name, tensor.shape.clone(), &values[tensor.range.clone()]);
            }
        }
        for (name, shape, values) in self.optimiser.buffers(self.layout()) {
            push(name, shape, values);
        }
        let readout = self.readout.iter().flatten().flat_map(|w| w.to_le_bytes()).collect();
        bytes.push(("readout".into(), vec![2, self.readout[0].len()], Dtype::F64, readout));
        let views = bytes
            .iter()
            .map(|(name, shape, dtype, data)| {
                let view =
                    TensorView::new(*dtype, shape.clone(), data).map_err(|error| fail(error.to_string()))?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(METADATA.to_string(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| fail(error.to_string()))
    }

    /// Takes up the state of a checkpoint of the same experiment.
    ///
    /// # Errors
    /// When the file is damaged, of another format, or of another experiment.
    pub fn restore(&mut self, bytes: &[u8], path: &Path) -> Result<()> {
        let saved = Saved::read(bytes, path)?;
        if saved.metadata.experiment != self.experiment().to_toml() {
            return Err(fail(path, "it belongs to another experiment than experiment.toml".into()));
        }
        let [weights, average] = VECTORS.map(|prefix| saved.vector(prefix, self.layout(), path));
        let (weights, average) = (weights?, average?);
        self.set_weights(weights, saved.readout(path)?);
        self.resume_at(saved.metadata.progress.clone())?;
        self.average = average;
        let saved: Vec<Vec<f32>> = (self.optimiser.buffers(self.layout()))
            .map(|(name, shape, _)| saved.values(&name, &shape, path))
            .collect::<Result<_>>()?;
        for (buffer, values) in self.optimiser.buffers_mut().zip(&saved) {
            buffer.copy_from_slice(values);
        }
        Ok(())
    }

    /// Starts from the averaged weights and the read-out of another run of the same architecture.
    ///
    /// # Errors
    /// When the checkpoint is damaged or its tensors have other shapes.
    pub fn start_from(&mut self, bytes: &[u8], path: &Path) -> Result<()> {
        let saved = Saved::read(bytes, path)?;
        let weights = saved.vector("average", self.layout(), path)?;
        self.set_weights(weights, saved.readout(path)?);
        Ok(())
    }
}

/// A checkpoint that has been read.
pub(crate) struct Saved<'a> {
    tensors: SafeTensors<'a>,
    metadata: Metadata,
}

fn fail(path: &Path, reason: String) -> Error {
    Error::Checkpoint { path: path.into(), reason }
}

impl<'a> Saved<'a> {
    pub(crate) fn read(bytes: &'a [u8], path: &Path) -> Result<Self> {
        let damaged = |error: safetensors::SafeTensorError| fail(path, format!("not a checkpoint: {error}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let json = header.metadata().as_ref().and_then(|map| map.get(METADATA));
        let json = json.ok_or_else(|| fail(path, "not a checkpoint of errare".into()))?;
        let metadata: Metadata =
            serde_json::from_str(json).map_err(|error| fail(path, format!("damaged metadata: {error}")))?;
        if metadata.format != FORMAT {
            let found = metadata.format;
            return Err(fail(path, format!("format {found}, but this version reads format {FORMAT}")));
        }
        Ok(Self { tensors: SafeTensors::deserialize(bytes).map_err(damaged)?, metadata })
    }

    /// The experiment the checkpoint belongs to.
    pub(crate) fn experiment(&self) -> &str {
        &self.metadata.experiment
    }

    /// Steps taken in all.
    pub(crate) fn step(&self) -> u64 {
        self.metadata.progress.step
    }

    /// One flat vector, by prefix.
    pub(crate) fn vector(&self, prefix: &str, layout: &Layout, path: &Path) -> Result<Vec<f32>> {
        let mut values = Vec::with_capacity(layout.len());
        for tensor in layout.tensors() {
            values.extend(self.values(&format!("{prefix}/{}", tensor.name), &tensor.shape, path)?);
        }
        Ok(values)
    }

    /// One tensor of f32.
    fn values(&self, name: &str, shape: &[usize], path: &Path) -> Result<Vec<f32>> {
        let view = self.tensors.tensor(name).map_err(|error| fail(path, format!("{name}: {error}")))?;
        if view.shape() != shape || view.dtype() != Dtype::F32 {
            let found = view.shape();
            return Err(fail(path, format!("{name} has shape {found:?}, but the network needs {shape:?}")));
        }
        let chunks = view.data().chunks_exact(4);
        Ok(chunks.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    pub(crate) fn readout(&self, path: &Path) -> Result<Readout> {
        let view = self.tensors.tensor("readout").map_err(|error| fail(path, format!("readout: {error}")))?;
        if view.shape().len() != 2 || view.shape()[0] != 2 || view.dtype() != Dtype::F64 {
            return Err(fail(
                path,
                format!("readout has shape {:?}, but must be [2, neurons]", view.shape()),
            ));
        }
        let values: Vec<f64> = view
            .data()
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
            .collect();
        let (first, second) = values.split_at(values.len() / 2);
        Ok([first.to_vec(), second.to_vec()])
    }
}
