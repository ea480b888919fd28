//! Targets: the response models that an experiment's stages name, and runs that carry theirs with them.

use std::path::{Path, PathBuf};

use errare_behaviour::{FitSelection, Fits, ModelName, ResponseModel};
use errare_core::run_dir::RunDir;

use crate::config::Swap;
use crate::experiment::{Experiment, Stage};
use crate::training::{CHECKPOINT, read, read_experiment};
use crate::{Error, Result};

/// Folder of a run directory that holds the fits its stages are trained on.
const FITS: &str = "fits";
/// Folder of a run directory that holds the checkpoint it started from.
const START: &str = "start";

impl Stage {
    /// The response model that the stage is trained on; relative paths start at `folder`.
    ///
    /// # Errors
    /// When the fit cannot be read, the file holds none or several of the set size, or a draw is asked for of a model
    /// without a posterior.
    pub fn target(&self, folder: &Path) -> Result<Box<dyn ResponseModel>> {
        Ok(match &self.behaviour.swap {
            Swap::Function(function) => Box::new(*function),
            Swap::Fit(reference) => {
                let path = folder.join(&reference.path);
                let fits = Fits::read(&path)?;
                let selection = FitSelection { set_size: reference.set_size, ..FitSelection::default() };
                let fit = fits.select(selection).map_err(|error| {
                    let given = reference.set_size.map_or("left out".to_owned(), |n| n.to_string());
                    let expected = format!("the set size of one fit in {}: {error}", path.display());
                    Error::invalid("behaviour.swap.set_size", given, &expected)
                })?;
                let model = fit.model()?;
                Box::new(match reference.draw {
                    Some(seed) if matches!(fit.model, ModelName::Bns(_)) => model.draw(seed),
                    Some(seed) => {
                        let expected = format!(
                            "left out: the fit in {} is one of {}, which has no posterior to draw from; only fits of \
                             the bns models have",
                            path.display(),
                            fit.model
                        );
                        return Err(Error::invalid("behaviour.swap.draw", seed, &expected));
                    }
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
    /// As [`Stage::target`], with file and stage.
    pub fn targets(&self) -> Result<Vec<Box<dyn ResponseModel>>> {
        let targets = self.stages().iter().enumerate();
        targets
            .map(|(index, stage)| {
                stage.target(self.folder()).map_err(|error| self.fault_of(index, &error.to_string()))
            })
            .collect()
    }

    /// The same experiment with copies of all that it reads, for a run directory that can then be moved and resumed without
    /// the originals. Nothing is written yet.
    ///
    /// # Errors
    /// When an original cannot be read.
    pub fn carried_by(&self, run: &Path) -> Result<CarriedExperiment> {
        let mut originals: Vec<PathBuf> = Vec::new();
        let (mut fits, mut start) = (Vec::new(), None);
        let mut stages = self.stages().to_vec();
        for stage in &mut stages {
            if let Swap::Fit(reference) = &mut stage.behaviour.swap {
                let original = self.folder().join(&reference.path);
                let known = originals.iter().position(|path| *path == original);
                let index = known.unwrap_or(originals.len());
                let copy = PathBuf::from(FITS).join((index + 1).to_string());
                if known.is_none() {
                    fits.push((copy.clone(), Fits::read(&original)?));
                    originals.push(original);
                }
                reference.path = copy;
            }
            if let Some(from) = &mut stage.training.start_from {
                if start.is_none() {
                    let original = self.folder().join(&*from).join(CHECKPOINT);
                    start = Some(read(&original)?);
                }
                *from = START.into();
            }
        }
        Ok(CarriedExperiment { experiment: Self::from_stages(stages, run)?, fits, start })
    }
}

/// An experiment, and what a run directory holds beside it.
#[derive(Debug, Clone)]
pub struct CarriedExperiment {
    /// The experiment, which reads nothing outside the run directory.
    pub experiment: Experiment,
    /// Fits that stages are trained on, and their folders.
    fits: Vec<(PathBuf, Fits)>,
    /// The checkpoint that training starts from.
    start: Option<Vec<u8>>,
}

impl CarriedExperiment {
    /// Whether a run directory holds the same experiment, trained on the same fits and from the same start.
    ///
    /// # Errors
    /// When the directory holds no experiment that can be read.
    pub fn is_held_by(&self, run: &RunDir) -> Result<bool> {
        let same_fits =
            |(folder, fits): &(PathBuf, Fits)| Fits::read(run.file(folder)).is_ok_and(|held| held == *fits);
        let same_start = |start: &Vec<u8>| read(&run.file(start_file())).is_ok_and(|held| held == *start);
        Ok(read_experiment(run.path())?.to_toml() == self.experiment.to_toml()
            && self.fits.iter().all(same_fits)
            && self.start.iter().all(same_start))
    }

    /// Writes the copies.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, run: &RunDir) -> Result<()> {
        for (folder, fits) in &self.fits {
            fits.write(run.file(folder))?;
        }
        if let Some(start) = &self.start {
            run.write(start_file(), start)?;
        }
        Ok(())
    }
}

fn start_file() -> PathBuf {
    PathBuf::from(START).join(CHECKPOINT)
}
