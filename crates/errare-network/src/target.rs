//! Targets: the response models that an experiment's stages name, and runs that carry theirs with them.

use std::path::PathBuf;

use errare_behaviour::{FitSelection, Fits, ResponseModel};
use errare_core::run_dir::RunDir;

use crate::Result;
use crate::config::Swap;
use crate::experiment::{Experiment, Stage};
use crate::training::CHECKPOINT;

/// Folder of a run directory that holds the fits its stages are trained on.
const FITS: &str = "fits";
/// Folder of a run directory that holds the checkpoint it started from.
const START: &str = "start";

impl Stage {
    /// The response model that the stage is trained on; relative paths start at `folder`.
    ///
    /// # Errors
    /// When the fit cannot be read, or the file holds none or several of the set size.
    pub fn target(&self, folder: &std::path::Path) -> Result<Box<dyn ResponseModel>> {
        Ok(match &self.behaviour.swap {
            Swap::Function(function) => Box::new(*function),
            Swap::Fit(reference) => {
                let fits = Fits::read(folder.join(&reference.path))?;
                let selection = FitSelection { set_size: reference.set_size, ..FitSelection::default() };
                let model = fits.select(selection)?.model()?;
                Box::new(match reference.draw {
                    Some(seed) => model.draw(seed),
                    None => model,
                })
            }
        })
    }
}

impl Experiment {
    /// The response model of every stage.
    ///
    /// # Errors
    /// As [`Stage::target`].
    pub fn targets(&self) -> Result<Vec<Box<dyn ResponseModel>>> {
        self.stages().iter().map(|stage| stage.target(self.folder())).collect()
    }

    /// The same experiment with copies of all that it reads in the run directory, so that the run can be
    /// moved and resumed without the originals.
    ///
    /// # Errors
    /// When an original cannot be read or a copy cannot be written.
    pub fn carried_by(&self, run: &RunDir) -> Result<Self> {
        let mut originals: Vec<PathBuf> = Vec::new();
        let mut stages = self.stages().to_vec();
        for stage in &mut stages {
            if let Swap::Fit(reference) = &mut stage.behaviour.swap {
                let original = self.folder().join(&reference.path);
                let known = originals.iter().position(|path| *path == original);
                let index = known.unwrap_or(originals.len());
                let copy = PathBuf::from(FITS).join((index + 1).to_string());
                if known.is_none() {
                    Fits::read(&original)?.write(run.file(&copy))?;
                    originals.push(original);
                }
                reference.path = copy;
            }
            if let Some(start) = &mut stage.training.start_from {
                let original = self.folder().join(&*start).join(CHECKPOINT);
                let bytes = std::fs::read(&original)
                    .map_err(|source| errare_core::Error::Io { path: original.clone(), source })?;
                run.write(PathBuf::from(START).join(CHECKPOINT), &bytes)?;
                *start = START.into();
            }
        }
        Self::from_stages(stages, run.path())
    }
}
