//! Each matrix kernel and each cell on one tile of trajectories, with what it needs at least in units of cost.

use std::fmt;
use std::hint::black_box;

use errare_core::random::mix;

use super::Unit;
use crate::circuit::{Circuit, draw_readout};
use crate::config::{Cue, Dynamics, NetworkConfig};
use crate::dynamics::{SPAN, Scratch, Span, StepGradients, StepInputs, add_weight_gradients};
use crate::kernel::{
    InstructionSet, Isa, Kernel, Lanes, StepBuffer, StepRows, TILE, Transposed, affine_rows, lane_mut,
    outer_accumulate, outer_accumulate_steps, transposed_accumulate, zeros,
};

/// A piece of work on one tile.
pub struct Work {
    /// Its name.
    pub name: String,
    /// How many of each unit it needs at least.
    pub needs: Vec<(Unit, f64)>,
    run: Box<dyn FnMut()>,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

impl Work {
    fn new(name: impl Into<String>, needs: &[(Unit, f64)], run: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), needs: needs.to_vec(), run: Box::new(run) }
    }

    /// Does it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

/// The matrix kernels at the sizes that networks have.
#[must_use]
pub fn matrix_kernels() -> Vec<Work> {
    struct Affine<'a>(&'a mut [Lanes<f32>], &'a [f32], &'a [f32], &'a [Lanes<f32>]);
    impl Kernel for Affine<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            affine_rows::<f32, S>(self.0, self.1, Some(self.2), None, self.3);
        }
    }
    struct Backwards<'a>(&'a mut [Lanes<f32>], &'a [f32], &'a [Lanes<f32>]);
    impl Kernel for Backwards<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            transposed_accumulate::<f32, S>(self.0, self.1, self.2);
        }
    }
    struct Outer<'a>(&'a mut [f32], &'a [Lanes<f32>], &'a [Lanes<f32>], &'a mut Transposed<f32>);
    impl Kernel for Outer<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            self.3.set(self.2);
            outer_accumulate::<f32, S>(self.0, self.1, self.3);
        }
    }
    struct OverSteps<'a>(&'a mut [f32], StepRows<'a, f32>, StepRows<'a, f32>);
    impl Kernel for OverSteps<'_> {
        #[inline(always)]
        fn run<S: InstructionSet>(self) {
            outer_accumulate_steps::<f32, S>(self.0, self.1, self.2);
        }
    }
    let isa = Isa::detect();
    let mut all = Vec::new();
    for [outputs, inputs] in [[32, 32], [50, 50], [128, 32], [32, 128], [1600, 16], [10, 16]] {
        let needs = [(Unit::Operation, (2 * outputs * inputs * TILE) as f64)];
        let weights = values(outputs * inputs, 3);
        let bias = values(outputs, 4);
        let (x, d) = (filled(inputs, 5), filled(outputs, 6));
        let size = format!("{outputs} × {inputs}");
        {
            let (weights, x, mut out) = (weights.clone(), x.clone(), zeros(outputs));
            all.push(Work::new(format!("W·X {size}"), &needs, move || {
                isa.run(Affine(&mut out, black_box(&weights), &bias, &x));
                black_box(&out);
            }));
        }
        {
            let (d, mut out) = (d.clone(), zeros(inputs));
            all.push(Work::new(format!("Wᵀ·D {size}"), &needs, move || {
                isa.run(Backwards(&mut out, black_box(&weights), &d));
                black_box(&out);
            }));
        }
        let (mut gradient, mut t) = (vec![0.0; outputs * inputs], Transposed::new());
        all.push(Work::new(format!("D·Xᵀ {size}"), &needs, move || {
            isa.run(Outer(&mut gradient, black_box(&d), &x, &mut t));
            black_box(&gradient);
        }));
        let needs = [(Unit::Operation, (2 * outputs * inputs * TILE * SPAN) as f64)];
        let (x, d) = (steps(SPAN, inputs, 5), steps(SPAN, outputs, 6));
        let mut gradient = vec![0.0; outputs * inputs];
        all.push(Work::new(format!("D·Xᵀ {size} over {SPAN} steps"), &needs, move || {
            isa.run(OverSteps(&mut gradient, black_box(&d).steps(0..SPAN), x.steps(0..SPAN)));
            black_box(&gradient);
        }));
    }
    all
}

/// Forward and adjoint of every dynamics at usual sizes.
#[must_use]
pub fn cells() -> Vec<Work> {
    let of = |dynamics| NetworkConfig { dynamics, ..NetworkConfig::default() };
    let rate = |neurons, hidden| NetworkConfig { neurons, hidden: Some(hidden), ..of(Dynamics::Rate) };
    let named = [
        ("dendritic 16, 10 × 10", of(Dynamics::Dendritic)),
        ("dendritic 16, 6 × 4 × 4", NetworkConfig { branches: vec![6, 4, 4], ..of(Dynamics::Dendritic) }),
        ("axonal 16, 10 × 10", of(Dynamics::Axonal)),
        ("rate 32", rate(32, 32)),
        ("rate 50", rate(50, 50)),
        ("rate 32, 128 hidden", rate(32, 128)),
        ("low-rank 32, rank 2", NetworkConfig { neurons: 32, ..of(Dynamics::LowRank) }),
        ("gru 32", NetworkConfig { neurons: 32, ..of(Dynamics::Gru) }),
    ];
    named.iter().flat_map(|(name, config)| cell(name, config)).collect()
}

