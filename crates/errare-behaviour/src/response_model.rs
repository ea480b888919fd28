//! What every behaviour model offers, fitted or set by hand: mixture weights, a density, a sampler.

use std::f64::consts::{PI, TAU};
use std::fmt::Debug;

use errare_core::angle::{difference, wrap};
use errare_core::random::Stream;
use rand::RngExt;

use crate::{Display, Emission};

/// Where a response came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A uniform guess.
    Uniform,
    /// An item of the display; 0 is the cued one, so any other is a swap.
    Item(usize),
}

/// A response with its true source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response {
    /// The reported angle (radians).
    pub angle: f64,
    /// Where it came from.
    pub source: Source,
}

/// The distribution of the response given a display:
/// p(y) = π₀/2π + Σₙ πₙ E(y − rₙ), over n = cued item, other items.
pub trait ResponseModel: Debug + Send + Sync {
    /// Mixture weights `[uniform, item 0 (cued), item 1, …]`, of length `set_size + 1`, summing to 1.
    fn weights(&self, display: &Display) -> Vec<f64>;

    /// The distribution around the chosen item of a display; `None`, for every display, when the response is the
    /// item's feature itself.
    fn emission(&self, display: &Display) -> Option<&dyn Emission>;

    /// Density (per radian) of a response; point masses without an emission have none and give `None`.
    fn density(&self, display: &Display, response: f64) -> Option<f64> {
        self.log_density(display, response).map(f64::exp)
    }

    /// Log of [`density`](Self::density), finite where the density itself would vanish in rounding.
    fn log_density(&self, display: &Display, response: f64) -> Option<f64> {
        let emission = self.emission(display)?;
        // Weights become log joint densities in place.
        let mut terms = self.weights(display);
        terms[0] = terms[0].ln() - TAU.ln();
        for (term, &report) in terms[1..].iter_mut().zip(&display.report) {
            *term = term.ln() + emission.log_density(difference(response, report));
        }
        let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return Some(top);
        }
        Some(top + terms.iter().map(|term| (term - top).exp()).sum::<f64>().ln())
    }

    /// Draws a response and its source.
    fn sample(&self, display: &Display, stream: &mut Stream) -> Response {
        sample_response(&self.weights(display), self.emission(display), display, stream)
    }
}

/// Draws a response given the mixture weights `[uniform, item 0, …]` of its display, for callers that draw
/// many responses to one display.
pub fn sample_response(
    weights: &[f64],
    emission: Option<&dyn Emission>,
    display: &Display,
    stream: &mut Stream,
) -> Response {
    let source = draw_source(weights, stream);
    let angle = match source {
        Source::Uniform => stream.random_range(-PI..PI),
        Source::Item(item) => {
            wrap(display.report[item] + emission.map_or(0.0, |emission| emission.sample(stream)))
        }
    };
    Response { angle, source }
}

/// Draws a source from weights `[uniform, item 0, …]` by inverse CDF.
fn draw_source(weights: &[f64], stream: &mut Stream) -> Source {
    let mut remaining = stream.random::<f64>() * weights.iter().sum::<f64>();
    let mut last = Source::Item(0);
    for (index, &weight) in weights.iter().enumerate() {
        if weight <= 0.0 {
            continue;
        }
        last = if index == 0 { Source::Uniform } else { Source::Item(index - 1) };
        remaining -= weight;
        if remaining < 0.0 {
            break;
        }
    }
    last
}
