//! One training step laid open: the numbers it was computed from, and its loss and gradient, so that another
//! implementation can be held against them.

use errare_behaviour::ResponseModel;
use errare_core::random::Purpose;

use crate::circuit::draw_readout;
use crate::engine::{Problem, fill_normals, trial_steps};
use crate::experiment::Stage;
use crate::kernel::{Isa, Lanes, NoiseLanes, TILE, lane, zeros};
use crate::training::{Accumulators, BatchLoss, SLOTS, draw_delay, draw_displays};
use crate::{Error, Result};

/// The first training step of a stage at its initial weights, computed in f32 as in training.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceStep {
    /// * `parameter/…` and `gradient/…`: every tensor, and the gradient of the loss by it;
    /// * `readout` \[2, n\];
    /// * `report`, `probe` \[displays, slots\] (radians) and `cued_slot` \[displays\];
    /// * `chain` \[T + 1, 2, trajectories\]: x₀, x₁ … x_T;
    /// * `start` \[n, trajectories\]: the state before the first step;
    /// * `noise` \[steps, n, trajectories\]: ξ; 0 where a step adds no noise;
    /// * `loss` \[\], `loss_per_step` \[T\] for τ = 1…T, `penalties` \[3\]: hand-off mean and spread, activity.
    ///
    /// Trajectories of a display are neighbours.
    pub arrays: Vec<Array>,
}

/// A named array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its name.
    pub name: String,
    /// Its shape; empty for a number.
    pub shape: Vec<usize>,
    /// Its values; most are widened from f32.
    pub values: Vec<f64>,
}

impl Array {
    fn new(name: impl Into<String>, shape: &[usize], values: Vec<f64>) -> Self {
        Self { name: name.into(), shape: shape.into(), values }
    }
}

impl ReferenceStep {
    /// Takes the step on the stage's own batch.
    ///
    /// # Errors
    /// When the stage's constants are impossible, or its batch has more tiles than there are gradient slots.
    pub fn of(stage: &Stage, target: &dyn ResponseModel) -> Result<Self> {
        const STEP: u64 = 0;
        let schedule = stage.schedule()?;
        let readout = draw_readout(stage.network.neurons, stage.seed);
        let circuit = stage.circuit::<f32>(&readout);
        let parameters: Vec<f32> = circuit.layout.initial(stage.seed);
        let problem = Problem {
            stage,
            schedule: &schedule,
            objective: &stage.objective(&schedule),
            target,
            generators: &stage.generators()?,
        };
        let (displays, samples) = (stage.training.displays, stage.training.samples);
        let mut accumulators = Accumulators::new(Isa::detect(), &stage.task);
        // A slot remembers the tile that it ran last.
        let most = SLOTS * TILE;
        if displays * samples > most {
            let expected = format!("at most {most}, so that every tile can still be read");
            return Err(Error::invalid("training.displays × samples", displays * samples, &expected));
        }
        let (loss, gradient) =
            accumulators.gradient(&problem, &circuit, &parameters, STEP, displays, samples);

        let mut arrays = Vec::new();
        for (kind, values) in [("parameter", &parameters), ("gradient", &gradient)] {
            for tensor in circuit.layout.tensors() {
                let values = values[tensor.range.clone()].iter().copied().map(f64::from).collect();
                arrays.push(Array::new(format!("{kind}/{}", tensor.name), &tensor.shape, values));
            }
        }
        arrays.push(Array::new("readout", &[2, circuit.neurons], readout.concat()));
        arrays.extend(shown(&problem, STEP, displays));
        arrays.extend(drawn(&problem, &accumulators, STEP, displays * samples));
        arrays.extend(losses(&loss));
        Ok(Self { arrays })
    }
}

