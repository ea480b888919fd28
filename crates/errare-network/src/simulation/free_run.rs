//! Free runs: no teacher, no target; the response is the read-out after the last step.

use std::sync::atomic::{AtomicU64, Ordering};

use errare_behaviour::Display;
use errare_core::random::Purpose;
use rayon::prelude::*;

use super::Responses;
use crate::Result;
use crate::circuit::Circuit;
use crate::config::HandOff;
use crate::engine::{States, Tile, TileInputs, TrialStep, begin, fill_normals, step_forward, trial_steps};
use crate::kernel::{Isa, Lanes, NoiseLanes, TILE, lane, zeros};
use crate::network::Network;
use crate::schedule::Schedule;
use crate::task::Epoch;

/// Simulates a network.
#[derive(Debug)]
pub struct Simulation<'a> {
    network: &'a Network,
    schedule: Schedule,
    steps: Vec<TrialStep>,
    code_biases: Vec<f32>,
    isa: Isa,
    seed: u64,
}

/// States of whole trials beside their responses.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectories {
    /// The responses.
    pub responses: Responses,
    /// State after every step, `[trajectory][step][neuron]`.
    pub states: Vec<f32>,
    /// Steps of a trial.
    pub steps: usize,
    /// Neurons.
    pub neurons: usize,
}

impl Trajectories {
    /// The state of a trajectory after a step.
    #[must_use]
    pub fn state(&self, trajectory: usize, step: usize) -> &[f32] {
        let from = (trajectory * self.steps + step) * self.neurons;
        &self.states[from..from + self.neurons]
    }
}

/// Buffers of a tile on its way.
struct Walk {
    tile: Tile<f32>,
    /// The state, and the one after the step being taken, `[neuron][trajectory]`.
    state: Vec<Lanes<f32>>,
    after: Vec<Lanes<f32>>,
    f: Vec<Lanes<f32>>,
    /// What the cell keeps for an adjoint, which no one asks for here.
    kept: Vec<Lanes<f32>>,
}

impl Walk {
    fn new(circuit: &Circuit<f32>) -> Self {
        let buffer = || zeros(circuit.neurons);
        let kept = zeros(circuit.cell.kept_rows());
        Self { tile: Tile::new(circuit), state: buffer(), after: buffer(), f: buffer(), kept }
    }
}

impl<'a> Simulation<'a> {
    /// A simulation with the longest delay of the network's task.
    ///
    /// # Errors
    /// When the network's schedule is impossible.
    pub fn new(network: &'a Network, seed: u64) -> Result<Self> {
        let stage = &network.stage;
        let schedule = stage.schedule()?;
        let steps = trial_steps(stage, &schedule, stage.task.epochs.delay[1]);
        let code_biases = network.circuit.code_biases(&network.parameters, schedule.steps());
        Ok(Self { network, schedule, steps, code_biases, isa: Isa::detect(), seed })
    }

    /// The epoch of every step.
    #[must_use]
    pub fn epochs(&self) -> Vec<Epoch> {
        self.steps.iter().map(|step| step.epoch).collect()
    }

    /// Time at the end of every step (seconds, 0 = cue onset).
    #[must_use]
    pub fn times(&self) -> Vec<f64> {
        let before = self.steps.iter().filter(|step| step.epoch < Epoch::Cue).count() as f64;
        (0..self.steps.len()).map(|step| (step as f64 + 1.0 - before) * self.network.stage.task.dt).collect()
    }

