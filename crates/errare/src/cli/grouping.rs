//! The argument that says which trials share a fit.

use errare::behaviour::{Error, GroupKey, ModelName, TrialTable};

use super::failure::Failure;

/// How a table is split into groups.
#[derive(Debug, clap::Args)]
pub(crate) struct GroupArguments {
    /// One fit for each participant, condition, set_size, or any of these joined by commas; none pools all
    /// trials.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', default_value = "set_size", value_parser = grouping)]
    by: Vec<Grouping>,
}

/// A column to group by, or `none`.
#[derive(Debug, Clone, Copy)]
struct Grouping(Option<GroupKey>);

fn grouping(text: &str) -> Result<Grouping, String> {
    if text == "none" {
        return Ok(Grouping(None));
    }
    text.parse().map(|key| Grouping(Some(key))).map_err(|error: Error| format!("{error}, or none alone"))
}

impl GroupArguments {
    /// The columns to group by.
    pub(crate) fn keys(&self, table: &TrialTable) -> Result<Vec<GroupKey>, Failure> {
        let keys: Vec<GroupKey> = self.by.iter().filter_map(|grouping| grouping.0).collect();
        if !keys.is_empty() && keys.len() < self.by.len() {
            return Err(Failure::bad_input("--by none cannot be joined with columns"));
        }
        if keys.contains(&GroupKey::Condition) && table.conditions().is_empty() {
            let name = table.name();
            return Err(Failure::bad_input(format!("--by condition: {name} has no column of conditions")));
        }
        Ok(keys)
    }
}

/// A model's name on the command line.
pub(crate) fn model(text: &str) -> Result<ModelName, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

/// Refuses a model that a list names twice.
pub(crate) fn check_distinct(models: &[ModelName]) -> Result<(), Failure> {
    for (index, model) in models.iter().enumerate() {
        if models[..index].contains(model) {
            return Err(Failure::bad_input(format!("--models: {model} is named twice")));
        }
    }
    Ok(())
}

/// Refuses a model that needs probe features of a table that has none.
pub(crate) fn check_probe(table: &TrialTable, model: ModelName) -> Result<(), Failure> {
    if model.needs_probe() && !lacks_nothing(table) {
        return Err(Failure::bad_input(format!("{}: {}: {}", table.name(), model, Error::MissingProbe)));
    }
    Ok(())
}

/// Whether every model can be fitted: probe features are there, or single items that need none.
pub(crate) fn lacks_nothing(table: &TrialTable) -> bool {
    table.has_probe() || table.set_sizes() == [1]
}
