//! Trajectories that train without teacher forcing: their plane runs on the network's own states.
//!
//! Teacher forcing shows a network exact bridges only; tested, it meets whatever its own errors led to. A share of a
//! display's samples may therefore run freely. At each response step such a trajectory is regressed on what a
//! perfect denoiser would do from the x_τ it came to, since E[x₀ | x_τ, display] is known at any x_τ. In the gradient
//! that target is a constant, although x_τ is the network's own: its derivative would reward running to where
//! denoising is easy. The gradient through the state itself is complete.

use super::Plane;
use crate::kernel::{InstructionSet, Isa, Kernel, LANES, Lanes, Real, TILE, VECTORS, row_mut};

/// Which lanes are teacher-forced at a response step: 1, or 0 for those that run freely.
pub(super) type Forced<T> = [Lanes<T>; VECTORS];

/// The lanes of a tile that are teacher-forced.
pub(super) fn forced_lanes<T: Real>(is_free: impl Fn(usize) -> bool) -> Forced<T> {
    let mut forced = [Lanes::splat(T::ONE); VECTORS];
    for lane in (0..TILE).filter(|&lane| is_free(lane)) {
        forced[lane / LANES].0[lane % LANES] = T::ZERO;
    }
    forced
}

/// Puts the plane of the free lanes into `x`, the points to be denoised; overwriting the plane with them then changes
/// nothing there.
pub(super) fn own_points<T: Real>(
    isa: Isa,
    readout: &[Vec<T>; 2],
    state: &[Lanes<T>],
    forced: &Forced<T>,
    x: &mut [Lanes<T>],
) {
    isa.run(OwnPoints { plane: Plane(readout), state, forced, x });
}

struct OwnPoints<'a, T> {
    plane: Plane<'a, T>,
    state: &'a [Lanes<T>],
    forced: &'a Forced<T>,
    x: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for OwnPoints<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let own = self.plane.read::<S>(self.state);
        for (axis, own) in own.iter().enumerate() {
            let x = row_mut(self.x, axis);
            for v in 0..VECTORS {
                for lane in 0..LANES {
                    if self.forced[v].0[lane] == T::ZERO {
                        x[v].0[lane] = own[v].0[lane];
                    }
                }
            }
        }
    }
}

/// Adjoint of overwriting the plane: in the forced lanes nothing passes through it.
pub(super) struct Remove<'a, T> {
    pub(super) plane: Plane<'a, T>,
    pub(super) forced: &'a Forced<T>,
    pub(super) costate: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Remove<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let mut change = self.plane.read::<S>(self.costate);
        for x in &mut change {
            for v in 0..VECTORS {
                x[v] = x[v].zip(self.forced[v], |x, f| -x * f);
            }
        }
        self.plane.add::<S>(&change, self.costate);
    }
}

#[cfg(test)]
mod tests {
    use errare_behaviour::{Display, DisplayGenerator, SwapFunction};
    use errare_core::random::{Purpose, stream};

    use super::super::backward::{backward, forward_pass};
    use super::super::plan::{GradientSlot, Problem};
    use super::super::targets::{clean_targets, draw_targets};
    use super::super::{BatchPlan, States, Tile, TileInputs, TrialStep, begin, step_forward, trial_steps};
    use crate::circuit::{Circuit, draw_readout};
    use crate::config::{
        Cue, DiffusionConfig, Dynamics, HandOff, NetworkConfig, ObjectiveConfig, TaskConfig,
    };
    use crate::experiment::Stage;
    use crate::kernel::{Isa, Lanes, VECTORS, lane, zeros};
    use crate::objective::Objective;
    use crate::schedule::{ReverseVariance, Schedule};
    use crate::task::{Epoch, Epochs};

    const RESPONSE: usize = 4;
    const SAMPLES: usize = 3;

