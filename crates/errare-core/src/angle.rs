//! Angles on the circle: wrapping, circular summaries, and displays of separated angles.
//!
//! Every angle inside errare is in radians in [−π, π). Half-circle spaces (orientation) are doubled
//! before they get here.

use std::f64::consts::{PI, TAU};

use rand::RngExt;

use crate::random::Stream;
use crate::{Error, Result};

/// Wraps an angle (radians) into [−π, π).
///
/// ```
/// use errare_core::angle::wrap;
/// assert!((wrap(3.5 * std::f64::consts::PI) + 0.5 * std::f64::consts::PI).abs() < 1e-12);
/// assert_eq!(wrap(std::f64::consts::PI), -std::f64::consts::PI);
/// ```
#[inline]
#[must_use]
pub fn wrap(angle: f64) -> f64 {
    if (-PI..PI).contains(&angle) {
        return angle;
    }
    let wrapped = (angle + PI).rem_euclid(TAU) - PI;
    // rem_euclid may round up to TAU itself for tiny negative arguments.
    if wrapped >= PI { -PI } else { wrapped }
}

/// Signed circular difference `a − b` (radians) in [−π, π).
#[inline]
#[must_use]
pub fn difference(a: f64, b: f64) -> f64 {
    wrap(a - b)
}

/// Circular distance |a − b| (radians) in [0, π].
#[inline]
#[must_use]
pub fn distance(a: f64, b: f64) -> f64 {
    wrap(a - b).abs()
}

/// First and second trigonometric moments of a sample of angles.
///
/// Fisher (1993), *Statistical Analysis of Circular Data*, §2.3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircularSummary {
    /// Number of angles.
    pub count: usize,
    /// Mean direction (radians); 0 for an empty sample.
    pub mean: f64,
    /// Mean resultant length R in [0, 1].
    pub resultant: f64,
    /// Circular kurtosis (Fisher 1993, eq. 2.30); NaN when all angles are equal.
    pub kurtosis: f64,
}

/// Mean resultant length R of angles with this mean cosine and mean sine; 1 for angles that are equal but for rounding.
#[must_use]
pub fn resultant_length(cosine: f64, sine: f64) -> f64 {
    let resultant = cosine.hypot(sine);
    if 1.0 - resultant < 1e-12 { 1.0 } else { resultant }
}

impl CircularSummary {
    /// Summarises angles given in radians.
    #[must_use]
    pub fn of(angles: impl IntoIterator<Item = f64>) -> Self {
        let (mut count, mut c1, mut s1, mut c2, mut s2) = (0usize, 0.0, 0.0, 0.0, 0.0);
        for angle in angles {
            count += 1;
            let (s, c) = angle.sin_cos();
            c1 += c;
            s1 += s;
            c2 += 2.0 * c * c - 1.0;
            s2 += 2.0 * s * c;
        }
        if count == 0 {
            return Self { count, mean: 0.0, resultant: 0.0, kurtosis: 0.0 };
        }
        let n = count as f64;
        let (mean, resultant) = (wrap(s1.atan2(c1)), resultant_length(c1 / n, s1 / n));
        if resultant == 1.0 {
            return Self { count, mean, resultant, kurtosis: f64::NAN };
        }
        let (mean2, resultant2) = (s2.atan2(c2), c2.hypot(s2) / n);
        let kurtosis =
            (resultant2 * (mean2 - 2.0 * mean).cos() - resultant.powi(4)) / (1.0 - resultant).powi(2);
        Self { count, mean, resultant, kurtosis }
    }

    /// Circular standard deviation √(−2 ln R) in radians (Fisher 1993, eq. 2.18).
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        (-2.0 * self.resultant.ln()).max(0.0).sqrt()
    }
}

