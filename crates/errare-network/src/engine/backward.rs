//! A tile of training trajectories: forward with its losses, then backward through all steps.
//!
//! Only states and F are stored; cells recompute their internals. In the kernels λ (`costate`) is the gradient
//! with respect to the state after a step.

use errare_behaviour::{Display, ResponseModel, sample_response};
use errare_core::random::{Purpose, stream};

use super::forward::Overwrite;
use super::free_running::{Forced, Remove, forced_lanes, own_points};
use super::{Plane, Tile, TileInputs, TrialStep, begin, fill_normals, step_forward};
use crate::circuit::Circuit;
use crate::config::{CleanTarget, HandOff, ObjectiveConfig};
use crate::dynamics::{StepGradients, StepInputs, drive_adjoint};
use crate::kernel::{
    Isa, Kernel, LANES, Lanes, NoiseLanes, Real, TILE, VECTORS, lane, lane_mut, row, row_mut, zeros,
};
use crate::objective::{Objective, Regressed};
use crate::ring::{RingTarget, TileTargets};
use crate::schedule::Schedule;
use crate::task::{Epoch, Phase};

/// Everything a training step shares between its tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchPlan<'a, T> {
    pub(crate) isa: Isa,
    pub(crate) circuit: &'a Circuit<T>,
    pub(crate) parameters: &'a [T],
    pub(crate) code_biases: &'a [T],
    pub(crate) steps: &'a [TrialStep],
    pub(crate) schedule: &'a Schedule,
    pub(crate) objective: &'a Objective,
    pub(crate) penalties: &'a ObjectiveConfig,
    pub(crate) target: &'a dyn ResponseModel,
    /// Mixture weights of the target for every display.
    pub(crate) weights: &'a [Vec<f64>],
    /// Regress on expected clean responses instead of sampled ones.
    pub(crate) clean_target: CleanTarget,
    /// Share of the samples whose clean response is drawn about an item chosen at random.
    pub(crate) exploration: f64,
    /// What happens to the plane of free lanes when the response begins.
    pub(crate) hand_off: HandOff,
    /// R, and s₀.
    pub(crate) radius: f64,
    pub(crate) spread: f64,
}

/// Gradients and losses of the tiles that share a slot, summed in the order of the tiles.
#[derive(Debug)]
pub(crate) struct GradientSlot<T> {
    pub(crate) parameters: Vec<T>,
    pub(crate) code_biases: Vec<T>,
    /// Mean squared error at each τ; index 0 is unused.
    pub(crate) losses: Vec<f64>,
    /// Weighted penalties: hand-off mean, hand-off spread, activity.
    pub(crate) penalties: [f64; 3],
    pub(super) work: Workspace<T>,
}

/// Buffers that live through a tile's forward and backward pass.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    tile: Tile<T>,
    /// State before the first step.
    start: Vec<Lanes<T>>,
    /// State after each step, before any overwriting.
    pub(super) after: Vec<Lanes<T>>,
    /// F at each step.
    drives: Vec<Lanes<T>>,
    /// x_τ, two rows each; x₀ first.
    pub(super) chain: Vec<Lanes<T>>,
    /// The clean response that each τ is regressed on, two rows each: x₀, or its expectation given x_τ.
    pub(super) clean: Vec<Lanes<T>>,
    /// Prediction minus target at each τ, two rows each.
    pub(super) residuals: Vec<Lanes<T>>,
    /// Share of each trajectory in the mean: of the objective, and of the loss that is logged.
    lane_weight: [Lanes<T>; VECTORS],
    logged_weight: [Lanes<T>; VECTORS],
    /// The lanes that are teacher-forced.
    forced: Forced<T>,
    costate: Vec<Lanes<T>>,
    d_f: Vec<Lanes<T>>,
    d_state: Vec<Lanes<T>>,
    d_drives: [Vec<Lanes<T>>; 2],
}

