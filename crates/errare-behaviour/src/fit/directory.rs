//! Fits as they are kept: a directory with one file of all fits of a table.

use std::path::Path;

use errare_core::run_dir::{read_json, write_json};

use super::Fit;
use crate::{Error, Result};

/// The file of a fit directory.
const FIT_FILE: &str = "fit.json";

/// The fits of one table, as a fit directory holds them.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fits {
    /// Where the fits come from (data set, its hash, versions): the caller's.
    #[serde(default)]
    pub provenance: serde_json::Value,
    /// One fit a group of trials.
    pub fits: Vec<Fit>,
}

/// Which of several fits is meant; `None` leaves a key open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FitSelection<'a> {
    /// Participant.
    pub participant: Option<&'a str>,
    /// Condition.
    pub condition: Option<&'a str>,
    /// Set size of the trials fitted.
    pub set_size: Option<usize>,
}

impl Fits {
    /// Writes `fit.json` into a directory, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, directory: impl AsRef<Path>) -> Result<()> {
        Ok(write_json(directory.as_ref().join(FIT_FILE), self)?)
    }

    /// Reads a fit directory, or its `fit.json`.
    ///
    /// # Errors
    /// [`Error::NoFits`] when the file cannot be read or does not hold fits.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = if path.is_dir() { read_json(path.join(FIT_FILE)) } else { read_json(path) };
        read.map_err(|source| Error::NoFits { path: path.to_owned(), source })
    }

    /// The one fit that a selection means; of participants fitted together that of what they share, when no participant is
    /// named.
    ///
    /// # Errors
    /// [`Error::NoSuchFit`] when it means none or several; the message lists what there is.
    pub fn select(&self, selection: FitSelection<'_>) -> Result<&Fit> {
        let same = |wanted: Option<&str>, given: &Option<String>| {
            wanted.is_none_or(|wanted| given.as_deref() == Some(wanted))
        };
        let matching: Vec<&Fit> = self
            .fits
            .iter()
            .filter(|fit| {
                same(selection.participant, &fit.participant)
                    && same(selection.condition, &fit.condition)
                    && selection.set_size.is_none_or(|wanted| fit.set_size == Some(wanted))
            })
            .collect();
        let shared: Vec<&Fit> = matching.iter().copied().filter(|fit| fit.participant.is_none()).collect();
        match (shared.as_slice(), matching.as_slice()) {
            ([fit], _) | (_, [fit]) => Ok(fit),
            (_, all) => Err(Error::NoSuchFit {
                problem: if all.is_empty() { "no fit matches" } else { "more than one fit matches" },
                available: self.fits.iter().map(Fit::label).collect::<Vec<_>>().join("; "),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, FitOptions, ModelName, ResponseModel, SwapDependence, SwapFunction, fit};

    fn fits() -> Fits {
        let fits = [2, 4]
            .into_iter()
            .map(|set_size| {
                let swap = SwapFunction::Distance { width: 1.5, offset: -1.0 };
                let trials =
                    simulated(&swap, &DisplayGenerator::standard(set_size).unwrap(), 150, set_size as u64);
                let model = ModelName::Bns(SwapDependence::Probe);
                fit(&observations(&trials), model, &FitOptions::default()).unwrap()
            })
            .collect();
        Fits { provenance: serde_json::json!({ "data": "simulated" }), fits }
    }

    #[test]
    fn a_directory_is_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let mut written = fits();
        let trials = simulated(&SwapFunction::None, &DisplayGenerator::standard(1).unwrap(), 50, 1);
        for model in ModelName::all() {
            written.fits.push(fit(&observations(&trials), model, &FitOptions::default()).unwrap());
        }
        written.write(folder.path()).unwrap();
        let read = Fits::read(folder.path()).unwrap();
        assert_eq!(read, written);
        assert_eq!(Fits::read(folder.path().join("fit.json")).unwrap(), written);
        let display = DisplayGenerator::standard(6).unwrap().draw(&mut errare_core::random::stream(
            1,
            errare_core::random::Purpose::Displays,
            &[],
        ));
        assert_eq!(
            read.fits[0].model().unwrap().weights(&display),
            written.fits[0].model().unwrap().weights(&display)
        );
    }

    #[test]
    fn the_keys_are_those_of_the_interface() {
        let fits = fits();
        let value = serde_json::to_value(&fits.fits[0]).unwrap();
        for key in [
            "participant",
            "condition",
            "set_size",
            "trials",
            "log_likelihood",
            "emission",
            "weights",
            "swap_curve",
            "log_evidence",
            "ess",
            "hyperparameters",
        ] {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(value["model"], "bns:probe");
        assert!(value["emission"]["kappa"].is_f64() && value["participant"].is_null());
        for key in ["distance", "mean", "lo", "hi", "has_data"] {
            assert!(value["swap_curve"][0].get(key).is_some(), "{key}");
        }
        let single = simulated(&SwapFunction::None, &DisplayGenerator::standard(1).unwrap(), 50, 1);
        let fitted = fit(&observations(&single), ModelName::ThreeComponent, &FitOptions::default()).unwrap();
        let value = serde_json::to_value(&fitted).unwrap();
        assert!(value["weights"]["nontarget"].is_null() && value.get("swap_curve").is_none());
    }

    #[test]
    fn a_selection_must_mean_one_fit() {
        let fits = fits();
        let by = |set_size| fits.select(FitSelection { set_size, ..Default::default() });
        assert_eq!(by(Some(4)).unwrap().set_size, Some(4));
        assert!(by(None).unwrap_err().to_string().contains("set size 2; set size 4"));
        assert!(by(Some(3)).unwrap_err().to_string().contains("no fit matches"));
    }

    #[test]
    fn probe_features_must_be_there_when_the_model_needs_them() {
        let mut trials = simulated(&SwapFunction::None, &DisplayGenerator::standard(2).unwrap(), 30, 1);
        trials.iter_mut().for_each(|(display, _)| display.probe.clear());
        let observations = observations(&trials);
        let fitted = |model: &str| fit(&observations, model.parse().unwrap(), &FitOptions::default());
        assert!(matches!(fitted("bns"), Err(Error::MissingProbe)));
        assert!(fitted("bns:none").is_ok());
    }
}
