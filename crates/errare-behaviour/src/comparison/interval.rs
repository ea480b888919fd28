//! How sure a sum of paired differences between two models is, when trials of one participant belong together.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A value with its 95 % interval (nats).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Whether 0 lies outside.
    #[must_use]
    pub fn excludes_zero(&self) -> bool {
        self.lo > 0.0 || self.hi < 0.0
    }

    /// The same, counted in the other direction.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { value: -self.value, lo: -self.hi, hi: -self.lo }
    }

    /// The ends in words: `[4.1, 20.5]`.
    #[must_use]
    pub fn bounds(&self) -> String {
        format!("[{}, {}]", one_decimal(self.lo), one_decimal(self.hi))
    }
}

/// A value (nats) to one decimal; what rounds to nothing has no sign.
#[must_use]
pub fn one_decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// The sum of differences, one a trial, with its 95 % interval: Student's t with a standard error that is robust to
/// clusters (Liang & Zeger 1986, *Biometrika* 73:13). `clusters` names the cluster of each trial; a single one leaves
/// the trials to vary independently. An interval needs two trials and is infinite without.
pub(super) fn sum_with_interval<C: Ord>(differences: &[f64], clusters: impl Iterator<Item = C>) -> Interval {
    let trials = differences.len() as f64;
    let value: f64 = differences.iter().sum();
    let mean = value / trials;
    let mut by_cluster: BTreeMap<C, f64> = BTreeMap::new();
    for (cluster, difference) in clusters.zip(differences) {
        *by_cluster.entry(cluster).or_default() += difference - mean;
    }
    let squares = |parts: &mut dyn Iterator<Item = f64>| parts.map(|part| part * part).sum::<f64>();
    let (units, sum) = match by_cluster.len() {
        1 => (differences.len(), squares(&mut differences.iter().map(|difference| difference - mean))),
        clusters => (clusters, squares(&mut by_cluster.into_values())),
    };
    let half = if units > 1 {
        let units = units as f64;
        let student = StudentsT::new(0.0, 1.0, units - 1.0).expect("at least one degree of freedom");
        student.inverse_cdf(0.975) * (sum * units / (units - 1.0)).sqrt()
    } else {
        f64::INFINITY
    };
    Interval { value, lo: value - half, hi: value + half }
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};
    use rand::RngExt;
    use rand_distr::StandardNormal;

    use super::*;

    #[test]
    fn what_rounds_to_nothing_has_no_sign() {
        let interval = Interval { value: -0.04, lo: -1.25, hi: 0.04 };
        assert_eq!(
            (one_decimal(interval.value).as_str(), interval.bounds().as_str()),
            ("0.0", "[-1.2, 0.0]")
        );
        assert_eq!(one_decimal(-0.06), "-0.1");
    }

    #[test]
    fn intervals_cover_the_truth_when_participants_differ() {
        // Participants differ by as much as trials do: ignoring them would cover far less often.
        let (mut covered, mut naive) = (0, 0);
        for repeat in 0..400 {
            let mut stream = stream(5, Purpose::Bootstrap, &[repeat]);
            let mut differences = Vec::new();
            for _ in 0..8 {
                let own: f64 = stream.sample(StandardNormal);
                differences.extend((0..20).map(|_| own + stream.sample::<f64, _>(StandardNormal)));
            }
            let interval = sum_with_interval(&differences, (0..160).map(|trial| trial / 20));
            covered += usize::from(!interval.excludes_zero());
            naive += usize::from(!sum_with_interval(&differences, (0..160).map(|_| 0)).excludes_zero());
        }
        assert!((360..=396).contains(&covered), "{covered} of 400");
        assert!(naive < 280, "{naive} of 400");
    }

    #[test]
    fn one_trial_leaves_everything_open() {
        let interval = sum_with_interval(&[2.0], std::iter::once(0));
        assert!(interval.value == 2.0 && !interval.excludes_zero());
        let reversed = Interval { value: 2.0, lo: 1.0, hi: 4.0 }.reversed();
        assert_eq!(reversed, Interval { value: -2.0, lo: -4.0, hi: -1.0 });
    }
}
