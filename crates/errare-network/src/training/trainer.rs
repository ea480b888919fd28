//! The training loop: stages, optimiser, moving average of the weights, and when to stop.

use std::sync::OnceLock;

use errare_behaviour::{DisplayGenerator, ResponseModel};
use serde::{Deserialize, Serialize};

use super::batch::{Accumulators, BatchLoss};
use super::monitor::{Batch, Divergence, Ending, Monitor};
use super::optimiser::Optimiser;
use super::rate::{clip, learning_rate, norm};
use crate::circuit::{Circuit, Readout, draw_readout};
use crate::config::CleanTarget;
use crate::engine::Problem;
use crate::experiment::{Experiment, Stage};
use crate::kernel::Isa;
use crate::landmarks::{Landmarks, Plateau};
use crate::objective::Objective;
use crate::schedule::Schedule;
use crate::{Error, Result};

/// What training has reached; with the experiment it determines all that follows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Index of the stage.
    pub stage: usize,
    /// Steps taken within the stage.
    pub stage_step: u64,
    /// Steps taken in all.
    pub step: u64,
    /// The last stage is over.
    pub finished: bool,
    /// How the stage before this one ended; when finished, how the last one did.
    #[serde(default)]
    pub ended: Option<Ending>,
    /// What the losses of the stage have shown; when finished, those of the last stage.
    #[serde(flatten)]
    pub monitor: Monitor,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Smoothed (loss − floor)/max(floor, mean floor) at each τ = 1…T; 0 at those without a regression.
    pub excess_per_step: Vec<f64>,
    /// Its mean over those that have one.
    pub excess: f64,
    /// The plateau that the loss has stayed on.
    #[serde(default)]
    pub plateau: Option<Plateau>,
    /// How the stage ended, in its last entry.
    #[serde(default)]
    pub ended: Option<Ending>,
}

/// Constants of the stage being trained.
#[derive(Debug)]
struct StageState {
    config: Stage,
    schedule: Schedule,
    objective: Objective,
    generators: Vec<DisplayGenerator>,
    accumulators: Accumulators<f32>,
    /// Computed when first asked for: that takes seconds, and a trainer may be made only to see whether it can be.
    landmarks: OnceLock<Landmarks>,
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
    inject_nan_at: Option<u64>,
    sound: bool,
}

impl Trainer {
    /// A new network. `targets` holds the response model of each stage.
    ///
    /// # Errors
    /// When the experiment's constants are impossible.
    pub fn new(experiment: Experiment, targets: Vec<Box<dyn ResponseModel>>) -> Result<Self> {
        let config = experiment.last();
        let readout = draw_readout(config.network.neurons, config.seed);
        let circuit = config.circuit(&readout);
        let parameters = circuit.layout.initial(config.seed);
        let kind = experiment.stages()[0].training.optimiser;
        let optimiser = Optimiser::new(&circuit.layout, kind);
        let progress = Progress::default();
        let stage = StageState::new(&experiment.stages()[0])?;
        Ok(Self {
            average: parameters.clone(),
            since_log: nothing_to_log(&stage.schedule),
            experiment,
            targets,
            readout,
            circuit,
            parameters,
            optimiser,
            progress,
            stage,
            inject_nan_at: None,
            sound: false,
        })
    }

    /// Takes up training where `progress` says; weights and moments are then set by the checkpoint.
    pub(crate) fn resume_at(&mut self, progress: Progress) -> Result<()> {
        let index = progress.stage.min(self.experiment.stages().len() - 1);
        self.stage = StageState::new(&self.experiment.stages()[index])?;
        self.since_log = nothing_to_log(&self.stage.schedule);
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
        self.circuit = self.experiment.last().circuit(&readout);
        self.readout = readout;
        self.average.clone_from(&weights);
        self.parameters = weights;
    }

