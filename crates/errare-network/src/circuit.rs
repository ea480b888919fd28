//! A circuit: cell, input code, time code and read-out over one parameter vector, in one precision.
//!
//! The same configuration builds an f32 circuit for training and an f64 one for checks.

use errare_behaviour::Display;
use errare_core::random::{Purpose, stream};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::config::{Cue, Dynamics, NetworkConfig};
use crate::dynamics::{Axonal, Cell, Dendritic, Gru, Rate};
use crate::embedding::TimeEmbedding;
use crate::kernel::Real;
use crate::parameters::Layout;
use crate::task::{Encoder, FeatureCue, IndexCue};

/// Rows of the read-out: the two orthonormal axes of the behavioural plane, each of length n.
pub type Readout = [Vec<f64>; 2];

/// The parts of a network, without its parameters.
#[derive(Debug)]
pub(crate) struct Circuit<T> {
    pub(crate) neurons: usize,
    pub(crate) alpha: f64,
    pub(crate) layout: Layout,
    pub(crate) cell: Box<dyn Cell<T>>,
    pub(crate) encoder: Box<dyn Encoder<T>>,
    pub(crate) embedding: TimeEmbedding,
    /// W_x, `[axis][neuron]`.
    pub(crate) readout: [Vec<T>; 2],
}

impl<T: Real> Circuit<T> {
    /// Builds the parts for displays of `set_size` items (which only the index cue needs to know).
    pub(crate) fn new(config: &NetworkConfig, cue: Cue, set_size: usize, readout: &Readout) -> Self {
        let mut layout = Layout::default();
        let encoder: Box<dyn Encoder<T>> = match cue {
            Cue::Index => Box::new(IndexCue::new(&mut layout, set_size, config.input_gain)),
            Cue::Feature => Box::new(FeatureCue::new(
                &mut layout,
                config.input_gain,
                config.report_columns,
                config.probe_columns,
            )),
        };
        let embedding = TimeEmbedding::new(&mut layout, config.time_code);
        let (n, inputs, time) = (config.neurons, encoder.inputs(), embedding.width());
        let hidden = config.hidden.unwrap_or(n);
        let cell: Box<dyn Cell<T>> = match config.dynamics {
            Dynamics::Dendritic => Box::new(Dendritic::new(&mut layout, n, &config.branches, inputs, time)),
            Dynamics::Axonal => Box::new(Axonal::new(&mut layout, n, &config.branches, inputs, time)),
            Dynamics::Rate => Box::new(Rate::new(&mut layout, n, hidden, None, inputs, time)),
            Dynamics::LowRank => Box::new(Rate::new(&mut layout, n, hidden, Some(config.rank), inputs, time)),
            Dynamics::Gru => Box::new(Gru::new(&mut layout, n, inputs, time)),
        };
        let readout = readout.each_ref().map(|axis| axis.iter().map(|&w| T::from_f64(w)).collect());
        Self { neurons: n, alpha: config.alpha, layout, cell, encoder, embedding, readout }
    }

    /// Bias vectors of codes 0 (preparation) and τ = 1…`steps`, concatenated.
    pub(crate) fn code_biases(&self, parameters: &[T], steps: usize) -> Vec<T> {
        let units = self.cell.units();
        let mut biases = vec![T::ZERO; (steps + 1) * units];
        for (code, bias) in biases.chunks_exact_mut(units).enumerate() {
            self.cell.biases(parameters, &self.embedding.code(parameters, code), bias);
        }
        biases
    }

    /// Adds to `gradient` what the gradients of [`Self::code_biases`] imply for the parameters.
    pub(crate) fn code_biases_adjoint(&self, parameters: &[T], d_biases: &[T], gradient: &mut [T]) {
        for (code, d_bias) in d_biases.chunks_exact(self.cell.units()).enumerate() {
            let e = self.embedding.code(parameters, code);
            let mut d_e = vec![T::ZERO; e.len()];
            self.cell.biases_adjoint(parameters, &e, d_bias, gradient, &mut d_e);
            self.embedding.adjoint(parameters, code, &d_e, gradient);
        }
    }

    /// The input of a display in one phase.
    pub(crate) fn encode(&self, parameters: &[T], display: &Display, phase: crate::task::Phase) -> Vec<T> {
        let mut input = vec![T::ZERO; self.encoder.inputs()];
        self.encoder.encode(parameters, display, phase, &mut input);
        input
    }
}

