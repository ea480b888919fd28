//! The trainable parameters: one flat vector, laid out as named tensors.

use std::ops::Range;

use errare_core::random::{Purpose, key, stream};
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::kernel::Real;

/// How a tensor starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Initial {
    /// Uniform in ±bound.
    Uniform(f64),
    /// Normal of this standard deviation.
    Normal(f64),
}

impl Initial {
    /// Uniform in ±1/√fan_in, the usual start of an affine map.
    pub(crate) fn fan_in(inputs: usize) -> Self {
        Self::Uniform(1.0 / (inputs as f64).sqrt())
    }
}

/// One named tensor of the parameter vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Name, as in a checkpoint.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Where it lies in the flat vector.
    pub range: Range<usize>,
    initial: Initial,
}

/// The tensors of a network in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    tensors: Vec<Tensor>,
}

impl Layout {
    /// Appends a tensor and tells where it lies.
    pub(crate) fn add(&mut self, name: &str, shape: &[usize], initial: Initial) -> Range<usize> {
        let from = self.len();
        let range = from..from + shape.iter().product::<usize>();
        self.tensors.push(Tensor { name: name.into(), shape: shape.into(), range: range.clone(), initial });
        range
    }

    /// Number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range.end)
    }

    /// True when there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensors in order.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Draws the initial parameters of a seed; a tensor's numbers depend on its name, not on its neighbours.
    pub(crate) fn initial<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        for tensor in &self.tensors {
            let name = tensor
                .name
                .bytes()
                .fold(0, |hash, byte| key(hash, Purpose::Initialisation, &[u64::from(byte)]));
            let mut stream = stream(seed, Purpose::Initialisation, &[name]);
            values.extend(tensor.range.clone().map(|_| {
                T::from_f64(match tensor.initial {
                    Initial::Uniform(bound) => bound * (2.0 * stream.random::<f64>() - 1.0),
                    Initial::Normal(sd) => sd * stream.sample::<f64, _>(StandardNormal),
                })
            }));
        }
        values
    }
}
