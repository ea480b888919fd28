//! A circuit: cell, input code, time code and read-out over one parameter vector, in one precision.
//!
//! The same configuration builds an f32 circuit for training and an f64 one for checks.

use errare_behaviour::Display;
use errare_core::random::{Purpose, stream};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::config::{Cue, Dynamics, NetworkConfig};
use crate::dynamics::{Cell, Dendritic, Rate};
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
            Cue::Feature => Box::new(FeatureCue::new(&mut layout, config.input_gain)),
        };
        let embedding = TimeEmbedding::new(&mut layout, config.time_code);
        let (n, inputs, time) = (config.neurons, encoder.inputs(), embedding.width());
        let cell: Box<dyn Cell<T>> = match config.dynamics {
            Dynamics::Dendritic => Box::new(Dendritic::new(&mut layout, n, config.branches, inputs, time)),
            Dynamics::Rate => Box::new(Rate::new(&mut layout, n, config.hidden.unwrap_or(n), inputs, time)),
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

    fn parameters(cue: Cue) -> usize {
        let config = NetworkConfig::default();
        Circuit::<f32>::new(&config, cue, 2, &draw_readout(config.neurons, 1)).layout.len()
    }

    #[test]
    fn published_parameter_counts() {
        assert_eq!(parameters(Cue::Feature), 101_288);
        assert_eq!(parameters(Cue::Index), 53_100);
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
