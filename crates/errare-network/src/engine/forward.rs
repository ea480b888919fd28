//! A tile forwards in time: inputs, drives, and one update after the other.

use errare_behaviour::Display;
use errare_core::random::Purpose;

use super::{Plane, TrialStep, fill_normals};
use crate::circuit::Circuit;
use crate::dynamics::{Scratch, StepInputs, drive};
use crate::kernel::{InstructionSet, Isa, Kernel, Lanes, NoiseLanes, Real, TILE, lane_mut, zeros};
use crate::task::Phase;

/// What identifies the trajectories of a tile, and what they see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileInputs<'a> {
    /// All displays of the batch.
    pub(crate) displays: &'a [Display],
    /// Trajectories a display.
    pub(crate) samples: usize,
    /// First trajectory of the tile.
    pub(crate) first: usize,
    /// Key of the noise: seed, purpose and step.
    pub(crate) noise_key: (u64, Purpose, u64),
}

impl TileInputs<'_> {
    /// Trajectories of the whole batch.
    pub(crate) fn trajectories(&self) -> usize {
        self.displays.len() * self.samples
    }

    /// The display of lane `lane`, and whether that lane holds a trajectory (the last tile may be padded).
    pub(crate) fn display_of(&self, lane: usize) -> (usize, bool) {
        let trajectory = self.first + lane;
        let valid = trajectory < self.trajectories();
        (trajectory.min(self.trajectories() - 1) / self.samples, valid)
    }
}

/// Buffers of a tile and the state of its generators.
#[derive(Debug)]
pub(crate) struct Tile<T> {
    pub(crate) scratch: Scratch<T>,
    pub(crate) noise: NoiseLanes,
    /// Input s of each phase, `[input][trajectory]`: stimulus, cue.
    pub(crate) inputs: [Vec<Lanes<T>>; 2],
    /// Its projection, `[drive row][trajectory]`.
    pub(crate) drives: [Vec<Lanes<T>>; 2],
    normals: Vec<Lanes<T>>,
}

impl<T: Real> Tile<T> {
    pub(crate) fn new(circuit: &Circuit<T>) -> Self {
        let (inputs, rows) = (circuit.encoder.inputs(), circuit.cell.drive_rows());
        Self {
            scratch: Scratch::new(&*circuit.cell),
            noise: NoiseLanes::new(0, Purpose::ProcessNoise, 0, 0),
            inputs: [zeros(inputs), zeros(inputs)],
            drives: [zeros(rows), zeros(rows)],
            // Noise comes in pairs of rows.
            normals: zeros(circuit.neurons + circuit.neurons % 2),
        }
    }
}

/// Sets a tile to the start of its trials: inputs projected, `state` half-normal with scale `start_sd`.
pub(crate) fn begin<T: Real>(
    isa: Isa,
    circuit: &Circuit<T>,
    parameters: &[T],
    inputs: TileInputs<'_>,
    start_sd: f64,
    state: &mut [Lanes<T>],
    tile: &mut Tile<T>,
) {
    for phase in [Phase::Stimulus, Phase::Cue] {
        let rows = &mut tile.inputs[phase as usize];
        let mut encoded: Option<(usize, Vec<T>)> = None;
        for lane in 0..TILE {
            let (display, _) = inputs.display_of(lane);
            if encoded.as_ref().is_none_or(|(of, _)| *of != display) {
                encoded = Some((display, circuit.encode(parameters, &inputs.displays[display], phase)));
            }
            for (i, &value) in encoded.iter().flat_map(|(_, input)| input).enumerate() {
                *lane_mut(rows, i, lane) = value;
            }
        }
        let weights = &parameters[circuit.cell.input_weights()];
        drive(isa, weights, &tile.inputs[phase as usize], &mut tile.drives[phase as usize]);
    }
    let (seed, purpose, step) = inputs.noise_key;
    tile.noise = NoiseLanes::new(seed, purpose, step, inputs.first as u64);
    fill_normals(isa, &mut tile.noise, &mut tile.normals);
    let scale = T::from_f64(start_sd);
    for (r, z) in state.iter_mut().zip(&tile.normals) {
        *r = z.map(|z| if z < T::ZERO { -z * scale } else { z * scale });
    }
}