fn cell(name: &str, config: &NetworkConfig) -> [Work; 2] {
    let isa = Isa::detect();
    let n = config.neurons;
    let readout = draw_readout(n, 1);
    let make = || Circuit::<f32>::new(config, Cue::Index, 2, &readout);
    let circuit = make();
    let Products { forward, recomputed, activations, recomputed_activations } = products(config);
    let per_tile = |count: usize| (count * TILE) as f64;
    let needs_forward = [(Unit::Operation, 2.0 * per_tile(forward)), (Unit::Softplus, per_tile(activations))];
    let needs_adjoint = [
        (Unit::Operation, 2.0 * per_tile(SPAN * (2 * forward + recomputed))),
        (Unit::SoftplusSlope, per_tile(SPAN * recomputed_activations)),
    ];
    let parameters: Vec<f32> = circuit.layout.initial(1);
    let bias = circuit.code_biases(&parameters, 0);
    let state = filled(n, 7);
    let forward = {
        let (circuit, parameters, bias, state) = (make(), parameters.clone(), bias.clone(), state.clone());
        let mut scratch = Scratch::new(&*circuit.cell);
        let (mut f, mut kept) = (zeros(n), zeros(circuit.cell.kept_rows()));
        Work::new(format!("{name}, forward"), &needs_forward, move || {
            let inputs = StepInputs { parameters: &parameters, bias: &bias, drive: None, state: &state };
            circuit.cell.forward(isa, inputs, &mut f, &mut kept, &mut scratch.rows);
            black_box((&f, &kept));
        })
    };
    let mut scratch = Scratch::new(&*circuit.cell);
    let rows = circuit.cell.kept_rows();
    let (states, d_f) = (steps(SPAN, n, 7), steps(SPAN, n, 9));
    let (kept, mut d_kept, mut d_state) = (steps(SPAN, rows, 10), StepBuffer::new(SPAN, rows), zeros(n));
    let mut gradient = vec![0.0; circuit.layout.len()];
    let mut d_bias = vec![0.0; circuit.cell.units()];
    let adjoint = Work::new(format!("{name}, adjoint of {SPAN} steps"), &needs_adjoint, move || {
        for step in 0..SPAN {
            let inputs =
                StepInputs { parameters: &parameters, bias: &bias, drive: None, state: states.step(step) };
            let gradients = StepGradients {
                parameters: &mut gradient,
                bias: &mut d_bias,
                drive: None,
                state: &mut d_state,
                kept: d_kept.step_mut(step),
            };
            circuit.cell.adjoint(isa, inputs, kept.step(step), d_f.step(step), gradients, &mut scratch);
        }
        let span = Span {
            state: states.steps(0..SPAN),
            kept: kept.steps(0..SPAN),
            d_f: d_f.steps(0..SPAN),
            d_kept: d_kept.steps(0..SPAN),
        };
        add_weight_gradients(isa, &*circuit.cell, span, &mut gradient);
        black_box((&d_state, &gradient));
    });
    [forward, adjoint]
}

/// What one trajectory needs in one step.
#[derive(Default)]
struct Products {
    /// Multiply-adds of the forward step; the adjoint has twice as many.
    forward: usize,
    /// Those of them that the adjoint does again.
    recomputed: usize,
    /// Transcendental functions.
    activations: usize,
    /// Those of them that the adjoint does again.
    recomputed_activations: usize,
}

fn products(config: &NetworkConfig) -> Products {
    let n = config.neurons;
    let hidden = config.hidden.unwrap_or(n);
    // Units at each level of the trees, the somata first.
    let levels: Vec<usize> = (0..=config.branches.len())
        .map(|level| n * config.branches[..level].iter().product::<usize>())
        .collect();
    let branches: usize = levels[1..].iter().sum();
    let ends = levels[levels.len() - 1];
    match config.dynamics {
        Dynamics::Dendritic => Products {
            forward: ends * n + branches,
            recomputed: ends * n + branches,
            activations: branches + n,
            recomputed_activations: branches,
        },
        Dynamics::Axonal => Products {
            forward: ends * n + branches,
            recomputed: branches,
            activations: n,
            ..Products::default()
        },
        Dynamics::Rate => Products { forward: 2 * n * hidden, activations: hidden, ..Products::default() },
        Dynamics::LowRank => {
            let recurrent = config.rank * (n + hidden);
            let forward = recurrent + n * hidden;
            Products { forward, activations: hidden, ..Products::default() }
        }
        Dynamics::Gru => Products { forward: 3 * n * n, activations: 3 * n, ..Products::default() },
    }
}

/// Values in ±1 that look random.
fn values(count: usize, salt: u64) -> Vec<f32> {
    (0..count as u64).map(|i| (mix(salt << 32 | i) % 2001) as f32 / 1000.0 - 1.0).collect()
}

fn filled(rows: usize, salt: u64) -> Vec<Lanes<f32>> {
    let mut buffer = zeros(rows);
    for (i, value) in values(rows * TILE, salt).into_iter().enumerate() {
        *lane_mut(&mut buffer, i / TILE, i % TILE) = value;
    }
    buffer
}

fn steps(count: usize, rows: usize, salt: u64) -> StepBuffer<f32> {
    let mut buffer = StepBuffer::new(count, rows);
    for step in 0..count {
        buffer.step_mut(step).copy_from_slice(&filled(rows, salt + step as u64));
    }
    buffer
}
