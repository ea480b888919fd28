//! Trials for the tests of the models: simulated ones, and human data kept outside the project.

use std::path::PathBuf;

use errare_core::random::{Purpose, stream};

use crate::data::{GroupKey, ReadOptions, TrialTable, read_csv};
use crate::{Display, DisplayGenerator, Observations, ResponseModel};

/// Simulated trials of a known model.
pub(crate) fn simulated(
    model: &dyn ResponseModel,
    generator: &DisplayGenerator,
    trials: u64,
    seed: u64,
) -> Vec<(Display, f64)> {
    (0..trials)
        .map(|trial| {
            let display = generator.draw(&mut stream(seed, Purpose::Displays, &[trial]));
            let response = model.sample(&display, &mut stream(seed, Purpose::Surrogate, &[trial])).angle;
            (display, response)
        })
        .collect()
}

pub(crate) fn observations(trials: &[(Display, f64)]) -> Observations {
    Observations::new(trials.iter().map(|(display, response)| (display, *response))).unwrap()
}

/// Trials of one set size of a human data set, or `None` (with a message) where the file is absent.
pub(crate) fn human(name: &str, set_size: usize) -> Option<Vec<(Display, f64)>> {
    human_where(name, "probe", &[("set_size", &set_size.to_string())])
}

/// Trials of a human data set whose columns hold given values, with its probe feature in the columns of a prefix.
pub(crate) fn human_where(name: &str, probe: &str, filters: &[(&str, &str)]) -> Option<Vec<(Display, f64)>> {
    let mut table = human_table(name, probe)?;
    for (column, value) in filters {
        table = table.filter(column, value).unwrap();
    }
    Some(table.trials().iter().map(|trial| (trial.display.clone(), trial.response)).collect())
}

/// The trials of each participant and set size of a human data set, or `None` as [`human`].
pub(crate) fn human_cells(name: &str) -> Option<Vec<Observations>> {
    let groups = human_table(name, "probe")?.group_by(&[GroupKey::Participant, GroupKey::SetSize]);
    Some(groups.iter().map(|group| Observations::try_from(&group.table).unwrap()).collect())
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn human_table(name: &str, probe: &str) -> Option<TrialTable> {
    let folder = std::env::var_os("ERRARE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.csv"));
    if !path.is_file() {
        println!(
            "skipped: {} is not there; set ERRARE_SHARED_DATA to the folder that holds it",
            path.display()
        );
        return None;
    }
    let options = ReadOptions { probe_prefix: probe.to_owned(), ..ReadOptions::default() };
    Some(read_csv(&path, &options).unwrap())
}
