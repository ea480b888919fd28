//! BFGS with a backtracking line search, for the few parameters of a classical model or hyperparameters of BNS.

use nalgebra::{DMatrix, DVector};

/// Longest first step along the search direction.
const MAX_STEP: f64 = 1.0;
const SUFFICIENT: f64 = 1e-4;
const MAX_BACKTRACKS: usize = 10;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// Gain that the quadratic model, or the last step, promises of another one.
    pub(crate) gain: f64,
    /// Steps.
    pub(crate) steps: usize,
}

/// Maximises `objective`, which returns its value, its gradient, and what else belongs to the point; returns the
/// last point with that. `spread` is the scale on which each coordinate is expected to matter.
pub(crate) fn maximise<T, E>(
    start: Vec<f64>,
    spread: &[f64],
    stop: Stop,
    mut objective: impl FnMut(&[f64], Option<&T>) -> Result<(f64, Vec<f64>, T), E>,
) -> Result<(Vec<f64>, T), E> {
    let size = start.len();
    let mut x = DVector::from_vec(start);
    let (mut value, gradient, mut extra) = objective(x.as_slice(), None)?;
    let mut gradient = DVector::from_vec(gradient);
    let initial = DMatrix::from_diagonal(&DVector::from_iterator(size, spread.iter().map(|s| s * s)));
    let mut inverse = initial.clone();
    for _ in 0..stop.steps {
        let mut direction = &inverse * &gradient;
        if direction.dot(&gradient) <= 0.0 {
            inverse.copy_from(&initial);
            direction = &inverse * &gradient;
        }
        if 0.5 * direction.dot(&gradient) <= stop.gain {
            break;
        }
        let length = direction.norm();
        if length > MAX_STEP {
            direction *= MAX_STEP / length;
        }
        let slope = direction.dot(&gradient);
        let mut step = 1.0;
        let mut accepted = None;
        for _ in 0..MAX_BACKTRACKS {
            let candidate = &x + step * &direction;
            let (reached, slopes, other) = objective(candidate.as_slice(), Some(&extra))?;
            if reached >= value + SUFFICIENT * step * slope {
                accepted = Some((candidate, reached, DVector::from_vec(slopes), other));
                break;
            }
            // The maximum of the parabola through both values and the slope.
            let parabola = 0.5 * slope * step / (slope - (reached - value) / step);
            step = if parabola.is_finite() { parabola.clamp(0.1 * step, 0.5 * step) } else { 0.5 * step };
        }
        let Some((candidate, reached, slopes, other)) = accepted else { break };
        let moved = &candidate - &x;
        // Of the function to be minimised, so that the curvature is positive.
        let change = &gradient - &slopes;
        let curvature = moved.dot(&change);
        if curvature > 1e-10 {
            let identity = DMatrix::identity(size, size);
            let left = &identity - &moved * change.transpose() / curvature;
            inverse = &left * inverse * left.transpose() + &moved * moved.transpose() / curvature;
        }
        let gain = reached - value;
        (x, value, gradient, extra) = (candidate, reached, slopes, other);
        if gain < stop.gain {
            break;
        }
    }
    Ok((x.as_slice().to_vec(), extra))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_climbed() {
        // Rosenbrock's function, turned upside down.
        let stop = Stop { gain: 1e-16, steps: 200 };
        let (x, evaluations) = maximise(vec![-1.2, 1.0], &[0.1, 0.1], stop, |x, before: Option<&usize>| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let gradient = vec![2.0 * a + 400.0 * b * x[0], -200.0 * b];
            Ok::<_, ()>((-a * a - 100.0 * b * b, gradient, before.map_or(1, |n| n + 1)))
        })
        .unwrap();
        assert!((x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6, "{x:?}");
        assert!(evaluations < 100);
    }
}
