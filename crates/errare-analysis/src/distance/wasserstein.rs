//! First Wasserstein distance between two samples on the circle, in closed form.
//!
//! W₁ = ∫ |F − G − m| dθ, with F and G the distribution functions from any common origin and m the median of
//! F − G over the circle's length (Rabin, Delon & Gousseau 2011).

use std::f64::consts::{PI, TAU};

use errare_core::angle::wrap;
use errare_network::Responses;
use rayon::prelude::*;

use super::{check_displays, check_responses};
use crate::Result;

/// W₁ (radians, at most π) between two non-empty samples of angles (radians).
///
/// ```
/// use errare_analysis::distance::circular_wasserstein;
/// assert!((circular_wasserstein(&[3.0], &[-3.0]) - (std::f64::consts::TAU - 6.0)).abs() < 1e-12);
/// ```
#[must_use]
pub fn circular_wasserstein(a: &[f64], b: &[f64]) -> f64 {
    let mut jumps: Vec<(f64, f64)> = Vec::with_capacity(a.len() + b.len());
    jumps.extend(a.iter().map(|&angle| (wrap(angle), 1.0 / a.len() as f64)));
    jumps.extend(b.iter().map(|&angle| (wrap(angle), -1.0 / b.len() as f64)));
    jumps.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Arcs on which F − G is constant, as (value, length).
    let mut arcs = Vec::with_capacity(jumps.len() + 1);
    let (mut from, mut difference) = (-PI, 0.0);
    for &(angle, jump) in &jumps {
        arcs.push((difference, angle - from));
        difference += jump;
        from = angle;
    }
    arcs.push((difference, PI - from));
    arcs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut covered = 0.0;
    let median = arcs
        .iter()
        .find(|&&(_, length)| {
            covered += length;
            covered >= 0.5 * TAU
        })
        .map_or(0.0, |&(value, _)| value);
    arcs.iter().map(|&(value, length)| (value - median).abs() * length).sum()
}

/// W₁ (radians) of each display between the angles of two sets of responses. It is above 0 even for equal
/// laws: compare it with the same between two samples of the target.
///
/// # Errors
/// When the two sets answer different displays, or a response has no angle.
pub fn mean_wasserstein(a: &Responses, b: &Responses) -> Result<Vec<f64>> {
    check_displays(a, b)?;
    check_responses(a, 1)?;
    check_responses(b, 1)?;
    let angles = |points: &[[f32; 2]]| -> Vec<f64> {
        points.iter().map(|point| f64::from(point[1]).atan2(f64::from(point[0]))).collect()
    };
    Ok((0..a.displays.len())
        .into_par_iter()
        .map(|display| circular_wasserstein(&angles(a.of(display)), &angles(b.of(display))))
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::ring_responses;

    proptest! {
        #[test]
        fn two_deltas_are_as_far_as_their_angles(at in -PI..PI, distance in -PI..PI) {
            let found = circular_wasserstein(&[at], &[at + distance]);
            prop_assert!((found - distance.abs()).abs() < 1e-9);
        }

        #[test]
        fn rotating_both_changes_nothing(angles in proptest::collection::vec(-PI..PI, 2..20), turn in -PI..PI) {
            let (a, b) = angles.split_at(angles.len() / 2);
            let turned = |x: &[f64]| -> Vec<f64> { x.iter().map(|angle| angle + turn).collect() };
            let before = circular_wasserstein(a, b);
            prop_assert!((before - circular_wasserstein(&turned(a), &turned(b))).abs() < 1e-9);
            prop_assert!(before <= PI + 1e-9);
        }
    }

    #[test]
    fn moving_a_third_of_the_mass() {
        let found = circular_wasserstein(&[0.0, 0.0, 0.0], &[0.0, 0.0, 1.2]);
        assert!((found - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_shift_of_every_response_is_found() {
        let a = ring_responses(40, 2, 50, |display, _| display.report[0]);
        let b = ring_responses(40, 2, 50, |display, _| display.report[0] + 0.25);
        let found = mean_wasserstein(&a, &b).unwrap();
        assert!(found.iter().all(|w| (w - 0.25).abs() < 1e-6));
    }
}
