//! What a comparison allows one to claim, by a rule stated beforehand, and in words.

use super::{Interval, ModelScore, interval, one_decimal};
use crate::ModelName;

/// Smallest difference (nats) that is claimed.
pub const CLAIM: f64 = 3.0;
/// Fewest trials that a claim may rest on: the interval takes the mean of the differences for normal, which that of a
/// handful of skewed ones is not.
pub const FEWEST_TRIALS: usize = 20;
/// Evidence that rests on fewer effective draws is doubtful.
const FEW_DRAWS: f64 = 100.0;

/// What follows from a difference between two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The model is ahead by at least [`CLAIM`] nats and the interval of the held-out difference excludes 0.
    Better,
    /// The reference is.
    Worse,
    /// Neither: the two cannot be told apart.
    Undecided,
    /// The two make the same predictions for every trial.
    Same,
}

/// A model against a reference: positive numbers favour the model.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Difference {
    /// The model.
    pub model: ModelName,
    /// What it is compared with.
    pub reference: ModelName,
    /// Difference in held-out log likelihood (nats) with its 95 % interval; `None` where no trials were held out.
    pub heldout: Option<Interval>,
    /// Difference in log evidence (nats), where both have one.
    pub log_evidence: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

impl Difference {
    fn between(model: &ModelScore, reference: &ModelScore, participants: &[&str]) -> Self {
        let heldout = model.heldout.as_ref().zip(reference.heldout.as_ref()).map(|(one, other)| {
            let differences: Vec<f64> = one.iter().zip(other).map(|(a, b)| a - b).collect();
            interval::sum_with_interval(&differences, participants.iter())
        });
        let log_evidence = model.log_evidence.zip(reference.log_evidence).map(|(one, other)| one - other);
        let root = |score: &ModelScore| score.same_as.unwrap_or(score.model);
        let verdict = if root(model) == root(reference) {
            Verdict::Same
        } else {
            judge(heldout, log_evidence, participants.len())
        };
        Self { model: model.model, reference: reference.model, heldout, log_evidence, verdict }
    }

    /// The numbers in words: `9.8 nats in evidence and 12.3 nats [4.1, 20.5] held out`, counted for the model that is ahead.
    fn words(&self) -> String {
        let ahead = |value: f64| if self.verdict == Verdict::Worse { -value } else { value };
        let evidence =
            self.log_evidence.map(|value| format!("{} nats in evidence", one_decimal(ahead(value))));
        let heldout = self.heldout.map(|heldout| {
            let heldout = if self.verdict == Verdict::Worse { heldout.reversed() } else { heldout };
            format!("{} nats {} held out", one_decimal(heldout.value), heldout.bounds())
        });
        evidence.into_iter().chain(heldout).collect::<Vec<_>>().join(" and ")
    }
}

/// A claim needs [`FEWEST_TRIALS`], [`CLAIM`] nats in evidence, or where one of the models has none in held-out likelihood,
/// and an interval of the held-out difference without 0.
fn judge(heldout: Option<Interval>, log_evidence: Option<f64>, trials: usize) -> Verdict {
    let enough = trials >= FEWEST_TRIALS;
    let Some(heldout) = heldout.filter(|one| enough && one.excludes_zero()) else {
        return Verdict::Undecided;
    };
    let size = log_evidence.unwrap_or(heldout.value);
    match (size >= CLAIM && heldout.value > 0.0, size <= -CLAIM && heldout.value < 0.0) {
        (true, _) => Verdict::Better,
        (_, true) => Verdict::Worse,
        _ => Verdict::Undecided,
    }
}

/// The model without any dependence, against which the variants of BNS are tested.
fn null() -> ModelName {
    ModelName::Bns(crate::SwapDependence::None)
}

fn is_variant(model: ModelName) -> bool {
    matches!(model, ModelName::Bns(_)) && model != null()
}

/// Every other model against the first, then every variant of BNS against the one without dependence.
pub(super) fn differences(scores: &[ModelScore], participants: &[&str]) -> Vec<Difference> {
    let Some((best, others)) = scores.split_first() else { return Vec::new() };
    let mut all: Vec<Difference> =
        others.iter().map(|score| Difference::between(score, best, participants)).collect();
    if let Some(none) = scores.iter().find(|score| score.model == null()) {
        let variants = scores.iter().filter(|score| is_variant(score.model) && none.model != best.model);
        all.extend(variants.map(|score| Difference::between(score, none, participants)));
    }
    all
}

/// What can and what cannot be claimed, in sentences.
pub(super) fn conclusions(scores: &[ModelScore], differences: &[Difference]) -> Vec<String> {
    let Some((best, others)) = scores.split_first() else { return Vec::new() };
    let mut sentences = Vec::new();
    let against: Vec<&Difference> = differences.iter().filter(|one| one.reference == best.model).collect();
    let list = |verdict: Verdict, numbers: bool| {
        let named = against.iter().take(others.len()).filter(|one| one.verdict == verdict).map(|one| {
            if numbers { format!("{} (by {})", one.model, one.words()) } else { one.model.to_string() }
        });
        enumerated(&named.collect::<Vec<_>>())
    };
    if best.heldout.is_none() {
        sentences.push("A single trial: no response can be held out, and nothing can be claimed.".into());
    } else if others.is_empty() {
        sentences.push(format!("{} was compared with no other model.", best.model));
    } else {
        let mut sentence = format!("{} predicts held-out responses best", best.model);
        match (list(Verdict::Worse, true), list(Verdict::Undecided, false)) {
            (Some(worse), None) => sentence.push_str(&format!(", and is better than {worse}.")),
            (Some(worse), Some(open)) => {
                sentence
                    .push_str(&format!(", and is better than {worse}. It cannot be told apart from {open}."));
            }
            (None, Some(open)) => sentence.push_str(&format!(", but cannot be told apart from {open}.")),
            // What coincides is said below.
            (None, None) => sentence = "No model predicts responses better than another.".into(),
        }
        sentences.push(sentence);
        let trials = best.fit.trials;
        if trials < FEWEST_TRIALS {
            sentences.push(format!("{trials} trials are too few for a claim, which takes {FEWEST_TRIALS}."));
        }
    }
    if let Some(same) = same_predictions(scores) {
        sentences.push(same);
    }
    for variant in scores.iter().filter(|score| is_variant(score.model)) {
        let forwards = differences.iter().find(|one| (one.model, one.reference) == (variant.model, null()));
        let difference = forwards.copied().or_else(|| {
            let other =
                differences.iter().find(|one| (one.model, one.reference) == (null(), variant.model))?;
            Some(other.turned())
        });
        sentences.extend(difference.and_then(|difference| dependence(&difference)));
    }
    sentences
}

