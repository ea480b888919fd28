//! Loss and gradient of one batch, the same bytes for any number of threads.
//!
//! Tiles are dealt to a fixed number of slots; a slot takes its tiles in order, and the slots are summed in
//! order. Threads only decide who runs a slot.

use errare_behaviour::Display;
use errare_core::random::{Purpose, stream};
use rand::RngExt;
use rayon::prelude::*;

use crate::circuit::Circuit;
use crate::config::TaskConfig;
use crate::dense::add_to;
use crate::engine::{BatchPlan, GradientSlot, Problem, TileInputs, backward, trial_steps};
use crate::experiment::draw_display;
use crate::kernel::{Isa, Lanes, Real, TILE};
use crate::objective::Objective;

/// Slots that gradients are accumulated in; at most as many threads work on a batch.
pub(crate) const SLOTS: usize = 8;

/// Loss of a batch in its parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BatchLoss {
    /// Mean squared error at τ = 1…T (index 0 is unused).
    pub(crate) per_step: Vec<f64>,
    /// Weighted penalties: hand-off mean, hand-off spread, activity.
    pub(crate) penalties: [f64; 3],
    /// Σ weight·loss + penalties: what the gradient is of, but for trajectories that explore or run freely, which are in
    /// the gradient only.
    pub(crate) total: f64,
}

/// Accumulators that live as long as a stage.
#[derive(Debug)]
pub(crate) struct Accumulators<T> {
    isa: Isa,
    /// Steps of the longest trial, and of its response.
    longest: usize,
    response: usize,
    /// As many as the batches so far had use for: each holds the states of a whole trial.
    slots: Vec<GradientSlot<T>>,
}

impl<T: Real> Accumulators<T> {
    pub(crate) fn new(isa: Isa, task: &TaskConfig) -> Self {
        let longest = task.epochs.steps(task.epochs.delay[1]).len();
        Self { isa, longest, response: task.epochs.response, slots: Vec::new() }
    }

    /// What the latest step drew for a tile, if it had a slot to itself; as [`GradientSlot::drawn`].
    pub(crate) fn drawn(&self, tile: usize) -> (&[Lanes<T>], &[Lanes<T>]) {
        self.slots[tile].drawn()
    }

    /// Loss and gradient of the batch of training step `step`, with `samples` trajectories for each of
    /// `displays` displays.
    pub(crate) fn gradient(
        &mut self,
        problem: &Problem<'_>,
        circuit: &Circuit<T>,
        parameters: &[T],
        step: u64,
        displays: usize,
        samples: usize,
    ) -> (BatchLoss, Vec<T>) {
        let displays = draw_displays(problem, step, displays);
        let weights: Vec<_> = displays.iter().map(|display| problem.target.weights(display)).collect();
        let steps = trial_steps(problem.stage, problem.schedule, draw_delay(problem, step));
        let plan = BatchPlan {
            problem,
            isa: self.isa,
            circuit,
            parameters,
            code_biases: &circuit.code_biases(parameters, problem.schedule.steps()),
            steps: &steps,
            weights: &weights,
        };
        let noise_key = (problem.stage.seed, Purpose::ProcessNoise, step);
        let tiles = (displays.len() * samples).div_ceil(TILE);
        let used = tiles.min(SLOTS);
        while self.slots.len() < used {
            self.slots.push(GradientSlot::new(circuit, self.longest, self.response));
        }
        self.slots[..used].par_iter_mut().with_max_len(1).enumerate().for_each(|(index, slot)| {
            slot.clear();
            for tile in (index..tiles).step_by(SLOTS) {
                let inputs = TileInputs { displays: &displays, samples, first: tile * TILE, noise_key };
                backward(&plan, inputs, slot);
            }
        });
        let used = &self.slots[..used];
        let mut gradient = sum_in_order(used, |slot| &slot.parameters);
        let code_biases = sum_in_order(used, |slot| &slot.code_biases);
        circuit.code_biases_adjoint(parameters, &code_biases, &mut gradient);
        (batch_loss(problem.objective, used), gradient)
    }
}

/// The displays of a training step, each from its own stream.
pub(crate) fn draw_displays(problem: &Problem<'_>, step: u64, count: usize) -> Vec<Display> {
    (0..count as u64)
        .map(|index| {
            draw_display(
                problem.generators,
                &mut stream(problem.stage.seed, Purpose::Displays, &[step, index]),
            )
        })
        .collect()
}

/// The delay of a training step (steps).
pub(crate) fn draw_delay(problem: &Problem<'_>, step: u64) -> usize {
    let [shortest, longest] = problem.stage.task.epochs.delay;
    stream(problem.stage.seed, Purpose::Schedule, &[step]).random_range(shortest..=longest)
}

