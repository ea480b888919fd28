//! Splitting a table: one fit a participant, condition or set size.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Trial, TrialTable};
use crate::{Error, Result};

/// What a table can be split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKey {
    /// One group a participant.
    Participant,
    /// One group a condition.
    Condition,
    /// One group a set size.
    SetSize,
}

impl GroupKey {
    /// The name of the column: `participant`, `condition`, `set_size`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Condition => "condition",
            Self::SetSize => "set_size",
        }
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for GroupKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Participant, Self::Condition, Self::SetSize]
            .into_iter()
            .find(|key| key.name() == text)
            .ok_or_else(|| Error::UnknownName {
                what: "grouping",
                name: text.to_owned(),
                hint: "expected participant, condition or set_size".into(),
            })
    }
}

/// A part of a table; a key by which the table was not split is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The participant of all its trials.
    pub participant: Option<Arc<str>>,
    /// The condition of all its trials; also `None` for trials without one.
    pub condition: Option<Arc<str>>,
    /// The set size of all its trials.
    pub set_size: Option<usize>,
    /// Its trials, in the order of the whole table.
    pub table: TrialTable,
}

impl TrialTable {
    /// Splits the table. Groups come by participant, then condition (both in order of appearance), then set
    /// size (ascending), whatever the order of `keys`; without keys there is one group, the whole table.
    #[must_use]
    pub fn group_by(&self, keys: &[GroupKey]) -> Vec<Group> {
        let rank = |labels: Vec<Arc<str>>| -> HashMap<Arc<str>, usize> {
            labels.into_iter().enumerate().map(|(index, label)| (label, index)).collect()
        };
        let (participants, conditions) = (rank(self.participants()), rank(self.conditions()));
        let by = |key| keys.contains(&key);
        let mut groups: BTreeMap<_, Vec<Trial>> = BTreeMap::new();
        for trial in self.trials() {
            let participant = by(GroupKey::Participant).then(|| participants[&trial.participant]);
            let condition =
                trial.condition.as_ref().filter(|_| by(GroupKey::Condition)).map(|c| conditions[c]);
            let set_size = by(GroupKey::SetSize).then(|| trial.display.set_size());
            groups.entry((participant, condition, set_size)).or_default().push(trial.clone());
        }
        groups
            .into_iter()
            .map(|((participant, condition, set_size), trials)| Group {
                participant: participant.map(|_| trials[0].participant.clone()),
                condition: condition.and_then(|_| trials[0].condition.clone()),
                set_size,
                table: self.with_trials(trials),
            })
            .collect()
    }
}
