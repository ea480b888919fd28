//! What a fit says of its parameters: estimates by name, and intervals within what a parameter can be.

use errare_core::special::NORMAL_975;

use crate::bns::MIN_TAU;
use crate::emission::MIN_ALPHA;

/// A parameter of a fitted model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The field's name, such as `kappa`.
    pub name: String,
    /// Its estimate, on its natural scale.
    pub value: f64,
    /// Asymptotic standard error; `None` on the edge of the parameter's range, and where none was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// An estimate with its standard error, where it has one.
    #[must_use]
    pub fn new(name: &str, value: f64, standard_error: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, standard_error }
    }

    /// Ends of the 95 % interval by the standard error, within the range of the parameter; `None` without a standard error.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.standard_error.map(|error| within_range(&self.name, self.value, NORMAL_975 * error))
    }
}

/// Values that a parameter or weight can have, by its name, which means the same in every model.
fn range(name: &str) -> (f64, f64) {
    match name {
        "target" | "nontarget" | "uniform" | "lambda" => (0.0, 1.0),
        "alpha" => (MIN_ALPHA, 2.0),
        "precision_exponent" => (f64::NEG_INFINITY, f64::INFINITY),
        _ if name.starts_with("tau_") => (MIN_TAU, f64::INFINITY),
        _ => (0.0, f64::INFINITY),
    }
}

/// The ends of an interval of half width `half` about a value, cut where the parameter can not be: what is cut holds no truth,
/// so that the interval holds it as often as before.
pub(super) fn within_range(name: &str, value: f64, half: f64) -> (f64, f64) {
    let (lowest, highest) = range(name);
    ((value - half).max(lowest), (value + half).min(highest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClassicalModel;

    #[test]
    fn intervals_stay_where_the_parameter_can_be() {
        let ends = |name: &str, value, error| Estimate::new(name, value, Some(error)).interval().unwrap();
        // A rare swap, one that is nearly sure, and a concentration: all reached beyond.
        assert_eq!(ends("nontarget", 0.01, 0.02).0, 0.0);
        assert_eq!(ends("target", 0.99, 0.02).1, 1.0);
        assert_eq!(ends("kappa", 3.0, 2.0), (0.0, 3.0 + 2.0 * NORMAL_975));
        assert_eq!(ends("alpha", 1.9, 0.2).1, 2.0);
        assert_eq!(ends("tau_probe", 4.0, 2.0).0, 3.0);
        assert!(ends("precision_exponent", 0.1, 0.2).0 < 0.0);
        assert_eq!(Estimate::new("kappa", 3.0, None).interval(), None);
    }

    /// A parameter that may be negative needs a line in `range`.
    #[test]
    fn ranges_hold_every_value_that_a_search_may_end_at() {
        for model in ClassicalModel::ALL {
            for parameter in model.build(None, 8).parameters() {
                let (lowest, highest) = range(parameter.name);
                let (low, high) = parameter.range.ends();
                assert!(lowest <= low && high <= highest, "{} of {}", parameter.name, model.name());
            }
        }
    }
}
