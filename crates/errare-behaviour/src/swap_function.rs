//! Swap functions set by hand: how often an uncued item is reported, as a function of probe distance.
//!
//! Those of Radmard, Bays & Lengyel (arXiv 2512.04808), parametric members of the BNS family, and that of noise in the
//! cue dimension; all with exact reports and no guesses.

use crate::cue_noise::selection;
use crate::{Display, Emission, Error, ResponseModel, Result};

/// Added to the width, so that a width of 0 stays finite (rad²).
const WIDTH_FLOOR: f64 = 2e-5;
/// Reach (rad) and logit of the sharp swap function, against a cued logit of 1.
const SHARP: (f64, f64) = (2.0, 0.15);

/// A parametric swap function without guesses.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SwapFunction {
    /// No swaps: the cued item is always reported.
    #[serde(deserialize_with = "no_keys")]
    None,
    /// Swaps with one total probability, shared equally by the uncued items.
    Flat {
        /// Probability of reporting any uncued item.
        swap_probability: f64,
    },
    /// Swaps fall with probe distance d: logit −d²/2w for every item, minus the offset o for the cued one.
    Distance {
        /// w, a variance in rad².
        width: f64,
        /// o; at most 0 in the paper: a smaller offset makes swaps rarer.
        offset: f64,
    },
    /// Swaps (logit 0.15 against 1) up to a probe distance of 2 rad, none beyond.
    #[serde(deserialize_with = "no_keys")]
    Sharp,
    /// Swaps from noise in the probe feature: the item remembered nearest to the cue is reported (Bays 2016;
    /// Schneegans & Bays 2017).
    CueNoise {
        /// Concentration κ of the remembered probe features (1/rad²), at least 0.
        kappa: f64,
    },
}

/// Refuses keys beside a kind that has none; by itself it would accept any.
fn no_keys<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<(), D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoKeys {}
    serde::Deserialize::deserialize(deserializer).map(|NoKeys {}| ())
}

impl SwapFunction {
    /// Checks that every parameter is in its domain.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] with the name of the parameter.
    pub fn validate(&self) -> Result<()> {
        let check = |valid, name, value, expected| {
            if valid { Ok(()) } else { Err(Error::OutOfRange { name, value, expected }) }
        };
        let not_negative = |name, value: f64| {
            check(value.is_finite() && value >= 0.0, name, value, "a number of at least 0")
        };
        match *self {
            Self::None | Self::Sharp => Ok(()),
            Self::Flat { swap_probability: p } => {
                check((0.0..=1.0).contains(&p), "swap_probability", p, "a probability, 0 to 1")
            }
            Self::Distance { width, offset } => {
                not_negative("width", width)?;
                check(offset.is_finite(), "offset", offset, "a finite number")
            }
            Self::CueNoise { kappa } => not_negative("kappa", kappa),
        }
    }
}

impl ResponseModel for SwapFunction {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let distance = |item| display.probe_offset(item).map_or(0.0, f64::abs);
        let others = 1..display.set_size();
        let mut weights = vec![0.0, 1.0];
        match *self {
            Self::None => weights.extend(others.map(|_| 0.0)),
            Self::Flat { swap_probability } => {
                let count = others.len();
                if count > 0 {
                    weights[1] = 1.0 - swap_probability;
                    weights.extend(others.map(|_| swap_probability / count as f64));
                }
            }
            Self::Distance { width, offset } => {
                // Relative to the largest logit, so that nothing overflows, however rare swaps are.
                let logit = |item| -0.5 * distance(item).powi(2) / (width + WIDTH_FLOOR);
                let most = others.clone().map(logit).fold(-offset, f64::max);
                weights[1] = (-offset - most).exp();
                weights.extend(others.map(|item| (logit(item) - most).exp()));
            }
            Self::Sharp => {
                weights[1] = 1f64.exp();
                weights.extend(others.map(|item| if distance(item) < SHARP.0 { SHARP.1.exp() } else { 0.0 }));
            }
            Self::CueNoise { kappa } => {
                let offset = |item| display.probe_offset(item).unwrap_or(0.0);
                let offsets: Vec<f64> = (0..display.set_size()).map(offset).collect();
                weights.truncate(1);
                weights.extend(selection(&offsets, kappa));
            }
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use approx::assert_abs_diff_eq;

    use super::*;

    #[test]
    fn functions_are_read_as_they_are_written_and_take_no_stray_keys() {
        for function in [
            SwapFunction::None,
            SwapFunction::Flat { swap_probability: 0.2 },
            SwapFunction::Distance { width: 1.5, offset: -2.0 },
            SwapFunction::Sharp,
            SwapFunction::CueNoise { kappa: 3.0 },
        ] {
            let mut written = serde_json::to_value(function).unwrap();
            assert_eq!(serde_json::from_value::<SwapFunction>(written.clone()).unwrap(), function);
            written["stray"] = 1.into();
            assert!(serde_json::from_value::<SwapFunction>(written).is_err(), "{function:?}");
        }
    }

    fn swap_rate(swap: SwapFunction, distance: f64) -> f64 {
        let display = Display { probe: vec![0.0, distance], report: vec![0.0, 1.0], cued_slot: 0 };
        swap.weights(&display)[2]
    }

    #[test]
    fn swaps_may_be_as_rare_or_as_frequent_as_one_likes() {
        for (offset, rate) in [(-1e4, 0.0), (1e4, 1.0)] {
            assert_eq!(swap_rate(SwapFunction::Distance { width: 1.5, offset }, 1.0), rate);
        }
    }

    #[test]
    fn parameters_out_of_their_domain_are_named() {
        for (swap, words) in [
            (SwapFunction::Flat { swap_probability: 1.5 }, "swap_probability is 1.5"),
            (SwapFunction::Distance { width: -1.0, offset: 0.0 }, "width is -1"),
            (SwapFunction::Distance { width: 1.0, offset: f64::NAN }, "offset is NaN"),
            (SwapFunction::CueNoise { kappa: f64::INFINITY }, "kappa is inf"),
        ] {
            let error = swap.validate().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn published_swap_rates() {
        let separation = PI / 4.1;
        for (offset, near, far) in
            [(0.0, 0.4512, 0.0359), (-0.5, 0.3328, 0.0221), (-1.0, 0.2322, 0.0135), (-2.0, 0.1001, 0.0050)]
        {
            let swap = SwapFunction::Distance { width: 1.5, offset };
            assert_abs_diff_eq!(swap_rate(swap, separation), near, epsilon = 6e-5);
            assert_abs_diff_eq!(swap_rate(swap, -PI), far, epsilon = 6e-5);
        }
        assert_abs_diff_eq!(swap_rate(SwapFunction::Sharp, 1.9), 0.2994, epsilon = 5e-5);
        assert_eq!(swap_rate(SwapFunction::Sharp, 2.1), 0.0);
        assert_abs_diff_eq!(
            swap_rate(SwapFunction::Flat { swap_probability: 0.3 }, 1.0),
            0.3,
            epsilon = 1e-12
        );
    }
}
