//! A tile of training trajectories: forward with its losses, then backward through all steps.
//!
//! States and what cells keep are stored; the rest they compute again. In the kernels λ (`costate`) is
//! the gradient with respect to the state after a step.

use std::iter::repeat_n;

use super::free_running::{Remove, own_points};
use super::penalties::{Activity, hand_off_penalty};
use super::plan::{BatchPlan, GradientSlot, Workspace};
use super::regression::{Costate, Residual};
use super::targets::{OwnTarget, clean_targets, draw_targets};
use super::{Plane, States, TileInputs, TrialStep, begin, step_forward};
use crate::config::HandOff;
use crate::dynamics::{SPAN, Span, StepGradients, StepInputs, add_weight_gradients, drive_adjoint};
use crate::kernel::{Lanes, Real, TILE, VECTORS, lane, zeros};
use crate::objective::Regressed;
use crate::task::{Epoch, Phase};

/// Adds loss and gradient of one tile to a slot.
pub(crate) fn backward<T: Real>(plan: &BatchPlan<'_, T>, inputs: TileInputs<'_>, slot: &mut GradientSlot<T>) {
    slot.prepare(plan);
    draw_targets(plan, inputs, &mut slot.work);
    let targets = clean_targets(plan, inputs, &mut slot.work);
    let expected = |tau: usize, x: &[Lanes<T>], clean: &mut [Lanes<T>]| {
        if let Some(targets) = &targets {
            targets.expected_clean(plan.isa, plan.problem.schedule, tau, x, clean);
        }
    };
    let own: Option<&OwnTarget<'_, T>> =
        if plan.problem.stage.objective.free_running > 0.0 { Some(&expected) } else { None };
    forward_pass(plan, inputs, own, slot);
    backward_pass(plan, inputs, slot);
}

/// Runs a tile forwards and takes its losses. `own` tells the targets where some lanes run freely.
pub(super) fn forward_pass<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    own: Option<&OwnTarget<'_, T>>,
    slot: &mut GradientSlot<T>,
) {
    let circuit = plan.circuit;
    let work = &mut slot.work;
    let start_sd = plan.problem.schedule.base_sd();
    let hand_off = hand_off(plan);
    begin(plan.isa, circuit, plan.parameters, inputs, start_sd, work.states.step_mut(0), &mut work.tile);
    for (t, step) in plan.steps.iter().enumerate() {
        let [before, after] = work.states.pair_mut(t);
        if let Some(target) = own
            && lets_run(plan, step)
        {
            let rows = 2 * step.code * VECTORS..2 * (step.code + 1) * VECTORS;
            let x = &mut work.chain[rows.clone()];
            own_points(plan.isa, &circuit.readout, before, &work.forced, x);
            target(step.code, x, &mut work.clean[rows]);
        }
        let forced = (plan.problem.objective.teacher_forcing && step.epoch == Epoch::Response)
            .then(|| &work.chain[2 * step.code * VECTORS..][..2 * VECTORS]);
        let states = States { before, forced, f: &mut work.f, kept: work.kept.step_mut(t), after };
        let (parameters, biases) = (plan.parameters, plan.code_biases);
        step_forward(plan.isa, circuit, parameters, biases, step, states, &mut work.tile);
        let after = work.states.step(t + 1);
        if Some(t) == hand_off {
            work.handed.copy_from_slice(after);
        }
        if step.epoch != Epoch::Response {
            continue;
        }
        if let Some(regression) = plan.problem.objective.regressions[step.code] {
            let mut loss = 0.0;
            plan.isa.run(Residual {
                plane: Plane(&circuit.readout),
                of: if regression.on == Regressed::Drive { &work.f } else { after },
                clean: (T::from_f64(regression.clean), &work.clean[2 * step.code * VECTORS..][..2 * VECTORS]),
                noised: (
                    T::from_f64(regression.noised),
                    &work.chain[2 * step.code * VECTORS..][..2 * VECTORS],
                ),
                lane_weight: &work.logged_weight,
                residual: &mut work.residuals[2 * step.code * VECTORS..][..2 * VECTORS],
                loss: &mut loss,
            });
            slot.losses[step.code] += loss;
        }
    }
}

/// The last step before the response.
fn hand_off<T>(plan: &BatchPlan<'_, T>) -> Option<usize> {
    plan.steps.iter().rposition(|step| step.epoch != Epoch::Response)
}

/// Whether free lanes keep their plane at a step: throughout the response, unless the hand-off resets it.
fn lets_run<T>(plan: &BatchPlan<'_, T>, step: &TrialStep) -> bool {
    let begins = step.code == plan.problem.schedule.steps();
    step.epoch == Epoch::Response && !(begins && plan.problem.stage.hand_off() == HandOff::Reset)
}

