//! The training loop: stages, optimiser, moving average of the weights, and when to stop.

use errare_behaviour::{DisplayGenerator, ResponseModel};

use super::batch::{Accumulators, Problem};
use super::optimiser::Optimiser;
use super::rate::{clip, learning_rate};
use crate::circuit::{Circuit, Readout, draw_readout};
use crate::config::{CleanTarget, ObjectiveKind};
use crate::experiment::{Experiment, Stage};
use crate::kernel::Isa;
use crate::objective::Objective;
use crate::ring::{diffusion_floor, task_optimal_floor};
use crate::schedule::Schedule;
use crate::{Error, Result};

/// Time constant (steps) of the loss that decides about the end of a stage.
const SMOOTHING: f64 = 200.0;
/// The loss is smoothed this long before it may end a stage.
const SETTLING: u64 = 400;

/// What training has reached; with the experiment it determines all that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Index of the stage.
    pub stage: usize,
    /// Steps taken within the stage.
    pub stage_step: u64,
    /// Steps taken in all.
    pub step: u64,
    /// Exponentially smoothed objective, without penalties.
    pub smoothed_loss: f64,
    /// The last stage is over.
    pub finished: bool,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LogEntry {
    /// Steps taken in all.
    #[serde(skip_serializing)]
    pub step: u64,
    /// Stage, counted from 1.
    pub stage: usize,
    /// Objective of this batch, penalties included.
    pub loss: f64,
    /// Smoothed objective without penalties.
    pub smoothed_loss: f64,
    /// What a perfect network would reach.
    pub floor: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Weighted penalties: hand-off mean, hand-off spread, activity.
    pub penalties: [f64; 3],
    /// Mean squared error at each τ = 1…T, averaged over the steps since the last entry.
    pub loss_per_step: Vec<f64>,
    /// Floor at each τ = 1…T.
    pub floor_per_step: Vec<f64>,
}

/// Constants of the stage being trained.
#[derive(Debug)]
struct StageState {
    config: Stage,
    schedule: Schedule,
    objective: Objective,
    generators: Vec<DisplayGenerator>,
    accumulators: Accumulators<f32>,
    floor: Vec<f64>,
    mean_floor: f64,
}

/// Trains one network.
#[derive(Debug)]
pub struct Trainer {
    experiment: Experiment,
    targets: Vec<Box<dyn ResponseModel>>,
    pub(crate) readout: Readout,
    circuit: Circuit<f32>,
    pub(crate) parameters: Vec<f32>,
    pub(crate) average: Vec<f32>,
    pub(crate) optimiser: Optimiser,
    pub(crate) progress: Progress,
    stage: StageState,
    since_log: (Vec<f64>, u64),
}

impl Trainer {
    /// A new network. `targets` holds the response model of each stage.
    ///
    /// # Errors
    /// When the experiment's constants are impossible.
    pub fn new(experiment: Experiment, targets: Vec<Box<dyn ResponseModel>>) -> Result<Self> {
        let config = experiment.last();
        let readout = draw_readout(config.network.neurons, config.seed);
        let circuit = Circuit::new(&config.network, config.task.cue, config.largest_set_size(), &readout);
        let parameters = circuit.layout.initial(config.seed);
        let kind = experiment.stages()[0].training.optimiser;
        let optimiser = Optimiser::new(&circuit.layout, kind);
        let progress = Progress { stage: 0, stage_step: 0, step: 0, smoothed_loss: 0.0, finished: false };
        let stage = StageState::new(&experiment.stages()[0], &circuit, &*targets[0])?;
        Ok(Self {
            average: parameters.clone(),
            since_log: (vec![0.0; stage.floor.len()], 0),
            experiment,
            targets,
            readout,
            circuit,
            parameters,
            optimiser,
            progress,
            stage,
        })
    }

    /// Takes up training where `progress` says; weights and moments are then set by the checkpoint.
    pub(crate) fn resume_at(&mut self, progress: Progress) -> Result<()> {
        let index = progress.stage.min(self.experiment.stages().len() - 1);
        self.stage = StageState::new(&self.experiment.stages()[index], &self.circuit, &*self.targets[index])?;
        self.since_log = (vec![0.0; self.stage.floor.len()], 0);
        self.optimiser = Optimiser::new(&self.circuit.layout, self.stage.config.training.optimiser);
        self.progress = progress;
        Ok(())
    }

    /// The experiment.
    #[must_use]
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Where training stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Names, shapes and places of the parameters.
    #[must_use]
    pub fn layout(&self) -> &crate::Layout {
        &self.circuit.layout
    }

    /// Replaces the weights, as when training starts from another run.
    pub(crate) fn set_weights(&mut self, weights: Vec<f32>, readout: Readout) {
        let config = self.experiment.last();
        self.circuit = Circuit::new(&config.network, config.task.cue, config.largest_set_size(), &readout);
        self.readout = readout;
        self.average.clone_from(&weights);
        self.parameters = weights;
    }

