//! Landmarks of a stage's loss: what networks of known competence would reach, computed from the target.
//!
//! Training is judged against them ([`crate::training`]): the floor is perfection, silence the worst that a sane
//! network does, and in between lie the losses at which trainings get stuck.

use errare_behaviour::{Display, DisplayGenerator, Emission, ResponseModel};
use serde::{Deserialize, Serialize};

use crate::config::ObjectiveKind;
use crate::experiment::Stage;
use crate::floor::{FLOOR_DISPLAYS, denoising_error, task_optimal_floor};
use crate::objective::Objective;
use crate::ring::Ring;
use crate::schedule::Schedule;

/// Displays that the loss on a plateau is averaged over; it needs less precision than a floor.
const PLATEAU_DISPLAYS: u64 = 128;
/// Plateaus this close to the floor (as a ratio) cannot be told from it.
const DISTINCT: f64 = 1.25;

/// A solution that trainings get stuck at, named by what the network has not learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plateau {
    /// The network knows nothing of the display: denoising, it takes every angle for equally likely; asked for the
    /// expected response, it gives the centre of the ring.
    Uninformed,
    /// It knows the items, but not which of them is cued: denoising, it reports any of them; asked for the expected
    /// response, it gives their mean.
    CueIgnored,
}

impl std::fmt::Display for Plateau {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Uninformed => "display ignored",
            Self::CueIgnored => "items known, cue ignored",
        })
    }
}

/// Losses to compare a stage's loss with; all without penalties.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Landmarks {
    /// Mean squared error of a perfect network at τ = 1…T; index 0, and steps without a regression, are 0.
    pub(crate) floor_per_step: Vec<f64>,
    /// The objective of a perfect network.
    pub(crate) floor: f64,
    /// The objective of a network that answers 0 throughout.
    pub(crate) silent: f64,
    /// The objective on each plateau that can be told from the floor, the worst first.
    pub(crate) plateaus: Vec<(Plateau, f64)>,
    /// The steps that have a regression.
    pub(crate) regressed: Vec<bool>,
}

impl Landmarks {
    pub(crate) fn new(
        config: &Stage,
        schedule: &Schedule,
        objective: &Objective,
        target: &dyn ResponseModel,
        generators: &[DisplayGenerator],
    ) -> Self {
        let ring = config.ring();
        let error = |model: &dyn ResponseModel, displays: u64| match config.objective.kind {
            ObjectiveKind::Diffusion => {
                denoising_error(schedule, model, generators, ring, (config.seed, displays))
            }
            ObjectiveKind::TaskOptimal => {
                vec![task_optimal_floor(model, generators, ring, config.seed); schedule.steps() + 1]
            }
        };
        let regressed: Vec<bool> = objective.regressions.iter().map(Option::is_some).collect();
        let mut floor_per_step = error(target, FLOOR_DISPLAYS);
        floor_per_step.iter_mut().zip(&regressed).filter(|(_, on)| !**on).for_each(|(floor, _)| *floor = 0.0);
        let floor = objective.weighted(&floor_per_step);
        let silent = objective.weighted(&target_power(objective, schedule, ring));
        let known: [(Plateau, &dyn ResponseModel); 2] =
            [(Plateau::Uninformed, &Uninformed), (Plateau::CueIgnored, &CueIgnored(target))];
        let plateaus = known
            .into_iter()
            .map(|(plateau, model)| (plateau, objective.weighted(&error(model, PLATEAU_DISPLAYS))))
            .filter(|(_, loss)| *loss > DISTINCT * floor)
            .collect();
        Self { floor_per_step, floor, silent, plateaus, regressed }
    }
}

/// E y*² per dimension at each τ: the mean squared error of the answer 0. The clean response has second moment
/// R²/2 + s₀² per dimension, whatever its angle.
fn target_power(objective: &Objective, schedule: &Schedule, Ring { radius, spread }: Ring) -> Vec<f64> {
    let clean_power = radius * radius / 2.0 + spread * spread;
    let power = |(tau, regression): (usize, &Option<crate::objective::Regression>)| {
        regression.map_or(0.0, |r| {
            let alpha_bar = schedule.alpha_bar[tau];
            (r.clean + r.noised * alpha_bar.sqrt()).powi(2) * clean_power
                + r.noised * r.noised * (1.0 - alpha_bar)
        })
    };
    objective.regressions.iter().enumerate().map(power).collect()
}

/// What is left of any target when nothing is known of the display, whose features are uniform on the circle.
#[derive(Debug)]
struct Uninformed;

impl ResponseModel for Uninformed {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = vec![0.0; display.set_size() + 1];
        weights[0] = 1.0;
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        None
    }
}

/// What is left of a target when any of the items may be the cued one.
#[derive(Debug)]
struct CueIgnored<'a>(&'a dyn ResponseModel);

