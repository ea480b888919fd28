//! Displays and responses with known answers, for the tests of this crate.

use errare_behaviour::{Display, DisplayGenerator};
use errare_core::random::{Purpose, stream};
use errare_network::Responses;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Radius of the ring on which test responses lie.
pub(crate) const RADIUS: f64 = 2.5;

/// Displays of the paper's separation.
pub(crate) fn displays(count: usize, set_size: usize, seed: u64) -> Vec<Display> {
    let generator = DisplayGenerator::standard(set_size).unwrap();
    (0..count).map(|index| generator.draw(&mut stream(seed, Purpose::Displays, &[index as u64]))).collect()
}

/// Responses exactly on the ring at the angle given by (display, sample).
pub(crate) fn ring_responses(
    count: usize,
    set_size: usize,
    samples: usize,
    angle: impl Fn(&Display, usize) -> f64,
) -> Responses {
    let displays = displays(count, set_size, 11);
    let points = displays
        .iter()
        .flat_map(|display| (0..samples).map(|sample| angle(display, sample)).collect::<Vec<_>>())
        .map(|angle| [(RADIUS * angle.cos()) as f32, (RADIUS * angle.sin()) as f32])
        .collect();
    Responses { displays, samples, points }
}

/// Responses drawn around the cued item or, with the probability `swap` of (display, item), around another;
/// isotropic noise of standard deviation `sd · RADIUS` about the ring.
pub(crate) fn mixture_responses(
    count: usize,
    set_size: usize,
    samples: usize,
    seed: u64,
    sd: f64,
    swap: &dyn Fn(&Display, usize) -> f64,
) -> Responses {
    mixture_responses_to(displays(count, set_size, 11), samples, seed, sd, swap)
}

/// As [`mixture_responses`], to these displays.
pub(crate) fn mixture_responses_to(
    displays: Vec<Display>,
    samples: usize,
    seed: u64,
    sd: f64,
    swap: &dyn Fn(&Display, usize) -> f64,
) -> Responses {
    let mut points = Vec::with_capacity(displays.len() * samples);
    for (index, display) in displays.iter().enumerate() {
        for sample in 0..samples {
            let mut stream = stream(seed, Purpose::Surrogate, &[index as u64, sample as u64]);
            let mut remaining: f64 = stream.random();
            let mut chosen = 0;
            for item in 1..display.set_size() {
                remaining -= swap(display, item);
                if remaining < 0.0 {
                    chosen = item;
                    break;
                }
            }
            let angle = display.report[chosen];
            let (dx, dy): (f64, f64) =
                (StandardNormal.sample(&mut stream), StandardNormal.sample(&mut stream));
            points
                .push([(RADIUS * (angle.cos() + sd * dx)) as f32, (RADIUS * (angle.sin() + sd * dy)) as f32]);
        }
    }
    Responses { displays, samples, points }
}

/// The same swap probability for every uncued item.
pub(crate) fn swap_at(probability: f64) -> impl Fn(&Display, usize) -> f64 {
    move |_, _| probability
}
