//! Penalties on a tile's states: the norm of the activity, and the plane's first two moments at hand-off.

use super::plan::BatchPlan;
use super::plane::lane_f64;
use super::{Plane, TileInputs};
use crate::kernel::{InstructionSet, Kernel, Lanes, Real, TILE, VECTORS, lane_mut, row, row_mut};

/// weight · mean ‖r‖, of the whole state or, with a plane, of its complement.
pub(super) struct Activity<'a, T> {
    pub(super) plane: Option<Plane<'a, T>>,
    pub(super) weight: f64,
    pub(super) lane_weight: &'a [Lanes<T>; VECTORS],
    pub(super) state: &'a [Lanes<T>],
    pub(super) costate: &'a mut [Lanes<T>],
    pub(super) total: &'a mut f64,
}

impl<T: Real> Kernel for Activity<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let x = self.plane.map(|plane| plane.read::<S>(self.state));
        let weight = T::from_f64(self.weight);
        let mut square = [Lanes::splat(T::from_f64(1e-12)); VECTORS];
        for i in 0..self.state.len() / VECTORS {
            let r = self.counted::<S>(i, x.as_ref());
            for v in 0..VECTORS {
                square[v] = square[v].add_product::<S>(r[v], r[v]);
            }
        }
        let mut sum = Lanes::ZERO;
        let mut factor = [Lanes::ZERO; VECTORS];
        for v in 0..VECTORS {
            let norm = square[v].map(T::root);
            let lane_weight = self.lane_weight[v].map(|w| w * weight);
            sum = sum.add_product::<S>(norm, lane_weight);
            factor[v] = lane_weight.zip(norm, |w, n| w / n);
        }
        *self.total += sum.sum().to_f64();
        for i in 0..self.state.len() / VECTORS {
            let r = self.counted::<S>(i, x.as_ref());
            let costate = row_mut(self.costate, i);
            for v in 0..VECTORS {
                costate[v] = costate[v].add_product::<S>(factor[v], r[v]);
            }
        }
    }
}

impl<T: Real> Activity<'_, T> {
    /// What counts of neuron `i`, given where the state is in the plane.
    #[inline(always)]
    fn counted<S: InstructionSet>(
        &self,
        i: usize,
        x: Option<&[[Lanes<T>; VECTORS]; 2]>,
    ) -> [Lanes<T>; VECTORS] {
        let mut r = *row(self.state, i);
        if let (Some(plane), Some(x)) = (self.plane, x) {
            for (axis, x) in plane.0.iter().zip(x) {
                for v in 0..VECTORS {
                    r[v] = r[v].add_scaled::<S>(-axis[i], x[v]);
                }
            }
        }
        r
    }
}

/// Penalties on the plane at hand-off: mean ‖mean over a display's samples‖, and the squared difference of
/// the pooled spread about those means from the base distribution's. Displays are taken within the tile.
pub(super) fn hand_off_penalty<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    state: &[Lanes<T>],
    costate: &mut [Lanes<T>],
) -> [f64; 2] {
    let (mean_weight, spread_weight) =
        (plan.problem.stage.objective.hand_off_mean, plan.problem.stage.objective.hand_off_spread);
    if mean_weight == 0.0 && spread_weight == 0.0 {
        return [0.0; 2];
    }
    let readout = &plan.circuit.readout;
    let share = 1.0 / inputs.trajectories() as f64;
    let lanes: Vec<usize> = (0..TILE).take_while(|&lane| inputs.display_of(lane).1).collect();
    let x: Vec<[f64; 2]> = lanes
        .iter()
        .map(|&trajectory| {
            readout.each_ref().map(|axis| {
                axis.iter().enumerate().map(|(i, w)| w.to_f64() * lane_f64(state, i, trajectory)).sum()
            })
        })
        .collect();
    let mut d_x = vec![[0.0; 2]; lanes.len()];
    let (mut mean_penalty, mut squares, mut groups) = (0.0, 0.0, 0);
    let mut deviations = vec![[0.0; 2]; lanes.len()];
    for group in lanes.chunk_by(|&a, &b| inputs.display_of(a).0 == inputs.display_of(b).0) {
        let count = group.len() as f64;
        let mean: [f64; 2] =
            std::array::from_fn(|axis| group.iter().map(|&j| x[j][axis]).sum::<f64>() / count);
        let norm = (mean[0] * mean[0] + mean[1] * mean[1] + 1e-12).sqrt();
        mean_penalty += mean_weight * share * count * norm;
        groups += 1;
        for &j in group {
            for axis in 0..2 {
                d_x[j][axis] += mean_weight * share * mean[axis] / norm;
                deviations[j][axis] = x[j][axis] - mean[axis];
                squares += deviations[j][axis].powi(2);
            }
        }
    }
    let mut spread_penalty = 0.0;
    let freedom = 2.0 * (lanes.len() - groups) as f64;
    if spread_weight > 0.0 && freedom > 0.0 {
        let sd = (squares / freedom).sqrt().max(1e-6);
        let weight = spread_weight * share * lanes.len() as f64;
        let excess = sd - plan.problem.schedule.base_sd();
        spread_penalty = weight * excess * excess;
        for (d, deviation) in d_x.iter_mut().zip(&deviations) {
            for axis in 0..2 {
                d[axis] += weight * 2.0 * excess * deviation[axis] / (freedom * sd);
            }
        }
    }
    for (&j, d) in lanes.iter().zip(&d_x) {
        for (i, (w0, w1)) in readout[0].iter().zip(&readout[1]).enumerate() {
            *lane_mut(costate, i, j) += T::from_f64(w0.to_f64() * d[0] + w1.to_f64() * d[1]);
        }
    }
    [mean_penalty, spread_penalty]
}
