//! Alignment of the colour planes over time, with intervals and chance levels.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use errare_core::progress::Progress;
use nalgebra::DMatrix;
use rayon::prelude::*;

use super::measures::{Alignment, MEASURES, centred_axes};
use super::null::{haar_rotation, rotation_null};
use super::slot::{Slot, null_space};
use super::statistics::{FOLDS, RingStatistics};
use crate::{Error, Result};

/// 97.5 % quantile of Student's t with FOLDS − 1 = 7 degrees of freedom.
const STUDENT: f64 = 2.364_624;

/// How alignment is computed.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignmentOptions {
    /// Read-out W_x, two rows of `neurons` weights each and orthonormal: the behaviour plane, which is removed
    /// first. `None` analyses all of state space, as for recorded activity.
    pub projector: Option<Vec<Vec<f64>>>,
    /// The two slots whose rings are compared.
    pub slots: [usize; 2],
    /// Random rotations of the null distribution; 0 for none. A thousand cost about 0.1 s a time step for 16
    /// neurons.
    pub null_draws: usize,
    /// Seed of the rotations.
    pub seed: u64,
}

impl Default for AlignmentOptions {
    fn default() -> Self {
        Self { projector: None, slots: [0, 1], null_draws: 1000, seed: 1 }
    }
}

/// One measure over time.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Series {
    /// Value at each time.
    pub value: Vec<f64>,
    /// Lower end of the 95 % interval over trials: jackknife over folds of samples. It does not hold the
    /// variation between networks; train several seeds for that. Noise in the means of the bins tilts planes and parts
    /// centres: of rings that are exactly parallel, exactly orthogonal or about one centre, where a measure is at an end
    /// of its range, the interval leaves out that end half the time or more often.
    pub lo: Vec<f64>,
    /// Upper end.
    pub hi: Vec<f64>,
    /// Mean under random rotations of the second ring; empty without null draws.
    pub null_mean: Vec<f64>,
    /// Lower end of the central 95 % under random rotations.
    pub null_lo: Vec<f64>,
    /// Upper end.
    pub null_hi: Vec<f64>,
}

/// Alignment of two rings over time.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AlignmentOverTime {
    /// Time (seconds, 0 = onset of the cue).
    pub time_s: Vec<f64>,
    /// By the name of the measure, see [`MEASURES`]; angles in radians.
    pub measures: BTreeMap<String, Series>,
    /// Reliability of each ring's plane: |cos| between its normals in the even and the odd samples, in the
    /// space of `cos_centred`.
    pub reliability: [Vec<f64>; 2],
    /// `cos_centred` between opposite halves of the samples, divided by the root of the product of the
    /// reliabilities; it can exceed 1.
    pub cos_disattenuated: Vec<f64>,
    /// Trials of each slot.
    pub trials: [usize; 2],
}

/// Measures the alignment of two rings at every step.
///
/// `time_s` gives the time of each step in seconds with 0 at the onset of the cue. The chance levels take most of the
/// time; `progress` counts steps.
///
/// # Errors
/// When the number of times is not that of steps, a slot does not exist, the read-out is not orthonormal, fewer
/// than 3 neurons remain beside it, or some step has fewer than 3 occupied colour bins when one fold is left out.
pub fn alignment_over_time(
    statistics: &RingStatistics,
    time_s: &[f64],
    options: &AlignmentOptions,
    progress: &Progress,
) -> Result<AlignmentOverTime> {
    if time_s.len() != statistics.steps() {
        return Err(Error::SizeMismatch {
            what: "times and steps of the ring statistics",
            left: time_s.len(),
            right: statistics.steps(),
        });
    }
    if let Some(&slot) = options.slots.iter().find(|&&slot| slot >= statistics.slots()) {
        return Err(Error::OutOfRange {
            name: "slot",
            value: slot as f64,
            expected: "one of the slots of the ring statistics",
        });
    }
    let basis = null_space(statistics.neurons(), options.projector.as_deref())?;
    let rotations: Vec<DMatrix<f64>> = (0..options.null_draws as u64)
        .into_par_iter()
        .map(|draw| haar_rotation(basis.ncols(), options.seed, draw))
        .collect();
    let bar = progress.bar("alignment", statistics.steps() as u64);
    let done = AtomicU64::new(0);
    let steps: Vec<Step> = (0..statistics.steps())
        .into_par_iter()
        .with_max_len(1)
        .map(|step| {
            let aligned = Step::of(statistics, step, options.slots, &basis, &rotations);
            bar.set(done.fetch_add(1, Ordering::Relaxed) + 1, "");
            aligned
        })
        .collect::<Result<_>>()?;
    bar.finish();

    let mut measures = BTreeMap::new();
    for (index, name) in MEASURES.into_iter().enumerate() {
        let series = measures.entry(name.to_owned()).or_insert_with(Series::default);
        for step in &steps {
            let value = step.values[index];
            let half = STUDENT * step.standard_errors[index];
            // Only the relative offset and the angles may exceed 1.
            let most = match name {
                "offset" => f64::INFINITY,
                "angle_first" | "angle_second" => std::f64::consts::FRAC_PI_2,
                _ => 1.0,
            };
            series.value.push(value);
            series.lo.push((value - half).max(0.0));
            series.hi.push((value + half).min(most));
            if let Some(null) = &step.null {
                series.null_mean.push(null[index].mean);
                series.null_lo.push(null[index].interval[0]);
                series.null_hi.push(null[index].interval[1]);
            }
        }
    }
    Ok(AlignmentOverTime {
        time_s: time_s.to_vec(),
        measures,
        reliability: [0, 1].map(|slot| steps.iter().map(|step| step.reliability[slot]).collect()),
        cos_disattenuated: steps.iter().map(|step| step.cos_disattenuated).collect(),
        trials: options.slots.map(|slot| statistics.trials(slot)),
    })
}

