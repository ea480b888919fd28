//! Posterior predictive checks: the same statistics of people and of surrogates that a fit answers to the same displays.
//!
//! A model is fitted to each group of trials; surrogates are drawn from it, for BNS each from a coherent draw of the
//! posterior. Within a group, every condition and set size is checked by itself (`statistics`), each statistic with a
//! p-value (`p_value`). Gelman, Meng & Stern (1996), *Statistica Sinica* 6:733. Uses models by [`ModelName`] and
//! [`FittedModel`](crate::FittedModel) only.
//!
//! Since the model was fitted to the trials that it is compared with, p-values are conservative: they lie nearer to ½ than
//! uniform ones, the more so the better the fit can follow a statistic. A small one counts, a large one proves little.

mod p_value;
mod statistics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use errare_core::progress::Progress;
use errare_core::random::{Purpose, key, stream};
use rayon::prelude::*;
use statistics::Statistics;
pub use statistics::{CurveStatistic, SummaryStatistic};

use crate::data::Group;
use crate::{
    Error, Fit, FitOptions, GroupKey, ModelName, Observations, ResponseModel, Result, Trial, TrialTable, fit,
};

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckOptions {
    /// How the model is fitted; its seed is that of the surrogates too.
    pub fit: FitOptions,
    /// Number of surrogate data sets, at least 20.
    pub draws: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { fit: FitOptions::default(), draws: 200 }
    }
}

/// The checks of one fit, in one condition and set size.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The participant of all trials, where they were grouped by participant.
    pub participant: Option<String>,
    /// The condition of all trials; `None` when they have none.
    pub condition: Option<String>,
    /// The set size of all trials.
    pub set_size: usize,
    /// Number of trials.
    pub trials: usize,
    /// Checks of the summaries of errors.
    pub summaries: Vec<SummaryCheck>,
    /// Checks of the curves that the trials have: those of uncued items need some.
    pub curves: Vec<CurveCheck>,
}

/// A number of people among those of surrogates.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryCheck {
    /// Which number.
    pub statistic: SummaryStatistic,
    /// That of the observed responses.
    pub observed: f64,
    /// Median of the surrogates …
    pub expected: f64,
    /// … and the ends of their central 95 %.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
    /// Two-sided p-value; `None` when the number is not finite.
    pub p: Option<f64>,
    /// That of each participant, in order of appearance.
    pub participants: Vec<f64>,
}

/// A curve of people among those of surrogates.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveCheck {
    /// Which curve.
    pub statistic: CurveStatistic,
    /// Σ (observed − mean)²/variance over the bins …
    pub discrepancy: f64,
    /// … and its median and upper 95 % point under the model.
    pub expected: f64,
    /// The upper 95 % point.
    pub limit: f64,
    /// Share of surrogates that lie as far from the others.
    pub p: f64,
    /// The curve itself, without empty bins.
    pub points: Vec<CurvePoint>,
}

/// A bin of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint {
    /// Centre of the bin (radians).
    pub x: f64,
    /// Value of the observed responses.
    pub observed: f64,
    /// Median of the surrogates …
    pub expected: f64,
    /// … and the ends of their central 95 %.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
    /// Value of each participant, in order of appearance; NaN where one has no such item.
    pub participants: Vec<f64>,
}

/// Fits `model` to each group of trials of `table`, split by `keys`, and checks every condition and set size of the group
/// against surrogates. The result does not depend on the number of threads.
///
/// # Errors
/// [`Error::OutOfRange`] for fewer than 20 draws, else those of [`fit`].
pub fn check(
    table: &TrialTable,
    keys: &[GroupKey],
    model: ModelName,
    options: &CheckOptions,
    progress: &Progress,
) -> Result<Vec<Check>> {
    if options.draws < 20 {
        let value = options.draws as f64;
        return Err(Error::OutOfRange { name: "number of draws", value, expected: "at least 20" });
    }
    let groups = table.group_by(keys);
    let bar = progress.bar("checking", groups.len() as u64);
    let done = AtomicU64::new(0);
    let checks: Vec<Result<Vec<Check>>> = groups
        .par_iter()
        .enumerate()
        .map(|(index, group)| {
            let checks = check_group(group, index as u64, model, options);
            bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, "");
            checks
        })
        .collect();
    Ok(checks.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn check_group(group: &Group, index: u64, model: ModelName, options: &CheckOptions) -> Result<Vec<Check>> {
    let trials = group.table.trials();
    let fitted: Fit = fit(&Observations::try_from(&group.table)?, model, &options.fit)?;
    let response = fitted.model()?;
    let seed = key(options.fit.seed, Purpose::Surrogate, &[index]);
    let mut checks = check_model(trials, |draw| response.draw(draw), options.draws, seed);
    for check in &mut checks {
        check.participant = group.participant.as_deref().map(str::to_owned);
    }
    Ok(checks)
}

/// Checks trials against surrogates of `model(s)`, where s is the seed of a draw from its posterior.
fn check_model<M: ResponseModel>(
    trials: &[Trial],
    model: impl Fn(u64) -> M + Sync,
    draws: usize,
    seed: u64,
) -> Vec<Check> {
    let cells = Cell::of(trials);
    let observed: Vec<f64> = trials.iter().map(|trial| trial.response).collect();
    let all = |responses: &[f64]| -> Vec<Statistics> {
        cells.iter().map(|cell| cell.statistics(trials, responses, &cell.members)).collect()
    };
    let surrogates: Vec<Vec<Statistics>> = (0..draws as u64)
        .into_par_iter()
        .map(|draw| {
            let model = model(key(seed, Purpose::Posterior, &[draw]));
            let responses: Vec<f64> = (0u64..)
                .zip(trials)
                .map(|(index, trial)| {
                    model.sample(&trial.display, &mut stream(seed, Purpose::Surrogate, &[draw, index])).angle
                })
                .collect();
            all(&responses)
        })
        .collect();
    let of_people = all(&observed);
    cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            let drawn: Vec<&Statistics> = surrogates.iter().map(|draw| &draw[index]).collect();
            cell.check(trials, &observed, &of_people[index], &drawn)
        })
        .collect()
}

