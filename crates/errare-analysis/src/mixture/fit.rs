//! Maximum likelihood of a mixture: by EM where swaps alone are free, else by Newton's method.

use errare_network::Responses;

use super::likelihood::{Free, Mixture};
use super::newton;
use super::target::{DistanceBins, MixtureTarget};
use crate::Result;

impl Mixture {
    /// Fits the swap odds of each bin of probe distance, and what else is free.
    pub(crate) fn fit(
        responses: &Responses,
        target: &MixtureTarget,
        distance: &DistanceBins,
        free: Free,
    ) -> Result<Self> {
        let mut mixture = Self::unfitted(responses, target, distance, free)?;
        match free {
            Free::Swaps => mixture.fit_swaps(target, distance.count()),
            Free::All => newton::fit_all(&mut mixture, distance.count()),
        }
        Ok(mixture)
    }
}