/// The displays.
fn shown(problem: &Problem<'_>, step: u64, count: usize) -> [Array; 3] {
    let displays = draw_displays(problem, step, count);
    let slots = displays[0].set_size();
    let by_slot = |of: &dyn Fn(usize, usize) -> f64| {
        let all = (0..count).flat_map(|display| (0..slots).map(move |slot| (display, slot)));
        all.map(|(display, slot)| of(display, displays[display].item_in_slot(slot))).collect()
    };
    let cued = displays.iter().map(|display| display.cued_slot as f64).collect();
    [
        Array::new("report", &[count, slots], by_slot(&|display, item| displays[display].report[item])),
        Array::new("probe", &[count, slots], by_slot(&|display, item| displays[display].probe[item])),
        Array::new("cued_slot", &[count], cued),
    ]
}

/// What was drawn for every trajectory: the chain, the state before the first step, the process noise.
fn drawn(
    problem: &Problem<'_>,
    accumulators: &Accumulators<f32>,
    step: u64,
    trajectories: usize,
) -> [Array; 3] {
    let neurons = problem.stage.network.neurons;
    let steps = trial_steps(problem.stage, problem.schedule, draw_delay(problem, step));
    let tiles = trajectories.div_ceil(TILE);
    let (mut start, mut chain, mut noise) = (Vec::new(), Vec::new(), Vec::new());
    for tile in 0..tiles {
        let (tile_start, tile_chain) = accumulators.drawn(tile);
        start.push(tile_start.to_vec());
        chain.push(tile_chain.to_vec());
        // The generators' order: the state before the first step, then every step that adds noise.
        let first = (tile * TILE) as u64;
        let mut lanes = NoiseLanes::new(problem.stage.seed, Purpose::ProcessNoise, step, first);
        let mut normals = zeros::<f32>(neurons + neurons % 2);
        fill_normals(Isa::detect(), &mut lanes, &mut normals);
        let mut rows = Vec::new();
        for step in &steps {
            if step.plane_noise == 0.0 && step.null_noise == 0.0 {
                rows.extend(zeros::<f32>(neurons));
            } else {
                fill_normals(Isa::detect(), &mut lanes, &mut normals);
                rows.extend_from_slice(&normals[..zeros::<f32>(neurons).len()]);
            }
        }
        noise.push(rows);
    }
    let joined = |rows: usize, tiles: &[Vec<Lanes<f32>>]| -> Vec<f64> {
        let all = (0..rows).flat_map(|row| (0..trajectories).map(move |trajectory| (row, trajectory)));
        all.map(|(row, trajectory)| f64::from(lane(&tiles[trajectory / TILE], row, trajectory % TILE)))
            .collect()
    };
    let taus = problem.schedule.steps() + 1;
    [
        Array::new("chain", &[taus, 2, trajectories], joined(2 * taus, &chain)),
        Array::new("start", &[neurons, trajectories], joined(neurons, &start)),
        Array::new("noise", &[steps.len(), neurons, trajectories], joined(steps.len() * neurons, &noise)),
    ]
}

fn losses(loss: &BatchLoss) -> [Array; 3] {
    [
        Array::new("loss", &[], vec![loss.total]),
        Array::new("loss_per_step", &[loss.per_step.len() - 1], loss.per_step[1..].to_vec()),
        Array::new("penalties", &[3], loss.penalties.to_vec()),
    ]
}

#[cfg(test)]
mod tests {
    use errare_behaviour::SwapFunction;

    use super::*;
    use crate::config::{CleanTarget, Dynamics};
    use crate::task::Epoch;

    fn stage(displays: usize) -> Stage {
        let mut stage = Stage::default();
        stage.network.dynamics = Dynamics::Rate;
        // Odd, since normals come in pairs.
        stage.network.neurons = 5;
        stage.objective.target = CleanTarget::Sampled;
        // Tiles of two displays, the last one padded.
        (stage.training.displays, stage.training.samples) = (displays, 32);
        stage
    }