impl Difference {
    /// The same with the two models exchanged.
    fn turned(&self) -> Self {
        Self {
            model: self.reference,
            reference: self.model,
            heldout: self.heldout.map(|heldout| heldout.reversed()),
            log_evidence: self.log_evidence.map(|value| -value),
            verdict: match self.verdict {
                Verdict::Better => Verdict::Worse,
                Verdict::Worse => Verdict::Better,
                same => same,
            },
        }
    }
}

/// Whether swaps depend on what a variant of BNS lets them depend on.
fn dependence(difference: &Difference) -> Option<String> {
    let Difference { model, reference, .. } = difference;
    let words = difference.words();
    let feature = match model {
        ModelName::Bns(dependence) => match dependence.name() {
            "probe" => "probe distance",
            "report" => "report distance",
            "both" => "probe and report distance jointly",
            _ => "probe and report distance additively",
        },
        _ => return None,
    };
    Some(match difference.verdict {
        Verdict::Same => return None,
        Verdict::Better => format!("Swaps depend on {feature}: {model} is ahead of {reference} by {words}."),
        Verdict::Worse => {
            format!(
                "Nothing speaks for swaps that depend on {feature}: {reference} is ahead of {model} by {words}."
            )
        }
        Verdict::Undecided => {
            format!(
                "That swaps depend on {feature} cannot be claimed: {model} differs from {reference} by {words}."
            )
        }
    })
}

/// Which models coincide.
fn same_predictions(scores: &[ModelScore]) -> Option<String> {
    let groups: Vec<String> = scores
        .iter()
        .filter(|score| score.same_as.is_none())
        .filter_map(|first| {
            let others = scores.iter().filter(|score| score.same_as == Some(first.model));
            let names: Vec<String> = others.map(|score| score.model.to_string()).collect();
            enumerated(&names).map(|names| format!("{names} with {}", first.model))
        })
        .collect();
    let single = scores.first().is_some_and(|score| score.fit.set_size == Some(1));
    let why = if single {
        "With a single item there is nothing to swap with"
    } else {
        "Some predictions are the same"
    };
    (!groups.is_empty()).then(|| format!("{why}: here coincide {}.", groups.join("; ")))
}

/// What makes the numbers themselves doubtful.
pub(super) fn warnings(scores: &[ModelScore]) -> Vec<String> {
    let mut warnings = Vec::new();
    for score in scores {
        if let Some(ess) = score.ess.filter(|ess| *ess < FEW_DRAWS) {
            warnings.push(format!("the evidence of {} rests on {ess:.0} effective draws only", score.model));
        }
        if score.fit.bns.as_ref().is_some_and(|bns| !bns.converged) {
            warnings.push(format!("the fit of {} has not converged", score.model));
        }
        if score.heldout_log_likelihood.is_some_and(|value| !value.is_finite()) {
            warnings.push(format!("{} gives a held-out response probability 0", score.model));
        }
    }
    warnings
}

/// `a`, `a and b`, `a, b and c`; `None` for nothing.
fn enumerated(items: &[String]) -> Option<String> {
    let (last, others) = items.split_last()?;
    Some(if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_needs_both_evidence_and_held_out_responses() {
        let heldout = |value, half| Some(Interval { value, lo: value - half, hi: value + half });
        assert_eq!(judge(heldout(5.0, 2.0), Some(4.0), 20), Verdict::Better);
        assert_eq!(judge(heldout(-5.0, 2.0), Some(-4.0), 20), Verdict::Worse);
        assert_eq!(judge(heldout(5.0, 6.0), Some(40.0), 20), Verdict::Undecided);
        assert_eq!(judge(heldout(5.0, 2.0), Some(2.9), 20), Verdict::Undecided);
        assert_eq!(judge(heldout(-5.0, 2.0), Some(4.0), 20), Verdict::Undecided);
        assert_eq!(judge(heldout(5.0, 2.0), None, 20), Verdict::Better);
        assert_eq!(judge(heldout(2.0, 1.0), None, 20), Verdict::Undecided);
        assert_eq!(judge(None, Some(40.0), 20), Verdict::Undecided);
        assert_eq!(judge(heldout(5.0, 2.0), Some(4.0), 19), Verdict::Undecided);
    }

    #[test]
    fn lists_read_well() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(enumerated(&names).unwrap(), "a, b and c");
        assert_eq!(enumerated(&names[..1]).unwrap(), "a");
        assert_eq!(enumerated(&[]), None);
    }
}
