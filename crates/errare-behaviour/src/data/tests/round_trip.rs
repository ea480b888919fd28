//! What is written is read back.

use proptest::prelude::*;

use super::super::{
    ReadOptions, TableFormat, Trial, TrialColumns, TrialTable, TrialWriter, read_bytes, read_csv, read_table,
    write_csv, write_table,
};
use super::{SOUND, read};
use crate::{Display, Source};

fn angle() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -std::f64::consts::PI..std::f64::consts::PI, 1 => Just(-std::f64::consts::PI), 1 => Just(0.0)]
}

fn source(set_size: usize) -> impl Strategy<Value = Option<Source>> {
    prop_oneof![
        Just(None),
        Just(Some(Source::Uniform)),
        (0..set_size).prop_map(|item| Some(Source::Item(item)))
    ]
}

fn trial(probed: bool) -> impl Strategy<Value = Trial> {
    (1usize..=8).prop_flat_map(move |set_size| {
        let items = || proptest::collection::vec(angle(), set_size);
        (
            (items(), items(), 0..set_size, angle(), source(set_size)),
            (
                "[a-z ,\"é]{0,4}[a-z]",
                proptest::option::of("[a-z;\"]{0,3}[A-Z]"),
                proptest::option::of(0u64..10_000),
            ),
        )
            .prop_map(
                move |((report, probe, cued_slot, response, source), (participant, condition, trial))| {
                    let probe = if probed { probe } else { Vec::new() };
                    let display = Display { probe, report, cued_slot };
                    let session = condition.as_deref().map(Into::into);
                    let condition = condition.map(Into::into);
                    let participant = participant.trim();
                    Trial { condition, session, trial, source, ..Trial::new(participant, display, response) }
                },
            )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn of_any_table(trials in any::<bool>().prop_flat_map(|probed| proptest::collection::vec(trial(probed), 1..20))) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trials.csv");
        let table = TrialTable::new("made", trials).unwrap();
        write_csv(&path, &table).unwrap();
        let again = read_csv(&path, &ReadOptions::default()).unwrap();
        prop_assert_eq!(again.len(), table.len());
        for (a, b) in again.trials().iter().zip(table.trials()) {
            let angles = |trial: &Trial| [&trial.display.report[..], &trial.display.probe, &[trial.response]].concat();
            for (x, y) in angles(a).into_iter().zip(angles(b)) {
                prop_assert!((x - y).abs() < 1e-6, "{} {}", x, y);
            }
            prop_assert_eq!(a.display.set_size(), b.display.set_size());
            prop_assert_eq!(a.display.probe.len(), b.display.probe.len());
            prop_assert_eq!(a.display.cued_slot, b.display.cued_slot);
            prop_assert_eq!((a.source, a.trial), (b.source, b.trial));
            prop_assert_eq!((&a.participant, &a.condition, &a.session), (&b.participant, &b.condition, &b.session));
        }
        // Written once more, not a byte changes.
        let second = folder.path().join("again.csv");
        write_csv(&second, &again).unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&second).unwrap());
        // Parquet keeps every bit.
        let third = folder.path().join("trials.parquet");
        write_table(&third, &table, TableFormat::Parquet).unwrap();
        let exact = read_table(&third, &ReadOptions::default()).unwrap();
        prop_assert_eq!(exact.trials(), table.trials());
    }
}

proptest! {
    #[test]
    fn no_input_panics(at in 0usize..280, cut in 0usize..60, bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        let mut table = SOUND.as_bytes().to_vec();
        let at = at.min(table.len());
        let end = (at + cut).min(table.len());
        table.splice(at..end, bytes);
        if let Err(error) = read_bytes("table.csv", &table, &ReadOptions::default()) {
            prop_assert!(error.to_string().starts_with("table.csv: "));
        }
    }
}

#[test]
fn extra_columns_are_kept() {
    let table = read(&SOUND.replacen("condition", "lab", 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.csv");
    write_csv(&path, &table).unwrap();
    let again = read_csv(&path, &ReadOptions::default()).unwrap();
    assert_eq!(again.extra_columns(), ["lab"]);
    assert_eq!(again.trials(), table.trials());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let message = write_csv(folder.path().join("file/trials.csv"), &read(SOUND)).unwrap_err().to_string();
    assert!(message.contains("file"), "{message}");
}

#[test]
fn a_parquet_table_passes_the_same_checks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.parquet");
    let mut trials = read(&SOUND.replacen("condition", "lab", 1)).trials().to_vec();
    trials.iter_mut().for_each(|trial| trial.extra.clear());
    trials[1].response = 200.0;
    let columns = TrialColumns {
        items: 3,
        probe: true,
        session: false,
        trial: true,
        condition: false,
        source: false,
        cued_slot: false,
        extra: vec![],
    };
    let mut writer = TrialWriter::create(&path, TableFormat::Parquet, columns).unwrap();
    writer.write(&trials).unwrap();
    assert!(!path.exists(), "nothing is seen of an unfinished file");
    writer.finish().unwrap();
    let message = read_table(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("row 2, column response") && message.contains("--units deg"), "{message}");
    // A file is known by what it holds, too.
    let renamed = folder.path().join("trials");
    std::fs::rename(&path, &renamed).unwrap();
    let options = ReadOptions { probe_prefix: "prob".into(), ..ReadOptions::default() };
    let message = read_table(&renamed, &options).unwrap_err().to_string();
    assert!(message.contains("column prob_0: missing") && message.contains("probe"), "{message}");
}
