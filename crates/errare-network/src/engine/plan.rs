//! What a training step lays out for its tiles: the problem and the plan that they share, and the slot that takes their gradients with
//! the buffers of a tile's two passes.

use errare_behaviour::{DisplayGenerator, ResponseModel};

use super::free_running::Forced;
use super::{Tile, TrialStep};
use crate::circuit::Circuit;
use crate::dynamics::SPAN;
use crate::experiment::Stage;
use crate::kernel::{Isa, Lanes, Real, StepBuffer, VECTORS, zeros};
use crate::objective::Objective;
use crate::schedule::Schedule;

/// What training minimises, fixed throughout a stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) schedule: &'a Schedule,
    pub(crate) objective: &'a Objective,
    pub(crate) target: &'a dyn ResponseModel,
    pub(crate) generators: &'a [DisplayGenerator],
}

/// Everything a training step shares between its tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchPlan<'a, T> {
    pub(crate) problem: &'a Problem<'a>,
    pub(crate) isa: Isa,
    pub(crate) circuit: &'a Circuit<T>,
    pub(crate) parameters: &'a [T],
    pub(crate) code_biases: &'a [T],
    pub(crate) steps: &'a [TrialStep],
    /// Mixture weights of the target for every display.
    pub(crate) weights: &'a [Vec<f64>],
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
    pub(super) tile: Tile<T>,
    /// The state that each step starts from, its plane overwritten if it was forced, and the last one.
    pub(super) states: StepBuffer<T>,
    /// The state at hand-off, before any overwriting.
    pub(super) handed: Vec<Lanes<T>>,
    /// F at the latest step.
    pub(super) f: Vec<Lanes<T>>,
    /// What the cell keeps of each step.
    pub(super) kept: StepBuffer<T>,
    /// x_τ, two rows each; x₀ first.
    pub(super) chain: Vec<Lanes<T>>,
    /// The clean response that each τ is regressed on, two rows each: x₀, or its expectation given x_τ.
    pub(super) clean: Vec<Lanes<T>>,
    /// Prediction minus target at each τ, two rows each.
    pub(super) residuals: Vec<Lanes<T>>,
    /// Share of each trajectory in the mean: of the objective, and of the loss that is logged.
    pub(super) lane_weight: [Lanes<T>; VECTORS],
    pub(super) logged_weight: [Lanes<T>; VECTORS],
    /// The lanes that are teacher-forced.
    pub(super) forced: Forced<T>,
    pub(super) costate: Vec<Lanes<T>>,
    /// Gradients of F, and of what the cell keeps, for a span of steps.
    pub(super) d_f: StepBuffer<T>,
    pub(super) d_kept: StepBuffer<T>,
    pub(super) d_state: Vec<Lanes<T>>,
    pub(super) d_drives: [Vec<Lanes<T>>; 2],
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
                states: StepBuffer::new(steps + 1, n),
                handed: zeros(n),
                f: zeros(n),
                kept: StepBuffer::new(steps, circuit.cell.kept_rows()),
                chain: zeros(2 * (response_steps + 1)),
                clean: zeros(2 * (response_steps + 1)),
                residuals: zeros(2 * (response_steps + 1)),
                lane_weight: [Lanes::ZERO; VECTORS],
                logged_weight: [Lanes::ZERO; VECTORS],
                forced: [Lanes::ZERO; VECTORS],
                costate: zeros(n),
                d_f: StepBuffer::new(SPAN, n),
                d_kept: StepBuffer::new(SPAN, circuit.cell.kept_rows()),
                d_state: zeros(n),
                d_drives: [zeros(rows), zeros(rows)],
            },
        }
    }

    /// What the latest tile started from: the state before the first step, `[neuron][trajectory]`, and x₀ … x_T,
    /// two rows each.
    pub(crate) fn drawn(&self) -> (&[Lanes<T>], &[Lanes<T>]) {
        (self.work.states.step(0), &self.work.chain)
    }

    /// Makes room for the states of a plan's trials.
    pub(super) fn prepare(&mut self, plan: &BatchPlan<'_, T>) {
        self.work.states.resize(plan.steps.len() + 1);
        self.work.kept.resize(plan.steps.len());
    }

    /// Forgets the gradients of the last step.
    pub(crate) fn clear(&mut self) {
        self.parameters.fill(T::ZERO);
        self.code_biases.fill(T::ZERO);
        self.losses.fill(0.0);
        self.penalties = [0.0; 3];
    }
}