/// Draws the read-out: the first two rows of a Haar-random orthogonal matrix.
pub(crate) fn draw_readout(neurons: usize, seed: u64) -> Readout {
    let mut stream = stream(seed, Purpose::Initialisation, &[u64::MAX]);
    let mut axes: Readout =
        std::array::from_fn(|_| (0..neurons).map(|_| stream.sample::<f64, _>(StandardNormal)).collect());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let [first, second] = &mut axes;
    let norm = dot(first, first).sqrt();
    first.iter_mut().for_each(|w| *w /= norm);
    let overlap = dot(first, second);
    second.iter_mut().zip(first.iter()).for_each(|(w, f)| *w -= overlap * f);
    let norm = dot(second, second).sqrt();
    second.iter_mut().for_each(|w| *w /= norm);
    axes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit(config: &NetworkConfig, cue: Cue) -> Circuit<f32> {
        Circuit::new(config, cue, 2, &draw_readout(config.neurons, 1))
    }

    #[test]
    fn published_parameter_counts() {
        let config = NetworkConfig::default();
        assert_eq!(circuit(&config, Cue::Feature).layout.len(), 101_288);
        assert_eq!(circuit(&config, Cue::Index).layout.len(), 53_100);
    }

    /// The formulas in the documentation of each cell, for n = 6 neurons and h = 7 hidden units.
    #[test]
    fn documented_parameter_counts() {
        const N: usize = 6;
        const H: usize = 7;
        const K: usize = 2;
        for (dynamics, branches, expected) in [
            (Dynamics::Dendritic, vec![4], |s, e| 24 * (N + s + e + 1) + 24 + N * (e + 1)),
            (Dynamics::Dendritic, vec![2, 3, 4], |s, e| {
                144 * (N + s + e + 1) + (144 + 36 * (e + 1)) + (36 + 12 * (e + 1)) + (12 + N * (e + 1))
            }),
            (Dynamics::Axonal, vec![2, 3], |s, e| (12 + 36) * (e + 1) + 12 * s + N * (36 + 1)),
            (Dynamics::Rate, vec![1], |s, e| H * (2 * N + s + e + 1) + N),
            (Dynamics::LowRank, vec![1], |s, e| K * (H + N) + H * (N + s + e + 1) + N),
            (Dynamics::Gru, vec![1], |s, e| 3 * N * (N + s + e + 1)),
        ] as [(_, _, fn(usize, usize) -> usize); 6]
        {
            let config = NetworkConfig {
                dynamics,
                neurons: N,
                branches,
                hidden: Some(H),
                rank: K,
                ..NetworkConfig::default()
            };
            let circuit = circuit(&config, Cue::Feature);
            let others = ["time.", "input.", "cue."];
            let of_cell = |tensor: &&crate::Tensor| !others.iter().any(|name| tensor.name.starts_with(name));
            let count: usize = circuit.layout.tensors().iter().filter(of_cell).map(|t| t.range.len()).sum();
            assert_eq!(count, expected(circuit.encoder.inputs(), circuit.embedding.width()), "{config:?}");
        }
    }

    #[test]
    fn tensors_are_named_by_level() {
        let names = |branches: Vec<usize>| -> Vec<String> {
            let config = NetworkConfig { branches, ..NetworkConfig::default() };
            circuit(&config, Cue::Feature).layout.tensors().iter().map(|tensor| tensor.name.clone()).collect()
        };
        let has = |names: &[String], expected: &[&str]| {
            for name in expected {
                assert!(names.iter().any(|other| other == name), "{name} in {names:?}");
            }
        };
        has(&names(vec![3]), &["leaf.recurrent", "soma.leaf"]);
        has(&names(vec![3, 2]), &["leaf.recurrent", "branch.leaf", "branch.time", "soma.branch"]);
        has(&names(vec![3, 2, 2]), &["leaf.recurrent", "branch2.leaf", "branch1.branch2", "soma.branch1"]);
    }

    #[test]
    fn the_readout_is_orthonormal_and_seeded() {
        let [a, b] = draw_readout(16, 4);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        assert!((dot(&a, &a) - 1.0).abs() < 1e-12 && (dot(&b, &b) - 1.0).abs() < 1e-12);
        assert!(dot(&a, &b).abs() < 1e-12);
        assert_ne!(draw_readout(16, 5)[0], a);
    }
}