    /// A tile of trajectories of which every third runs freely.
    struct Case {
        stage: Stage,
        circuit: Circuit<f64>,
        schedule: Schedule,
        steps: Vec<TrialStep>,
        objective: Objective,
        generators: Vec<DisplayGenerator>,
        displays: Vec<Display>,
        weights: Vec<Vec<f64>>,
    }

    const TARGET: SwapFunction = SwapFunction::Distance { width: 1.5, offset: -0.5 };

    impl Case {
        fn new(hand_off: HandOff) -> Self {
            let task = TaskConfig {
                cue: Cue::Feature,
                epochs: Epochs { stimulus: 2, delay: [1, 1], cue: 2, gap: 1, response: RESPONSE },
                ..TaskConfig::default()
            };
            let network = NetworkConfig {
                dynamics: Dynamics::Rate,
                neurons: 5,
                hidden: Some(7),
                ..NetworkConfig::default()
            };
            // Nothing but the regressions; every third sample runs freely.
            let objective = ObjectiveConfig {
                free_running: 1.0 / 3.0,
                hand_off_mean: 0.0,
                activity: 0.0,
                ..ObjectiveConfig::default()
            };
            let diffusion =
                DiffusionConfig { beta: [0.05, 0.3], reverse_variance: ReverseVariance::Published, hand_off };
            let stage = Stage { task, network, objective, diffusion, ..Stage::default() };
            let schedule = stage.schedule().unwrap();
            let generators = stage.generators().unwrap();
            let displays: Vec<Display> =
                (0..7).map(|i| generators[0].draw(&mut stream(2, Purpose::Displays, &[i]))).collect();
            Self {
                circuit: stage.circuit(&draw_readout(5, 3)),
                steps: trial_steps(&stage, &schedule, 1),
                objective: stage.objective(&schedule),
                weights: displays
                    .iter()
                    .map(|d| errare_behaviour::ResponseModel::weights(&TARGET, d))
                    .collect(),
                generators,
                displays,
                schedule,
                stage,
            }
        }

        fn problem(&self) -> Problem<'_> {
            Problem {
                stage: &self.stage,
                schedule: &self.schedule,
                objective: &self.objective,
                target: &TARGET,
                generators: &self.generators,
            }
        }