/// The trials of one condition and set size.
struct Cell {
    condition: Option<Arc<str>>,
    set_size: usize,
    members: Vec<usize>,
    curves: Vec<CurveStatistic>,
}

impl Cell {
    /// The cells of some trials: conditions in order of appearance, set sizes ascending.
    fn of(trials: &[Trial]) -> Vec<Self> {
        let conditions = crate::data::distinct(trials.iter().filter_map(|trial| trial.condition.as_ref()));
        let mut cells: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, trial) in trials.iter().enumerate() {
            let place =
                trial.condition.as_ref().and_then(|one| conditions.iter().position(|other| one == other));
            cells.entry((place, trial.display.set_size())).or_default().push(index);
        }
        let cell = |((place, set_size), members): ((Option<usize>, usize), Vec<usize>)| {
            let applies = |curve: &CurveStatistic| members.iter().all(|&index| curve.applies(&trials[index]));
            let curves = CurveStatistic::ALL.into_iter().filter(applies).collect();
            Self { condition: place.map(|place| conditions[place].clone()), set_size, members, curves }
        };
        cells.into_iter().map(cell).collect()
    }

    fn statistics(&self, trials: &[Trial], responses: &[f64], members: &[usize]) -> Statistics {
        Statistics::of(members.iter().map(|&index| (&trials[index], responses[index])), &self.curves)
    }

    /// The statistics of each participant.
    fn participants(&self, trials: &[Trial], responses: &[f64]) -> Vec<Statistics> {
        let labels = crate::data::distinct(self.members.iter().map(|&index| &trials[index].participant));
        let own = |label: &Arc<str>| -> Vec<usize> {
            self.members.iter().copied().filter(|&index| trials[index].participant == *label).collect()
        };
        labels.iter().map(|label| self.statistics(trials, responses, &own(label))).collect()
    }

    fn check(
        &self,
        trials: &[Trial],
        responses: &[f64],
        observed: &Statistics,
        drawn: &[&Statistics],
    ) -> Check {
        let participants = self.participants(trials, responses);
        let summaries = SummaryStatistic::ALL
            .iter()
            .enumerate()
            .map(|(which, &statistic)| {
                let values: Vec<f64> = drawn.iter().map(|one| one.summaries[which]).collect();
                let (expected, lo, hi) = p_value::band(values.iter().copied());
                SummaryCheck {
                    statistic,
                    observed: observed.summaries[which],
                    expected,
                    lo,
                    hi,
                    p: p_value::two_sided(observed.summaries[which], &values),
                    participants: participants.iter().map(|one| one.summaries[which]).collect(),
                }
            })
            .collect();
        let curves = self
            .curves
            .iter()
            .enumerate()
            .map(|(which, &statistic)| {
                let values: Vec<Vec<f64>> = drawn.iter().map(|one| one.curves[which].clone()).collect();
                let of_people = &observed.curves[which];
                let against = p_value::of_curve(of_people, &values);
                let points = statistic
                    .places(self.members.iter().map(|&index| &trials[index]))
                    .into_iter()
                    .enumerate()
                    .filter(|(bin, _)| of_people[*bin].is_finite());
                let points = points.map(|(bin, x)| {
                    let (expected, lo, hi) = p_value::band(values.iter().map(|curve| curve[bin]));
                    let participants = participants.iter().map(|one| one.curves[which][bin]).collect();
                    CurvePoint { x, observed: of_people[bin], expected, lo, hi, participants }
                });
                CurveCheck {
                    statistic,
                    discrepancy: against.observed,
                    expected: against.median,
                    limit: against.limit,
                    p: against.p,
                    points: points.collect(),
                }
            })
            .collect();
        Check {
            participant: None,
            condition: self.condition.as_deref().map(str::to_owned),
            set_size: self.set_size,
            trials: self.members.len(),
            summaries,
            curves,
        }
    }
}

#[cfg(test)]
mod tests;
