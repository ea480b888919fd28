//! What a recovery must meet, stated before it runs.

use super::models::DECISIVE;
use super::{Calibration, ModelRecovery, ParameterRecovery, PosteriorRecovery, RecoveryDesign};
use crate::ModelName;

/// Limits of the gates; the default is what the models of this crate are held to.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Largest |bias| in its standard errors …
    pub bias_errors: f64,
    /// … plus this share of the RMSE: a maximum likelihood is biased a little.
    pub bias_share: f64,
    /// Smallest share of 95 % intervals that hold the truth, before chance is allowed for.
    pub coverage: f64,
    /// Smallest share of the points of the swap function whose band holds the truth.
    pub curve_coverage: f64,
    /// Largest RMSE of the swap function, times √trials.
    pub curve_rmse: f64,
    /// Smallest share of data sets on which the generating model scores highest.
    pub right_model: f64,
    /// Most data sets that a wrong model wins by 3 nats.
    pub wrong_wins: usize,
    /// Smallest p-value of uniform ranks, over all tests, times the number of tests.
    pub calibration: f64,
    /// Largest distance of a posterior mean from that of NUTS, in posterior standard deviations.
    pub posterior_shift: f64,
    /// Smallest effective sample size of NUTS that such a distance may come from.
    pub effective_draws: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            bias_errors: 3.0,
            bias_share: 0.5,
            coverage: 0.90,
            curve_coverage: 0.85,
            curve_rmse: 1.5,
            right_model: 0.85,
            wrong_wins: 0,
            calibration: 0.01,
            posterior_shift: 0.2,
            effective_draws: 400.0,
        }
    }
}

/// One thing that must be met.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// What it asks for, in words with numbers.
    pub statement: String,
    /// What came out; `None` before the run, or where nothing was there to measure.
    pub value: Option<f64>,
    /// The limit that `value` is held against.
    pub limit: f64,
    /// Whether it was met; `None` before the run.
    pub met: Option<bool>,
}

impl Gates {
    /// The gates of a run, without verdicts: what to state before it begins. Whether there is a calibration, and whether
    /// posteriors are held against NUTS, is said by the last two.
    #[must_use]
    pub fn state(
        &self,
        design: RecoveryDesign,
        models: &[ModelName],
        calibration: bool,
        nuts: bool,
    ) -> Vec<Gate> {
        let gate = |name: &str, statement: String, limit: f64| Gate {
            name: name.to_owned(),
            statement,
            value: None,
            limit,
            met: None,
        };
        let trials = design.trials as f64;
        let mut gates = Vec::new();
        if design.sets > 0 {
            gates.push(gate(
                "bias",
                format!(
                    "every parameter: |bias| at most {} of its standard errors plus {} RMSE",
                    self.bias_errors, self.bias_share
                ),
                1.0,
            ));
            gates.push(gate(
                "coverage",
                format!(
                    "every parameter with intervals: the 95 % intervals hold the truth in at least {:.3} of them",
                    self.least_coverage(design.sets as usize)
                ),
                self.least_coverage(design.sets as usize),
            ));
            gates.push(gate(
                "swap curve error",
                format!("every swap function: RMSE at most {:.4}", self.curve_rmse / trials.sqrt()),
                self.curve_rmse / trials.sqrt(),
            ));
            gates.push(gate(
                "swap curve coverage",
                format!(
                    "every swap function: the 95 % band holds the truth at {} of the points",
                    self.curve_coverage
                ),
                self.curve_coverage,
            ));
        }
        if models.len() > 1 && design.sets > 0 {
            gates.push(gate(
                "right model",
                format!(
                    "the generating model scores highest on at least {} of the data sets",
                    self.right_model
                ),
                self.right_model,
            ));
            gates.push(gate(
                "wrong wins",
                format!(
                    "at most {} data sets on which a wrong model wins by {DECISIVE} nats",
                    self.wrong_wins
                ),
                self.wrong_wins as f64,
            ));
        }
        if calibration {
            gates.push(gate(
                "calibration",
                format!(
                    "ranks of the truth are uniform: the smallest p-value times the number of tests is at least {}",
                    self.calibration
                ),
                self.calibration,
            ));
        }
        if nuts {
            gates.push(gate(
                "gold standard",
                format!(
                    "every posterior mean lies within {} standard deviations of that of NUTS",
                    self.posterior_shift
                ),
                self.posterior_shift,
            ));
            gates.push(gate(
                "effective draws",
                format!("every mean of NUTS comes from at least {} effective draws", self.effective_draws),
                self.effective_draws,
            ));
        }
        gates
    }

    /// The coverage asked for, less what chance takes away in so few intervals.
    fn least_coverage(&self, intervals: usize) -> f64 {
        (self.coverage - 2.0 * (0.95 * 0.05 / intervals.max(1) as f64).sqrt()).max(0.0)
    }

    /// Judges stated gates by what came out.
    pub fn judge(
        &self,
        gates: &mut [Gate],
        parameters: &[ParameterRecovery],
        models: Option<&ModelRecovery>,
        calibration: Option<&Calibration>,
        posteriors: &[PosteriorRecovery],
    ) {
        let summaries = || parameters.iter().flat_map(|recovery| &recovery.parameters);
        let curves = || parameters.iter().filter_map(|recovery| recovery.swap_curve.as_ref());
        let largest = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
        let smallest = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::min);
        for gate in gates {
            let (value, at_most) = match gate.name.as_str() {
                "bias" => {
                    let mut shares = summaries().map(|summary| {
                        let allowed = self.bias_errors * summary.bias_error + self.bias_share * summary.rmse;
                        // No error at all is no bias.
                        if summary.bias == 0.0 { 0.0 } else { summary.bias.abs() / allowed }
                    });
                    (largest(&mut shares), true)
                }
                "coverage" => (smallest(&mut summaries().filter_map(|summary| summary.coverage)), false),
                "swap curve error" => (largest(&mut curves().map(|curve| curve.rmse)), true),
                "swap curve coverage" => (smallest(&mut curves().map(|curve| curve.coverage)), false),
                "right model" => (models.and_then(right_share), false),
                "wrong wins" => (models.map(wrong_wins), true),
                "calibration" => (calibration.map(Calibration::adjusted_p), false),
                "gold standard" => {
                    (largest(&mut posteriors.iter().map(|one| one.check.largest_shift())), true)
                }
                "effective draws" => {
                    (smallest(&mut posteriors.iter().map(|one| one.check.smallest_ess())), false)
                }
                _ => (None, true),
            };
            gate.value = value;
            // Nothing to measure is nothing to fail.
            gate.met = value.map(|value| if at_most { value <= gate.limit } else { value >= gate.limit });
        }
    }
}

fn own(models: &ModelRecovery, model: ModelName) -> Option<usize> {
    models.models.iter().position(|fitted| *fitted == model)
}

/// Share of the data sets, of truths whose model takes part, on which that model scored highest.
fn right_share(models: &ModelRecovery) -> Option<f64> {
    let rows = || models.rows.iter().filter_map(|row| Some((row, own(models, row.model)?)));
    let all: usize = rows().map(|(row, _)| row.first.iter().sum::<usize>()).sum();
    let right: usize = rows().map(|(row, own)| row.first[own]).sum();
    (all > 0).then(|| right as f64 / all as f64)
}

fn wrong_wins(models: &ModelRecovery) -> f64 {
    let wrong = models.rows.iter().map(|row| {
        let right = own(models, row.model).map_or(0, |own| row.won[own]);
        row.won.iter().sum::<usize>() - right
    });
    wrong.sum::<usize>() as f64
}
