//! Energy distance D² = 2E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ (Székely & Rizzo 2013), in the read-out plane or on
//! the circle.
//!
//! On the circle the metric is the chord 2|sin(θ/2)|, which is of strictly negative type, so that D² = 0 only
//! for equal laws; arc length is not.

use errare_network::Responses;
use rayon::prelude::*;

use super::{check_displays, check_responses};
use crate::Result;
use crate::interval::{Bootstrap, mean};

/// Bootstrap resamples of an energy distance's interval.
const DRAWS: usize = 1000;
/// Width of the inner loop, which the compiler turns into vector instructions.
const LANES: usize = 16;

/// Where the distance between two responses is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergySpace {
    /// Euclidean distance in the read-out plane: angle and radius count.
    Plane,
    /// Chord between the responses' directions on the unit circle: only the angle counts.
    Circle,
}

/// Energy distance between two sets of responses.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyDistance {
    /// Mean D² over displays, in the unit of the read-out (1 on the circle). Unbiased, so it may be below 0.
    pub value: f64,
    /// 95 % interval by bootstrap over displays.
    pub ci: [f64; 2],
    /// D² of each display.
    pub per_display: Vec<f64>,
}

/// Unbiased energy distance (U-statistics) per display, averaged over displays.
///
/// # Errors
/// When the two sets answer different displays, hold fewer than two responses a display, or a response without an angle,
/// which is no response in the plane either.
pub fn energy_distance(
    a: &Responses,
    b: &Responses,
    space: EnergySpace,
    seed: u64,
) -> Result<EnergyDistance> {
    check_displays(a, b)?;
    check_responses(a, 2)?;
    check_responses(b, 2)?;
    let per_display: Vec<f64> = (0..a.displays.len())
        .into_par_iter()
        .map(|display| {
            let (x, y) = (Cloud::new(a.of(display), space), Cloud::new(b.of(display), space));
            2.0 * x.mean_distance_to(&y) - x.mean_distance_within() - y.mean_distance_within()
        })
        .collect();
    let bootstrap = Bootstrap { units: per_display.len(), draws: DRAWS, seed };
    Ok(EnergyDistance { value: mean(&per_display), ci: bootstrap.mean_interval(&per_display), per_display })
}

/// Points as two coordinate arrays, padded to whole lanes.
struct Cloud {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Cloud {
    fn new(points: &[[f32; 2]], space: EnergySpace) -> Self {
        let place = |point: &[f32; 2]| match space {
            EnergySpace::Plane => *point,
            EnergySpace::Circle => {
                let (x, y) = (f64::from(point[0]), f64::from(point[1]));
                let radius = x.hypot(y);
                [(x / radius) as f32, (y / radius) as f32]
            }
        };
        let (x, y) = points.iter().map(place).map(|[x, y]| (x, y)).unzip();
        Self { x, y }
    }

    /// Sum of the distances from one point to all of the cloud: f32 in lanes, f64 over them.
    fn distance_sum(&self, x: f32, y: f32) -> f64 {
        let mut sums = [0.0f32; LANES];
        let (xs, x_rest) = self.x.as_chunks::<LANES>();
        let (ys, y_rest) = self.y.as_chunks::<LANES>();
        for (xs, ys) in xs.iter().zip(ys) {
            for lane in 0..LANES {
                let (dx, dy) = (xs[lane] - x, ys[lane] - y);
                sums[lane] += (dx * dx + dy * dy).sqrt();
            }
        }
        for (lane, (&xs, &ys)) in x_rest.iter().zip(y_rest).enumerate() {
            let (dx, dy) = (xs - x, ys - y);
            sums[lane] += (dx * dx + dy * dy).sqrt();
        }
        sums.iter().map(|&sum| f64::from(sum)).sum()
    }

    fn total_distance_to(&self, other: &Self) -> f64 {
        self.x.iter().zip(&self.y).map(|(&x, &y)| other.distance_sum(x, y)).sum()
    }

    fn mean_distance_to(&self, other: &Self) -> f64 {
        self.total_distance_to(other) / (self.x.len() * other.x.len()) as f64
    }