impl<T: Real> GradientSlot<T> {
    pub(crate) fn new(circuit: &Circuit<T>, steps: usize, response_steps: usize) -> Self {
        let n = circuit.neurons;
        let rows = circuit.cell.drive_rows();
        Self {
            parameters: vec![T::ZERO; circuit.layout.len()],
            code_biases: vec![T::ZERO; (response_steps + 1) * circuit.cell.units()],
            losses: vec![0.0; response_steps + 1],
            penalties: [0.0; 3],
            work: Workspace {
                tile: Tile::new(circuit),
                start: zeros(n),
                after: zeros(steps * n),
                drives: zeros(steps * n),
                chain: zeros(2 * (response_steps + 1)),
                clean: zeros(2 * (response_steps + 1)),
                residuals: zeros(2 * (response_steps + 1)),
                lane_weight: [Lanes::ZERO; VECTORS],
                logged_weight: [Lanes::ZERO; VECTORS],
                forced: [Lanes::ZERO; VECTORS],
                costate: zeros(n),
                d_f: zeros(n),
                d_state: zeros(n),
                d_drives: [zeros(rows), zeros(rows)],
            },
        }
    }

    /// What the latest tile started from: the state before the first step, `[neuron][trajectory]`, and x₀ … x_T,
    /// two rows each.
    pub(crate) fn drawn(&self) -> (&[Lanes<T>], &[Lanes<T>]) {
        (&self.work.start, &self.work.chain)
    }

    /// Makes room for the states of a plan's trials.
    pub(super) fn prepare(&mut self, plan: &BatchPlan<'_, T>) {
        let needed = plan.steps.len() * plan.circuit.neurons * VECTORS;
        self.work.after.resize(needed, Lanes::ZERO);
        self.work.drives.resize(needed, Lanes::ZERO);
    }

    /// Forgets the gradients of the last step.
    pub(crate) fn clear(&mut self) {
        self.parameters.fill(T::ZERO);
        self.code_biases.fill(T::ZERO);
        self.losses.fill(0.0);
        self.penalties = [0.0; 3];
    }
}

/// Adds loss and gradient of one tile to a slot.
pub(crate) fn backward<T: Real>(plan: &BatchPlan<'_, T>, inputs: TileInputs<'_>, slot: &mut GradientSlot<T>) {
    slot.prepare(plan);
    draw_targets(plan, inputs, &mut slot.work);
    let targets = clean_targets(plan, inputs, &mut slot.work);
    let expected = |tau: usize, x: &[Lanes<T>], clean: &mut [Lanes<T>]| {
        if let Some(targets) = &targets {
            targets.expected_clean(plan.isa, plan.schedule, tau, x, clean);
        }
    };
    let own: Option<&OwnTarget<'_, T>> =
        if plan.penalties.free_running > 0.0 { Some(&expected) } else { None };
    forward_pass(plan, inputs, own, slot);
    backward_pass(plan, inputs, slot);
}

/// The clean responses to regress on at τ, from the points x_τ that the trajectories came to.
type OwnTarget<'a, T> = dyn Fn(usize, &[Lanes<T>], &mut [Lanes<T>]) + 'a;

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

fn lane_f64<T: Real>(buffer: &[Lanes<T>], index: usize, trajectory: usize) -> f64 {
    lane(buffer, index, trajectory).to_f64()
}

