//! Rings whose planes are at known angles, with and without an offset between them.

use std::f64::consts::PI;

use errare_core::random::{Purpose, stream};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::super::statistics::TrialLabels;
use super::*;

const TRIALS: usize = 6000;

/// Rings of amplitude 1 and noise 0.3 in ℝ¹⁴: the planes are tilted by `tilt` (radians) in both directions
/// and lie ±`offset` apart along an axis that is in neither.
fn rings(tilt: f64, offset: f64, seed: u64) -> RingStatistics {
    let (cos, sin) = (tilt.cos(), tilt.sin());
    collect(14, 1, seed, |slot, angle, state| {
        let (x, y) = (angle.cos(), angle.sin());
        if slot == 0 {
            (state[0], state[1]) = (x, y);
        } else {
            (state[0], state[1], state[2], state[3]) = (cos * x, cos * y, sin * x, sin * y);
        }
        state[4] = if slot == 0 { offset } else { -offset };
    })
}

fn collect(
    neurons: usize,
    steps: usize,
    seed: u64,
    place: impl Fn(usize, f64, &mut [f64]),
) -> RingStatistics {
    let mut statistics = RingStatistics::new(steps, neurons, 2, 16).unwrap();
    for trial in 0..TRIALS {
        let mut stream = stream(seed, Purpose::Simulation, &[trial as u64]);
        let slot = trial % 2;
        let angle: f64 = stream.random_range(-PI..PI);
        let labels = TrialLabels { slot, response: angle, swap: false, sample: trial / 2 };
        for step in 0..steps {
            let mut state = vec![0.0; neurons];
            place(slot, angle, &mut state);
            for value in &mut state {
                let noise: f64 = StandardNormal.sample(&mut stream);
                *value += 0.3 * noise;
            }
            statistics.add(step, &labels, &state);
        }
    }
    statistics
}

fn measured(statistics: &RingStatistics, options: &AlignmentOptions) -> AlignmentOverTime {
    let times: Vec<f64> = (0..statistics.steps()).map(|step| 0.05 * step as f64).collect();
    alignment_over_time(statistics, &times, options, &Progress::silent()).unwrap()
}

fn value(alignment: &AlignmentOverTime, name: &str) -> f64 {
    alignment.measures[name].value[0]
}

fn without_null() -> AlignmentOptions {
    AlignmentOptions { null_draws: 0, ..AlignmentOptions::default() }
}

#[test]
fn an_offset_confounds_the_shared_components_and_nothing_else() {
    // (tilt in degrees, offset, cosine within the principal components of all trials).
    let table = [
        (90.0, 0.0, 0.018),
        (90.0, 0.3, 0.018),
        (90.0, 1.0, 0.984),
        (90.0, 2.0, 0.998),
        (60.0, 0.0, 0.49),
        (60.0, 2.0, 1.0),
        (30.0, 0.0, 0.86),
        (30.0, 0.3, 0.999),
    ];
    for (index, (degrees, offset, confounded)) in table.into_iter().enumerate() {
        let tilt: f64 = f64::to_radians(degrees);
        let alignment = measured(&rings(tilt, offset, 20 + index as u64), &without_null());
        let context = format!("tilt {degrees}°, offset {offset}");
        let near = |name: &str, expected: f64| {
            let found = value(&alignment, name);
            assert!((found - expected).abs() < 0.03, "{context}: {name} is {found}, not {expected}");
        };
        near("cos_paper", confounded);
        near("cos_centred", tilt.cos());
        near("cos_product", tilt.cos().powi(2));
        near("cos_rms", tilt.cos());
        near("alignment_index", tilt.cos().powi(2));
        // The root mean squared radius is 1; noise in fourteen dimensions keeps centres at least 0.03 apart.
        let found = value(&alignment, "offset");
        assert!((found - 2.0 * offset).abs() < 0.06, "{context}: offset is {found}");
    }
}

#[test]
fn half_the_samples_say_the_same() {
    let alignment = measured(&rings(f64::to_radians(60.0), 1.0, 4), &without_null());
    assert!(alignment.reliability.iter().all(|slot| slot[0] > 0.98), "{:?}", alignment.reliability);
    assert!((alignment.cos_disattenuated[0] - 0.5).abs() < 0.04, "{:?}", alignment.cos_disattenuated);
    let series = &alignment.measures["cos_centred"];
    assert!(series.lo[0] < 0.5 && 0.5 < series.hi[0] && series.hi[0] - series.lo[0] < 0.1, "{series:?}");
    assert_eq!(alignment.trials, [3000, 3000]);
}

#[test]
fn jackknife_intervals_cover() {
    let covered = (0..40)
        .filter(|&seed| {
            let alignment = measured(&rings(f64::to_radians(60.0), 0.0, 300 + seed), &without_null());
            let series = &alignment.measures["cos_product"];
            // Noise in the bin means tilts the planes a little: the large-sample value is just below ¼.
            series.lo[0] < 0.249 && 0.249 < series.hi[0]
        })
        .count();
    assert!(covered >= 33, "95 % intervals cover in {covered} of 40 data sets");
}

#[test]
fn the_behaviour_plane_is_removed_first() {
    // The rings are orthogonal, but a huge common ring lies in the read-out.
    let statistics = collect(16, 1, 5, |slot, angle, state| {
        let (x, y) = (angle.cos(), angle.sin());
        (state[2 + 2 * slot], state[3 + 2 * slot]) = (x, y);
        (state[0], state[15]) = (5.0 * x, 5.0 * y);
    });
    let mut readout = vec![vec![0.0; 16], vec![0.0; 16]];
    readout[0][0] = 1.0;
    readout[1][15] = 1.0;
    let removed = AlignmentOptions { projector: Some(readout), ..without_null() };
    assert!(value(&measured(&statistics, &removed), "cos_rms") < 0.05);
    assert!(value(&measured(&statistics, &without_null()), "cos_rms") > 0.95);
}

