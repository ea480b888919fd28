//! Which column of a file holds what.

use super::filter::{listing, nearest};
use super::{Problem, ReadOptions};

/// Columns that mean something, besides the features (`report_0`, `probe_0`, …).
const STANDARD: [&str; 8] =
    ["participant", "set_size", "response", "condition", "session", "trial", "source", "cued_slot"];
/// Names that other tables use for the required columns.
const SYNONYMS: [(&str, &[&str]); 3] = [
    ("participant", &["subject", "subj", "sub", "id", "subject_id", "participant_id", "pp", "observer"]),
    ("set_size", &["setsize", "n", "n_items", "nitems", "num_items", "ss", "size", "load"]),
    ("response", &["resp", "answer", "estimate", "reported"]),
];

/// Positions of the columns of a file.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Names as the file writes them.
    pub(super) names: Vec<String>,
    pub(super) participant: usize,
    pub(super) set_size: usize,
    pub(super) response: usize,
    pub(super) condition: Option<usize>,
    pub(super) session: Option<usize>,
    pub(super) trial: Option<usize>,
    pub(super) source: Option<usize>,
    pub(super) cued_slot: Option<usize>,
    /// Report features of item 0, 1, ….
    pub(super) report: Vec<usize>,
    /// Probe features of item 0, 1, …; empty when the table has none.
    pub(super) probe: Vec<usize>,
    /// Columns that mean nothing to errare.
    pub(super) extra: Vec<usize>,
    /// Prefixes of all blocks of features.
    pub(super) features: Vec<String>,
}

impl Columns {
    /// Finds the columns in the header, which stands in line `row` of a text file.
    pub(super) fn find(
        header: &[String],
        row: Option<u64>,
        options: &ReadOptions,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut standard = header.to_vec();
        for (from, to) in &options.columns {
            let feature = to.rsplit_once('_').is_some_and(|(_, item)| item.parse::<usize>().is_ok());
            if !feature && !STANDARD.contains(&to.as_str()) {
                let standard = STANDARD.map(str::to_owned);
                let reason =
                    format!("mapped to {to}, which is no standard column: {}", listing(to, &standard));
                problems.push(Problem::header(row, from, reason));
                continue;
            }
            match header.iter().position(|name| name == from) {
                Some(index) => standard[index].clone_from(to),
                None => problems.push(Problem::header(
                    row,
                    from,
                    format!("missing, but mapped to {to}; the table has {}", listing(from, header)),
                )),
            }
        }
        for (index, name) in standard.iter().enumerate() {
            if !name.is_empty() && standard[..index].contains(name) {
                let reason =
                    format!("duplicate: columns must have different names (again in field {})", index + 1);
                problems.push(Problem::header(row, name, reason));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }

        let features = feature_prefixes(&standard);
        let position = |wanted: &str| standard.iter().position(|name| name == wanted);
        let mut required = |wanted: &str| {
            position(wanted).unwrap_or_else(|| {
                problems.push(Problem::header(row, wanted, missing(wanted, header)));
                0
            })
        };
        let (participant, set_size, response) =
            (required("participant"), required("set_size"), required("response"));
        let mut block = |prefix: &str, optional: bool| {
            let mut items: Vec<usize> = standard.iter().filter_map(|name| item_of(name, prefix)).collect();
            items.sort_unstable();
            // Those that begin with 1 are a feature too, and refused: they would be taken for none.
            let from_one = items.first() == Some(&1);
            if optional && !from_one && items.first() != Some(&0) {
                return Vec::new();
            }
            (0..items.last().map_or(1, |last| last + 1))
                .filter_map(|item| {
                    let name = format!("{prefix}_{item}");
                    let found = position(&name);
                    if found.is_none() {
                        let reason = if from_one && item == 0 {
                            let of_file = |item: &usize| {
                                position(&format!("{prefix}_{item}"))
                                    .map(|index| (header[index].as_str(), *item))
                            };
                            numbered_from_one(prefix, &items.iter().filter_map(of_file).collect::<Vec<_>>())
                        } else {
                            missing_feature(prefix, &features)
                        };
                        problems.push(Problem::header(row, &name, reason));
                    }
                    found
                })
                .collect()
        };
        let report = block(&options.report_prefix, false);
        // A table without probe features is fine, unless the user named them.
        let probe = block(&options.probe_prefix, options.probe_prefix == ReadOptions::default().probe_prefix);
        if options.report_prefix == options.probe_prefix {
            let reason = format!("the probe and the report feature are both {:?}", options.report_prefix);
            problems.push(Problem::file(reason));
        }
        if !problems.is_empty() {
            return Err(problems);
        }

        let mut columns = Self {
            names: header.to_vec(),
            participant,
            set_size,
            response,
            condition: position("condition"),
            session: position("session"),
            trial: position("trial"),
            source: position("source"),
            cued_slot: position("cued_slot"),
            report,
            probe,
            extra: Vec::new(),
            features,
        };
        let labels = [columns.condition, columns.session, columns.trial, columns.source, columns.cued_slot];
        let in_feature = |name: &str| columns.features.iter().any(|prefix| item_of(name, prefix).is_some());
        columns.extra = (0..standard.len())
            .filter(|index| {
                ![participant, set_size, response].contains(index)
                    && !labels.contains(&Some(*index))
                    && !standard[*index].is_empty()
                    && !in_feature(&standard[*index])
            })
            .collect();
        Ok(columns)
    }
}

/// The item of a column `prefix_item`; the match is exact, so that `probe` is not `probe2`.
fn item_of(name: &str, prefix: &str) -> Option<usize> {
    let digits = name.strip_prefix(prefix)?.strip_prefix('_')?;
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    // Two digits are more items than any display has; longer numbers are something else.
    (plain && digits.len() <= 2).then(|| digits.parse().ok())?
}

/// The prefixes of the blocks `prefix_0`, `prefix_1`, …, in order of appearance.
fn feature_prefixes(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter_map(|name| name.strip_suffix("_0"))
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect()
}

fn missing(wanted: &str, header: &[String]) -> String {
    let synonyms = SYNONYMS.iter().find(|(name, _)| *name == wanted).map_or(&[][..], |(_, others)| *others);
    let synonym = header.iter().find(|name| synonyms.contains(&name.to_lowercase().as_str()));
    let guess = synonym.map(String::as_str).or_else(|| nearest(wanted, header.iter().map(String::as_str)));
    match guess {
        Some(guess) => {
            format!("missing; if {guess:?} is meant, rename it or map the column: {guess}={wanted}")
        }
        None => format!("missing; the table has {}", listing(wanted, header)),
    }
}

/// What to do with columns that are numbered from 1, given by their names in the file and their numbers.
fn numbered_from_one(prefix: &str, columns: &[(&str, usize)]) -> String {
    let mapped: Vec<String> =
        columns.iter().map(|(name, item)| format!("--column {name}={prefix}_{}", item - 1)).collect();
    format!(
        "missing; items are numbered from 0, and item 0 is the cued one: if {prefix}_1 is that of the cued item, number \
         the columns from 0 or read them with {}",
        mapped.join(" ")
    )
}

fn missing_feature(prefix: &str, features: &[String]) -> String {
    if features.is_empty() {
        return format!("missing; expected the items' features in {prefix}_0, {prefix}_1, ...");
    }
    format!("missing; the table has the features {}", listing(prefix, features))
}
