//! Behaviour models of delayed estimation: what people's responses look like, errors included.
//!
//! A behaviour model is a distribution of the response given a [`Display`]: mixture weights of the sources of
//! a response (a guess, the cued item, each other item) and an [`Emission`] around the chosen item. Models
//! are fitted to a trial table, compared, and drawn from; a network is trained on the same object.
//!
//! Second in the flow: trials → **behaviour** → task → network → training → simulation → analysis → report.

mod bfgs;
mod bns;
mod check;
mod comparison;
mod cue_noise;
pub mod data;
mod display;
mod emission;
mod error;
mod fit;
mod likelihood;
mod mixture;
mod parametric;
mod predictive;
pub mod recovery;
mod response_model;
mod summary;
mod surrogate;
mod swap_function;
mod unimodal;

pub use bns::{
    BnsEstimate, BnsOptions, CoefficientCheck, EmissionFamily, GoldStandard, NutsOptions, SwapCurvePoint,
    SwapDependence, SwapPosterior, SwapPrior, SwapSurfacePoint, check_against_nuts, fit_bns, nuts_is_built,
    wendland_spectrum,
};
pub use check::{
    Check, CheckOptions, CurveCheck, CurvePoint, CurveStatistic, SummaryCheck, SummaryStatistic, check,
};
pub use comparison::{
    CLAIM, Comparison, ComparisonOptions, Difference, FEWEST_TRIALS, Interval, ModelScore, Verdict, compare,
    one_decimal,
};
pub use data::{Group, GroupKey, ReadOptions, Trial, TrialTable, Units};
pub use display::{Display, DisplayGenerator};
pub use emission::{Emission, EmissionParameters, VonMisesMixture, WrappedStable};
pub use error::{Error, Result};
pub use fit::{
    BnsFit, Estimate, Fit, FitOptions, FitSelection, Fits, FittedModel, ModelName, ParticipantMean,
    ParticipantMeans, Participants, Shrinkage, fit, fit_participants, participant_means, shrinkage,
};
pub use likelihood::{
    EmissionRow, LogEmissions, MixtureEvaluation, Observations, mixture_likelihood, negative_hessian,
    softmax, trial_log_likelihood,
};
pub use mixture::{MixtureEstimate, MixtureWeights, StandardErrors, fit_mixture};
pub use parametric::ClassicalModel;
pub use predictive::{ErrorReference, error_density, predictive_log_likelihood};
pub use response_model::{Response, ResponseModel, Source, sample_response};
pub use summary::{ErrorSummary, Measured, RankShare, SwapEstimate, chance_precision, swap_estimate};
pub use surrogate::{nearest_without_swaps, surrogate, surrogate_response, surrogate_table};
pub use swap_function::SwapFunction;
pub use unimodal::nearest_unimodal;
