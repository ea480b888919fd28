//! Small dense maps of one vector, which the time code and the biases are made of.

use crate::kernel::Real;

/// `out = bias + W x` for a small dense map, rows = `out.len()`.
pub(crate) fn affine<T: Real>(weights: &[T], bias: &[T], x: &[T], out: &mut [T]) {
    for (o, value) in out.iter_mut().enumerate() {
        *value = bias[o];
        for (w, x) in weights[o * x.len()..][..x.len()].iter().zip(x) {
            *value += *w * *x;
        }
    }
}

/// Adjoint of [`affine`] with respect to W (into `d_weights`) and x.
pub(crate) fn affine_adjoint<T: Real>(
    weights: &[T],
    x: &[T],
    d_out: &[T],
    d_weights: &mut [T],
    d_x: &mut [T],
) {
    let width = x.len();
    for (o, &d) in d_out.iter().enumerate() {
        for k in 0..width {
            d_weights[o * width + k] += d * x[k];
            d_x[k] += d * weights[o * width + k];
        }
    }
}

/// Adds `from` to `to`, element by element.
pub(crate) fn add_to<T: Real>(to: &mut [T], from: &[T]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a += *b;
    }
}
