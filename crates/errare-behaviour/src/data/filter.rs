//! Selecting trials by the value of a column: `--where column=value`.

use super::{Trial, TrialTable};
use crate::{Error, Result, Source};

/// How many values or columns a message lists.
const LISTED: usize = 12;

impl TrialTable {
    /// The trials whose `column` holds `value`; [`selectable_columns`](Self::selectable_columns) can be asked
    /// for. Text must match exactly; a number may be written in any way (`4` is `4.0`).
    ///
    /// # Errors
    /// [`Error::UnknownName`] when the table has no such column, or no trial has the value; the message lists
    /// what there is.
    pub fn filter(&self, column: &str, value: &str) -> Result<Self> {
        self.filter_any(column, &[value])
    }

    /// The trials whose `column` holds one of `values`, as [`filter`](Self::filter).
    ///
    /// # Errors
    /// As [`filter`](Self::filter), when no trial has some value.
    pub fn filter_any(&self, column: &str, values: &[&str]) -> Result<Self> {
        let columns = self.selectable_columns();
        if !columns.iter().any(|known| known == column) {
            return Err(Error::UnknownName {
                what: "column",
                name: column.to_owned(),
                hint: format!("{} can be selected by {}", self.name(), listing(column, &columns)),
            });
        }
        let extra = self.extra_columns().iter().position(|name| name == column);
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let wanted: Vec<(&str, Option<f64>)> = values.iter().map(|value| (*value, number(value))).collect();
        let matches = |text: &str, (value, as_number): &(&str, Option<f64>)| {
            text == *value || as_number.is_some() && number(text) == *as_number
        };
        let texts: Vec<Option<String>> =
            self.trials().iter().map(|trial| text_of(trial, column, extra)).collect();
        let missing = wanted.iter().find(|value| !texts.iter().flatten().any(|text| matches(text, value)));
        let Some(&(missing, _)) = missing else {
            let chosen = self.trials().iter().zip(&texts).filter(|(_, text)| {
                text.as_ref().is_some_and(|text| wanted.iter().any(|value| matches(text, value)))
            });
            return Ok(self.with_trials(chosen.map(|(trial, _)| trial.clone()).collect()));
        };
        let mut listed: Vec<String> = Vec::new();
        for text in texts.into_iter().flatten() {
            if listed.len() <= LISTED && !listed.contains(&text) {
                listed.push(text);
            }
        }
        Err(Error::UnknownName {
            what: "value",
            name: missing.to_owned(),
            hint: format!("column {column} of {} holds {}", self.name(), listing(missing, &listed)),
        })
    }

    /// The columns that [`filter`](Self::filter) knows: `participant`, `set_size`, those of `condition`,
    /// `session`, `trial` and `source` that the table has, and the extra columns.
    #[must_use]
    pub fn selectable_columns(&self) -> Vec<String> {
        let any = |has: fn(&Trial) -> bool| self.trials().iter().any(has);
        [
            ("participant", true),
            ("set_size", true),
            ("condition", any(|trial| trial.condition.is_some())),
            ("session", any(|trial| trial.session.is_some())),
            ("trial", any(|trial| trial.trial.is_some())),
            ("source", any(|trial| trial.source.is_some())),
        ]
        .into_iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| name.to_owned())
        .chain(self.extra_columns().iter().cloned())
        .collect()
    }
}

/// The text of a trial's cell; `extra` is the position of an extra column.
fn text_of(trial: &Trial, column: &str, extra: Option<usize>) -> Option<String> {
    if let Some(index) = extra {
        return trial.extra.get(index).map(ToString::to_string);
    }
    match column {
        "participant" => Some(trial.participant.to_string()),
        "set_size" => Some(trial.display.set_size().to_string()),
        "condition" => trial.condition.as_ref().map(ToString::to_string),
        "session" => trial.session.as_ref().map(ToString::to_string),
        "trial" => trial.trial.map(|number| number.to_string()),
        "source" => trial.source.map(source_text),
        _ => None,
    }
}

/// The text of a source in a table: `uniform` or the number of the item.
pub(super) fn source_text(source: Source) -> String {
    match source {
        Source::Uniform => "uniform".to_owned(),
        Source::Item(item) => item.to_string(),
    }
}

/// Lists what there is, and asks for the nearest by name.
pub(crate) fn listing(wanted: &str, known: &[String]) -> String {
    let listed = known.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    let more = if known.len() > LISTED { ", ..." } else { "" };
    match nearest(wanted, known.iter().map(String::as_str)) {
        Some(near) => format!("{listed}{more}; did you mean {near:?}?"),
        None => format!("{listed}{more}"),
    }
}

/// The known name that a misspelt one probably means.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    known
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