impl ResponseModel for CueIgnored<'_> {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let items = display.set_size();
        let mut mean = vec![0.0; items + 1];
        for cued in 0..items {
            let order: Vec<usize> =
                std::iter::once(cued).chain((0..items).filter(|&item| item != cued)).collect();
            let reordered = |feature: &[f64]| -> Vec<f64> {
                order.iter().filter_map(|&item| feature.get(item).copied()).collect()
            };
            let display = Display {
                probe: reordered(&display.probe),
                report: reordered(&display.report),
                cued_slot: display.cued_slot,
            };
            let weights = self.0.weights(&display);
            mean[0] += weights[0] / items as f64;
            for (&item, weight) in order.iter().zip(&weights[1..]) {
                mean[item + 1] += weight / items as f64;
            }
        }
        mean
    }

    fn emission(&self, display: &Display) -> Option<&dyn Emission> {
        self.0.emission(display)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use errare_behaviour::SwapFunction;
    use errare_core::random::{Purpose, stream};

    use super::*;

    fn landmarks(kind: ObjectiveKind, swap: SwapFunction, set_size: usize) -> Landmarks {
        let mut stage = Stage::default();
        stage.objective.kind = kind;
        stage.task.set_sizes = vec![set_size];
        let schedule = stage.schedule().unwrap();
        let objective = stage.objective(&schedule);
        Landmarks::new(&stage, &schedule, &objective, &swap, &stage.generators().unwrap())
    }

    #[test]
    fn published_levels_of_the_diffusion_loss() {
        // Independent Monte Carlo, good to 2 %: silent, uninformed ring, two items of which either may be cued.
        let levels = landmarks(ObjectiveKind::Diffusion, SwapFunction::None, 2);
        assert_relative_eq!(levels.silent, 2.21, max_relative = 0.005);
        assert_eq!(
            levels.plateaus.iter().map(|p| p.0).collect::<Vec<_>>(),
            [Plateau::Uninformed, Plateau::CueIgnored]
        );
        assert_relative_eq!(levels.plateaus[0].1, 0.774, max_relative = 0.03);
        assert_relative_eq!(levels.plateaus[1].1, 0.328, max_relative = 0.04);
        assert_relative_eq!(levels.floor, 0.058, max_relative = 0.03);
    }

    #[test]
    fn target_power_at_each_step() {
        let stage = Stage::default();
        let schedule = stage.schedule().unwrap();
        let power = target_power(&stage.objective(&schedule), &schedule, Ring::default());
        for (tau, expected) in [(1, 4.25), (5, 4.60), (10, 4.22), (20, 1.99), (40, 0.43)] {
            assert_relative_eq!(power[tau], expected, max_relative = 0.01);
        }
    }

    #[test]
    fn published_levels_of_the_squared_error() {
        let levels = landmarks(ObjectiveKind::TaskOptimal, SwapFunction::None, 2);
        assert_relative_eq!(levels.silent, 3.125 + 0.0156, max_relative = 1e-3);
        assert_relative_eq!(levels.plateaus[0].1, 3.125 + 0.0156, max_relative = 1e-3);
        assert_relative_eq!(levels.plateaus[1].1, 2.034, max_relative = 0.03);
    }

    #[test]
    fn a_plateau_that_is_the_floor_is_none() {
        let even = SwapFunction::Flat { swap_probability: 0.5 };
        let plateaus = landmarks(ObjectiveKind::Diffusion, even, 2).plateaus;
        assert_eq!(plateaus.iter().map(|p| p.0).collect::<Vec<_>>(), [Plateau::Uninformed]);
        let alone = landmarks(ObjectiveKind::Diffusion, SwapFunction::None, 1).plateaus;
        assert_eq!(alone.len(), 1, "one item has no cue to ignore");
    }

    #[test]
    fn ignoring_the_cue_averages_over_who_is_cued() {
        // Three items: with the cue on each in turn, the weights of Distance {1, 0} are softmax(−d²/2).
        let display = Display { probe: vec![0.0, 1.0, 3.0], report: vec![0.0; 3], cued_slot: 0 };
        let weights = CueIgnored(&SwapFunction::Distance { width: 1.0, offset: 0.0 }).weights(&display);
        let kernel = |a: f64, b: f64| (-(a - b).powi(2) / 2.0).exp();
        for item in 0..3 {
            let expected: f64 = (0..3)
                .map(|cued| {
                    let p = |i: usize| kernel(display.probe[i], display.probe[cued]);
                    p(item) / (p(0) + p(1) + p(2)) / 3.0
                })
                .sum();
            assert_relative_eq!(weights[item + 1], expected, max_relative = 1e-4);
        }
        let generator = DisplayGenerator::standard(4).unwrap();
        let display = generator.draw(&mut stream(1, Purpose::Displays, &[0]));
        let even = CueIgnored(&SwapFunction::None).weights(&display);
        even[1..].iter().for_each(|weight| assert_relative_eq!(*weight, 0.25, max_relative = 1e-12));
    }
}
