//! Parameters on the whole line, where the search takes place.

use nalgebra::DMatrix;

use super::{Parameter, Range};

/// Odds beyond e^{±this} are no longer told from 0 and 1.
const LOGIT_LIMIT: f64 = 30.0;
/// A parameter this near (in its logarithm, or as it is) to its limit, or a share this small, is on the edge.
const EDGE: f64 = 1e-3;
const SMALL_SHARE: f64 = 1e-6;

/// The coordinates of values in their natural ranges.
pub(super) fn free(parameters: &[Parameter], values: &[f64]) -> Vec<f64> {
    let rest = rest(parameters, values);
    let coordinate = |(parameter, value): (&Parameter, &f64)| match parameter.range {
        Range::Positive(..) => value.ln(),
        Range::Real(..) => *value,
        Range::Share => (value / rest).ln(),
    };
    parameters.iter().zip(values).map(coordinate).collect()
}

/// The values at coordinates; beyond a limit they stay at it.
pub(super) fn natural(parameters: &[Parameter], x: &[f64]) -> Vec<f64> {
    let odds = |x: f64| x.clamp(-LOGIT_LIMIT, LOGIT_LIMIT).exp();
    let total: f64 = 1.0 + shares(parameters).map(|index| odds(x[index])).sum::<f64>();
    let value = |(parameter, x): (&Parameter, &f64)| match parameter.range {
        Range::Positive(low, high) => x.exp().clamp(low, high),
        Range::Real(low, high) => x.clamp(low, high),
        Range::Share => odds(*x) / total,
    };
    parameters.iter().zip(x).map(value).collect()
}

/// ∂ value / ∂ coordinate, [values × coordinates].
pub(super) fn jacobian(parameters: &[Parameter], x: &[f64]) -> DMatrix<f64> {
    let values = natural(parameters, x);
    let mut jacobian = DMatrix::zeros(x.len(), x.len());
    for (index, (parameter, value)) in parameters.iter().zip(&values).enumerate() {
        match parameter.range {
            Range::Positive(low, high) if (low..high).contains(value) => jacobian[(index, index)] = *value,
            Range::Real(low, high) if (low..high).contains(value) => jacobian[(index, index)] = 1.0,
            Range::Share => {
                for other in shares(parameters) {
                    let same = f64::from(other == index);
                    jacobian[(index, other)] = value * (same - values[other]);
                }
            }
            Range::Positive(..) | Range::Real(..) => {}
        }
    }
    jacobian
}

/// Whether a value lies on the edge of its range, where the asymptotics of standard errors fail.
pub(super) fn on_edge(parameter: &Parameter, value: f64) -> bool {
    match parameter.range {
        Range::Positive(low, high) => (value / low).ln() < EDGE || (high / value).ln() < EDGE,
        Range::Real(low, high) => value - low < EDGE || high - value < EDGE,
        Range::Share => !(SMALL_SHARE..1.0 - SMALL_SHARE).contains(&value),
    }
}

fn shares(parameters: &[Parameter]) -> impl Iterator<Item = usize> {
    parameters.iter().enumerate().filter(|(_, parameter)| parameter.range == Range::Share).map(|(i, _)| i)
}

/// What the shares leave.
fn rest(parameters: &[Parameter], values: &[f64]) -> f64 {
    1.0 - shares(parameters).map(|index| values[index]).sum::<f64>()
}
