//! The variational posterior of BNS against NUTS, on data of each truth.

use super::truth::Truth;
use super::{Done, RecoveryDesign};
use crate::bns::check_against_nuts;
use crate::{BnsOptions, GoldStandard, ModelName, NutsOptions, Result};

/// Both posteriors of the first data set of one truth.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PosteriorRecovery {
    /// The truth.
    pub truth: String,
    /// The model fitted: the truth's own.
    pub model: ModelName,
    /// Trials of the data set.
    pub trials: u64,
    /// Its coefficients in both posteriors.
    pub check: GoldStandard,
}

/// Fits the first data set of every truth of a BNS model, and samples the same posterior by NUTS.
///
/// # Errors
/// Those of [`check_against_nuts`].
pub fn recover_posteriors(
    truths: &[Truth],
    design: RecoveryDesign,
    done: Done<'_>,
) -> Result<Vec<PosteriorRecovery>> {
    let mut recovered = Vec::new();
    for (index, truth) in truths.iter().enumerate() {
        let ModelName::Bns(dependence) = truth.model() else { continue };
        let data = truth.simulate(index, 0, design.trials, design.seed)?;
        let options = BnsOptions { seed: design.seed, ..Default::default() };
        let nuts = NutsOptions { seed: design.seed, ..Default::default() };
        let check = check_against_nuts(&data.observations, dependence, &options, nuts)?;
        done();
        recovered.push(PosteriorRecovery {
            truth: truth.label().to_owned(),
            model: truth.model(),
            trials: design.trials,
            check,
        });
    }
    Ok(recovered)
}
