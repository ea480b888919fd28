//! Time codes: what tells the network how far the response has come.
//!
//! Code 0 is a learned vector, on throughout the preparation. Codes τ = 1…T are sinusoids of τ through a
//! two-layer perceptron: e(τ) = M₂ SiLU(M₁ γ(τ) + b₁) + b₂, γ = [sin(τ/10000^{2i/d})] ⊕ [cos(·)].

use std::ops::Range;

use crate::dense::{add_to, affine, affine_adjoint};
use crate::kernel::Real;
use crate::parameters::{Initial, Layout};

/// The codes of one network.
#[derive(Debug, Clone)]
pub(crate) struct TimeEmbedding {
    width: usize,
    preparation: Range<usize>,
    first: Range<usize>,
    first_bias: Range<usize>,
    second: Range<usize>,
    second_bias: Range<usize>,
}

impl TimeEmbedding {
    pub(crate) fn new(layout: &mut Layout, width: usize) -> Self {
        let affine = Initial::fan_in(width);
        Self {
            width,
            preparation: layout.add("time.preparation", &[width], Initial::Normal(1.0)),
            first: layout.add("time.first", &[width, width], affine),
            first_bias: layout.add("time.first_bias", &[width], affine),
            second: layout.add("time.second", &[width, width], affine),
            second_bias: layout.add("time.second_bias", &[width], affine),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    fn sinusoids<T: Real>(&self, tau: usize) -> Vec<T> {
        let half = self.width / 2;
        let phase = |i: usize| tau as f64 / 1e4f64.powf(2.0 * i as f64 / self.width as f64);
        (0..half)
            .map(|i| T::from_f64(phase(i).sin()))
            .chain((0..half).map(|i| T::from_f64(phase(i).cos())))
            .collect()
    }

    /// (pre-activation, SiLU of it) of the hidden layer at τ.
    fn hidden<T: Real>(&self, parameters: &[T], sinusoids: &[T]) -> (Vec<T>, Vec<T>) {
        let mut z = vec![T::ZERO; self.width];
        affine(&parameters[self.first.clone()], &parameters[self.first_bias.clone()], sinusoids, &mut z);
        let h = z.iter().map(|&z| z * logistic(z)).collect();
        (z, h)
    }

    /// The code e: 0 is preparation, otherwise τ.
    pub(crate) fn code<T: Real>(&self, parameters: &[T], code: usize) -> Vec<T> {
        if code == 0 {
            return parameters[self.preparation.clone()].to_vec();
        }
        let (_, h) = self.hidden(parameters, &self.sinusoids::<T>(code));
        let mut e = vec![T::ZERO; self.width];
        affine(&parameters[self.second.clone()], &parameters[self.second_bias.clone()], &h, &mut e);
        e
    }

    /// Adds the gradient of the parameters, given that of the code.
    pub(crate) fn adjoint<T: Real>(&self, parameters: &[T], code: usize, d_code: &[T], gradient: &mut [T]) {
        if code == 0 {
            add_to(&mut gradient[self.preparation.clone()], d_code);
            return;
        }
        let sinusoids = self.sinusoids::<T>(code);
        let (z, h) = self.hidden(parameters, &sinusoids);
        let mut d_h = vec![T::ZERO; self.width];
        add_to(&mut gradient[self.second_bias.clone()], d_code);
        let second = self.second.clone();
        affine_adjoint(&parameters[second.clone()], &h, d_code, &mut gradient[second], &mut d_h);
        for (d, &z) in d_h.iter_mut().zip(&z) {
            let s = logistic(z);
            *d = *d * s * (T::ONE + z * (T::ONE - s));
        }
        add_to(&mut gradient[self.first_bias.clone()], &d_h);
        let mut unused = vec![T::ZERO; self.width];
        let first = self.first.clone();
        affine_adjoint(&parameters[first.clone()], &sinusoids, &d_h, &mut gradient[first], &mut unused);
    }
}

fn logistic<T: Real>(z: T) -> T {
    T::from_f64(1.0 / (1.0 + (-z.to_f64()).exp()))
}
