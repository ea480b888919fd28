//! Every kind of bad table is refused with its file, row and column.

use super::super::{ReadOptions, Units, bundled, open, read_bytes, read_csv};
use super::SOUND;
use crate::Error;

/// The message about a table that must be refused.
fn refusal(bytes: &[u8], options: &ReadOptions) -> String {
    let error = read_bytes("table.csv", bytes, options).expect_err("the table is bad");
    assert!(matches!(error, Error::InvalidTable { .. }));
    error.to_string()
}

/// The message about `SOUND` with one passage replaced.
fn spoilt(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from} is not in the table");
    refusal(SOUND.replacen(from, to, 1).as_bytes(), &ReadOptions::default())
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in the message:\n{message}");
    }
}

#[test]
fn a_missing_column_is_named_with_what_may_be_meant() {
    assert_says(
        &spoilt("response", "answer"),
        &["table.csv: row 1, column response: missing", "answer=response"],
    );
    assert_says(&spoilt("participant", "subject"), &["row 1, column participant", "subject=participant"]);
    assert_says(
        &spoilt("set_size", "weather"),
        &["row 1, column set_size: missing; the table has participant"],
    );
    assert_says(&spoilt("report_0", "colour_0"), &["row 1, column report_0: missing"]);
    assert_says(&spoilt("probe_1", "other"), &["row 1, column probe_1: missing"]);
}

#[test]
fn columns_that_are_numbered_from_one_are_told_how_to_be_read() {
    let table = "participant,set_size,response,report_1,report_2,probe_1,probe_2\na,2,0.1,0.2,1.3,0.4,1.5\n";
    let message = refusal(table.as_bytes(), &ReadOptions::default());
    assert_says(
        &message,
        &["2 problems", "column report_0: missing; items are numbered from 0", "item 0 is the cued one"],
    );
    assert_says(
        &message,
        &["with --column report_1=report_0 --column report_2=report_1", "column probe_0: missing"],
    );
    let map = |pairs: &[(&str, &str)]| ReadOptions {
        columns: pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        ..ReadOptions::default()
    };
    let advised =
        [("report_1", "report_0"), ("report_2", "report_1"), ("probe_1", "probe_0"), ("probe_2", "probe_1")];
    let read = read_bytes("table.csv", table.as_bytes(), &map(&advised)).unwrap();
    assert_eq!(read.trials()[0].display.report, [0.2, 1.3]);
    // Probe features alone were once left out without a word.
    assert_says(
        &refusal(table.as_bytes(), &map(&advised[..2])),
        &["column probe_0: missing", "probe_1=probe_0"],
    );
    // The columns are called by their names in the file.
    let colours = table.replace("report_", "colour");
    let mapped = map(&[("colour1", "report_1"), ("colour2", "report_2")]);
    assert_says(
        &refusal(colours.as_bytes(), &mapped),
        &["--column colour1=report_0 --column colour2=report_1"],
    );
}

#[test]
fn a_feature_that_is_asked_for_must_be_there() {
    let options = ReadOptions { probe_prefix: "probe2".into(), ..ReadOptions::default() };
    let message = refusal(SOUND.as_bytes(), &options);
    assert_says(
        &message,
        &["column probe2_0: missing; the table has the features report, probe", "\"probe\"?"],
    );
    let options = ReadOptions { probe_prefix: "report".into(), ..ReadOptions::default() };
    assert_says(&refusal(SOUND.as_bytes(), &options), &["both \"report\""]);
}

#[test]
fn a_mapping_from_a_column_that_is_not_there() {
    let options =
        ReadOptions { columns: vec![("colour".into(), "condition".into())], ..ReadOptions::default() };
    assert_says(
        &refusal(SOUND.as_bytes(), &options),
        &["row 1, column colour: missing, but mapped to condition"],
    );
}

#[test]
fn duplicate_columns() {
    assert_says(&spoilt("probe_1", "probe_0"), &["table.csv: row 1, column probe_0: duplicate"]);
}

#[test]
fn text_in_a_number() {
    let message = spoilt("-1.0", "abc");
    assert_says(
        &message,
        &["table.csv: row 3, column response: \"abc\" is not a number; expected an angle in rad"],
    );
    assert_says(&spoilt("2.0", "two"), &["row 3, column report_1: \"two\" is not a number"]);
    assert_says(&spoilt("a,2", "a,x"), &["row 3, column trial: \"x\" is not a trial number"]);
    assert_says(&spoilt("-1.0", "\"-1,0\""), &["row 3, column response", "decimal point"]);
}

#[test]
fn infinite_and_missing_values() {
    for text in ["inf", "-inf", "NaN"] {
        let message = spoilt("-1.0", text);
        assert_says(&message, &[&format!("row 3, column response: {text:?} is not finite"), "expected"]);
    }
    assert_says(&spoilt("-1.0", ""), &["row 3, column response: empty; expected an angle in rad"]);
    assert_says(&spoilt("a,2", ",2"), &["row 3, column participant: empty"]);
    assert_says(&spoilt("1.5", "inf"), &["row 3, column probe_1: \"inf\" is not finite"]);
}