/// Everything about one step.
struct Step {
    values: [f64; MEASURES.len()],
    standard_errors: [f64; MEASURES.len()],
    reliability: [f64; 2],
    cos_disattenuated: f64,
    null: Option<[super::null::NullInterval; MEASURES.len()]>,
}

impl Step {
    fn of(
        statistics: &RingStatistics,
        step: usize,
        slots: [usize; 2],
        basis: &DMatrix<f64>,
        rotations: &[DMatrix<f64>],
    ) -> Result<Self> {
        let pair = |folds: &dyn Fn(usize) -> bool| -> Result<(Slot, Slot)> {
            Ok((
                Slot::new(statistics, step, slots[0], basis, folds)?,
                Slot::new(statistics, step, slots[1], basis, folds)?,
            ))
        };
        let (a, b) = pair(&|_| true)?;
        let left_out: Vec<[f64; MEASURES.len()]> = (0..FOLDS)
            .map(|out| pair(&|fold| fold != out).map(|(a, b)| Alignment::of(&a, &b).values()))
            .collect::<Result<_>>()?;
        // Jackknife (Efron & Stein 1981) over folds: variance (k − 1)/k Σ (θ₍ᵢ₎ − θ̄)².
        let standard_errors = std::array::from_fn(|measure| {
            let mean = left_out.iter().map(|values| values[measure]).sum::<f64>() / FOLDS as f64;
            let squares: f64 = left_out.iter().map(|values| (values[measure] - mean).powi(2)).sum();
            (squares * (FOLDS - 1) as f64 / FOLDS as f64).sqrt()
        });
        let axes = centred_axes(&a, &b);
        let normals = [0, 1].map(|half| {
            pair(&|fold| fold % 2 == half).map(|(a, b)| [a.normal_within(&axes), b.normal_within(&axes)])
        });
        let [even, odd] = normals;
        let (even, odd) = (even?, odd?);
        let reliability = [0, 1].map(|slot| even[slot].dot(&odd[slot]).abs());
        let across = 0.5 * (even[0].dot(&odd[1]).abs() + odd[0].dot(&even[1]).abs());
        Ok(Self {
            values: Alignment::of(&a, &b).values(),
            standard_errors,
            cos_disattenuated: across / (reliability[0] * reliability[1]).sqrt().max(f64::EPSILON),
            reliability,
            null: (!rotations.is_empty()).then(|| rotation_null(&a, &b, rotations)),
        })
    }
}

/// Mean and spread of the alignment over several probe pairs of one network, or over several networks.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AlignmentSummary {
    /// Time (seconds, 0 = onset of the cue).
    pub time_s: Vec<f64>,
    /// Mean of each measure at each time.
    pub mean: BTreeMap<String, Vec<f64>>,
    /// Standard deviation (n − 1) of each measure at each time; 0 for a single run.
    pub sd: BTreeMap<String, Vec<f64>>,
    /// Number averaged.
    pub n: usize,
}

impl AlignmentSummary {
    /// Averages runs with the same times.
    ///
    /// # Errors
    /// When there are none, or their times differ.
    pub fn across(runs: &[AlignmentOverTime]) -> Result<Self> {
        let Some(first) = runs.first() else {
            return Err(Error::OutOfRange {
                name: "number of alignments",
                value: 0.0,
                expected: "at least 1",
            });
        };
        if let Some(other) = runs.iter().find(|run| run.time_s.len() != first.time_s.len()) {
            return Err(Error::SizeMismatch {
                what: "times of two alignments",
                left: first.time_s.len(),
                right: other.time_s.len(),
            });
        }
        for run in runs {
            if let Some((&value, _)) =
                run.time_s.iter().zip(&first.time_s).find(|(a, b)| (**a - **b).abs() > 1e-9)
            {
                return Err(Error::OutOfRange {
                    name: "time of an alignment",
                    value,
                    expected: "that of the first alignment at the same step",
                });
            }
        }
        let n = runs.len() as f64;
        let (mut mean, mut sd) = (BTreeMap::new(), BTreeMap::new());
        for name in first.measures.keys() {
            let at = |run: &AlignmentOverTime, time: usize| run.measures[name].value[time];
            let means: Vec<f64> = (0..first.time_s.len())
                .map(|time| runs.iter().map(|run| at(run, time)).sum::<f64>() / n)
                .collect();
            let sds = means.iter().enumerate().map(|(time, mean)| {
                let squares: f64 = runs.iter().map(|run| (at(run, time) - mean).powi(2)).sum();
                (squares / (n - 1.0).max(1.0)).sqrt()
            });
            sd.insert(name.clone(), sds.collect());
            mean.insert(name.clone(), means);
        }
        Ok(Self { time_s: first.time_s.clone(), mean, sd, n: runs.len() })
    }
}

#[cfg(test)]
mod tests;
