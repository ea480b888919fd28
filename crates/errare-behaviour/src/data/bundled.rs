//! The data sets inside the program, and opening a set or a file by one name.

use std::path::Path;

use super::filter::nearest;
use super::{ReadOptions, TrialTable, Units, read_bytes, read_table};
use crate::{Error, Result};

/// A data set inside the program. All are in radians, with half circles doubled.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct BundledSet {
    /// The name to open it by.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Number of trials.
    pub trials: usize,
    /// Number of participants.
    pub participants: usize,
    /// Set sizes, ascending.
    pub set_sizes: &'static [usize],
    /// Conditions, where the table has any.
    pub conditions: &'static [&'static str],
    /// The feature that was reported.
    pub report: &'static str,
    /// The feature that the cue showed.
    pub probe: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// What to cite when using it; for simulated sets, how they were made.
    pub citation: &'static str,
    /// The CSV file.
    #[serde(skip)]
    pub csv: &'static [u8],
}

const BSD: &str = "BSD-2-Clause (MemToolbox)";
const VAN_DEN_BERG: &str = "van den Berg, R., Shin, H., Chou, W.-C., George, R., & Ma, W. J. (2012). Variability in \
    encoding precision accounts for visual short-term memory limitations. Proceedings of the National Academy of \
    Sciences, 109(22), 8780-8785. doi:10.1073/pnas.1117465109";

macro_rules! csv {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/", $name, ".csv"))
    };
}

static BUNDLED: [BundledSet; 4] = [
    BundledSet {
        name: "vandenberg2012_color_wheel",
        title: "colours of 1 to 8 items, reported by clicking on a colour wheel",
        trials: 11_232,
        participants: 13,
        set_sizes: &[1, 2, 3, 4, 5, 6, 7, 8],
        conditions: &[],
        report: "colour (180 hues)",
        probe: "location (8 positions on a ring)",
        licence: BSD,
        citation: VAN_DEN_BERG,
        csv: csv!("vandenberg2012_color_wheel"),
    },
    BundledSet {
        name: "vandenberg2012_color_scroll",
        title: "colours of 1 to 8 items, reported by scrolling through colours",
        trials: 11_232,
        participants: 13,
        set_sizes: &[1, 2, 3, 4, 5, 6, 7, 8],
        conditions: &[],
        report: "colour (180 hues)",
        probe: "location (8 positions on a ring)",
        licence: BSD,
        citation: VAN_DEN_BERG,
        csv: csv!("vandenberg2012_color_scroll"),
    },
    BundledSet {
        name: "vandenberg2012_orientation",
        title: "orientations of 1 to 8 items, with almost no swaps: a negative control",
        trials: 15_360,
        participants: 6,
        set_sizes: &[1, 2, 3, 4, 5, 6, 7, 8],
        conditions: &[],
        report: "orientation (180 degrees, doubled)",
        probe: "location (8 positions on a ring)",
        licence: BSD,
        citation: VAN_DEN_BERG,
        csv: csv!("vandenberg2012_orientation"),
    },
    BundledSet {
        name: "simulated_probe_effect",
        title: "simulated: swaps fall with probe distance in one condition, not in the other; sources known",
        trials: 3_840,
        participants: 12,
        set_sizes: &[1, 2, 4, 6],
        conditions: &["distance", "flat"],
        report: "simulated angle",
        probe: "simulated angle; probe2, another one without effect",
        licence: "as errare (MIT OR Apache-2.0)",
        citation: "errare, generator ProbeEffect with its default parameters",
        csv: csv!("simulated_probe_effect"),
    },
];

/// The data sets inside the program.
#[must_use]
pub fn bundled() -> &'static [BundledSet] {
    &BUNDLED
}

/// Loads a data set inside the program.
///
/// # Errors
/// [`Error::UnknownName`] with the names there are.
pub fn load_bundled(name: &str) -> Result<TrialTable> {
    match BUNDLED.iter().find(|set| set.name == name) {
        Some(set) => read_bytes(set.name, set.csv, &ReadOptions::default()),
        None => Err(unknown(name, "the bundled data sets are")),
    }
}

/// Opens a data set inside the program or, if none has this name, the CSV or Parquet file at this path. A
/// bundled set is in radians whatever `options` say of units; their prefixes and columns hold for both.
///
/// # Errors
/// [`Error::UnknownName`] when there is neither, with the nearest name; else those of [`read_table`].
pub fn open(name_or_path: &str, options: &ReadOptions) -> Result<TrialTable> {
    if let Some(set) = BUNDLED.iter().find(|set| set.name == name_or_path) {
        let options = ReadOptions { report_units: Units::Rad, probe_units: Units::Rad, ..options.clone() };
        return read_bytes(set.name, set.csv, &options);
    }
    if !Path::new(name_or_path).exists() {
        return Err(unknown(name_or_path, "there is no such file, and the bundled data sets are"));
    }
    read_table(name_or_path, options)
}

fn unknown(name: &str, lead: &str) -> Error {
    let names: Vec<&str> = BUNDLED.iter().map(|set| set.name).collect();
    let mut hint = format!("{lead} {}", names.join(", "));
    if let Some(near) =
        nearest(name, names.into_iter()).map(str::to_owned).or_else(|| sibling(Path::new(name)))
    {
        hint.push_str(&format!("; did you mean {near:?}?"));
    }
    Error::UnknownName { what: "data set", name: name.to_owned(), hint }
}

/// The file beside a path whose name is nearest to it.
fn sibling(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let entries =
        std::fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(folder.join(near).display().to_string())
}