    /// W x + b.
    fn affine(weights: &[f64], x: &[f64], bias: &[f64]) -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
        weights.chunks_exact(x.len()).zip(bias).map(|(row, b)| dot(row) + b).collect()
    }

    /// A trial stepped through trajectory by trajectory, from the exported numbers alone.
    #[test]
    fn the_exported_numbers_give_the_exported_loss() {
        let stage = stage(3);
        let step = ReferenceStep::of(&stage, &SwapFunction::Flat { swap_probability: 0.3 }).unwrap();
        let array = |name: &str| step.arrays.iter().find(|a| a.name == name).unwrap();
        let parameter = |name: &str| &array(&format!("parameter/{name}")).values[..];
        let (n, slots, trajectories) = (5, 2, 96);
        let schedule = stage.schedule().unwrap();
        let steps = trial_steps(&stage, &schedule, stage.task.epochs.delay[0]);
        let circuit = stage.circuit::<f64>(&draw_readout(n, stage.seed));
        let parameters = parameters_of(&step);
        let value =
            |name: &str, row: usize, trajectory: usize| array(name).values[row * trajectories + trajectory];
        let readout = array("readout").values.chunks_exact(n).collect::<Vec<_>>();
        let mut per_step = vec![0.0; schedule.steps()];
        for trajectory in 0..trajectories {
            let display = trajectory / stage.training.samples;
            let mut shown = [vec![0.0; 3 * slots], vec![0.0; 3 * slots]];
            for slot in 0..slots {
                let report = array("report").values[display * slots + slot];
                (shown[0][2 * slot], shown[0][2 * slot + 1]) = (report.cos(), report.sin());
                let cued = array("cued_slot").values[display] as usize;
                shown[1][2 * slots + slot] = parameter("cue.embedding")[cued * slots + slot];
            }
            let mut r: Vec<f64> = (0..n).map(|i| value("start", i, trajectory)).collect();
            for (t, step) in steps.iter().enumerate() {
                let plane = |r: &[f64]| affine(&readout.concat(), r, &[0.0; 2]);
                let x = |tau: usize| [0, 1].map(|axis| value("chain", 2 * tau + axis, trajectory));
                if step.epoch == Epoch::Response {
                    let now = plane(&r);
                    for (i, r) in r.iter_mut().enumerate() {
                        *r += (0..2).map(|a| (x(step.code)[a] - now[a]) * readout[a][i]).sum::<f64>();
                    }
                }
                let code = circuit.embedding.code(&parameters, step.code);
                let mut z = affine(parameter("hidden.recurrent"), &r, parameter("hidden.bias"));
                let input = step.phase.map_or(vec![0.0; 3 * slots], |phase| shown[phase as usize].clone());
                for (weights, x) in [("hidden.time", &code), ("hidden.input", &input)] {
                    z = affine(parameter(weights), x, &z);
                }
                let h: Vec<f64> = z.iter().map(|z| z.exp().ln_1p()).collect();
                let f = affine(parameter("output.hidden"), &h, parameter("output.bias"));
                if step.epoch == Epoch::Response {
                    let (clean, noised) =
                        (schedule.clean_weight[step.code], schedule.noised_weight[step.code]);
                    for (axis, predicted) in plane(&f).into_iter().enumerate() {
                        let error = predicted - clean * x(0)[axis] - noised * x(step.code)[axis];
                        per_step[step.code - 1] += error * error / (2 * trajectories) as f64;
                    }
                }
                for i in 0..n {
                    let noise = step.plane_noise * value("noise", t * n + i, trajectory);
                    r[i] = 0.9 * r[i] + 0.1 * f[i] + noise;
                }
            }
        }
        for (tau, (plain, exported)) in per_step.iter().zip(&array("loss_per_step").values).enumerate() {
            assert!((plain / exported - 1.0).abs() < 1e-5, "τ = {}: {plain} and {exported}", tau + 1);
        }
    }

    fn parameters_of(step: &ReferenceStep) -> Vec<f64> {
        let all = step.arrays.iter().filter(|array| array.name.starts_with("parameter/"));
        all.flat_map(|array| array.values.clone()).collect()
    }

    #[test]
    fn a_batch_that_would_overwrite_its_tiles_is_refused() {
        let error = ReferenceStep::of(&stage(17), &SwapFunction::None).unwrap_err().to_string();
        assert!(error.contains("samples is 544, but it must be at most 512"), "{error}");
    }
}