#[test]
fn short_and_long_rows() {
    assert_says(&spoilt(",1.5,-2.5", ""), &["table.csv: row 3: 9 of 11 fields, so probe_1 is missing"]);
    assert_says(&spoilt("-2.5", "-2.5,7"), &["table.csv: row 3: 12 fields, but the header has 11"]);
    assert_says(&spoilt("a,2,hard", "a,2,\"hard"), &["row 3", "quote"]);
    assert_says(
        &spoilt("a,2,hard,3,-1.0,-1.1,2.0,3.0,0.5,1.5,-2.5", ",,,,,,,,,,"),
        &["row 3: every field is empty"],
    );
}

#[test]
fn a_set_size_that_disagrees_with_the_items() {
    let message = spoilt("hard,3", "hard,2");
    assert_says(&message, &["row 3, column report_2: \"3.0\", but set_size is 2", "row 3, column probe_2"]);
    assert_says(&spoilt("easy,2", "easy,3"), &["row 4, column report_2: empty, but set_size is 3"]);
    assert_says(&spoilt("2.0,3.0", "NaN,3.0"), &["row 3, column report_1: \"NaN\", but set_size is 3"]);
    assert_says(&spoilt("0.5,1.5", "0.5,"), &["table.csv: row 3, column probe_1: empty, but set_size is 3"]);
    assert_says(
        &spoilt("hard,3", "hard,4"),
        &["row 3, column set_size: 4, but the table has only report_0 to report_2"],
    );
}

#[test]
fn a_set_size_out_of_range() {
    for size in ["0", "9", "-1", "2.5", "many"] {
        let message = spoilt("hard,3", &format!("hard,{size}"));
        assert_says(&message, &[&format!("row 3, column set_size: {size:?}"), "whole number from 1 to 8"]);
    }
    assert_says(&spoilt("hard,3", "hard,"), &["row 3, column set_size: empty"]);
}

#[test]
fn degrees_read_as_radians() {
    let message = spoilt("-1.1", "173");
    assert_says(&message, &["row 3, column report_0: 173 rad is more than 2 pi", "--units deg", "deg180"]);
    let message = spoilt("-2.5", "-45");
    assert_says(&message, &["row 3, column probe_2: -45 rad", "--units deg"]);
    let message = refusal(SOUND.replacen("-1.1", "400", 1).as_bytes(), &ReadOptions::in_units(Units::Deg));
    assert_says(&message, &["row 3, column report_0: 400 is more than a turn", "[0, 360)"]);
    let message = refusal(SOUND.replacen("-1.1", "200", 1).as_bytes(), &ReadOptions::in_units(Units::Deg180));
    assert_says(&message, &["row 3, column report_0: 200 degrees", "--units deg"]);
}

#[test]
fn the_units_that_a_table_fits_are_told_when_many_angles_are_out_of_range() {
    // Numbers as (response, report_0, probe_0) of single items, the units they are read in, and the hint.
    let degrees = |turn: f64| move |trial: i32| turn * (f64::from(trial) + 0.5) / 40.0;
    let [half, full, location] = [degrees(180.0), degrees(360.0), degrees(std::f64::consts::TAU)];
    let hint = |report: &dyn Fn(i32) -> f64, probe: &dyn Fn(i32) -> f64, units: Units| {
        let rows = (0..40).map(|trial| {
            let (report, probe) = (report(trial), probe(trial));
            format!("a,1,{report},{report},{probe}\n")
        });
        let table = "participant,set_size,response,report_0,probe_0\n".to_owned() + &rows.collect::<String>();
        let error = read_bytes("table.csv", table.as_bytes(), &ReadOptions::in_units(units)).unwrap_err();
        let Error::InvalidTable { hints, .. } = &error else { unreachable!() };
        assert!(hints.iter().all(|hint| error.to_string().contains(hint)));
        hints.join("\n")
    };
    assert_eq!(
        hint(&full, &full, Units::Rad),
        "many angles are out of range in rad, but all fit deg: read them with --units deg"
    );
    assert_says(
        &hint(&half, &half, Units::Rad),
        &["--units deg180 or --units deg, the former if", "half circle"],
    );
    assert_says(
        &hint(&full, &location, Units::Rad),
        &["responses and report features", "--report-units deg"],
    );
    assert!(!hint(&full, &location, Units::Rad).contains("probe"));
    assert_says(
        &hint(&half, &full, Units::Rad),
        &["--report-units deg180 or", "\nmany probe", "--probe-units deg"],
    );
    assert_says(&hint(&full, &full, Units::Deg180), &["--units deg"]);
    assert_says(&hint(&location, &location, Units::Rad180), &["--units rad"]);
    // Radians of which many are wrong are no degrees.
    assert_eq!(hint(&|trial| location(trial) - 3.0 * f64::from(trial % 2), &location, Units::Rad), "");
}

