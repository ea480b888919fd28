//! The verdict on a network: whether it is faithful, by which criteria, and on how many responses.

use errare_analysis::fidelity::Criteria;
use errare_report::number;
use serde::Serialize;

/// Whether a network is faithful; the contents of `criteria.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether every criterion is met.
    pub faithful: bool,
    /// How many responses it was judged on.
    pub judged_on: JudgedOn,
    /// The criteria by name.
    pub criteria: Criteria,
}

/// The responses that a network is judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct JudgedOn {
    /// Displays.
    pub displays: usize,
    /// Responses to each.
    pub samples: usize,
}

impl JudgedOn {
    /// What the criteria are defined on.
    pub const DEFINITION: Self = Self { displays: 4096, samples: 256 };

    fn responses(self) -> usize {
        self.displays * self.samples
    }
}

impl Verdict {
    /// The verdict as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let all = self.criteria.len();
        match self.criteria.values().filter(|criterion| !criterion.met).count() {
            0 => format!("The network is faithful: it meets all {all} criteria."),
            missed => format!("The network is not faithful: it misses {missed} of {all} criteria."),
        }
    }

    /// How many responses the criteria were judged on, in words.
    #[must_use]
    pub fn judged_on(&self) -> String {
        let JudgedOn { displays, samples } = self.judged_on;
        let counted = format!(
            "judged on {} displays with {} responses each",
            number::count(displays as u64),
            number::count(samples as u64)
        );
        if self.judged_on.responses() < JudgedOn::DEFINITION.responses() {
            format!("{counted}: floors, and limits that follow them, are wider than with more")
        } else {
            counted
        }
    }
}

#[cfg(test)]
mod tests {
    use errare_analysis::fidelity::Criterion;

    use super::*;

    #[test]
    fn a_verdict_counts_what_is_missed() {
        let of = |values: [f64; 3]| {
            let criteria: Criteria = values
                .iter()
                .enumerate()
                .map(|(index, &value)| (format!("criterion {index}"), Criterion::at_most(value, 1.0)))
                .collect();
            let faithful = criteria.values().all(|criterion| criterion.met);
            Verdict { faithful, judged_on: JudgedOn { displays: 1024, samples: 64 }, criteria }.sentence()
        };
        assert_eq!(of([0.5, 1.0, -1.0]), "The network is faithful: it meets all 3 criteria.");
        assert_eq!(of([0.5, 1.5, f64::NAN]), "The network is not faithful: it misses 2 of 3 criteria.");
    }

    #[test]
    fn a_glance_is_said_to_be_one() {
        let on = |displays, samples| {
            let judged_on = JudgedOn { displays, samples };
            Verdict { faithful: true, judged_on, criteria: Criteria::new() }.judged_on()
        };
        let whole = format!("judged on {} displays with 256 responses each", number::count(4096));
        assert_eq!(on(4096, 256), whole);
        assert!(on(1024, 64).ends_with("wider than with more"));
    }
}
