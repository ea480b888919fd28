//! Trials for the tests of the models: simulated ones, and human data kept outside the project.

use std::path::PathBuf;

use errare_core::random::{Purpose, stream};

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
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn human(name: &str, set_size: usize) -> Option<Vec<(Display, f64)>> {
    let folder = std::env::var_os("ERRARE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.csv"));
    let Ok(mut reader) = csv::Reader::from_path(&path) else {
        println!(
            "skipped: {} is not there; set ERRARE_SHARED_DATA to the folder that holds it",
            path.display()
        );
        return None;
    };
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let rows = records.iter().filter(|record| record[column("set_size")] == set_size.to_string());
    let number = |record: &csv::StringRecord, name: &str| record[column(name)].parse::<f64>().unwrap();
    Some(
        rows.map(|record| {
            let items = |block: &str| {
                (0..set_size).map(|item| number(record, &format!("{block}_{item}"))).collect::<Vec<_>>()
            };
            let display = Display { probe: items("probe"), report: items("report"), cued_slot: 0 };
            (display, number(record, "response"))
        })
        .collect(),
    )
}
