//! Tests of the tables as users meet them: files in, tables or messages out.

mod bad_tables;
mod real_tables;
mod round_trip;
mod simulated_table;
mod tables;

use super::{ReadOptions, TrialTable, read_bytes};

/// A small sound table, to be spoilt.
const SOUND: &str = "\
participant,trial,condition,set_size,response,report_0,report_1,report_2,probe_0,probe_1,probe_2
a,1,easy,1,0.1,0.2,,,0.5,,
a,2,hard,3,-1.0,-1.1,2.0,3.0,0.5,1.5,-2.5
b,1,easy,2,3.0,-3.1,1.0,,-0.5,0.5,
";

fn read(text: &str) -> TrialTable {
    read_with(text, &ReadOptions::default())
}

fn read_with(text: &str, options: &ReadOptions) -> TrialTable {
    read_bytes("table.csv", text.as_bytes(), options).unwrap_or_else(|error| panic!("{error}"))
}