    /// Responses to displays, `samples` for each; the noise of trajectory j belongs to (seed, j). `progress` hears, from
    /// any thread, how many there are so far.
    ///
    /// # Errors
    /// When the network's cue cannot show a display: an index cue knows one set size, a feature cue needs probe features.
    pub fn responses(
        &self,
        displays: &[Display],
        samples: usize,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Responses> {
        let so_far = AtomicU64::new(0);
        let count = |more: usize| {
            let more = more as u64;
            progress(so_far.fetch_add(more, Ordering::Relaxed) + more);
        };
        let tiles = self.run(displays, samples, 0, |_, _| {}, count)?;
        let points = tiles.into_iter().flat_map(|(points, ())| points).collect();
        Ok(Responses { displays: displays.to_vec(), samples, points })
    }

    /// Responses and states. Trajectory j has the noise of (seed, `chunk`, j): chunks of one long list of
    /// displays need numbers of their own; 0 is that of [`Simulation::responses`].
    ///
    /// # Errors
    /// As [`Simulation::responses`].
    pub fn trajectories(&self, displays: &[Display], samples: usize, chunk: u64) -> Result<Trajectories> {
        let (steps, neurons) = (self.steps.len(), self.network.circuit.neurons);
        let record = |states: &mut Vec<f32>, state: &[Lanes<f32>]| {
            states.extend((0..TILE).flat_map(|t| (0..neurons).map(move |i| lane(state, i, t))));
        };
        let mut points = Vec::new();
        let mut states = Vec::with_capacity(displays.len() * samples * steps * neurons);
        for (tile_points, recorded) in self.run(displays, samples, chunk, record, |_| {})? {
            // Recorded by step; wanted by trajectory.
            for t in 0..tile_points.len() {
                for step in 0..steps {
                    let from = (step * TILE + t) * neurons;
                    states.extend_from_slice(&recorded[from..from + neurons]);
                }
            }
            points.extend(tile_points);
        }
        let responses = Responses { displays: displays.to_vec(), samples, points };
        Ok(Trajectories { responses, states, steps, neurons })
    }

    /// Runs all tiles; `record` sees the state after every step, `count` how many trajectories of a tile have ended.
    fn run<R: Default + Send>(
        &self,
        displays: &[Display],
        samples: usize,
        chunk: u64,
        record: impl Fn(&mut R, &[Lanes<f32>]) + Sync,
        count: impl Fn(usize) + Sync,
    ) -> Result<Vec<(Vec<[f32; 2]>, R)>> {
        for (index, display) in displays.iter().enumerate() {
            self.network.circuit.encoder.check(&format!("display {index}"), display)?;
        }
        let total = displays.len() * samples;
        let tiles = (0..total.div_ceil(TILE))
            .into_par_iter()
            .map_init(
                || Walk::new(&self.network.circuit),
                |walk, index| {
                    let noise_key = (self.seed, Purpose::Simulation, chunk);
                    let inputs = TileInputs { displays, samples, first: index * TILE, noise_key };
                    let mut recorded = R::default();
                    self.run_tile(inputs, walk, |state| record(&mut recorded, state));
                    let readout = self.network.readout();
                    let here = TILE.min(total - index * TILE);
                    let read = |t: usize| {
                        readout.each_ref().map(|axis| {
                            axis.iter()
                                .enumerate()
                                .map(|(i, w)| w * f64::from(lane(&walk.state, i, t)))
                                .sum::<f64>() as f32
                        })
                    };
                    count(here);
                    ((0..here).map(read).collect(), recorded)
                },
            )
            .collect();
        Ok(tiles)
    }

    fn run_tile(&self, inputs: TileInputs<'_>, walk: &mut Walk, mut record: impl FnMut(&[Lanes<f32>])) {
        let Network { circuit, parameters, stage, .. } = self.network;
        let Walk { tile, state, after, f, kept } = walk;
        begin(self.isa, circuit, parameters, inputs, self.schedule.base_sd(), state, tile);
        let reset = (stage.hand_off() == HandOff::Reset).then(|| {
            let (seed, _, chunk) = inputs.noise_key;
            let mut noise = NoiseLanes::new(seed, Purpose::HandOff, chunk, inputs.first as u64);
            let mut x = zeros(2);
            fill_normals(self.isa, &mut noise, &mut x);
            let sd = self.schedule.base_sd() as f32;
            x.iter_mut().for_each(|x| *x = x.map(|x| x * sd));
            x
        });
        for step in &self.steps {
            let starts = step.epoch == Epoch::Response && step.code == self.schedule.steps();
            let forced = reset.as_deref().filter(|_| starts);
            let states = States { before: state, forced, f, kept, after };
            step_forward(self.isa, circuit, parameters, &self.code_biases, step, states, tile);
            std::mem::swap(state, after);
            record(state);
        }
    }
}