fn backward_pass<T: Real>(plan: &BatchPlan<'_, T>, inputs: TileInputs<'_>, slot: &mut GradientSlot<T>) {
    let circuit = plan.circuit;
    let GradientSlot { parameters, code_biases, penalties, work, .. } = slot;
    let units = circuit.cell.units();
    let hand_off = hand_off(plan);
    work.costate.fill(Lanes::ZERO);
    work.d_drives.iter_mut().for_each(|d| d.fill(Lanes::ZERO));
    let epochs = plan.steps.chunk_by(|a, b| a.epoch == b.epoch);
    // For each step, how many its epoch has.
    let epoch_lengths: Vec<usize> = epochs.flat_map(|steps| repeat_n(steps.len(), steps.len())).collect();
    for (t, step) in plan.steps.iter().enumerate().rev() {
        let response = step.epoch == Epoch::Response;
        let [before, after] = [t, t + 1].map(|t| work.states.step(t));
        // The state that the response starts from may have been overwritten.
        let after = if Some(t) == hand_off { &work.handed } else { after };
        let regression = if response { plan.problem.objective.regressions[step.code] } else { None };
        let residual = &work.residuals[2 * step.code * VECTORS..][..2 * VECTORS];
        let activity = plan.problem.stage.objective.activity / epoch_lengths[t] as f64;
        if activity > 0.0 {
            plan.isa.run(Activity {
                plane: response.then_some(Plane(&circuit.readout)),
                weight: activity,
                lane_weight: &work.lane_weight,
                state: after,
                costate: &mut work.costate,
                total: &mut penalties[2],
            });
        }
        if Some(t) == hand_off {
            let [mean, spread] = hand_off_penalty(plan, inputs, after, &mut work.costate);
            penalties[0] += mean;
            penalties[1] += spread;
        }
        let add = |on| regression.filter(|r| r.on == on).map(|r| (T::from_f64(r.weight), residual));
        plan.isa.run(Costate {
            plane: Plane(&circuit.readout),
            alpha: T::from_f64(circuit.alpha),
            state_residual: add(Regressed::State),
            drive_residual: add(Regressed::Drive),
            lane_weight: &work.lane_weight,
            costate: &work.costate,
            d_f: work.d_f.step_mut(t % SPAN),
            d_state: &mut work.d_state,
        });
        let forced = plan.problem.objective.teacher_forcing && response;
        let bias = step.code * units..(step.code + 1) * units;
        circuit.cell.adjoint(
            plan.isa,
            StepInputs {
                parameters: plan.parameters,
                bias: &plan.code_biases[bias.clone()],
                drive: step.phase.map(|phase| &work.tile.drives[phase as usize][..]),
                state: before,
            },
            work.kept.step(t),
            work.d_f.step(t % SPAN),
            StepGradients {
                parameters: &mut *parameters,
                bias: &mut code_biases[bias],
                drive: step.phase.map(|phase| &mut work.d_drives[phase as usize][..]),
                state: &mut work.d_state,
                kept: work.d_kept.step_mut(t % SPAN),
            },
            &mut work.tile.scratch,
        );
        if t.is_multiple_of(SPAN) {
            let steps = t..plan.steps.len().min(t + SPAN);
            let span = Span {
                state: work.states.steps(steps.clone()),
                kept: work.kept.steps(steps.clone()),
                d_f: work.d_f.steps(0..steps.len()),
                d_kept: work.d_kept.steps(0..steps.len()),
            };
            add_weight_gradients(plan.isa, &*circuit.cell, span, parameters);
        }
        if forced {
            let everywhere = [Lanes::splat(T::ONE); VECTORS];
            let forced = if lets_run(plan, step) { &work.forced } else { &everywhere };
            plan.isa.run(Remove { plane: Plane(&circuit.readout), forced, costate: &mut work.d_state });
        }
        std::mem::swap(&mut work.costate, &mut work.d_state);
    }
    input_adjoint(plan, inputs, parameters, work);
}

/// Carries the gradients of the drives to the input weights and the encoder.
fn input_adjoint<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    gradient: &mut [T],
    work: &mut Workspace<T>,
) {
    let circuit = plan.circuit;
    for phase in [Phase::Stimulus, Phase::Cue] {
        let range = circuit.cell.input_weights();
        let mut d_input = zeros(circuit.encoder.inputs());
        drive_adjoint(
            plan.isa,
            &plan.parameters[range.clone()],
            &work.tile.inputs[phase as usize],
            &work.d_drives[phase as usize],
            &mut gradient[range],
            &mut d_input,
        );
        let mut per_display = vec![T::ZERO; circuit.encoder.inputs()];
        for lane_index in 0..TILE {
            let (display, valid) = inputs.display_of(lane_index);
            if !valid {
                break;
            }
            for (i, d) in per_display.iter_mut().enumerate() {
                *d += lane(&d_input, i, lane_index);
            }
            let last = lane_index + 1 == TILE || inputs.display_of(lane_index + 1) != (display, true);
            if last {
                let display = &inputs.displays[display];
                circuit.encoder.adjoint(plan.parameters, display, phase, &per_display, gradient);
                per_display.fill(T::ZERO);
            }
        }
    }
}
