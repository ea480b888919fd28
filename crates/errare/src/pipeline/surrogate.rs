//! Surrogate trials from fits, chunk by chunk: to fresh displays, or to those that people saw.
//!
//! A response depends on the seed, the fit's position in its directory and the trial's position in the table only:
//! neither threads, nor the size of a chunk, nor what else is drawn change it.

use errare_behaviour::{
    Display, DisplayGenerator, Fit, FittedModel, Response, Source, Trial, TrialTable, surrogate_response,
};
use errare_core::random::{Purpose, key, stream};
use rayon::prelude::*;

use super::{Error, Result};

/// Trials held at a time.
const CHUNK: usize = 1 << 14;
/// Participant of trials drawn from a fit that is no single participant's.
const ANYBODY: &str = "surrogate";

/// A fit ready to be drawn from.
#[derive(Debug, Clone)]
pub struct SurrogateFit<'a> {
    /// Position in the fit directory: keys the random streams, so that a selection of fits changes no trial.
    pub position: u64,
    /// The fit.
    pub fit: &'a Fit,
    /// Its response distribution: the predictive one, or one draw of the posterior.
    pub model: FittedModel,
}

/// How many responses came from where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceCounts {
    /// The cued item.
    pub target: usize,
    /// Another item.
    pub nontarget: usize,
    /// A uniform guess.
    pub uniform: usize,
}

impl SourceCounts {
    /// Counts a response.
    pub fn add(&mut self, source: Source) {
        match source {
            Source::Uniform => self.uniform += 1,
            Source::Item(0) => self.target += 1,
            Source::Item(_) => self.nontarget += 1,
        }
    }

    /// All responses.
    #[must_use]
    pub fn total(&self) -> usize {
        self.target + self.nontarget + self.uniform
    }
}

impl SurrogateFit<'_> {
    fn response(&self, display: &Display, trial: u64, seed: u64) -> Response {
        let seed = key(seed, Purpose::Surrogate, &[self.position]);
        surrogate_response(&self.model, display, trial, seed)
    }
}

/// Answers `trials` fresh displays by a fit; `write` takes the trials as they come.
///
/// # Errors
/// Those of `write`.
pub fn answer_fresh_displays(
    fit: &SurrogateFit<'_>,
    displays: &DisplayGenerator,
    trials: u64,
    seed: u64,
    mut write: impl FnMut(&[Trial]) -> Result<()>,
) -> Result<SourceCounts> {
    let participant: std::sync::Arc<str> = fit.fit.participant.as_deref().unwrap_or(ANYBODY).into();
    let condition: Option<std::sync::Arc<str>> = fit.fit.condition.as_deref().map(Into::into);
    let mut counts = SourceCounts::default();
    for first in (0..trials).step_by(CHUNK) {
        let drawn: Vec<Trial> = (first..trials.min(first + CHUNK as u64))
            .into_par_iter()
            .map(|index| {
                let display = displays.draw(&mut stream(seed, Purpose::Displays, &[fit.position, index]));
                let response = fit.response(&display, index, seed);
                let mut trial = Trial::new(participant.clone(), display, response.angle);
                trial.condition.clone_from(&condition);
                trial.trial = Some(index + 1);
                trial.source = Some(response.source);
                trial
            })
            .collect();
        drawn.iter().filter_map(|trial| trial.source).for_each(|source| counts.add(source));
        write(&drawn)?;
    }
    Ok(counts)
}

/// The fit that answers each trial of a table: the one of its set size and, unless it is one of `fixed`'s choosing,
/// of its participant and condition.
///
/// # Errors
/// [`Error::NoAnsweringFit`] for a trial that no fit, or more than one, could answer.
pub fn answering_fits(
    fits: &[SurrogateFit<'_>],
    table: &TrialTable,
    fixed: FixedLabels,
) -> Result<Vec<usize>> {
    let same = |fixed: bool, of_fit: &Option<String>, of_trial: Option<&str>| {
        fixed || of_fit.is_none() || of_fit.as_deref() == of_trial
    };
    let answers = |trial: &Trial| {
        let matching = |fit: &Fit| {
            same(fixed.participant, &fit.participant, Some(&trial.participant))
                && same(fixed.condition, &fit.condition, trial.condition.as_deref())
                && fit.set_size.is_none_or(|set_size| set_size == trial.display.set_size())
        };
        let all: Vec<usize> = (0..fits.len()).filter(|&index| matching(fits[index].fit)).collect();
        // Of participants fitted together, one's own fit answers rather than that of what they share.
        let is_own = |index: &usize| fits[*index].fit.participant.is_some();
        let own: Vec<usize> = all.iter().copied().filter(is_own).collect();
        match (own.as_slice(), all.as_slice()) {
            ([index], _) | ([], [index]) => Ok(*index),
            (_, all) => {
                let condition = trial.condition.as_ref();
                let condition = condition.map_or(String::new(), |label| format!(", condition {label}"));
                let label = format!(
                    "participant {}{condition}, set size {}",
                    trial.participant,
                    trial.display.set_size()
                );
                let problem =
                    if all.is_empty() { "no fit could answer" } else { "more than one fit could answer" };
                let available = fits.iter().map(|fit| fit.fit.label()).collect::<Vec<_>>().join("; ");
                Err(Error::NoAnsweringFit { problem, label, available })
            }
        }
    };
    table.trials().iter().map(answers).collect()
}

/// Labels of the fits that the user chose and that trials therefore need not share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FixedLabels {
    /// The participant was chosen.
    pub participant: bool,
    /// The condition was chosen.
    pub condition: bool,
}

/// Answers the displays of a table, each by the fit that `answering` names; labels are kept. Counts are by fit.
///
/// # Errors
/// Those of `write`.
pub fn answer_own_displays(
    fits: &[SurrogateFit<'_>],
    table: &TrialTable,
    answering: &[usize],
    seed: u64,
    mut write: impl FnMut(&[Trial]) -> Result<()>,
) -> Result<Vec<SourceCounts>> {
    let mut counts = vec![SourceCounts::default(); fits.len()];
    for (chunk, trials) in table.trials().chunks(CHUNK).enumerate() {
        let first = chunk * CHUNK;
        let drawn: Vec<Trial> = trials
            .par_iter()
            .enumerate()
            .map(|(index, trial)| {
                let fit = &fits[answering[first + index]];
                let response = fit.response(&trial.display, (first + index) as u64, seed);
                Trial { response: response.angle, source: Some(response.source), ..trial.clone() }
            })
            .collect();
        for (trial, &fit) in drawn.iter().zip(&answering[first..]) {
            counts[fit].add(trial.source.expect("a drawn trial has its source"));
        }
        write(&drawn)?;
    }
    Ok(counts)
}
