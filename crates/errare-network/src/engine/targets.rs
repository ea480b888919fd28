//! What a tile of training trajectories regresses on: x₀ … x_T of every trajectory, and the clean responses.
//!
//! Some samples of a display explore, drawing their clean response about an item chosen at random; some run freely
//! instead of being teacher-forced. Comes before the forward pass (`backward`).

use errare_behaviour::{Display, sample_response};
use errare_core::random::{Purpose, stream};

use super::free_running::forced_lanes;
use super::plan::{BatchPlan, Workspace};
use super::plane::lane_f64;
use super::{TileInputs, fill_normals};
use crate::config::CleanTarget;
use crate::kernel::{LANES, Lanes, NoiseLanes, Real, TILE, VECTORS, lane_mut};
use crate::ring::{RingTarget, TileTargets};

/// The clean responses to regress on at τ, from the points x_τ that the trajectories came to.
pub(super) type OwnTarget<'a, T> = dyn Fn(usize, &[Lanes<T>], &mut [Lanes<T>]) + 'a;

/// Draws x₀ for every trajectory and noises it into x₁ … x_T.
pub(super) fn draw_targets<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    work: &mut Workspace<T>,
) {
    let (seed, _, step) = inputs.noise_key;
    let [exploring, free] = sample_roles(plan, inputs.samples);
    let sample = |lane: usize| (inputs.first + lane) % inputs.samples;
    let explores = |lane: usize| sample(lane) < exploring;
    let is_free = |lane: usize| sample(lane) >= inputs.samples - free;
    work.forced = forced_lanes(is_free);
    let share = 1.0 / inputs.trajectories() as f64;
    let logged = share * inputs.samples as f64 / (inputs.samples - exploring - free) as f64;
    for lane in 0..TILE {
        let (_, valid) = inputs.display_of(lane);
        let (vector, at) = (lane / LANES, lane % LANES);
        work.lane_weight[vector].0[at] = T::from_f64(if valid { share } else { 0.0 });
        let counts = valid && !explores(lane) && !is_free(lane);
        work.logged_weight[vector].0[at] = T::from_f64(if counts { logged } else { 0.0 });
    }
    let mut noise = NoiseLanes::new(seed, Purpose::Targets, step, inputs.first as u64);
    fill_normals(plan.isa, &mut noise, &mut work.chain);
    for lane in 0..TILE {
        let (index, _) = inputs.display_of(lane);
        let trajectory = (inputs.first + lane) as u64;
        let mut stream = stream(seed, Purpose::Targets, &[step, trajectory, 1]);
        let display: &Display = &inputs.displays[index];
        let equal = |items: usize| [vec![0.0], vec![1.0 / items as f64; items]].concat();
        let explored = explores(lane).then(|| equal(display.set_size()));
        let weights = explored.as_ref().unwrap_or(&plan.weights[index]);
        let response = sample_response(weights, plan.target.emission(display), display, &mut stream);
        let (sin, cos) = response.angle.sin_cos();
        for (axis, clean) in [cos, sin].into_iter().enumerate() {
            let mut x = plan.radius * clean + plan.spread * lane_f64(&work.chain, axis, lane);
            *lane_mut(&mut work.chain, axis, lane) = T::from_f64(x);
            for tau in 1..=plan.schedule.steps() {
                let beta = plan.schedule.beta[tau];
                x = (1.0 - beta).sqrt() * x + beta.sqrt() * lane_f64(&work.chain, 2 * tau + axis, lane);
                *lane_mut(&mut work.chain, 2 * tau + axis, lane) = T::from_f64(x);
            }
        }
    }
}

/// How many of a display's samples start from an item drawn at random (the first ones), and how many run freely (the
/// last ones); at least one does neither.
fn sample_roles<T>(plan: &BatchPlan<'_, T>, samples: usize) -> [usize; 2] {
    let share = |share: f64| (share * samples as f64).round() as usize;
    let exploring = share(plan.exploration).min(samples - 1);
    [exploring, share(plan.penalties.free_running).min(samples - 1 - exploring)]
}

/// Fills in the clean responses to regress on.
///
/// E[x₀ | x_τ, display] is known exactly, because the target's density is. It has the same minimiser as x₀ itself
/// and none of its noise: what is left of the loss is the network's own error. Gives the targets it was computed from.
pub(super) fn clean_targets<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    work: &mut Workspace<T>,
) -> Option<TileTargets<T>> {
    let steps = plan.schedule.steps();
    if plan.clean_target == CleanTarget::Sampled {
        for tau in 1..=steps {
            let (sampled, target) = (&work.chain[..2 * VECTORS], 2 * tau * VECTORS);
            work.clean[target..target + 2 * VECTORS].copy_from_slice(sampled);
        }
        return None;
    }
    let first = inputs.display_of(0).0;
    let last = inputs.display_of(TILE - 1).0;
    let rings: Vec<RingTarget> = inputs.displays[first..=last]
        .iter()
        .map(|display| RingTarget::new(plan.target, display, plan.radius, plan.spread))
        .collect();
    let targets = TileTargets::new(|lane| &rings[inputs.display_of(lane).0 - first]);
    for tau in 1..=steps {
        let at = 2 * tau * VECTORS..2 * (tau + 1) * VECTORS;
        if plan.objective.teacher_forcing {
            let (x, clean) = (&work.chain[at.clone()], &mut work.clean[at]);
            targets.expected_clean(plan.isa, plan.schedule, tau, x, clean);
        } else {
            // Without teacher forcing the network knows the display alone.
            for lane in 0..TILE {
                let (mean, _) = rings[inputs.display_of(lane).0 - first].moments();
                for (axis, mean) in mean.into_iter().enumerate() {
                    *lane_mut(&mut work.clean, 2 * tau + axis, lane) = T::from_f64(mean);
                }
            }
        }
    }
    Some(targets)
}