fn sum_in_order<T: Real>(slots: &[GradientSlot<T>], of: impl Fn(&GradientSlot<T>) -> &Vec<T>) -> Vec<T> {
    let mut total = of(&slots[0]).clone();
    for slot in &slots[1..] {
        add_to(&mut total, of(slot));
    }
    total
}

fn batch_loss<T>(objective: &Objective, slots: &[GradientSlot<T>]) -> BatchLoss {
    let mut per_step = vec![0.0; objective.regressions.len()];
    let mut penalties = [0.0; 3];
    for slot in slots {
        per_step.iter_mut().zip(&slot.losses).for_each(|(sum, loss)| *sum += loss);
        penalties.iter_mut().zip(&slot.penalties).for_each(|(sum, penalty)| *sum += penalty);
    }
    let total = objective.weighted(&per_step) + penalties.iter().sum::<f64>();
    BatchLoss { per_step, penalties, total }
}

#[cfg(test)]
mod tests {
    use errare_behaviour::{DisplayGenerator, SwapFunction};

    use super::*;
    use crate::circuit::draw_readout;
    use crate::config::{
        CleanTarget, Cue, DiffusionConfig, Dynamics, HandOff, NetworkConfig, ObjectiveConfig, ObjectiveKind,
    };
    use crate::experiment::Stage;
    use crate::schedule::{ReverseVariance, Schedule};
    use crate::task::Epochs;

    struct Case {
        stage: Stage,
        schedule: Schedule,
        objective: Objective,
    }

    /// All dynamics, with the branchings of those that have trees.
    const ALL: [(Dynamics, &[usize]); 8] = [
        (Dynamics::Dendritic, &[2, 3]),
        (Dynamics::Dendritic, &[4]),
        (Dynamics::Dendritic, &[2, 1, 3]),
        (Dynamics::Axonal, &[2, 3]),
        (Dynamics::Axonal, &[2, 1, 2]),
        (Dynamics::Rate, &[1]),
        (Dynamics::LowRank, &[1]),
        (Dynamics::Gru, &[1]),
    ];

    /// A small network.
    fn case(dynamics: Dynamics, cue: Cue, diffusion: bool, target: CleanTarget) -> Case {
        let task = TaskConfig {
            cue,
            epochs: Epochs { stimulus: 2, delay: [1, 1], cue: 2, gap: 1, response: 3 },
            ..TaskConfig::default()
        };
        let network = NetworkConfig {
            dynamics,
            neurons: 5,
            branches: vec![2, 3],
            hidden: Some(7),
            rank: 3,
            // With 3 × 4 columns a parameter of the axonal cell lies within 1e-8 of a rectifier's kink.
            report_columns: 4,
            probe_columns: 3,
            null_space_noise: Some(0.2),
            ..NetworkConfig::default()
        };
        let objective = ObjectiveConfig {
            kind: if diffusion { ObjectiveKind::Diffusion } else { ObjectiveKind::TaskOptimal },
            target,
            last_steps: Some(2),
            // Large penalties, so that an error in them cannot hide.
            hand_off_mean: 0.3,
            hand_off_spread: 0.4,
            activity: 0.2,
            ..ObjectiveConfig::default()
        };
        let diffusion = DiffusionConfig {
            beta: [0.05, 0.3],
            reverse_variance: ReverseVariance::Published,
            hand_off: HandOff::Free,
        };
        let stage = Stage { seed: 11, task, network, objective, diffusion, ..Stage::default() };
        let schedule = stage.schedule().unwrap();
        Case { objective: stage.objective(&schedule), stage, schedule }
    }

    fn circuit<T: Real>(case: &Case) -> Circuit<T> {
        case.stage.circuit(&draw_readout(case.stage.network.neurons, 3))
    }

    fn gradient<T: Real>(
        case: &Case,
        isa: Isa,
        parameters: &[T],
        [displays, samples]: [usize; 2],
    ) -> (BatchLoss, Vec<T>, Circuit<T>) {
        let circuit = circuit(case);
        let problem = Problem {
            stage: &case.stage,
            schedule: &case.schedule,
            objective: &case.objective,
            target: &SwapFunction::Distance { width: 1.5, offset: -0.5 },
            generators: &[DisplayGenerator::standard(2).unwrap()],
        };
        let mut accumulators = Accumulators::new(isa, &case.stage.task);
        let (loss, gradient) = accumulators.gradient(&problem, &circuit, parameters, 5, displays, samples);
        (loss, gradient, circuit)
    }

