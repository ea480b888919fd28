//! A figure that can stand alone: value, interval, sample size, floor and unit.

use indexmap::IndexMap;

/// One figure of an analysis.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Metric {
    /// The value; `None` where it is undefined, such as swaps of single items.
    pub value: Option<f64>,
    /// 95 % interval over displays.
    pub ci: Option<[f64; 2]>,
    /// Number of responses that the value rests on.
    pub n: usize,
    /// 95th percentile of the value between two samples of the oracle, for distances.
    pub floor: Option<f64>,
    /// Unit: `probability`, `rad`, `bit`, `read-out` (the read-out's own) or `1`.
    pub unit: String,
}

/// Figures by name, in the order in which they are to be read.
pub type Metrics = IndexMap<String, Metric>;

impl Metric {
    /// A value with its interval.
    #[must_use]
    pub fn new(value: f64, ci: Option<[f64; 2]>, n: usize, unit: &str) -> Self {
        let value = value.is_finite().then_some(value);
        let ci = ci.filter(|ci| ci.iter().all(|end| end.is_finite()));
        Self { value, ci, n, floor: None, unit: unit.to_owned() }
    }

    /// A figure that is undefined here.
    #[must_use]
    pub fn undefined(unit: &str) -> Self {
        Self { value: None, ci: None, n: 0, floor: None, unit: unit.to_owned() }
    }

    /// With the 95th percentile of the value between two samples of the oracle.
    #[must_use]
    pub fn with_floor(mut self, floor: f64) -> Self {
        self.floor = floor.is_finite().then_some(floor);
        self
    }
}