        fn inputs(&self) -> TileInputs<'_> {
            TileInputs {
                displays: &self.displays,
                samples: SAMPLES,
                first: 0,
                noise_key: (4, Purpose::ProcessNoise, 9),
            }
        }

        fn slot(&self) -> GradientSlot<f64> {
            GradientSlot::new(&self.circuit, self.steps.len(), RESPONSE)
        }

        fn code_biases(&self, parameters: &[f64]) -> Vec<f64> {
            self.circuit.code_biases(parameters, RESPONSE)
        }

        fn plan<'a>(
            &'a self,
            problem: &'a Problem<'a>,
            parameters: &'a [f64],
            code_biases: &'a [f64],
        ) -> BatchPlan<'a, f64> {
            BatchPlan {
                problem,
                isa: Isa::detect(),
                circuit: &self.circuit,
                parameters,
                code_biases,
                steps: &self.steps,
                weights: &self.weights,
            }
        }

        /// The objective at other parameters, with the targets that the free lanes had at `base`.
        fn loss(&self, parameters: &[f64], base: &GradientSlot<f64>) -> f64 {
            let (code_biases, mut slot) = (self.code_biases(parameters), self.slot());
            let problem = self.problem();
            let plan = self.plan(&problem, parameters, &code_biases);
            slot.prepare(&plan);
            draw_targets(&plan, self.inputs(), &mut slot.work);
            clean_targets(&plan, self.inputs(), &mut slot.work);
            // The residual's target is Kᴬ clean + Kᴮ x. With this it is that of the base, wherever x now is.
            let held = |tau: usize, x: &[Lanes<f64>], clean: &mut [Lanes<f64>]| {
                let rows = 2 * tau * VECTORS..2 * (tau + 1) * VECTORS;
                let ratio = self.schedule.noised_weight[tau] / self.schedule.clean_weight[tau];
                let (x0, clean0) = (&base.work.chain[rows.clone()], &base.work.clean[rows]);
                for i in 0..x.len() {
                    clean[i] = clean0[i].zip(x0[i].zip(x[i], |x0, x| ratio * (x0 - x)), |c, d| c + d);
                }
            };
            forward_pass(&plan, self.inputs(), Some(&held), &mut slot);
            let mut total = 0.0;
            for tau in 1..=RESPONSE {
                for trajectory in 0..self.displays.len() * SAMPLES {
                    let residual = |axis| lane(&slot.work.residuals, 2 * tau + axis, trajectory);
                    total += 0.5 * (residual(0).powi(2) + residual(1).powi(2));
                }
            }
            total / (RESPONSE * self.displays.len() * SAMPLES) as f64
        }
    }

    #[test]
    fn gradients_match_finite_differences_with_the_target_held() {
        for hand_off in [HandOff::Free, HandOff::Reset] {
            let case = Case::new(hand_off);
            let parameters: Vec<f64> = case.circuit.layout.initial(8);
            let (code_biases, mut base) = (case.code_biases(&parameters), case.slot());
            let problem = case.problem();
            backward(&case.plan(&problem, &parameters, &code_biases), case.inputs(), &mut base);
            let mut gradient = base.parameters.clone();
            case.circuit.code_biases_adjoint(&parameters, &base.code_biases, &mut gradient);
            let loss = |index: usize, change: f64| {
                let mut changed = parameters.clone();
                changed[index] += change;
                case.loss(&changed, &base)
            };
            for tensor in case.circuit.layout.tensors() {
                let (mut error, mut norm) = (0.0, 0.0);
                for index in tensor.range.clone() {
                    // Fourth-order central difference.
                    let h = 2e-3;
                    let numeric = (8.0 * (loss(index, h) - loss(index, -h))
                        - (loss(index, 2.0 * h) - loss(index, -2.0 * h)))
                        / (12.0 * h);
                    error += (numeric - gradient[index]).powi(2);
                    norm += numeric.powi(2);
                }
                let relative = (error / norm).sqrt();
                assert!(relative < 1e-6, "{hand_off:?} {}: relative error {relative:e}", tensor.name);
            }
        }
    }

    #[test]
    fn free_lanes_go_where_the_network_goes_by_itself() {
        let case = Case::new(HandOff::Free);
        let parameters: Vec<f64> = case.circuit.layout.initial(8);
        let (code_biases, mut slot) = (case.code_biases(&parameters), case.slot());
        let problem = case.problem();
        let plan = case.plan(&problem, &parameters, &code_biases);
        backward(&plan, case.inputs(), &mut slot);
        let mut tile = Tile::new(&case.circuit);
        let (mut state, mut after, mut f) = (zeros(5), zeros(5), zeros(5));
        let mut kept = zeros(case.circuit.cell.kept_rows());
        let start_sd = case.schedule.base_sd();
        begin(plan.isa, &case.circuit, &parameters, case.inputs(), start_sd, &mut state, &mut tile);
        let first_forced = case.steps.iter().position(|step| step.epoch == Epoch::Response).unwrap();
        for (t, step) in case.steps.iter().enumerate() {
            let states =
                States { before: &mut state, forced: None, f: &mut f, kept: &mut kept, after: &mut after };
            step_forward(plan.isa, &case.circuit, &parameters, &code_biases, step, states, &mut tile);
            std::mem::swap(&mut state, &mut after);
            let trained = slot.work.states.step(t + 1);
            for trajectory in 0..case.displays.len() * SAMPLES {
                let same = (0..5).all(|i| lane(trained, i, trajectory) == lane(&state, i, trajectory));
                let free = trajectory % SAMPLES == SAMPLES - 1;
                assert_eq!(same, free || t + 1 < first_forced, "step {t}, trajectory {trajectory}");
            }
        }
    }
}