/// Runs a tile forwards and takes its losses. `own` tells the targets where some lanes run freely.
pub(super) fn forward_pass<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    own: Option<&OwnTarget<'_, T>>,
    slot: &mut GradientSlot<T>,
) {
    let (circuit, n) = (plan.circuit, plan.circuit.neurons);
    let work = &mut slot.work;
    begin(plan.isa, circuit, plan.parameters, inputs, plan.schedule.base_sd(), &mut work.tile);
    work.start.copy_from_slice(&work.tile.state);
    for (t, step) in plan.steps.iter().enumerate() {
        if let Some(target) = own
            && lets_run(plan, step)
        {
            let rows = 2 * step.code * VECTORS..2 * (step.code + 1) * VECTORS;
            let x = &mut work.chain[rows.clone()];
            own_points(plan.isa, &circuit.readout, &work.tile, &work.forced, x);
            target(step.code, x, &mut work.clean[rows]);
        }
        let forced = (plan.objective.teacher_forcing && step.epoch == Epoch::Response)
            .then(|| &work.chain[2 * step.code * VECTORS..][..2 * VECTORS]);
        let tile = &mut work.tile;
        step_forward(plan.isa, circuit, plan.parameters, plan.code_biases, step, forced, tile);
        work.after[t * n * VECTORS..][..n * VECTORS].copy_from_slice(&tile.state);
        work.drives[t * n * VECTORS..][..n * VECTORS].copy_from_slice(&tile.f);
        if step.epoch != Epoch::Response {
            continue;
        }
        if let Some(regression) = plan.objective.regressions[step.code] {
            let mut loss = 0.0;
            plan.isa.run(Residual {
                plane: Plane(&circuit.readout),
                of: if regression.on == Regressed::Drive { &tile.f } else { &tile.state },
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

/// Whether free lanes keep their plane at a step: throughout the response, unless the hand-off resets it.
fn lets_run<T>(plan: &BatchPlan<'_, T>, step: &TrialStep) -> bool {
    let begins = step.code == plan.schedule.steps();
    step.epoch == Epoch::Response && !(begins && plan.hand_off == HandOff::Reset)
}

/// Prediction − target in the plane, and its weighted mean square.
struct Residual<'a, T> {
    plane: Plane<'a, T>,
    of: &'a [Lanes<T>],
    clean: (T, &'a [Lanes<T>]),
    noised: (T, &'a [Lanes<T>]),
    lane_weight: &'a [Lanes<T>; VECTORS],
    residual: &'a mut [Lanes<T>],
    loss: &'a mut f64,
}

impl<T: Real> Kernel for Residual<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let x = self.plane.read::<FMA>(self.of);
        let mut sum = Lanes::ZERO;
        for axis in 0..2 {
            let (clean, noised) = (row(self.clean.1, axis), row(self.noised.1, axis));
            let residual = row_mut(self.residual, axis);
            for v in 0..VECTORS {
                let target = clean[v].map(|c| c * self.clean.0).add_scaled::<FMA>(self.noised.0, noised[v]);
                residual[v] = x[axis][v].zip(target, |x, y| x - y);
                let weighted = residual[v].zip(self.lane_weight[v], |e, w| e * w);
                sum = sum.add_product::<FMA>(weighted, residual[v]);
            }
        }
        *self.loss = 0.5 * sum.sum().to_f64();
    }
}

fn backward_pass<T: Real>(plan: &BatchPlan<'_, T>, inputs: TileInputs<'_>, slot: &mut GradientSlot<T>) {
    let (circuit, n) = (plan.circuit, plan.circuit.neurons);
    let GradientSlot { parameters, code_biases, penalties, work, .. } = slot;
    let units = circuit.cell.units();
    let size = n * VECTORS;
    let hand_off = plan.steps.iter().rposition(|step| step.epoch != Epoch::Response);
    work.costate.fill(Lanes::ZERO);
    work.d_drives.iter_mut().for_each(|d| d.fill(Lanes::ZERO));
    for (t, step) in plan.steps.iter().enumerate().rev() {
        let response = step.epoch == Epoch::Response;
        let after = &work.after[t * size..(t + 1) * size];
        let regression = if response { plan.objective.regressions[step.code] } else { None };
        let residual = &work.residuals[2 * step.code * VECTORS..][..2 * VECTORS];
        let epoch_steps = plan.steps.iter().filter(|other| other.epoch == step.epoch).count();
        let activity = plan.penalties.activity / epoch_steps as f64;
        if activity > 0.0 {
            plan.isa.run(Activity {
                plane: response.then_some(Plane(&circuit.readout)),
                weight: activity,
                lane_weight: &work.lane_weight,
                state: after,
                costate: &mut work.costate,
                masked: &mut work.d_f,
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
            costate: &mut work.costate,
            d_f: &mut work.d_f,
            d_state: &mut work.d_state,
        });
        let forced = plan.objective.teacher_forcing && response;
        let before = if t == 0 { &work.start[..] } else { &work.after[(t - 1) * size..t * size] };
        work.tile.state.copy_from_slice(before);
        if forced {
            let x = &work.chain[2 * step.code * VECTORS..][..2 * VECTORS];
            plan.isa.run(Overwrite { plane: Plane(&circuit.readout), x, state: &mut work.tile.state });
        }
        let bias = step.code * units..(step.code + 1) * units;
        circuit.cell.adjoint(
            plan.isa,
            StepInputs {
                parameters: plan.parameters,
                bias: &plan.code_biases[bias.clone()],
                drive: step.phase.map(|phase| &work.tile.drives[phase as usize][..]),
                state: &work.tile.state,
            },
            &work.drives[t * size..(t + 1) * size],
            &work.d_f,
            StepGradients {
                parameters: &mut *parameters,
                bias: &mut code_biases[bias],
                drive: step.phase.map(|phase| &mut work.d_drives[phase as usize][..]),
                state: &mut work.d_state,
            },
            &mut work.tile.scratch,
        );
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

/// λ gains the state's regression; dF = αλ plus the drive's; the state's direct share is (1 − α)λ.
struct Costate<'a, T> {
    plane: Plane<'a, T>,
    alpha: T,
    state_residual: Option<(T, &'a [Lanes<T>])>,
    drive_residual: Option<(T, &'a [Lanes<T>])>,
    lane_weight: &'a [Lanes<T>; VECTORS],
    costate: &'a mut [Lanes<T>],
    d_f: &'a mut [Lanes<T>],
    d_state: &'a mut [Lanes<T>],
}

impl<T: Real> Costate<'_, T> {
    #[inline(always)]
    fn weighted(&self, (weight, residual): (T, &[Lanes<T>])) -> [[Lanes<T>; VECTORS]; 2] {
        let mut x = [[Lanes::ZERO; VECTORS]; 2];
        for axis in 0..2 {
            for v in 0..VECTORS {
                x[axis][v] = row(residual, axis)[v].zip(self.lane_weight[v], |e, w| weight * e * w);
            }
        }
        x
    }
}

impl<T: Real> Kernel for Costate<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        if let Some(residual) = self.state_residual {
            let x = self.weighted(residual);
            self.plane.add::<FMA>(&x, self.costate);
        }
        let leak = T::ONE - self.alpha;
        for i in 0..self.costate.len() {
            self.d_f[i] = self.costate[i].map(|c| self.alpha * c);
            self.d_state[i] = self.costate[i].map(|c| leak * c);
        }
        if let Some(residual) = self.drive_residual {
            let x = self.weighted(residual);
            self.plane.add::<FMA>(&x, self.d_f);
        }
    }
}

/// weight · mean ‖r‖, of the whole state or, with a plane, of its complement.
struct Activity<'a, T> {
    plane: Option<Plane<'a, T>>,
    weight: f64,
    lane_weight: &'a [Lanes<T>; VECTORS],
    state: &'a [Lanes<T>],
    costate: &'a mut [Lanes<T>],
    masked: &'a mut [Lanes<T>],
    total: &'a mut f64,
}

impl<T: Real> Kernel for Activity<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.masked.copy_from_slice(self.state);
        if let Some(plane) = self.plane {
            plane.remove::<FMA>(self.masked);
        }
        let weight = T::from_f64(self.weight);
        let mut square = [Lanes::splat(T::from_f64(1e-12)); VECTORS];
        for i in 0..self.masked.len() / VECTORS {
            for v in 0..VECTORS {
                let r = row(self.masked, i)[v];
                square[v] = square[v].add_product::<FMA>(r, r);
            }
        }
        let mut sum = Lanes::ZERO;
        let mut factor = [Lanes::ZERO; VECTORS];
        for v in 0..VECTORS {
            let norm = square[v].map(T::root);
            let lane_weight = self.lane_weight[v].map(|w| w * weight);
            sum = sum.add_product::<FMA>(norm, lane_weight);
            factor[v] = lane_weight.zip(norm, |w, n| w / n);
        }
        *self.total += sum.sum().to_f64();
        for i in 0..self.masked.len() / VECTORS {
            for v in 0..VECTORS {
                let r = row(self.masked, i)[v];
                let c = &mut row_mut(self.costate, i)[v];
                *c = c.add_product::<FMA>(factor[v], r);
            }
        }
    }
}

/// Penalties on the plane at hand-off: mean ‖mean over a display's samples‖, and the squared difference of
/// the pooled spread about those means from the base distribution's. Displays are taken within the tile.
fn hand_off_penalty<T: Real>(
    plan: &BatchPlan<'_, T>,
    inputs: TileInputs<'_>,
    state: &[Lanes<T>],
    costate: &mut [Lanes<T>],
) -> [f64; 2] {
    let (mean_weight, spread_weight) = (plan.penalties.hand_off_mean, plan.penalties.hand_off_spread);
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
        let excess = sd - plan.schedule.base_sd();
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