/// Draws `count` angles (radians) whose circular distances are all at least `separation`.
///
/// Exact for every count: the gaps are δ + (2π − Nδ)·Dirichlet(1, …, 1), then a uniform rotation and a
/// random permutation. Every task and every generator draws its displays here.
///
/// # Errors
/// [`Error::SeparationTooLarge`] when `count · separation` exceeds 2π, or the separation is negative or no number.
pub fn separated(count: usize, separation: f64, stream: &mut Stream) -> Result<Vec<f64>> {
    let slack = TAU - count as f64 * separation;
    // The 25th part of the circle, rounded, is more than that by the last digit.
    if separation.is_nan() || separation < 0.0 || (count > 1 && slack < -1e-12) {
        return Err(Error::SeparationTooLarge { count, separation });
    }
    let slack = slack.max(0.0);
    let start = TAU * stream.random::<f64>();
    if count <= 1 {
        return Ok(vec![wrap(start); count]);
    }
    // Normalised exponentials are Dirichlet(1, …, 1).
    let mut gaps: Vec<f64> = (0..count).map(|_| -(1.0 - stream.random::<f64>()).ln()).collect();
    let total: f64 = gaps.iter().sum();
    for gap in &mut gaps {
        *gap = separation + slack * *gap / total;
    }
    let mut position = start;
    let mut angles: Vec<f64> = gaps
        .iter()
        .map(|gap| {
            let here = wrap(position);
            position += gap;
            here
        })
        .collect();
    for last in (1..count).rev() {
        let other = stream.random_range(0..=last);
        angles.swap(last, other);
    }
    Ok(angles)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Purpose, stream};

    proptest! {
        #[test]
        fn wrap_is_half_open_and_keeps_the_direction(angle in -1e4f64..1e4) {
            let wrapped = wrap(angle);
            prop_assert!((-PI..PI).contains(&wrapped));
            prop_assert!((wrapped.sin() - angle.sin()).abs() < 1e-9);
            prop_assert!((wrapped.cos() - angle.cos()).abs() < 1e-9);
        }

        #[test]
        fn separated_angles_keep_their_distance(count in 1usize..9, tightness in 0.0f64..0.999, seed in 0u64..500) {
            let separation = tightness * TAU / count as f64;
            let angles = separated(count, separation, &mut stream(seed, Purpose::Displays, &[0])).unwrap();
            for i in 0..count {
                for j in 0..i {
                    prop_assert!(distance(angles[i], angles[j]) >= separation - 1e-9);
                }
            }
        }
    }

    #[test]
    fn two_separated_angles_are_uniform_beyond_the_separation() {
        let separation = PI / 4.1;
        let mut stream = stream(3, Purpose::Displays, &[1]);
        let mut counts = [0usize; 10];
        for _ in 0..20_000 {
            let pair = separated(2, separation, &mut stream).unwrap();
            let position = (distance(pair[0], pair[1]) - separation) / (PI - separation);
            counts[((position * 10.0) as usize).min(9)] += 1;
        }
        let chi2: f64 = counts.iter().map(|&c| (c as f64 - 2000.0).powi(2) / 2000.0).sum();
        assert!(chi2 < 27.9, "χ²(9) = {chi2} exceeds its 99.9th percentile");
    }

    #[test]
    fn too_large_a_separation_is_refused() {
        let error = separated(5, 1.5, &mut stream(0, Purpose::Displays, &[])).unwrap_err();
        assert!(error.to_string().contains("1.5 rad"));
    }

    #[test]
    fn summary_of_a_wrapped_normal() {
        // A wrapped normal of variance s² has R = exp(−s²/2), so its circular SD is s.
        use rand_distr::{Distribution, Normal};
        let normal = Normal::new(1.0, 0.4).unwrap();
        let mut stream = stream(1, Purpose::Surrogate, &[0]);
        let summary = CircularSummary::of((0..40_000).map(|_| wrap(normal.sample(&mut stream))));
        assert!((summary.mean - 1.0).abs() < 0.01);
        assert!((summary.standard_deviation() - 0.4).abs() < 0.01);
        assert!(summary.kurtosis.abs() < 0.1);
    }
}
