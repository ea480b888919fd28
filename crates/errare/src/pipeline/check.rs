//! The page of posterior predictive checks: a section for each participant and condition, set sizes side by side.

use errare_behaviour::{Check, CurveStatistic, GroupKey, ModelName, SummaryStatistic, TrialTable};
use errare_core::provenance::Provenance;
use errare_report::number::count;
use errare_report::{Cell, Column, Figure, Page, Section, Table, Unit};

use super::figures::{self, p_text};
use super::page::with_provenance;

/// From here on a check counts as failed.
pub const FAILED: f64 = 0.05;

/// The checks of one participant and condition.
fn parts(checks: &[Check]) -> Vec<Vec<&Check>> {
    let mut parts: Vec<Vec<&Check>> = Vec::new();
    for check in checks {
        let same = |part: &&mut Vec<&Check>| {
            part.first().is_some_and(|one| {
                (&one.participant, &one.condition) == (&check.participant, &check.condition)
            })
        };
        match parts.iter_mut().find(same) {
            Some(part) => part.push(check),
            None => parts.push(vec![check]),
        }
    }
    parts
}

/// The figures of a part, the `number`-th.
fn part_figures(number: usize, part: &[&Check]) -> Vec<Figure> {
    let name = |kind: &str| format!("{kind}-{number}");
    let curve = |kind: &str, statistic| figures::checked_curves(&name(kind), statistic, part);
    let mut all: Vec<Figure> = [
        ("errors", CurveStatistic::ErrorDensity),
        ("nontargets", CurveStatistic::NontargetDensity),
        ("probe-distance", CurveStatistic::DistanceByProbe),
    ]
    .into_iter()
    .filter_map(|(kind, statistic)| curve(kind, statistic))
    .collect();
    all.push(figures::checked_summaries(&name("summaries"), part));
    all
}

/// The figures of [`check_report`], numbered by participant and condition.
#[must_use]
pub fn check_figures(checks: &[Check]) -> Vec<Figure> {
    parts(checks).iter().enumerate().flat_map(|(index, part)| part_figures(index + 1, part)).collect()
}

/// How many checks there are, and how many have p < [`FAILED`]. The resultant length tells what the circular SD does, and is
/// not counted beside it.
#[must_use]
pub fn count_checks(checks: &[Check]) -> (usize, usize) {
    let p = checks.iter().flat_map(|check| {
        let counted = check.summaries.iter().filter(|one| one.statistic != SummaryStatistic::Resultant);
        counted.filter_map(|one| one.p).chain(check.curves.iter().map(|one| one.p))
    });
    p.fold((0, 0), |(all, failed), p| (all + 1, failed + usize::from(p < FAILED)))
}

/// What to know of checks apart by condition when the fits, grouped by `keys`, were not.
#[must_use]
pub fn shared_fits(keys: &[GroupKey], checks: &[Check]) -> Option<&'static str> {
    let of_one_fit = |one: &Check, other: &Check| {
        one.participant == other.participant
            && (one.set_size == other.set_size || !keys.contains(&GroupKey::SetSize))
    };
    let shared = checks.iter().enumerate().any(|(index, one)| {
        checks[..index].iter().any(|other| one.condition != other.condition && of_one_fit(one, other))
    });
    (shared && !keys.contains(&GroupKey::Condition)).then_some(
        "Conditions were fitted together and are checked apart, so that a difference between them counts against the model; \
         --by condition fits each by itself.",
    )
}

/// A page that shows people beside surrogates of a fitted model.
#[must_use]
pub fn check_report(
    table: &TrialTable,
    model: ModelName,
    draws: usize,
    keys: &[GroupKey],
    checks: &[Check],
    provenance: &Provenance,
) -> Page {
    let (all, failed) = count_checks(checks);
    let mut summary = format!(
        "Do responses drawn from {model}, fitted to the same trials, look like those of people? {} trials of {} participants \
         ({}) beside {draws} surrogates of each. {failed} of {all} checks have p < {FAILED}; under the right model about \
         {:.0} or fewer would.",
        count(table.len() as u64),
        table.participants().len(),
        table.name(),
        FAILED * all as f64,
    );
    if let Some(note) = shared_fits(keys, checks) {
        summary.push(' ');
        summary.push_str(note);
    }
    let mut page = Page::new("Posterior predictive checks", summary);
    for (index, part) in parts(checks).iter().enumerate() {
        let labels = part.first().map(|check| {
            let participant = check.participant.as_ref().map(|label| format!("Participant {label}"));
            let condition = check.condition.as_ref().map(|label| format!("Condition {label}"));
            participant.into_iter().chain(condition).collect::<Vec<_>>().join(", ")
        });
        let title = labels.filter(|title| !title.is_empty()).unwrap_or_else(|| "All trials".into());
        let mut section = Section::new(title).table(p_values(part));
        for figure in part_figures(index + 1, part) {
            section = section.figure(figure);
        }
        page = page.section(section);
    }
    with_provenance(page, provenance)
}

/// The p-values of a part, a row a set size.
fn p_values(part: &[&Check]) -> Table {
    let number = |title: &str| Column::number(title, &Unit::Dimensionless);
    let mut table = Table::new(
        "p-values by set size",
        [
            Column::text("set size"),
            number("trials"),
            number("errors"),
            number("uncued items"),
            number("probe distance"),
            number("circular SD"),
            number("bias"),
            number("kurtosis"),
            number("resultant"),
        ],
    )
    .note(
        "Errors, uncued items, probe distance: the curves below, as a whole. An asterisk marks p < 0.05. The model was fitted to \
         these trials, which makes p-values conservative: a small one counts, a large one proves little.",
    );
    let cell = |p: Option<f64>| match p {
        Some(p) if p < FAILED => Cell::text(format!("{} *", p_text(Some(p)).trim_start_matches("p = "))),
        Some(_) => Cell::text(p_text(p).trim_start_matches("p = ")),
        None => Cell::Missing,
    };
    for check in part {
        let curve =
            |statistic| cell(check.curves.iter().find(|one| one.statistic == statistic).map(|one| one.p));
        let summary = |statistic| {
            cell(check.summaries.iter().find(|one| one.statistic == statistic).and_then(|one| one.p))
        };
        table = table.row([
            Cell::text(check.set_size.to_string()),
            Cell::text(count(check.trials as u64)),
            curve(CurveStatistic::ErrorDensity),
            curve(CurveStatistic::NontargetDensity),
            curve(CurveStatistic::DistanceByProbe),
            summary(SummaryStatistic::CircularSd),
            summary(SummaryStatistic::Bias),
            summary(SummaryStatistic::Kurtosis),
            summary(SummaryStatistic::Resultant),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_different_people_are_not_fitted_together() {
        let check = |participant: Option<&str>, condition: &str| Check {
            participant: participant.map(str::to_owned),
            condition: Some(condition.to_owned()),
            set_size: 2,
            trials: 10,
            summaries: vec![],
            curves: vec![],
        };
        let by = [GroupKey::Participant, GroupKey::SetSize];
        assert!(shared_fits(&by, &[check(Some("a"), "flat"), check(Some("b"), "steep")]).is_none());
        assert!(shared_fits(&by, &[check(Some("a"), "flat"), check(Some("a"), "steep")]).is_some());
        let pooled = [check(None, "flat"), check(None, "steep")];
        assert!(shared_fits(&[], &pooled).is_some());
        assert!(shared_fits(&[GroupKey::Condition], &pooled).is_none());
    }
}
