//! The sections of an experiment file, with their defaults. [`crate::Experiment`] validates them.

use std::path::PathBuf;

use errare_behaviour::SwapFunction;
use serde::{Deserialize, Serialize};

use crate::objective::Weighting;
use crate::schedule::ReverseVariance;
use crate::task::Epochs;

/// What the cue shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cue {
    /// The probe feature of the cued item.
    Feature,
    /// The slot of the cued item.
    Index,
}

/// `[task]`: displays and epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskConfig {
    /// Name of the task; `delayed-estimation`.
    pub kind: TaskKind,
    /// What the cue shows.
    pub cue: Cue,
    /// Set sizes of the displays, drawn uniformly for each display; an index cue takes one.
    pub set_sizes: Vec<usize>,
    /// Minimum separation of both features (radians); by default π/(2N + 0.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separation: Option<f64>,
    /// Epoch lengths in steps.
    pub epochs: Epochs,
    /// Step (seconds).
    pub dt: f64,
}

/// The tasks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Report a feature of the cued item after a delay.
    #[default]
    DelayedEstimation,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            kind: TaskKind::default(),
            cue: Cue::Index,
            set_sizes: vec![2],
            separation: None,
            epochs: Epochs::default(),
            dt: 0.05,
        }
    }
}

/// Where mixture weights and emission come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Swap {
    /// A swap function set by hand.
    Function(SwapFunction),
    /// A fit to people.
    Fit(FitReference),
}

/// A fit directory, and which of its fits; written with `kind = "fit"`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename = "fit")]
pub struct FitReference {
    /// The fit directory; relative to the experiment file.
    pub path: PathBuf,
    /// Set size of the fit; may be left out when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_size: Option<usize>,
    /// Seed of one posterior draw; the predictive mean when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<u64>,
}

/// What a swap table may say. Deserialising through one tagged type keeps the errors of each kind; kinds without keys are
/// empty structs, because unit variants accept any key.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum SpelledSwap {
    None {},
    Flat { swap_probability: f64 },
    Distance { width: f64, offset: f64 },
    Sharp {},
    CueNoise { kappa: f64 },
    Fit { path: PathBuf, set_size: Option<usize>, draw: Option<u64> },
}

impl<'de> Deserialize<'de> for Swap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match SpelledSwap::deserialize(deserializer)? {
            SpelledSwap::None {} => Self::Function(SwapFunction::None),
            SpelledSwap::Flat { swap_probability } => Self::Function(SwapFunction::Flat { swap_probability }),
            SpelledSwap::Distance { width, offset } => {
                Self::Function(SwapFunction::Distance { width, offset })
            }
            SpelledSwap::Sharp {} => Self::Function(SwapFunction::Sharp),
            SpelledSwap::CueNoise { kappa } => Self::Function(SwapFunction::CueNoise { kappa }),
            SpelledSwap::Fit { path, set_size, draw } => Self::Fit(FitReference { path, set_size, draw }),
        })
    }
}

/// `[behaviour]`: the response distribution to reproduce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BehaviourConfig {
    /// Weights of the items.
    pub swap: Swap,
    /// Radius R of the ring of clean responses.
    pub radius: f64,
    /// s₀/R (radians): spread of clean responses about their angle, in both dimensions.
    pub response_sd: f64,
}

impl Default for BehaviourConfig {
    fn default() -> Self {
        Self { swap: Swap::Function(SwapFunction::None), radius: 2.5, response_sd: 0.05 }
    }
}

/// The dynamics there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dynamics {
    /// A dendritic tree for each neuron.
    Dendritic,
    /// An axonal tree for each neuron, and a dense map from its tips.
    Axonal,
    /// A one-layer perceptron of the state.
    Rate,
    /// Rate dynamics whose recurrent weights have a low rank.
    LowRank,
    /// Gated recurrent units.
    Gru,
}

/// `[network]`: the dynamics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Architecture of F.
    pub dynamics: Dynamics,
    /// Neurons n.
    pub neurons: usize,
    /// Branchings of the tree of a neuron from the soma outwards, for dendritic and axonal dynamics.
    pub branches: Vec<usize>,
    /// Hidden units of rate and low-rank dynamics; by default n.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Rank of the recurrent weights of low-rank dynamics.
    pub rank: usize,
    /// Euler factor α = dt/λ; 1e-4 to 1.
    pub alpha: f64,
    /// Width of the time code; even.
    pub time_code: usize,
    /// Scale of the initial input projections; 1 is the published start.
    pub input_gain: f64,
    /// Columns of the learned projection of the report feature's tuning curves, with the feature cue: how finely the
    /// network can tell angles apart. At most 16, the number of curves.
    pub report_columns: usize,
    /// The same of the probe feature. The network has `report_columns` × `probe_columns` inputs.
    pub probe_columns: usize,
    /// Standard deviation of the process noise before the response; by default σ_T, that of the first step of the
    /// response. The published rule ties the noise in memory to the diffusion schedule in this way; a number unties
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preparation_noise: Option<f64>,
    /// Standard deviation of the process noise outside the behavioural plane during the response; by default
    /// that in the plane, σ_τ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_space_noise: Option<f64>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            dynamics: Dynamics::Dendritic,
            neurons: 16,
            branches: vec![10, 10],
            hidden: None,
            rank: 2,
            alpha: 0.1,
            time_code: 8,
            input_gain: 1.0,
            report_columns: 6,
            probe_columns: 6,
            preparation_noise: None,
            null_space_noise: None,
        }
    }
}

/// The objectives there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveKind {
    /// Denoise: the mean update is the posterior mean of the reverse process.
    Diffusion,
    /// Squared error of the response; with swaps in the targets, "MSE on swaps".
    TaskOptimal,
}