    fn mean_distance_within(&self) -> f64 {
        // A point is at distance 0 of itself, so only the count leaves those pairs out.
        self.total_distance_to(self) / (self.x.len() * (self.x.len() - 1)) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use errare_core::random::{Purpose, stream};
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::testing::displays;

    /// Two-dimensional standard normals shifted along the first axis.
    fn normals(count: usize, samples: usize, shift: f64, seed: u64) -> Responses {
        let points = (0..count * samples)
            .map(|index| {
                let mut stream = stream(seed, Purpose::Simulation, &[index as u64]);
                let (x, y): (f64, f64) =
                    (StandardNormal.sample(&mut stream), StandardNormal.sample(&mut stream));
                [(x + shift) as f32, y as f32]
            })
            .collect();
        Responses { displays: displays(count, 2, 1), samples, points }
    }

    /// E‖Z + μ‖ for a normal of variance 2 per axis, whose norm is Rice-distributed:
    /// √2 √(π/2) L₍½₎(−μ²/4), with L₍½₎(x) = e^{x/2}[(1 − x)I₀(−x/2) − x I₁(−x/2)].
    fn rice_mean(shift: f64) -> f64 {
        let h = shift * shift / 8.0;
        let (i0, i1) = (errare_core::special::i0e(h), errare_core::special::i1e(h));
        PI.sqrt() * ((1.0 + 2.0 * h) * i0 + 2.0 * h * i1)
    }

    #[test]
    fn matches_the_closed_form_of_two_gaussians() {
        for shift in [0.0, 0.5, 2.0] {
            let (a, b) = (normals(400, 100, 0.0, 1), normals(400, 100, shift, 2));
            let distance = energy_distance(&a, &b, EnergySpace::Plane, 7).unwrap();
            let expected = 2.0 * rice_mean(shift) - 2.0 * rice_mean(0.0);
            let error = distance.value - expected;
            let sd = (distance.ci[1] - distance.ci[0]) / 3.92;
            assert!(error.abs() < 3.5 * sd, "shift {shift}: {} against {expected} ± {sd}", distance.value);
            assert!(sd < 0.012, "shift {shift}: the interval {:?} is too wide to test anything", distance.ci);
        }
    }

    #[test]
    fn on_the_circle_only_the_angle_counts() {
        let a = normals(100, 60, 3.0, 1);
        let mut b = normals(100, 60, 3.0, 2);
        let near = energy_distance(&a, &b, EnergySpace::Circle, 7).unwrap();
        b.points.iter_mut().for_each(|point| *point = [2.0 * point[0], 2.0 * point[1]]);
        let scaled = energy_distance(&a, &b, EnergySpace::Circle, 7).unwrap();
        assert!((near.value - scaled.value).abs() < 1e-6);
        assert!(energy_distance(&a, &b, EnergySpace::Plane, 7).unwrap().value > 1.0);
    }

    #[test]
    fn odd_numbers_of_samples_lose_nobody() {
        let (a, b) = (normals(3, 37, 0.0, 1), normals(3, 21, 0.4, 2));
        let fast = energy_distance(&a, &b, EnergySpace::Plane, 7).unwrap();
        for display in 0..3 {
            let between = |a: &[[f32; 2]], b: &[[f32; 2]], pairs: usize| {
                let all = a.iter().flat_map(|p| b.iter().map(move |q| (p, q)));
                all.map(|(p, q)| f64::from(p[0] - q[0]).hypot(f64::from(p[1] - q[1]))).sum::<f64>()
                    / pairs as f64
            };
            let (x, y) = (a.of(display), b.of(display));
            let slow = 2.0 * between(x, y, 37 * 21) - between(x, x, 37 * 36) - between(y, y, 21 * 20);
            assert!((slow - fast.per_display[display]).abs() < 1e-5);
        }
    }

    #[test]
    fn different_displays_are_refused() {
        let a = normals(4, 8, 0.0, 1);
        let mut b = a.clone();
        b.displays[2].report[0] += 0.1;
        let error = energy_distance(&a, &b, EnergySpace::Plane, 0).unwrap_err().to_string();
        assert!(error.contains("display 2"), "{error}");
        b.displays.pop();
        assert!(energy_distance(&a, &b, EnergySpace::Plane, 0).is_err());
    }

    #[test]
    fn one_thread_or_many_give_the_same_bytes() {
        let (a, b) = (normals(50, 40, 0.0, 1), normals(50, 40, 0.3, 2));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| energy_distance(&a, &b, EnergySpace::Plane, 7).unwrap())
        };
        assert_eq!(with(1), with(3));
    }
}
