//! The optimisers: from a gradient to a change of the weights, tensor by tensor.
//!
//! Both keep a first and a second moment of every weight (Adam, Kingma & Ba 2015); SOAP keeps them in a basis
//! of its own for every matrix.

use rayon::prelude::*;

use super::moments::MomentUpdate;
use super::soap::Preconditioner;
use crate::config::OptimiserKind;
use crate::parameters::Layout;

/// Where an optimiser stands: all that a checkpoint has to hold of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Optimiser {
    kind: OptimiserKind,
    tensors: Vec<TensorState>,
}

/// Moments of one tensor.
#[derive(Debug, Clone, PartialEq)]
struct TensorState {
    first: Vec<f32>,
    second: Vec<f32>,
    /// SOAP's, for matrices.
    preconditioner: Option<Preconditioner>,
}

impl Optimiser {
    /// An optimiser that has seen no gradient.
    pub(crate) fn new(layout: &Layout, kind: OptimiserKind) -> Self {
        let tensors = layout
            .tensors()
            .iter()
            .map(|tensor| TensorState {
                first: vec![0.0; tensor.range.len()],
                second: vec![0.0; tensor.range.len()],
                preconditioner: match kind {
                    OptimiserKind::Adam => None,
                    OptimiserKind::Soap => Preconditioner::new(&tensor.shape),
                },
            })
            .collect();
        Self { kind, tensors }
    }

    /// Everything there is to save, as (name, shape, values).
    pub(crate) fn buffers<'a>(
        &'a self,
        layout: &'a Layout,
    ) -> impl Iterator<Item = (String, Vec<usize>, &'a [f32])> {
        self.tensors.iter().zip(layout.tensors()).flat_map(|(state, tensor)| {
            let moments = [("first", &state.first), ("second", &state.second)];
            let moments = moments.map(|(name, values)| (name, tensor.shape.clone(), values.as_slice()));
            let sides = state.preconditioner.iter().flat_map(Preconditioner::buffers);
            moments
                .into_iter()
                .chain(sides.map(|(name, length, values)| (name, vec![length; 2], values)))
                .map(|(name, shape, values)| (format!("optimiser.{name}/{}", tensor.name), shape, values))
        })
    }

    /// The buffers of [`Self::buffers`] in the same order, to be filled from a checkpoint.
    pub(crate) fn buffers_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.tensors.iter_mut().flat_map(|TensorState { first, second, preconditioner }| {
            let sides = preconditioner.iter_mut().flat_map(Preconditioner::buffers_mut);
            [first.as_mut_slice(), second.as_mut_slice()].into_iter().chain(sides)
        })
    }

    /// One update of all weights; `step` counts from 0 within the stage.
    pub(crate) fn update(
        &mut self,
        layout: &Layout,
        parameters: &mut [f32],
        gradient: &[f32],
        step: u64,
        rate: f64,
    ) {
        let moments = MomentUpdate::new(self.kind, step);
        let directions: Vec<Vec<f32>> = self
            .tensors
            .par_iter_mut()
            .zip(layout.tensors())
            .map(|(state, tensor)| state.direction(&gradient[tensor.range.clone()], moments, step))
            .collect();
        let weights = parameters.iter_mut();
        for (w, d) in weights.zip(directions.iter().flatten()) {
            *w -= rate as f32 * d;
        }
    }
}

impl TensorState {
    fn direction(&mut self, gradient: &[f32], moments: MomentUpdate, step: u64) -> Vec<f32> {
        for (m, &g) in self.first.iter_mut().zip(gradient) {
            moments.first(m, g);
        }
        if let Some(preconditioner) = &mut self.preconditioner {
            return preconditioner.direction(gradient, &self.first, &mut self.second, moments, step);
        }
        let states = self.first.iter().zip(&mut self.second).zip(gradient);
        states.map(|((&m, v), &g)| moments.direction(m, v, g)).collect()
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::parameters::Initial;

    /// A matrix of `rows × columns` weights and nothing else.
    fn matrix(rows: usize, columns: usize) -> Layout {
        let mut layout = Layout::default();
        layout.add("weights", &[rows, columns], Initial::Normal(1.0));
        layout
    }

    #[test]
    fn the_first_step_of_adam_moves_every_weight_by_the_rate() {
        let layout = matrix(1, 2);
        let mut parameters = vec![1.0, -2.0];
        Optimiser::new(&layout, OptimiserKind::Adam).update(&layout, &mut parameters, &[0.3, -40.0], 0, 0.01);
        assert!((parameters[0] - 0.99).abs() < 1e-6 && (parameters[1] + 1.99).abs() < 1e-6);
    }

    /// Loss ½ tr(A (X − B) C (X − B)ᵀ) with A and C ill-conditioned in axes that are not those of the weights.
    fn quadratic(kind: OptimiserKind, steps: u64) -> f64 {
        let (rows, columns) = (6, 4);
        let layout = matrix(rows, columns);
        let curvature = |size: usize| {
            Mat::from_fn(size, size, |i, j| {
                let axis = |k: usize, at: usize| {
                    (std::f64::consts::PI * (k as f64 + 0.5) * (at as f64 + 0.5) / size as f64).cos()
                };
                (0..size).map(|k| 10f64.powi(-(k as i32)) * axis(k, i) * axis(k, j)).sum::<f64>()
            })
        };
        let (a, c) = (curvature(rows), curvature(columns));
        let mut x = vec![0.0f32; rows * columns];
        let mut optimiser = Optimiser::new(&layout, kind);
        let deviation = |x: &[f32]| -> Mat<f64> {
            Mat::from_fn(rows, columns, |i, j| f64::from(x[i * columns + j]) - (i + j) as f64)
        };
        for step in 0..steps {
            let g = &a * deviation(&x) * &c;
            let gradient: Vec<f32> =
                (0..rows * columns).map(|k| g[(k / columns, k % columns)] as f32).collect();
            // Far enough for either: the way is longest along few axes of the eigenbasis.
            let rate = 0.4 * (1.0 - step as f64 / steps as f64);
            optimiser.update(&layout, &mut x, &gradient, step, rate);
        }
        let d = deviation(&x);
        let losses: Mat<f64> = &a * &d * &c * d.transpose();
        (0..rows).map(|i| 0.5 * losses[(i, i)]).sum::<f64>()
    }

    #[test]
    fn soap_is_faster_where_curvature_is_not_along_the_weights() {
        let [start, adam, soap] = [
            quadratic(OptimiserKind::Adam, 0),
            quadratic(OptimiserKind::Adam, 400),
            quadratic(OptimiserKind::Soap, 400),
        ];
        assert!(adam < 0.1 * start, "Adam {adam:e} of {start:e}");
        assert!(soap < 0.1 * adam, "SOAP {soap:e}, Adam {adam:e}");
    }
}