#[test]
fn chance_levels_of_random_planes() {
    let options = AlignmentOptions { null_draws: 3000, ..AlignmentOptions::default() };
    let alignment = measured(&rings(PI / 2.0, 0.0, 9), &options);
    // Haar-random planes in ℝ¹⁴: (measure, mean, central 95 %, tolerance).
    let expected = [
        ("cos_paper", 0.149, Some([0.008, 0.432]), 0.02),
        ("cos_product", 0.076, None, 0.01),
        // A plane holds 2 of 14 dimensions.
        ("alignment_index", 2.0 / 14.0, None, 0.01),
    ];
    for (name, mean, interval, tolerance) in expected {
        let series = &alignment.measures[name];
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() < tolerance, "{name}: {found}, not {expected}");
        };
        near(series.null_mean[0], mean);
        if let Some([lo, hi]) = interval {
            near(series.null_lo[0], lo);
            near(series.null_hi[0], hi);
        }
    }
}

#[test]
fn an_offset_raises_the_chance_level_of_the_shared_components() {
    let statistics = rings(PI / 2.0, 1.0, 9);
    let basis = null_space(14, None).unwrap();
    let [a, b] = [0, 1].map(|slot| Slot::new(&statistics, 0, slot, &basis, |_| true).unwrap());
    let (mut paper, mut centred) = (Vec::new(), Vec::new());
    for draw in 0..3000 {
        // Both planes at random, so that the offset lies in neither or in both.
        let (a, b) =
            (a.rotated(&haar_rotation(14, 1, 2 * draw)), b.rotated(&haar_rotation(14, 1, 2 * draw + 1)));
        let alignment = Alignment::of(&a, &b);
        paper.push(alignment.cos_paper);
        centred.push(alignment.cos_centred);
    }
    for values in [&mut paper, &mut centred] {
        values.sort_by(f64::total_cmp);
    }
    let (paper_mean, centred_mean) = (crate::interval::mean(&paper), crate::interval::mean(&centred));
    let [lo, hi] = crate::interval::central(&paper);
    // An independent simulation from raw trials gives a mean of 0.60 and 95 % in [0.06, 0.99].
    assert!((paper_mean - 0.60).abs() < 0.04, "mean {paper_mean}");
    assert!((lo - 0.06).abs() < 0.03 && (hi - 0.985).abs() < 0.01, "95 % in [{lo}, {hi}]");
    assert!((centred_mean - 0.149).abs() < 0.01);
}

#[test]
fn swaps_enter_no_ring() {
    let mut statistics = rings(PI / 2.0, 0.0, 3);
    let before = measured(&statistics, &without_null());
    for sample in 0..50 {
        let labels = TrialLabels { slot: 0, response: 0.0, swap: true, sample };
        statistics.add(0, &labels, &[40.0; 14]);
    }
    let after = measured(&statistics, &without_null());
    assert_eq!(value(&before, "cos_centred"), value(&after, "cos_centred"));
    assert_ne!(value(&before, "offset_share"), value(&after, "offset_share"));
}

#[test]
fn one_thread_or_many_give_the_same_bytes() {
    let statistics = collect(8, 3, 5, |slot, angle, state| {
        (state[slot], state[slot + 1]) = (angle.cos(), angle.sin());
    });
    let options = AlignmentOptions { null_draws: 20, ..AlignmentOptions::default() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| measured(&statistics, &options))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn runs_are_averaged() {
    let runs: Vec<_> = (0..3).map(|seed| measured(&rings(PI / 3.0, 0.0, seed), &without_null())).collect();
    let summary = AlignmentSummary::across(&runs).unwrap();
    assert_eq!(summary.n, 3);
    assert!((summary.mean["cos_rms"][0] - 0.5).abs() < 0.02);
    assert!(summary.sd["cos_rms"][0] > 0.0 && summary.sd["cos_rms"][0] < 0.02);
    assert!(AlignmentSummary::across(&[]).is_err());
    let mut later = runs[1].clone();
    later.time_s[0] += 0.01;
    assert!(AlignmentSummary::across(&[runs[0].clone(), later]).is_err());
}

#[test]
fn what_has_no_plane_is_refused() {
    let mut statistics = RingStatistics::new(1, 14, 2, 16).unwrap();
    let labels = TrialLabels { slot: 0, response: 0.0, swap: false, sample: 0 };
    statistics.add(0, &labels, &[0.5; 14]);
    let error = alignment_over_time(&statistics, &[0.0], &without_null(), &Progress::silent())
        .unwrap_err()
        .to_string();
    assert!(error.contains("only 1 colour bins of slot 0"), "{error}");
    let statistics = rings(1.0, 0.0, 1);
    assert!(alignment_over_time(&statistics, &[0.0, 0.1], &without_null(), &Progress::silent()).is_err());
    let crooked = AlignmentOptions { projector: Some(vec![vec![0.5; 14]]), ..without_null() };
    let error =
        alignment_over_time(&statistics, &[0.0], &crooked, &Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("orthonormal"), "{error}");
    let absent = AlignmentOptions { slots: [0, 2], ..without_null() };
    assert!(
        alignment_over_time(&statistics, &[0.0], &absent, &Progress::silent())
            .unwrap_err()
            .to_string()
            .contains("slot is 2")
    );
    let flat = collect(2, 1, 1, |_, angle, state| (state[0], state[1]) = (angle.cos(), angle.sin()));
    let error =
        alignment_over_time(&flat, &[0.0], &without_null(), &Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("neurons is 2"), "{error}");
}