#[test]
fn angles_that_fit_neither_coding() {
    assert_says(
        &spoilt("-1.0", "-3.5"),
        &["row 3, column response: -3.5 is out of range; expected [-pi, pi)"],
    );
    // 4.0 would do if all angles of the block started at zero, but others are negative.
    assert_says(&spoilt("2.0", "4.0"), &["row 3, column report_1: 4 is out of range", "negative"]);
    let low = spoilt("2.0", &(-std::f64::consts::PI - 1.5e-3).to_string());
    assert_says(&low, &["row 3, column report_1", "out of range"]);
}

#[test]
fn bad_slots_and_sources() {
    let table = "participant,set_size,response,report_0,report_1,source,cued_slot\n\
        1,2,0,0,1,uniform,1\n1,2,0,0,1,2,0\n1,2,0,0,1,0,2\n1,2,0,0,1,guess,0\n";
    let message = refusal(table.as_bytes(), &ReadOptions::default());
    assert_says(&message, &["table.csv: 3 problems", "row 3, column source: \"2\"", "below the set size 2"]);
    assert_says(
        &message,
        &["row 4, column cued_slot: \"2\"", "row 5, column source: \"guess\"", "`uniform`"],
    );
}

#[test]
fn empty_files() {
    let options = ReadOptions::default();
    for text in ["", "\n\n", "\u{feff}"] {
        assert_says(&refusal(text.as_bytes(), &options), &["table.csv: the file is empty"]);
    }
    let header = SOUND.lines().next().unwrap();
    assert_says(&refusal(header.as_bytes(), &options), &["table.csv: the table has a header but no trials"]);
}

#[test]
fn files_that_are_not_text() {
    let options = ReadOptions::default();
    let with = |byte: u8| [&SOUND.as_bytes()[..120], &[byte], &SOUND.as_bytes()[120..]].concat();
    assert_says(&refusal(&with(0), &options), &["table.csv: row 2: a zero byte", "CSV file in UTF-8"]);
    assert_says(&refusal(&with(0xe9), &options), &["table.csv: row 2: byte 0xe9 is not UTF-8"]);
    assert_says(&refusal(b"PK\x03\x04....", &options), &["table.csv: a spreadsheet"]);
    assert_says(&refusal(&[0xff, 0xfe, b'p', 0], &options), &["table.csv: text in UTF-16"]);
}

#[test]
fn every_bad_row_is_counted_and_the_first_ten_are_shown() {
    let mut table = SOUND.to_owned();
    for row in 0..37 {
        table.push_str(&format!("c,{row},easy,1,oops,0.2,,,0.5,,\n"));
    }
    let error = read_bytes("table.csv", table.as_bytes(), &ReadOptions::default()).unwrap_err();
    let message = error.to_string();
    assert_says(&message, &["table.csv: 37 problems; nothing was read", "row 5, column response", "row 14,"]);
    assert_says(&message, &["... and 27 more"]);
    assert!(!message.contains("row 15,"));
    let Error::InvalidTable { problems, .. } = error else { unreachable!() };
    assert_eq!(problems.len(), 37);
    assert_eq!(problems[36].row, Some(41));
}

#[test]
fn rows_are_lines_of_the_file_whatever_its_line_breaks() {
    let spaced = SOUND.replace("a,2", "\n\na,2").replace("3.0,-3.1", "oops,-3.1");
    for breaks in ["\n", "\r\n", "\r"] {
        let message = refusal(spaced.replace('\n', breaks).as_bytes(), &ReadOptions::default());
        assert_says(&message, &["row 6, column response: \"oops\""]);
    }
    let quoted = SOUND.replace("hard", "\"ha\nrd\"").replace("3.0,-3.1", "oops,-3.1");
    assert_says(&refusal(quoted.as_bytes(), &ReadOptions::default()), &["row 5, column response"]);
}

#[test]
fn columns_are_named_as_in_the_file() {
    let options = ReadOptions { columns: vec![("rt".into(), "response".into())], ..ReadOptions::default() };
    let table = SOUND.replacen("response", "rt", 1).replacen("-1.0", "x", 1);
    assert_says(&refusal(table.as_bytes(), &options), &["row 3, column rt:"]);
}

#[test]
fn files_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.csv");
    std::fs::write(&path, SOUND).unwrap();
    let absent = folder.path().join("trails.csv");
    let message = read_csv(&absent, &ReadOptions::default()).unwrap_err().to_string();
    assert_says(&message, &["trails.csv: ", "No such file"]);
    let message = open(absent.to_str().unwrap(), &ReadOptions::default()).unwrap_err().to_string();
    assert_says(&message, &["there is no such file", bundled()[0].name, "did you mean", "trials.csv\"?"]);
    let message = open("vandenberg_orientation", &ReadOptions::default()).unwrap_err().to_string();
    assert_says(&message, &["did you mean \"vandenberg2012_orientation\"?"]);
}
