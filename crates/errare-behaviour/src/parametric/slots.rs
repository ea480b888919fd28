//! Slots, and slots with averaging (Zhang & Luck 2008, Nature 453:233): what is not in a slot is guessed.
//!
//! A capacity c that is no integer is that of a mind with ⌊c⌋ slots on some trials and ⌈c⌉ on the others, c on
//! average. The cued item is in a slot with probability min(1, c/N) and reported with concentration κ₁; with
//! averaging, slots that are left hold items a second time (see the emission). Capacity shows across set sizes only:
//! fitted to one set size N, both are the two-component model with c = N P(remembered).

use super::{Items, Logits, Parameter, ParametricModel, Range};
use crate::EmissionParameters;

/// Slots, with or without averaging.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    pub(super) averaging: bool,
    /// Largest set size of the trials.
    pub(super) largest: usize,
}

/// With averaging, more slots than the largest set size still sharpen the responses to smaller displays.
const MOST_PER_ITEM: f64 = 2.0;

impl Slots {
    /// The largest capacity.
    fn most(&self) -> f64 {
        self.largest as f64 * if self.averaging { MOST_PER_ITEM } else { 1.0 }
    }
}

impl ParametricModel for Slots {
    fn parameters(&self) -> Vec<Parameter> {
        let most = self.most();
        let capacity = Parameter {
            name: "capacity",
            range: Range::Positive(0.01, most),
            starts: &[0.9, 1.6, 2.5, 3.5, 5.5],
            shapes_emission: self.averaging,
        };
        let kappa = Parameter {
            name: "kappa",
            range: Range::Positive(1e-3, 1e6),
            // Close to the maximum: with averaging the likelihood has a kink where the last guess goes, at c = N, which
            // a search from afar oversteps.
            starts: &[3.0, 15.0, 60.0, 250.0],
            shapes_emission: true,
        };
        vec![capacity, kappa]
    }

    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits) {
        let n = items.set_size as f64;
        let remembered = (at[0] / n).min(1.0);
        logits.values[1] = remembered.ln();
        if remembered < 1.0 {
            logits.values[0] = (1.0 - remembered).ln();
            let slopes = logits.slopes_of(0);
            slopes[0] = -1.0 / (n - at[0]);
            slopes[1] = 1.0 / at[0];
        }
    }

    /// Between whole capacities, near their ends and less near. Where there are guesses responses seem more precise.
    fn stretches(&self, at: &[f64]) -> Vec<Vec<Vec<f64>>> {
        let most = self.most();
        let parts = [0.005, 0.02, 0.06, 0.15, 0.35, 0.65, 0.85, 0.94, 0.98, 0.995];
        let factors = [0.7, 1.0, 1.3, 1.8];
        (0..most.ceil() as usize)
            .map(|whole| {
                let capacities = parts.map(|part| whole as f64 + part).into_iter().filter(|at| *at < most);
                capacities.flat_map(|capacity| factors.map(|factor| vec![capacity, factor * at[1]])).collect()
            })
            .collect()
    }

    fn emission(&self, at: &[f64]) -> EmissionParameters {
        let (capacity, kappa) = (at[0], at[1]);
        if self.averaging {
            EmissionParameters::AveragedSlots { capacity, kappa }
        } else {
            EmissionParameters::VonMises { kappa }
        }
    }
}
