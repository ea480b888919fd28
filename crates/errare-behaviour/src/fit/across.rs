//! Fits of several participants in one line: the mean over participants with its interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Fit;
use super::parameters::within_range;

/// Estimates averaged over the participants of one condition and set size, each counted once.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ParticipantMeans {
    /// The condition of all trials, where they were grouped by condition.
    pub condition: Option<String>,
    /// The set size of all trials; `None` when they are mixed.
    pub set_size: Option<usize>,
    /// Number of participants.
    pub participants: usize,
    /// The model's parameters, then the weights of the sources that are none of them.
    pub parameters: Vec<ParticipantMean>,
}

/// One estimate averaged over participants.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ParticipantMean {
    /// The field's name, such as `kappa`.
    pub name: String,
    /// Mean over participants.
    pub mean: f64,
    /// Lower end of its 95 % interval by Student's t, within the range of the parameter; `None` for one participant.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

/// Means over participants, one for each condition and set size in their order; empty for fits that are none of
/// one participant each.
#[must_use]
pub fn participant_means(fits: &[Fit]) -> Vec<ParticipantMeans> {
    let mut groups: Vec<(Option<&str>, Option<usize>, Vec<&Fit>)> = Vec::new();
    for fit in fits.iter().filter(|fit| fit.participant.is_some()) {
        let key = (fit.condition.as_deref(), fit.set_size);
        match groups.iter_mut().find(|group| (group.0, group.1) == key) {
            Some(group) => group.2.push(fit),
            None => groups.push((key.0, key.1, vec![fit])),
        }
    }
    groups.sort_by_key(|group| group.1);
    groups
        .into_iter()
        .map(|(condition, set_size, fits)| {
            let estimates: Vec<Vec<(String, f64)>> = fits.iter().map(|fit| estimates(fit)).collect();
            let names = estimates.first().into_iter().flatten().map(|(name, _)| name);
            let parameters = names
                .map(|name| {
                    let of =
                        |all: &Vec<(String, f64)>| all.iter().find(|one| one.0 == *name).map(|one| one.1);
                    mean(name, &estimates.iter().filter_map(of).collect::<Vec<_>>())
                })
                .collect();
            ParticipantMeans {
                condition: condition.map(str::to_owned),
                set_size,
                participants: fits.len(),
                parameters,
            }
        })
        .collect()
}

/// Parameters and weights of a fit by name.
fn estimates(fit: &Fit) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> =
        fit.parameters.iter().map(|estimate| (estimate.name.clone(), estimate.value)).collect();
    let weights = fit.weights;
    for (name, value) in [
        ("target", Some(weights.target)),
        ("nontarget", weights.nontarget),
        ("uniform", Some(weights.uniform)),
    ] {
        if let Some(value) = value.filter(|_| !all.iter().any(|(known, _)| known == name)) {
            all.push((name.to_owned(), value));
        }
    }
    all
}

fn mean(name: &str, values: &[f64]) -> ParticipantMean {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let ends = (values.len() > 1).then(|| {
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("at least one degree of freedom");
        within_range(name, mean, student.inverse_cdf(0.975) * (variance / count).sqrt())
    });
    ParticipantMean { name: name.to_owned(), mean, lo: ends.map(|ends| ends.0), hi: ends.map(|ends| ends.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, FitOptions, SwapFunction, fit};

    #[test]
    fn participants_count_once_and_intervals_are_students() {
        let one = mean("kappa", &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(one.mean, 2.5);
        // t(3) at .975 is 3.18245; the standard error is √(5/3)/2.
        assert!((one.hi.unwrap() - 2.5 - 3.182_446 * (5.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-5);
        assert_eq!(mean("kappa", &[1.0]).lo, None);
        // Three participants of whom one swaps: the interval began at -0.33.
        let rare = mean("nontarget", &[0.0, 0.0, 0.3]);
        assert_eq!(rare.lo, Some(0.0));
        assert!((rare.hi.unwrap() - 0.1 - 4.302_653 * 0.1).abs() < 1e-5);
    }

    #[test]
    fn there_is_one_line_for_each_set_size() {
        let swap = SwapFunction::Flat { swap_probability: 0.2 };
        let mut fits = Vec::new();
        for participant in 0..3u64 {
            for set_size in [1, 3] {
                let generator = DisplayGenerator::standard(set_size).unwrap();
                let trials = simulated(&swap, &generator, 60, participant);
                let name = "sdm-swap".parse().unwrap();
                let mut fit = fit(&observations(&trials), name, &FitOptions::default()).unwrap();
                fit.participant = Some(participant.to_string());
                fits.push(fit);
            }
        }
        let means = participant_means(&fits);
        assert_eq!(
            means.iter().map(|m| (m.set_size, m.participants)).collect::<Vec<_>>(),
            [(Some(1), 3), (Some(3), 3)]
        );
        let names =
            |index: usize| means[index].parameters.iter().map(|m| m.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(0), ["strength", "kappa", "target", "uniform"]);
        assert_eq!(names(1), ["strength", "kappa", "nontarget", "target", "uniform"]);
        let nontarget = &means[1].parameters[2];
        assert!(
            (nontarget.mean
                - fits[1..].iter().step_by(2).map(|f| f.weights.nontarget.unwrap()).sum::<f64>() / 3.0)
                .abs()
                < 1e-9
        );
        fits.iter_mut().for_each(|fit| fit.participant = None);
        assert!(participant_means(&fits).is_empty());
    }
}
