//! A stage of an experiment: the sections of the file that are in force, and what follows from them.

use errare_behaviour::{Display, DisplayGenerator};
use errare_core::random::{Purpose, Stream, stream};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::circuit::{Circuit, Readout};
use crate::config::{
    BehaviourConfig, DiffusionConfig, HandOff, NetworkConfig, ObjectiveConfig, ObjectiveKind, TaskConfig,
    TrainingConfig,
};
use crate::kernel::Real;
use crate::objective::Objective;
use crate::ring::Ring;
use crate::schedule::Schedule;

/// What one stage of training needs to know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stage {
    /// Seed of weights, displays and noise.
    pub seed: u64,
    /// `[task]`
    pub task: TaskConfig,
    /// `[behaviour]`
    pub behaviour: BehaviourConfig,
    /// `[network]`
    pub network: NetworkConfig,
    /// `[objective]`
    pub objective: ObjectiveConfig,
    /// `[diffusion]`
    pub diffusion: DiffusionConfig,
    /// `[training]`
    pub training: TrainingConfig,
}

impl Stage {
    /// The diffusion schedule.
    ///
    /// # Errors
    /// When its constants lie outside their domains.
    pub fn schedule(&self) -> Result<Schedule> {
        let schedule = Schedule::new(self.task.epochs.response, self.diffusion.beta, self.network.alpha)?;
        Ok(schedule.with_reverse_variance(self.diffusion.reverse_variance, self.spread()))
    }

    /// The display generators, one for each set size.
    ///
    /// # Errors
    /// When the displays are impossible.
    pub fn generators(&self) -> Result<Vec<DisplayGenerator>> {
        let make = |&set_size: &usize| {
            Ok(match self.task.separation {
                Some(separation) => DisplayGenerator::new(set_size, separation, separation)?,
                None => DisplayGenerator::standard(set_size)?,
            })
        };
        self.task.set_sizes.iter().map(make).collect()
    }

    /// Displays to judge the network on, each from its own stream; none is ever trained on.
    ///
    /// # Errors
    /// When the displays are impossible.
    pub fn evaluation_displays(&self, count: usize, seed: u64) -> Result<Vec<Display>> {
        let generators = self.generators()?;
        Ok((0..count as u64)
            .map(|index| draw_display(&generators, &mut stream(seed, Purpose::Simulation, &[index])))
            .collect())
    }

    /// Largest set size.
    #[must_use]
    pub fn largest_set_size(&self) -> usize {
        self.task.set_sizes.iter().copied().max().unwrap_or(0)
    }

    /// s₀: standard deviation of clean responses in each dimension of the plane.
    #[must_use]
    pub fn spread(&self) -> f64 {
        self.behaviour.radius * self.behaviour.response_sd
    }

    /// The ring of clean responses.
    #[must_use]
    pub fn ring(&self) -> Ring {
        Ring { radius: self.behaviour.radius, spread: self.spread() }
    }

    /// The parts of the network with a read-out, in one precision.
    pub(crate) fn circuit<T: Real>(&self, readout: &Readout) -> Circuit<T> {
        Circuit::new(&self.network, self.task.cue, self.largest_set_size(), readout)
    }

    /// Number of training steps at most.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.training.until.and_then(|until| until.at_most_steps).unwrap_or(self.training.steps)
    }

    /// What becomes of the plane when the response begins: a task-optimal network, which is never forced, keeps its own.
    pub(crate) fn hand_off(&self) -> HandOff {
        match self.objective.kind {
            ObjectiveKind::Diffusion => self.diffusion.hand_off,
            ObjectiveKind::TaskOptimal => HandOff::Free,
        }
    }

    pub(crate) fn objective(&self, schedule: &Schedule) -> Objective {
        match self.objective.kind {
            ObjectiveKind::Diffusion => Objective::diffusion(schedule, self.objective.weighting),
            ObjectiveKind::TaskOptimal => {
                let steps = schedule.steps();
                Objective::task_optimal(steps, self.objective.last_steps.unwrap_or(steps))
            }
        }
    }
}

/// One display, of a set size drawn uniformly.
pub(crate) fn draw_display(generators: &[DisplayGenerator], stream: &mut Stream) -> Display {
    let choice = stream.random_range(0..generators.len());
    generators[choice].draw(stream)
}