    /// Takes one step. Returns a log entry when one is due.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss or a gradient is not finite, or when the losses show that training cannot
    /// recover. The trainer is then of no further use; its last good state is the latest sound checkpoint.
    pub fn step(&mut self) -> Result<Option<LogEntry>> {
        let (loss, mut gradient) = self.gradient();
        if self.inject_nan_at == Some(self.progress.step + 1) {
            gradient[0] = f32::NAN;
        }
        // Before anything is scaled, so that the fault is told as it was.
        if let Some(fault) = self.not_finite(&loss, &gradient) {
            return Err(self.diverged(fault));
        }
        let gradient_norm = norm(&gradient);
        clip(&mut gradient, gradient_norm, self.stage.config.training.clip);
        let learning_rate = self.update(&gradient);
        // No later batch tells of the last update.
        if let Some(fault) = self.not_finite_in("a new weight of", &self.parameters) {
            return Err(self.diverged(fault));
        }
        let ended = self.observe(&loss, gradient_norm)?;
        self.progress.step += 1;
        self.progress.stage_step += 1;
        let due = ended.is_some() || self.progress.step.is_multiple_of(self.stage.config.training.log_every);
        let entry = due.then(|| self.log_entry(&loss, gradient_norm, learning_rate, ended));
        if ended.is_some() {
            self.next_stage(ended)?;
        }
        Ok(entry)
    }

    /// Loss and gradient of the next batch.
    fn gradient(&mut self) -> (BatchLoss, Vec<f32>) {
        let Self { stage, progress, targets, .. } = self;
        let target = &*targets[progress.stage];
        let training = &stage.config.training;
        let problem = Problem {
            stage: &stage.config,
            schedule: &stage.schedule,
            objective: &stage.objective,
            target,
            generators: &stage.generators,
        };
        let (mut loss, gradient) = stage.accumulators.gradient(
            &problem,
            &self.circuit,
            &self.parameters,
            progress.step,
            training.displays,
            training.samples,
        );
        // Expected targets leave out the irreducible error; the log tells the loss of the published objective.
        if stage.config.objective.target == CleanTarget::Expected {
            let landmarks = stage.landmarks(target);
            let floors = &landmarks.floor_per_step;
            loss.per_step.iter_mut().zip(floors).for_each(|(loss, floor)| *loss += floor);
            loss.total += landmarks.floor;
        }
        (loss, gradient)
    }

    /// What is not finite in a batch's loss or gradient, if anything is.
    fn not_finite(&self, loss: &BatchLoss, gradient: &[f32]) -> Option<Divergence> {
        if !loss.total.is_finite() {
            return Some(loss_not_finite(loss));
        }
        self.not_finite_in("the gradient of", gradient)
    }

    /// The first tensor that holds a value which is not finite, of as many `values` as there are parameters.
    fn not_finite_in(&self, what: &str, values: &[f32]) -> Option<Divergence> {
        self.circuit.layout.tensors().iter().find_map(|tensor| {
            let value = values[tensor.range.clone()].iter().find(|value| !value.is_finite())?;
            Some(Divergence::not_finite(format!("{what} {}", tensor.name), f64::from(*value)))
        })
    }

    /// The error of a training that ends in the step after the last one counted.
    fn diverged(&self, Divergence { quantity, value, limit }: Divergence) -> Error {
        Error::Diverged { quantity, value, limit, step: self.progress.step + 1, seed: self.stage.config.seed }
    }

    /// Moves the weights, and their average after them. Returns the learning rate.
    fn update(&mut self, gradient: &[f32]) -> f64 {
        let (config, taken) = (&self.stage.config, self.progress.stage_step);
        let rate = learning_rate(&config.training, taken, config.steps());
        self.optimiser.update(&self.circuit.layout, &mut self.parameters, gradient, taken, rate);
        let t = taken as f64;
        let decay = config.training.averaging.min((1.0 + t) / (10.0 + t)) as f32;
        for (average, &weight) in self.average.iter_mut().zip(&self.parameters) {
            *average = decay * *average + (1.0 - decay) * weight;
        }
        rate
    }

    /// Shows a batch to the monitor, which tells whether the stage is over.
    fn observe(&mut self, loss: &BatchLoss, gradient_norm: f64) -> Result<Option<Ending>> {
        self.since_log.0.iter_mut().zip(&loss.per_step).for_each(|(sum, loss)| *sum += loss);
        self.since_log.1 += 1;
        let Self { stage, progress, targets, .. } = self;
        let (config, landmarks) = (&stage.config, stage.landmarks(&*targets[progress.stage]));
        let stage_step = progress.stage_step + 1;
        let batch = Batch {
            loss: stage.objective.weighted(&loss.per_step),
            per_step: &loss.per_step,
            gradient_norm,
            stage_step,
        };
        let monitor = &mut progress.monitor;
        monitor.observe(batch, &config.training, landmarks);
        self.sound = monitor.is_sound();
        let ended = monitor.ending(stage_step, config.steps(), &config.training, landmarks);
        let last = ended.is_some() && progress.stage + 1 == self.experiment.stages().len();
        match monitor.divergence(batch, landmarks, last) {
            Some(fault) => Err(self.diverged(fault)),
            None => Ok(ended),
        }
    }