    /// Takes one step. Returns a log entry when one is due.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss or a gradient is not finite; the weights are then those before the step.
    pub fn step(&mut self) -> Result<Option<LogEntry>> {
        let Self { stage, progress, .. } = self;
        let training = &stage.config.training;
        let target = &*self.targets[progress.stage];
        let problem = Problem {
            task: &stage.config.task,
            network: &stage.config.network,
            schedule: &stage.schedule,
            objective: &stage.objective,
            penalties: &stage.config.objective,
            target,
            generators: &stage.generators,
            radius: stage.config.behaviour.radius,
            spread: stage.config.spread(),
            seed: stage.config.seed,
        };
        let (mut loss, mut gradient) = stage.accumulators.gradient(
            &problem,
            &self.circuit,
            &self.parameters,
            progress.step,
            training.displays,
            training.samples,
        );
        // Expected targets leave out the irreducible error; the log tells the loss of the published objective.
        if stage.config.objective.target == CleanTarget::Expected {
            loss.per_step.iter_mut().zip(&stage.floor).for_each(|(loss, floor)| *loss += floor);
            loss.total += stage.mean_floor;
        }
        let diverged = |quantity: String, value: f64| {
            Err(Error::Diverged { quantity, value, step: progress.step + 1, seed: stage.config.seed })
        };
        if !loss.total.is_finite() {
            return diverged("the loss".into(), loss.total);
        }
        let norm = clip(&mut gradient, training.clip);
        if !norm.is_finite() {
            let bad = self.circuit.layout.tensors().iter().find_map(|tensor| {
                let value = gradient[tensor.range.clone()].iter().find(|g| !g.is_finite())?;
                Some((format!("the gradient of {}", tensor.name), f64::from(*value)))
            });
            let (quantity, value) = bad.unwrap_or(("the gradient's norm".into(), norm));
            return diverged(quantity, value);
        }
        let steps = stage.config.steps();
        let rate = learning_rate(training, progress.stage_step, steps);
        let layout = &self.circuit.layout;
        self.optimiser.update(layout, &mut self.parameters, &gradient, progress.stage_step, rate);
        let t = progress.stage_step as f64;
        let decay = training.averaging.min((1.0 + t) / (10.0 + t)) as f32;
        for (average, &weight) in self.average.iter_mut().zip(&self.parameters) {
            *average = decay * *average + (1.0 - decay) * weight;
        }
        let plain = loss.total - loss.penalties.iter().sum::<f64>();
        let keep = (1.0 - 1.0 / SMOOTHING).min(t / (t + 1.0));
        progress.smoothed_loss = keep * progress.smoothed_loss + (1.0 - keep) * plain;
        progress.step += 1;
        progress.stage_step += 1;
        self.since_log.0.iter_mut().zip(&loss.per_step).for_each(|(sum, loss)| *sum += loss);
        self.since_log.1 += 1;
        let over = progress.stage_step >= steps || stage.is_good_enough(progress);
        let due = over || progress.step.is_multiple_of(training.log_every);
        let entry = due.then(|| LogEntry {
            step: progress.step,
            stage: progress.stage + 1,
            loss: loss.total,
            smoothed_loss: progress.smoothed_loss,
            floor: stage.mean_floor,
            gradient_norm: norm,
            learning_rate: rate,
            penalties: loss.penalties,
            loss_per_step: self.since_log.0[1..].iter().map(|sum| sum / self.since_log.1 as f64).collect(),
            floor_per_step: stage.floor[1..].to_vec(),
        });
        if due {
            self.since_log = (vec![0.0; stage.floor.len()], 0);
        }
        if over {
            self.next_stage()?;
        }
        Ok(entry)
    }

    /// Floor of the current stage's objective.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.stage.mean_floor
    }

    /// Steps between checkpoints in the current stage.
    #[must_use]
    pub fn checkpoint_every(&self) -> u64 {
        self.stage.config.training.checkpoint_every
    }

    fn next_stage(&mut self) -> Result<()> {
        let next = self.progress.stage + 1;
        if next == self.experiment.stages().len() {
            self.progress.finished = true;
            return Ok(());
        }
        self.resume_at(Progress { stage: next, stage_step: 0, smoothed_loss: 0.0, ..self.progress.clone() })?;
        self.average.clone_from(&self.parameters);
        Ok(())
    }
}

impl StageState {
    fn new(config: &Stage, circuit: &Circuit<f32>, target: &dyn ResponseModel) -> Result<Self> {
        let schedule = config.schedule()?;
        let generators = config.generators()?;
        let ring = (config.behaviour.radius, config.spread());
        let objective = config.objective(&schedule);
        let floor = match config.objective.kind {
            ObjectiveKind::Diffusion => diffusion_floor(&schedule, target, &generators, ring, config.seed),
            ObjectiveKind::TaskOptimal => {
                let floor = task_optimal_floor(target, &generators, ring, config.seed);
                objective.regressions.iter().map(|r| r.map_or(0.0, |_| floor)).collect()
            }
        };
        let mean_floor = objective
            .regressions
            .iter()
            .zip(&floor)
            .map(|(r, floor)| r.map_or(0.0, |r| r.weight) * floor)
            .sum();
        let accumulators = Accumulators::new(Isa::detect(), circuit, &config.task);
        Ok(Self { config: config.clone(), schedule, objective, generators, accumulators, floor, mean_floor })
    }

    /// The stage's own criterion is met.
    fn is_good_enough(&self, progress: &Progress) -> bool {
        let limit = self.config.training.until.and_then(|until| until.loss_over_floor);
        limit.is_some_and(|limit| {
            progress.stage_step >= SETTLING && progress.smoothed_loss <= (1.0 + limit) * self.mean_floor
        })
    }
}