/// The states about one update, `[neuron][trajectory]`.
#[derive(Debug)]
pub(crate) struct States<'a, T> {
    /// What the update starts from.
    pub(crate) before: &'a mut [Lanes<T>],
    /// What its plane is overwritten with first.
    pub(crate) forced: Option<&'a [Lanes<T>]>,
    /// Receives F.
    pub(crate) f: &'a mut [Lanes<T>],
    /// Receives the rows that the cell keeps.
    pub(crate) kept: &'a mut [Lanes<T>],
    /// Receives the state after the update.
    pub(crate) after: &'a mut [Lanes<T>],
}

/// One update of a state.
pub(crate) fn step_forward<T: Real>(
    isa: Isa,
    circuit: &Circuit<T>,
    parameters: &[T],
    code_biases: &[T],
    step: &TrialStep,
    states: States<'_, T>,
    tile: &mut Tile<T>,
) {
    let States { before, forced, f, kept, after } = states;
    let plane = Plane(&circuit.readout);
    if let Some(x) = forced {
        isa.run(Overwrite { plane, x, state: before });
    }
    let units = circuit.cell.units();
    let drive = step.phase.map(|phase| &tile.drives[phase as usize][..]);
    let bias = &code_biases[step.code * units..(step.code + 1) * units];
    let inputs = StepInputs { parameters, bias, drive, state: before };
    circuit.cell.forward(isa, inputs, f, kept, &mut tile.scratch.rows);
    isa.run(Update {
        plane,
        alpha: T::from_f64(circuit.alpha),
        plane_noise: step.plane_noise,
        null_noise: step.null_noise,
        before,
        f,
        after,
        noise: &mut tile.noise,
        normals: &mut tile.normals,
    });
}

/// Overwrites the plane of a state.
struct Overwrite<'a, T> {
    plane: Plane<'a, T>,
    x: &'a [Lanes<T>],
    state: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Overwrite<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        self.plane.overwrite::<S>(self.x, self.state);
    }
}

/// (1 − α) r + α F + σ ξ.
struct Update<'a, T> {
    plane: Plane<'a, T>,
    alpha: T,
    plane_noise: f64,
    null_noise: f64,
    before: &'a [Lanes<T>],
    f: &'a [Lanes<T>],
    after: &'a mut [Lanes<T>],
    noise: &'a mut NoiseLanes,
    normals: &'a mut [Lanes<T>],
}

impl<T: Real> Kernel for Update<'_, T> {
    #[inline(always)]
    fn run<S: InstructionSet>(self) {
        let leak = T::ONE - self.alpha;
        let steps = self.after.iter_mut().zip(self.before).zip(self.f);
        if self.plane_noise == 0.0 && self.null_noise == 0.0 {
            for ((after, r), f) in steps {
                *after = r.map(|r| leak * r).add_scaled::<S>(self.alpha, *f);
            }
            return;
        }
        self.noise.fill::<T, S>(self.normals);
        let null = T::from_f64(self.null_noise);
        for (((after, r), f), z) in steps.zip(&*self.normals) {
            *after = r.map(|r| leak * r).add_scaled::<S>(self.alpha, *f).add_scaled::<S>(null, *z);
        }
        if self.plane_noise != self.null_noise {
            let extra = T::from_f64(self.plane_noise - self.null_noise);
            let mut x = self.plane.read::<S>(self.normals);
            x.iter_mut().flatten().for_each(|x| *x = x.map(|x| x * extra));
            self.plane.add::<S>(&x, self.after);
        }
    }
}