    /// A line of the log, for the steps since the one before.
    fn log_entry(
        &mut self,
        loss: &BatchLoss,
        gradient_norm: f64,
        learning_rate: f64,
        ended: Option<Ending>,
    ) -> LogEntry {
        let (sums, steps) = std::mem::replace(&mut self.since_log, nothing_to_log(&self.stage.schedule));
        let (progress, landmarks) = (&self.progress, self.landmarks());
        let monitor = &progress.monitor;
        LogEntry {
            step: progress.step,
            stage: progress.stage + 1,
            loss: loss.total,
            smoothed_loss: monitor.smoothed_loss,
            floor: landmarks.floor,
            gradient_norm,
            learning_rate,
            penalties: loss.penalties,
            loss_per_step: sums[1..].iter().map(|sum| sum / steps as f64).collect(),
            floor_per_step: landmarks.floor_per_step[1..].to_vec(),
            excess_per_step: monitor.excess_per_step(landmarks),
            excess: monitor.excess(landmarks),
            plateau: monitor.plateau(landmarks),
            ended,
        }
    }

    /// Whether the latest batch gave no reason to doubt the weights it was computed with.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound
    }

    /// Losses of the current stage to compare with.
    pub(crate) fn landmarks(&self) -> &Landmarks {
        self.stage.landmarks(&*self.targets[self.progress.stage])
    }

    /// Makes one number of the gradient of a step not a number, as a fault in a kernel would.
    pub(crate) fn inject_nan_at(&mut self, step: Option<u64>) {
        self.inject_nan_at = step;
    }

    /// Steps between checkpoints in the current stage.
    #[must_use]
    pub fn checkpoint_every(&self) -> u64 {
        self.stage.config.training.checkpoint_every
    }

    fn next_stage(&mut self, ended: Option<Ending>) -> Result<()> {
        let next = self.progress.stage + 1;
        self.progress.ended = ended;
        if next == self.experiment.stages().len() {
            self.progress.finished = true;
            return Ok(());
        }
        let step = self.progress.step;
        self.resume_at(Progress { stage: next, step, ended, ..Progress::default() })?;
        self.average.clone_from(&self.parameters);
        Ok(())
    }
}

impl StageState {
    fn new(config: &Stage) -> Result<Self> {
        let schedule = config.schedule()?;
        let generators = config.generators()?;
        let objective = config.objective(&schedule);
        let accumulators = Accumulators::new(Isa::detect(), &config.task);
        let landmarks = OnceLock::new();
        Ok(Self { config: config.clone(), schedule, objective, generators, accumulators, landmarks })
    }

    /// Losses to compare with, for the stage's target.
    fn landmarks(&self, target: &dyn ResponseModel) -> &Landmarks {
        self.landmarks.get_or_init(|| {
            Landmarks::new(&self.config, &self.schedule, &self.objective, target, &self.generators)
        })
    }
}

/// Sums of the losses per step, and of how many batches, before the first.
fn nothing_to_log(schedule: &Schedule) -> (Vec<f64>, u64) {
    (vec![0.0; schedule.steps() + 1], 0)
}

/// The part of a loss that is not finite, by name.
fn loss_not_finite(loss: &BatchLoss) -> Divergence {
    let steps = loss.per_step.iter().enumerate().rev().find(|(_, loss)| !loss.is_finite());
    let names = ["hand-off mean", "hand-off spread", "activity"];
    let penalties = names.iter().zip(&loss.penalties).find(|(_, penalty)| !penalty.is_finite());
    match (steps, penalties) {
        (Some((tau, &value)), _) => Divergence::not_finite(format!("the loss at τ = {tau}"), value),
        (None, Some((name, &value))) => Divergence::not_finite(format!("the {name} penalty"), value),
        (None, None) => Divergence::not_finite("the loss".into(), loss.total),
    }
}
