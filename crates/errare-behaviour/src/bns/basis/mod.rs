//! What the swap function may depend on: one basis each.
//!
//! `circle` is a function of one feature, `torus` of both jointly, `additive` a sum of one function of each; a constant
//! needs no feature.

mod additive;
mod circle;
mod torus;

use std::collections::BTreeMap;
use std::fmt::Debug;

use additive::Additive;
use circle::Circle;
use torus::Torus;

/// The largest part of the prior variance that a basis may leave out.
const TRUNCATION: f64 = 0.01;
/// The kernel is valid for τ from here on.
pub(crate) const MIN_TAU: f64 = 3.0;

/// No basis has more modes a feature.
pub(super) const MAX_MODES: usize = 32;

/// What the swap function of BNS depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SwapDependence {
    /// Nothing: every uncued item is equally likely.
    None,
    /// The distance from the cued item in the probe feature.
    Probe,
    /// The distance from the cued item in the report feature.
    Report,
    /// Both distances jointly: any smooth function of the pair.
    Both,
    /// Both distances, by a sum of one function of each.
    Additive,
}

/// A feature of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    Probe,
    Report,
}

impl Feature {
    fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Report => "report",
        }
    }
}

impl SwapDependence {
    /// Every dependence there is.
    pub const ALL: [Self; 5] = [Self::Probe, Self::Report, Self::Both, Self::Additive, Self::None];

    /// Name, as in the model name `bns:NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Probe => "probe",
            Self::Report => "report",
            Self::Both => "both",
            Self::Additive => "additive",
        }
    }

    /// Whether displays need probe features.
    #[must_use]
    pub fn needs_probe(self) -> bool {
        matches!(self, Self::Probe | Self::Both | Self::Additive)
    }

    /// Whether the swap function depends on report distance, where swaps to near items pass for correct reports.
    #[must_use]
    pub fn uses_report(self) -> bool {
        matches!(self, Self::Report | Self::Both | Self::Additive)
    }

    /// Whether the swap function has two arguments.
    #[must_use]
    pub fn is_joint(self) -> bool {
        matches!(self, Self::Both | Self::Additive)
    }

    /// The feature along which the swap curve is drawn.
    pub(super) fn curve_feature(self) -> Feature {
        if self == Self::Report { Feature::Report } else { Feature::Probe }
    }

    /// The basis of least resolution, and by [`SwapBasis::refined`] those above.
    pub(super) fn basis(self) -> Box<dyn SwapBasis> {
        self.basis_of(if self == Self::Both { torus::MODES[0] } else { circle::MODES[0] })
    }

    /// The basis with a number of modes a feature.
    pub(super) fn basis_of(self, modes: usize) -> Box<dyn SwapBasis> {
        match self {
            Self::None => Box::new(Constant),
            Self::Probe => Box::new(Circle { feature: Feature::Probe, modes }),
            Self::Report => Box::new(Circle { feature: Feature::Report, modes }),
            Self::Both => Box::new(Torus { modes }),
            Self::Additive => Box::new(Additive::new(modes)),
        }
    }
}

/// A normal prior of one hyperparameter on its whole line.
#[derive(Debug, Clone, Copy)]
pub(super) struct HyperPrior {
    pub(super) mean: f64,
    pub(super) sd: f64,
    /// Where the search starts.
    pub(super) start: f64,
}

impl HyperPrior {
    /// Of ln s, with s the prior scale of the swap function in logits.
    const SCALE: Self = Self { mean: 0.0, sd: 1.0, start: 0.0 };

    /// Of ln(τ − 3), with τ the inverse length in one feature.
    fn inverse_length() -> Self {
        Self { mean: 3f64.ln(), sd: 0.7, start: 3f64.ln() }
    }
}

/// Prior standard deviations of the coefficients, and how they move with the hyperparameters.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    /// One per feature.
    pub(super) values: Vec<f64>,
    /// ∂ ln value / ∂ hyperparameter, [hyperparameters][features].
    pub(super) log_slopes: Vec<Vec<f64>>,
}

/// A prior over swap functions f = level + Σ scale · w · φ(offsets), w ~ N(0, 1).
pub(super) trait SwapBasis: Debug + Send + Sync {
    /// Number of features φ.
    fn features(&self) -> usize;
    /// Modes a feature dimension, beside the constant one.
    fn modes(&self) -> usize;
    /// Features of an item at a probe and a report offset (radians; NaN where there is none).
    fn fill(&self, probe: f64, report: f64, features: &mut [f64]);
    /// Priors of the hyperparameters, on lines without bounds.
    fn hyperpriors(&self) -> Vec<HyperPrior>;
    /// Prior standard deviations at the hyperparameters `x`.
    fn scales(&self, x: &[f64]) -> Scales;
    /// Hyperparameters by name on their natural scales.
    fn named(&self, x: &[f64]) -> BTreeMap<String, f64>;
    /// A finer basis, when this one leaves out more than 1 % of the prior variance at `x`, with the place in it of each
    /// feature of this one.
    fn refined(&self, x: &[f64]) -> Option<(Box<dyn SwapBasis>, Vec<usize>)>;
}

/// f is a constant.
#[derive(Debug)]
struct Constant;

impl SwapBasis for Constant {
    fn features(&self) -> usize {
        0
    }
    fn modes(&self) -> usize {
        0
    }
    fn fill(&self, _: f64, _: f64, _: &mut [f64]) {}
    fn hyperpriors(&self) -> Vec<HyperPrior> {
        Vec::new()
    }
    fn scales(&self, _: &[f64]) -> Scales {
        Scales { values: Vec::new(), log_slopes: Vec::new() }
    }
    fn named(&self, _: &[f64]) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
    fn refined(&self, _: &[f64]) -> Option<(Box<dyn SwapBasis>, Vec<usize>)> {
        None
    }
}