/// What happens to the behavioural plane when the response begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandOff {
    /// Whatever the gap left stays: the published rule.
    Free,
    /// The plane is reset to a draw of the base distribution N(0, (1 − ᾱ_T) I), as teacher forcing does in training.
    Reset,
}

/// What the loss regresses on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CleanTarget {
    /// The expectation of the clean response given all that a perfect network could know. Same minimum, no
    /// sampling noise: the gradient is that of the network's own error.
    Expected,
    /// A sampled clean response: the published loss.
    Sampled,
}

/// `[objective]`: what training minimises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// Which objective.
    pub kind: ObjectiveKind,
    /// What the loss regresses on.
    pub target: CleanTarget,
    /// Share of the trajectories whose clean response is drawn about an item chosen at random, however
    /// rarely the target reports it. With the expected target the minimum does not depend on where the chain
    /// goes, and rare responses are seen more often. The logged loss leaves these out.
    pub exploration: f64,
    /// Weighting of the denoising steps.
    pub weighting: Weighting,
    /// Task-optimal: how many of the last response steps count; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_steps: Option<usize>,
    /// Share of the trajectories that are not teacher-forced: in the response their plane runs on the
    /// network's own states, as it does when tested. They are regressed on the expected clean response given the
    /// x_τ that they came to, taken for a constant. The logged loss leaves these out.
    pub free_running: f64,
    /// Weight of the norm of a display's mean state in the plane at hand-off, which should be 0: training goes on from
    /// draws of the base distribution N(0, (1 − ᾱ_T) I), the free-running network from what is there unless the plane
    /// is reset ([`HandOff::Reset`]). The mean is over those of the display's samples that share a tile of 64
    /// trajectories; with one sample it is the state itself that is pulled to 0. Published with 1e-3.
    pub hand_off_mean: f64,
    /// Weight of the squared difference between the plane's spread at hand-off and √(1 − ᾱ_T). The spread is that of
    /// a display's samples about that mean, pooled over the displays of a tile and both dimensions; it takes two samples.
    /// With `hand_off_mean` it matches the first two moments of the base distribution; 0 is the published rule.
    pub hand_off_spread: f64,
    /// Weight of the norm of the activity. Published with 1e-5, which is as much as an excess of 0.01 is worth.
    pub activity: f64,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            kind: ObjectiveKind::Diffusion,
            target: CleanTarget::Expected,
            exploration: 0.0,
            free_running: 0.0,
            weighting: Weighting::Uniform,
            last_steps: None,
            hand_off_mean: 0.0,
            hand_off_spread: 0.0,
            activity: 1e-6,
        }
    }
}

/// `[diffusion]`: the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionConfig {
    /// β at τ = 1 and at τ = T; at least 1e-6 and below 1.
    pub beta: [f64; 2],
    /// Variance of the reverse steps: of the process noise during the response in training and simulation, and of the
    /// oracle.
    pub reverse_variance: ReverseVariance,
    /// What happens to the plane when the response begins.
    pub hand_off: HandOff,
}

impl Default for DiffusionConfig {
    fn default() -> Self {
        Self { beta: [0.01, 0.30], reverse_variance: ReverseVariance::Posterior, hand_off: HandOff::Reset }
    }
}

/// The optimisers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserKind {
    /// Adam (Kingma & Ba 2015): the published choice.
    Adam,
    /// Adam in the eigenbasis of the gradients of each matrix (Vyas et al. 2025): several times fewer steps.
    Soap,
}

/// `[training]`: batch and optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Displays a step.
    pub displays: usize,
    /// Trajectories a display.
    pub samples: usize,
    /// Steps at most.
    pub steps: u64,
    /// How gradients become steps.
    pub optimiser: OptimiserKind,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Learning rate at the end, as a share of the peak, 0 to 1; the fall is a cosine.
    pub final_rate: f64,
    /// Steps over which the rate rises from 0.
    pub warm_up: u64,
    /// Largest global norm of the gradient.
    pub clip: f64,
    /// Decay of the moving average of the weights that simulation uses; 0 turns it off.
    pub averaging: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between lines of the log.
    pub log_every: u64,
    /// Another run whose weights to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// When to end early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            displays: 128,
            samples: 4,
            steps: 20_000,
            optimiser: OptimiserKind::Soap,
            learning_rate: 1e-3,
            final_rate: 0.1,
            warm_up: 200,
            clip: 1.0,
            averaging: 0.999,
            checkpoint_every: 500,
            log_every: 50,
            start_from: None,
            until: None,
        }
    }
}

/// When a stage ends; whatever comes first.
///
/// The losses are smoothed over 200 steps, and decide after 400 and the warm-up. A learning rate that falls to the
/// end of the stage (`final_rate` below 1) is still high when a stage ends early: good enough for a step of a
/// curriculum, but the last stage is better finished. Give it fewer steps rather than an early end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Until {
    /// Ends the stage when (objective − floor)/floor is at most this. It is governed by the steps of the largest
    /// loss; `excess` weighs every step by its own floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_over_floor: Option<f64>,
    /// Ends the stage when the excess is at most this: the mean over τ of (loss − floor)/max(floor, mean floor).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excess: Option<f64>,
    /// Ends the stage when the excess has not improved for so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Share of the smallest excess so far by which a smaller one must undercut it to count as improved.
    pub min_improvement: f64,
    /// Steps after which it ends whatever the loss; `training.steps` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most_steps: Option<u64>,
}

impl Default for Until {
    fn default() -> Self {
        Self {
            loss_over_floor: None,
            excess: None,
            patience: None,
            min_improvement: 0.01,
            at_most_steps: None,
        }
    }
}
