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
use crate::kernel::{LANES, Lanes, NoiseLanes, Real, TILE, VECTORS, lane_mut, row_mut};
use crate::ring::{Ring, RingTarget, TileTargets};

/// The clean responses to regress on at τ, from the points x_τ that the trajectories came to.
pub(super) type OwnTarget<'a, T> = dyn Fn(usize, &[Lanes<T>], &mut [Lanes<T>]) + 'a;

/// Draws x₀ for every trajectory and noises it into x₁ … x_T.
pub(super) fn draw_targets<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    work: &mut Workspace<T>,
) {
    let (seed, _, step) = inputs.noise_key;
    // Without teacher forcing nothing begins at an item, and every trajectory counts in the loss that is logged.
    let exploring =
        if plan.problem.objective.teacher_forcing { plan.problem.stage.objective.exploration } else { 0.0 };
    let roles = Roles { exploring, free: plan.problem.stage.objective.free_running };
    let explores = |lane: usize| roles.explores(inputs.first + lane);
    let is_free = |lane: usize| roles.is_free(inputs.first + lane);
    work.forced = forced_lanes(is_free);
    let share = 1.0 / inputs.trajectories() as f64;
    let logged = 1.0 / roles.plain(inputs.trajectories()) as f64;
    for lane in 0..TILE {
        let (_, valid) = inputs.display_of(lane);
        let (vector, at) = (lane / LANES, lane % LANES);
        work.lane_weight[vector].0[at] = T::from_f64(if valid { share } else { 0.0 });
        let counts = valid && !explores(lane) && !is_free(lane);
        work.logged_weight[vector].0[at] = T::from_f64(if counts { logged } else { 0.0 });
    }
    let mut noise = NoiseLanes::new(seed, Purpose::Targets, step, inputs.first as u64);
    fill_normals(plan.isa, &mut noise, &mut work.chain);
    let Ring { radius, spread } = plan.problem.stage.ring();
    let mut points = [[0.0; TILE]; 2];
    for lane in 0..TILE {
        let (index, _) = inputs.display_of(lane);
        let trajectory = (inputs.first + lane) as u64;
        let mut stream = stream(seed, Purpose::Targets, &[step, trajectory, 1]);
        let display: &Display = &inputs.displays[index];
        let equal = |items: usize| [vec![0.0], vec![1.0 / items as f64; items]].concat();
        let explored = explores(lane).then(|| equal(display.set_size()));
        let weights = explored.as_ref().unwrap_or(&plan.weights[index]);
        let response = sample_response(weights, plan.problem.target.emission(display), display, &mut stream);
        let (sin, cos) = response.angle.sin_cos();
        for (axis, clean) in [cos, sin].into_iter().enumerate() {
            let x = radius * clean + spread * lane_f64(&work.chain, axis, lane);
            *lane_mut(&mut work.chain, axis, lane) = T::from_f64(x);
            points[axis][lane] = x;
        }
    }
    for tau in 1..=plan.problem.schedule.steps() {
        let beta = plan.problem.schedule.beta[tau];
        let (kept, added) = ((1.0 - beta).sqrt(), beta.sqrt());
        for (axis, points) in points.iter_mut().enumerate() {
            let noise = row_mut(&mut work.chain, 2 * tau + axis).iter_mut().flat_map(|vector| &mut vector.0);
            for (x, z) in points.iter_mut().zip(noise) {
                *x = kept * *x + added * z.to_f64();
                *z = T::from_f64(*x);
            }
        }
    }
}

/// Which trajectories of a batch start from an item drawn at random, and which run freely; none does both. Shares are of
/// all trajectories, taken at equal distances.
#[derive(Debug, Clone, Copy)]
struct Roles {
    exploring: f64,
    free: f64,
}

impl Roles {
    /// How many of the first `count` of a list are taken, for a share of it.
    fn taken(count: usize, share: f64) -> usize {
        // A share such as 1/3 may come out a little too small.
        (count as f64 * share + 1e-9) as usize
    }

    /// How many of the first `count` trajectories explore, and how many run freely.
    fn counts(self, count: usize) -> [usize; 2] {
        let exploring = Self::taken(count, self.exploring);
        [exploring, Self::taken(count - exploring, (self.free / (1.0 - self.exploring)).min(1.0))]
    }

    fn explores(self, trajectory: usize) -> bool {
        self.counts(trajectory)[0] < self.counts(trajectory + 1)[0]
    }

    fn is_free(self, trajectory: usize) -> bool {
        self.counts(trajectory)[1] < self.counts(trajectory + 1)[1]
    }

    /// Trajectories that neither explore nor run freely, of `count`.
    fn plain(self, count: usize) -> usize {
        let [exploring, free] = self.counts(count);
        count - exploring - free
    }
}

/// Fills in the clean responses to regress on.
///
/// E[x₀ | x_τ, display] is known exactly, because the target's density is. It has the same minimiser as x₀ itself
/// and none of its noise: what is left of the loss is the network's own error. Gives the targets it was computed from, for
/// points that trajectories come to by themselves.
pub(super) fn clean_targets<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    work: &mut Workspace<T>,
) -> Option<TileTargets<T>> {
    let steps = plan.problem.schedule.steps();
    if plan.problem.stage.objective.target == CleanTarget::Sampled {
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
        .map(|display| RingTarget::new(plan.problem.target, display, plan.problem.stage.ring()))
        .collect();
    if !plan.problem.objective.teacher_forcing {
        // The network knows the display alone.
        let means: Vec<[f64; 2]> = rings.iter().map(|ring| ring.moments().0).collect();
        for lane in 0..TILE {
            for (axis, mean) in means[inputs.display_of(lane).0 - first].into_iter().enumerate() {
                for tau in 1..=steps {
                    *lane_mut(&mut work.clean, 2 * tau + axis, lane) = T::from_f64(mean);
                }
            }
        }
        return None;
    }
    let targets = TileTargets::new(|lane| &rings[inputs.display_of(lane).0 - first]);
    for tau in 1..=steps {
        let at = 2 * tau * VECTORS..2 * (tau + 1) * VECTORS;
        let (x, clean) = (&work.chain[at.clone()], &mut work.clean[at]);
        targets.expected_clean(plan.isa, plan.problem.schedule, tau, x, clean);
    }
    Some(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_their_shares_and_exclude_each_other() {
        for (exploring, free) in [(0.0, 0.0), (0.5, 0.0), (0.0, 1.0 / 3.0), (0.5, 0.25), (0.3, 0.69)] {
            let roles = Roles { exploring, free };
            for count in [1, 2, 3, 6, 100, 4096] {
                let of = |role: &dyn Fn(usize) -> bool| (0..count).filter(|&j| role(j)).count();
                let [explore, run] = [of(&|j| roles.explores(j)), of(&|j| roles.is_free(j))];
                assert!((explore as f64 - exploring * count as f64).abs() < 1.0, "{explore} of {count}");
                assert!((run as f64 - free * count as f64).abs() < 2.0, "{run} of {count}");
                assert_eq!(of(&|j| roles.explores(j) && roles.is_free(j)), 0);
                assert_eq!(count - explore - run, roles.plain(count));
                assert!(roles.plain(count) > 0);
            }
        }
    }

    #[test]
    fn of_two_samples_one_explores_at_a_half_and_of_three_one_runs_freely_at_a_third() {
        let half = Roles { exploring: 0.5, free: 0.0 };
        let third = Roles { exploring: 0.0, free: 1.0 / 3.0 };
        for j in 0..3000 {
            assert_eq!(half.explores(j), j % 2 == 1);
            assert_eq!(third.is_free(j), j % 3 == 2);
        }
    }
}