    fn initial<T: Real>(case: &Case) -> Vec<T> {
        circuit::<T>(case).layout.initial(8)
    }

    #[test]
    fn gradients_match_finite_differences() {
        for (dynamics, branches) in ALL {
            // Leaky rectifiers have kinks: a short step crosses few of them, at the cost of rounding.
            let (h, tolerance) = if dynamics == Dynamics::Axonal { (1e-6, 1e-3) } else { (2e-3, 1e-6) };
            for (cue, target) in [(Cue::Index, CleanTarget::Sampled), (Cue::Feature, CleanTarget::Expected)] {
                for diffusion in [true, false] {
                    let mut case = case(dynamics, cue, diffusion, target);
                    case.stage.network.branches = branches.to_vec();
                    let batch = [7, 3];
                    let parameters = initial::<f64>(&case);
                    let (_, analytic, circuit) = gradient(&case, Isa::detect(), &parameters, batch);
                    let loss = |index: usize, change: f64| {
                        let mut changed = parameters.clone();
                        changed[index] += change;
                        gradient(&case, Isa::detect(), &changed, batch).0.total
                    };
                    for tensor in circuit.layout.tensors() {
                        let (mut error, mut norm) = (0.0, 0.0);
                        // Every parameter of a small tensor, some two dozen of a large one.
                        let stride = (tensor.range.len() / 24) | 1;
                        for index in tensor.range.clone().step_by(stride) {
                            // Fourth-order central difference.
                            let numeric = (8.0 * (loss(index, h) - loss(index, -h))
                                - (loss(index, 2.0 * h) - loss(index, -2.0 * h)))
                                / (12.0 * h);
                            error += (numeric - analytic[index]).powi(2);
                            norm += numeric.powi(2);
                        }
                        let relative = (error / norm).sqrt();
                        assert!(
                            relative < tolerance,
                            "{dynamics:?} {branches:?} {cue:?} diffusion={diffusion} {}: relative error {relative:e}",
                            tensor.name
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn instruction_sets_and_precisions_agree() {
        for (dynamics, branches) in ALL {
            let mut case = case(dynamics, Cue::Feature, true, CleanTarget::Expected);
            case.stage.network.branches = branches.to_vec();
            let batch = [40, 3];
            let exact = gradient(&case, Isa::detect(), &initial::<f64>(&case), batch);
            let norm = exact.1.iter().map(|g| g * g).sum::<f64>().sqrt();
            for isa in Isa::available() {
                let single = gradient(&case, isa, &initial::<f32>(&case), batch);
                assert!((single.0.total / exact.0.total - 1.0).abs() < 1e-5);
                let error: f64 = single
                    .1
                    .iter()
                    .zip(&exact.1)
                    .map(|(a, b)| (f64::from(*a) - b).powi(2))
                    .sum::<f64>()
                    .sqrt();
                assert!(error < 1e-5 * norm, "{dynamics:?} {isa:?}: {:e}", error / norm);
            }
        }
    }

    /// The gradient on expected targets is that on sampled ones, averaged over many batches.
    #[test]
    fn expected_targets_have_the_gradient_of_sampled_ones() {
        let batch = [6000, 4];
        let of = |target| {
            let case = case(Dynamics::Rate, Cue::Index, true, target);
            gradient(&case, Isa::detect(), &initial::<f32>(&case), batch)
        };
        let (expected, sampled) = (of(CleanTarget::Expected), of(CleanTarget::Sampled));
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let size = norm(&mut sampled.1.iter().map(|&g| f64::from(g)));
        let difference = norm(&mut expected.1.iter().zip(&sampled.1).map(|(a, b)| f64::from(a - b)));
        assert!(difference < 0.02 * size, "relative difference {}", difference / size);
        assert!(expected.0.total < sampled.0.total, "the irreducible error is left out");
    }

    #[test]
    fn only_what_begins_at_an_item_can_explore() {
        for diffusion in [true, false] {
            let of = |exploration| {
                let mut case = case(Dynamics::Rate, Cue::Index, diffusion, CleanTarget::Expected);
                case.stage.objective.exploration = exploration;
                gradient(&case, Isa::detect(), &initial::<f32>(&case), [90, 1])
            };
            let (none, half) = (of(0.0), of(0.5));
            assert_eq!(none.0 == half.0 && none.1 == half.1, !diffusion);
        }
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let case = case(Dynamics::Dendritic, Cue::Index, true, CleanTarget::Expected);
        let parameters = initial::<f32>(&case);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| gradient(&case, Isa::detect(), &parameters, [300, 4]))
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.0, three.0);
        assert!(one.1.iter().zip(&three.1).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
