//! TOML files of truths set by hand.

use std::ops::RangeInclusive;
use std::path::Path;

use errare::behaviour::recovery::{Gates, GivenTruth, Truth};
use errare::behaviour::{ModelName, SwapDependence, SwapFunction};
use errare::core::explain_toml;
use serde::Deserialize;

use crate::cli::failure::{Failure, Stage};

/// A TOML file of truths.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Specification {
    pub(super) trials: Option<u64>,
    pub(super) sets: Option<u64>,
    pub(super) separation: Option<f64>,
    pub(super) calibrate: Option<u64>,
    pub(super) nuts: bool,
    pub(super) models: Vec<ModelName>,
    pub(super) gates: Option<Gates>,
    pub(super) truth: Vec<TruthSpecification>,
}

/// Trials of a data set.
pub(super) const TRIALS: RangeInclusive<u64> = 1..=10_000_000;
/// Data sets of each truth.
pub(super) const SETS: RangeInclusive<u64> = 2..=100_000;
/// Truths of a calibration: as many as there are ranks, or more.
pub(super) const CALIBRATE: RangeInclusive<u64> = 99..=100_000;

impl Specification {
    /// Reads a file, and refuses values that the command line would not take.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |reason: String| Failure::bad_input(format!("{}: {reason}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let read: Self = toml::from_str(&text).map_err(|error| fail(explain_toml(&error.to_string())))?;
        let counts = [
            ("trials", read.trials, TRIALS),
            ("sets", read.sets, SETS),
            ("calibrate", read.calibrate, CALIBRATE),
        ];
        for (key, value, range) in counts {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                let (least, most) = range.into_inner();
                return Err(fail(format!("{key} is {value}, but it must be {least} to {most}")));
            }
        }
        for (key, limit) in read.gates.iter().flat_map(limits) {
            if !(limit >= 0.0 && limit.is_finite()) {
                return Err(fail(format!("gates.{key} is {limit}, but it must be a number from 0")));
            }
        }
        Ok(read)
    }
}

/// The limits that are no whole numbers, by key.
fn limits(gates: &Gates) -> [(&'static str, f64); 9] {
    [
        ("bias_errors", gates.bias_errors),
        ("bias_share", gates.bias_share),
        ("coverage", gates.coverage),
        ("curve_coverage", gates.curve_coverage),
        ("curve_rmse", gates.curve_rmse),
        ("right_model", gates.right_model),
        ("calibration", gates.calibration),
        ("posterior_shift", gates.posterior_shift),
        ("effective_draws", gates.effective_draws),
    ]
}

/// One truth set by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TruthSpecification {
    pub(super) name: Option<String>,
    pub(super) model: ModelName,
    #[serde(default = "default_kappa")]
    pub(super) kappa: f64,
    #[serde(default = "default_uniform")]
    pub(super) uniform: f64,
    pub(super) swap: Option<SwapFunction>,
    #[serde(default = "default_set_size")]
    pub(super) set_size: u8,
}

pub(super) fn default_kappa() -> f64 {
    12.0
}

pub(super) fn default_uniform() -> f64 {
    0.1
}

pub(super) fn default_set_size() -> u8 {
    4
}

impl TruthSpecification {
    pub(super) fn truth(&self, separation: Option<f64>) -> Result<Truth, Failure> {
        let swap = match self.swap {
            Some(swap) => swap,
            None => default_swaps(self.model)?,
        };
        if !(1..=8).contains(&self.set_size) {
            return Err(Failure::bad_input(format!("set_size is {}, but it must be 1 to 8", self.set_size)));
        }
        let given = GivenTruth::new(swap, self.uniform, self.kappa).or_bad_input()?;
        let label = self.name.clone().unwrap_or_else(|| self.model.to_string());
        Truth::given(label, self.model, given, usize::from(self.set_size), separation).or_bad_input()
    }
}

/// Swaps as a model has them.
fn default_swaps(model: ModelName) -> Result<SwapFunction, Failure> {
    match model {
        ModelName::TwoComponent => Ok(SwapFunction::None),
        ModelName::ThreeComponent | ModelName::Bns(SwapDependence::None) => {
            Ok(SwapFunction::Flat { swap_probability: 0.25 })
        }
        ModelName::Bns(SwapDependence::Probe) => Ok(SwapFunction::Distance { width: 0.8, offset: 0.0 }),
        _ => Err(Failure::bad_input(format!(
            "{model} has no parameters to set by hand: fit it, and give the directory of the fit; or say the swaps \
             by --swap"
        ))),
    }
}
