//! Sound tables in every shape that users have: units, codings, separators, missing parts, selections.

use std::f64::consts::PI;

use approx::assert_abs_diff_eq;

use super::super::{GroupKey, ReadOptions, Trial, TrialTable, Units, open};
use super::{SOUND, read, read_with};
use crate::{Display, Source};

#[test]
fn a_sound_table() {
    let table = read(SOUND);
    assert_eq!(table.len(), 3);
    assert_eq!(table.set_sizes(), [1, 2, 3]);
    assert_eq!(table.participants().iter().map(|label| &**label).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(table.conditions().len(), 2);
    assert!(table.has_probe() && !table.has_sources());
    let trial = &table.trials()[1];
    assert_eq!(
        trial.display,
        Display { probe: vec![0.5, 1.5, -2.5], report: vec![-1.1, 2.0, 3.0], cued_slot: 0 }
    );
    assert_eq!((trial.response, trial.trial, trial.session.as_deref()), (-1.0, Some(2), None));
    assert_abs_diff_eq!(trial.error(), 0.1, epsilon = 1e-12);
}

#[test]
fn separations_by_set_size() {
    let separations = read(SOUND).minimum_separations();
    assert_eq!(separations.iter().map(|s| s.set_size).collect::<Vec<_>>(), [2, 3]);
    assert_abs_diff_eq!(separations[0].probe.unwrap(), 1.0, epsilon = 1e-12);
    assert_abs_diff_eq!(separations[1].report, 1.0, epsilon = 1e-12);
    // 2.5 and −2.5 are close across the cut of the circle.
    assert_abs_diff_eq!(separations[1].probe.unwrap(), 1.0, epsilon = 1e-12);
}

#[test]
fn degrees_and_half_circles() {
    let table = "participant,set_size,response,report_0,report_1,probe_0,probe_1\n\
        1,2,170,10,100,350,45\n1,1,0,179,,360,\n";
    let half = ReadOptions { report_units: Units::Deg180, probe_units: Units::Deg, ..ReadOptions::default() };
    let table = read_with(table, &half);
    let trial = &table.trials()[0];
    assert_abs_diff_eq!(trial.display.report[0], 20f64.to_radians(), epsilon = 1e-12);
    assert_abs_diff_eq!(trial.display.report[1], -160f64.to_radians(), epsilon = 1e-12);
    assert_abs_diff_eq!(trial.response, -20f64.to_radians(), epsilon = 1e-12);
    assert_abs_diff_eq!(trial.display.probe[0], -10f64.to_radians(), epsilon = 1e-12);

    let radians = "participant,set_size,response,report_0\n1,1,1.5,0.5\n";
    let half = ReadOptions::in_units(Units::Rad180);
    assert_abs_diff_eq!(read_with(radians, &half).trials()[0].response, 3.0, epsilon = 1e-12);
}

#[test]
fn radians_from_zero_and_rounded_ends_are_wrapped() {
    let table = "participant,set_size,response,report_0,probe_0\n1,1,6.2832,4.0,-3.1416\n1,1,0,0,3.1416\n";
    let trials = read(table);
    let first = &trials.trials()[0];
    assert_abs_diff_eq!(first.response, 0.0, epsilon = 1e-4);
    assert_abs_diff_eq!(first.display.report[0], 4.0 - 2.0 * PI, epsilon = 1e-12);
    for trial in trials.trials() {
        assert!((-PI..PI).contains(&trial.display.probe[0]));
        assert_abs_diff_eq!(trial.display.probe[0].abs(), PI, epsilon = 1e-4);
    }
}

#[test]
fn tables_as_other_programs_write_them() {
    // A byte-order mark, CR LF, semicolons, spaces, floats for whole numbers, NA, row names, quotes.
    let table = "\u{feff}\"\";participant;set_size;response;report_0;report_1\r\n\
        1;\"anna\";1.0;0.1; 0.2;NA\r\n\
        \r\n2;bea;2.0;0.3;0.4;1.5\r\n";
    let table = read(table);
    assert_eq!(table.set_sizes(), [1, 2]);
    assert_eq!(&*table.participants()[0], "anna");
    assert!(!table.has_probe());
    assert!(table.extra_columns().is_empty());
    assert_eq!(read("participant\tset_size\tresponse\treport_0\n1\t1\t0\t0\n").len(), 1);
}

#[test]
fn prefixes_match_exactly() {
    let table = "participant,set_size,response,probe2_0,probe2_1,report_0,report_1,probe_0,probe_1,probe_note\n\
        1,2,0,1.5,2.5,0,1,-0.5,0.5,x\n";
    let first = read(table);
    assert_eq!(first.trials()[0].display.probe, [-0.5, 0.5]);
    assert_eq!(first.extra_columns(), ["probe_note"]);
    assert_eq!(first.origin().features, ["probe2", "report", "probe"]);
    let options = ReadOptions { probe_prefix: "probe2".into(), ..ReadOptions::default() };
    assert_eq!(read_with(table, &options).trials()[0].display.probe, [1.5, 2.5]);
    let swapped = ReadOptions {
        probe_prefix: "report".into(),
        report_prefix: "probe".into(),
        ..ReadOptions::default()
    };
    assert_eq!(read_with(table, &swapped).trials()[0].display.report, [-0.5, 0.5]);
}

#[test]
fn mapped_columns() {
    let table = SOUND.replacen("participant", "subject", 1).replacen("report_0", "target", 1);
    let columns =
        vec![("subject".to_owned(), "participant".to_owned()), ("target".to_owned(), "report_0".to_owned())];
    let options = ReadOptions { columns, ..ReadOptions::default() };
    assert_eq!(read_with(&table, &options).trials(), read(SOUND).trials());
}

#[test]
fn selections() {
    let table = read(
        "participant,block_id,set_size,response,report_0,session\n\
         1,x,1,0,0,s1\n2,y,1,0,0,s1\n2,x,1,0,0,s2\n",
    );
    assert_eq!(table.filter("block_id", "x").unwrap().len(), 2);
    assert_eq!(table.filter("participant", "2").unwrap().filter("session", "s2").unwrap().len(), 1);
    assert_eq!(table.filter("set_size", "1.0").unwrap().len(), 3);
    let either = table.filter_any("participant", &["1", "2"]).unwrap().len();
    let [one, two] = ["1", "2"].map(|value| table.filter("participant", value).unwrap().len());
    assert_eq!(either, one + two);
    assert!(table.filter_any("participant", &["1", "7"]).unwrap_err().to_string().contains("\"7\""));
    let message = table.filter("blockid", "x").unwrap_err().to_string();
    assert!(message.contains("unknown column \"blockid\"") && message.contains("\"block_id\"?"), "{message}");
    let message = table.filter("participant", "3").unwrap_err().to_string();
    assert!(message.contains("unknown value \"3\": column participant of table.csv holds 1, 2"), "{message}");
    let message = table.filter("condition", "easy").unwrap_err().to_string();
    assert!(message.contains("participant, set_size, session, block_id"), "{message}");
}

#[test]
fn groups_come_in_a_fixed_order() {
    let table = read(
        "participant,condition,set_size,response,report_0,report_1\n\
         z,hot,2,0,0,1\na,cold,1,0,0,\nz,cold,1,0,0,\nz,hot,1,0,0,\nz,hot,2,0,0,1\n",
    );
    use GroupKey::{Condition, Participant, SetSize};
    let names = |keys: &[GroupKey]| -> Vec<String> {
        let name = |label: &Option<std::sync::Arc<str>>| label.as_deref().unwrap_or("-").to_owned();
        let describe = |group: &super::super::Group| {
            let (participant, condition) = (name(&group.participant), name(&group.condition));
            format!("{participant} {condition} {:?} {}", group.set_size, group.table.len())
        };
        table.group_by(keys).iter().map(describe).collect()
    };
    assert_eq!(names(&[]), ["- - None 5"]);
    assert_eq!(names(&[SetSize]), ["- - Some(1) 3", "- - Some(2) 2"]);
    let all = ["z hot Some(1) 1", "z hot Some(2) 2", "z cold Some(1) 1", "a cold Some(1) 1"];
    assert_eq!(names(&[SetSize, Condition, Participant]), all);
}

#[test]
fn tables_made_in_memory_are_checked() {
    let display = |report: Vec<f64>, probe: Vec<f64>| Display { probe, report, cued_slot: 0 };
    let good = Trial::new("1", display(vec![0.0, 1.0], vec![]), 0.5);
    assert!(TrialTable::new("t", vec![good.clone()]).is_ok());
    assert!(TrialTable::new("t", vec![]).unwrap_err().to_string().contains("no trials"));
    let bad = [
        (Trial { response: 4.0, ..good.clone() }, "4 rad"),
        (Trial { response: f64::NAN, ..good.clone() }, "NaN rad"),
        (Trial::new("1", display(vec![0.0; 9], vec![]), 0.0), "set size 9"),
        (Trial::new("1", display(vec![0.0], vec![0.0]), 0.0), "1 probe features"),
        (Trial { source: Some(Source::Item(2)), ..good.clone() }, "source is item 2"),
    ];
    for (trial, reason) in bad {
        let message = TrialTable::new("t", vec![good.clone(), trial]).unwrap_err().to_string();
        assert!(message.starts_with("t: row 2: ") && message.contains(reason), "{message}");
    }
}

#[test]
fn a_bundled_set_is_in_radians_whatever_the_options() {
    let table = open("vandenberg2012_orientation", &ReadOptions::in_units(Units::Deg180)).unwrap();
    assert_eq!(table.origin().report_units, Units::Rad);
    assert_eq!(table.len(), 15_360);
}

#[test]
fn units_and_groupings_by_name() {
    for units in Units::ALL {
        assert_eq!(units.name().parse::<Units>().unwrap(), units);
        assert_abs_diff_eq!(units.to_radians(units.turn()), 2.0 * PI, epsilon = 1e-12);
    }
    assert!("degrees".parse::<Units>().unwrap_err().to_string().contains("deg180"));
    assert!("subject".parse::<GroupKey>().unwrap_err().to_string().contains("set_size"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_pipe_is_read_whole() {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(SOUND.as_bytes()).unwrap();
    drop(writer);
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    let table = crate::data::read_table(path, &ReadOptions::default()).unwrap();
    assert_eq!(table.trials(), read(SOUND).trials());
}
