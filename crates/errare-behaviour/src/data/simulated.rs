//! Simulated trials whose swaps depend on probe distance in one condition and not in the other: a table of
//! which the truth is known, to learn on and to test with.

use errare_core::angle::separated;
use errare_core::random::{Purpose, stream};
use errare_core::von_mises::VonMises;

use super::write::to_bytes;
use super::{Trial, TrialTable};
use crate::{Display, DisplayGenerator, Emission, Error, ResponseModel, Result};

/// Conditions of the simulated table, by turns.
const CONDITIONS: [&str; 2] = ["distance", "flat"];

/// Parameters of the simulated table; the default is the truth of the bundled set `simulated_probe_effect`.
///
/// The source of a response is the cued item with logit 0, a uniform guess with logit `guess_logit`, or an
/// uncued item with logit μ − d²/2w at probe distance d in the condition `distance`, and with the constant
/// `flat_logit` in the condition `flat`. Around an item, responses are von Mises. Probe and report features
/// keep the distance of [`DisplayGenerator::standard`]; a second probe feature (`probe2`), of which nothing
/// depends, is drawn in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeEffect {
    /// Number of participants, all with the same parameters.
    pub participants: usize,
    /// Trials of each participant. Conditions alternate; set sizes change after every second trial.
    pub trials_per_participant: usize,
    /// Set sizes, 1 to 8.
    pub set_sizes: Vec<usize>,
    /// μ: logit of an uncued item at probe distance 0, in the condition `distance`.
    pub swap_logit: f64,
    /// w (rad²): how far swaps reach, in the condition `distance`.
    pub swap_width: f64,
    /// Logit of every uncued item in the condition `flat`.
    pub flat_logit: f64,
    /// Logit of a uniform guess, in both.
    pub guess_logit: f64,
    /// Concentration κ of responses around the chosen item.
    pub kappa: f64,
    /// Seed of displays and responses.
    pub seed: u64,
}

impl Default for ProbeEffect {
    fn default() -> Self {
        Self {
            participants: 12,
            trials_per_participant: 320,
            set_sizes: vec![1, 2, 4, 6],
            swap_logit: 0.0,
            swap_width: 0.6,
            flat_logit: -1.5,
            guess_logit: -2.2,
            kappa: 12.0,
            seed: 20_120_522,
        }
    }
}

impl ProbeEffect {
    /// Simulates the table; its sources and cued slots are known.
    ///
    /// # Errors
    /// When there are no trials, a set size is not 1 to 8, the width is not positive or κ is negative.
    pub fn table(&self) -> Result<TrialTable> {
        Ok(self.simulate()?.0)
    }

    /// Simulates the table as a CSV file that also holds the second probe feature, `probe2`.
    ///
    /// # Errors
    /// As [`table`](Self::table).
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let (table, second) = self.simulate()?;
        Ok(to_bytes(&table, &[("probe2", &second)]))
    }

    /// The table, and the second probe feature by trial and item.
    fn simulate(&self) -> Result<(TrialTable, Vec<Vec<f64>>)> {
        let generators: Vec<DisplayGenerator> =
            self.set_sizes.iter().map(|&size| DisplayGenerator::standard(size)).collect::<Result<_>>()?;
        if generators.is_empty() {
            return Err(Error::OutOfRange {
                name: "number of set sizes",
                value: 0.0,
                expected: "at least 1",
            });
        }
        let models = [self.model(true)?, self.model(false)?];
        let (mut trials, mut second) = (Vec::new(), Vec::new());
        for participant in 0..self.participants {
            for number in 0..self.trials_per_participant {
                let generator = &generators[number / 2 % generators.len()];
                let indices = [participant as u64, number as u64];
                let mut displays = stream(self.seed, Purpose::Displays, &indices);
                let display = generator.draw(&mut displays);
                second.push(separated(generator.set_size(), generator.probe_separation(), &mut displays)?);
                let mut responses = stream(self.seed, Purpose::Surrogate, &indices);
                let response = models[number % 2].sample(&display, &mut responses);
                trials.push(Trial {
                    condition: Some(CONDITIONS[number % 2].into()),
                    trial: Some(number as u64 + 1),
                    source: Some(response.source),
                    ..Trial::new((participant + 1).to_string(), display, response.angle)
                });
            }
        }
        Ok((TrialTable::new("simulated_probe_effect", trials)?, second))
    }

    fn model(&self, by_distance: bool) -> Result<Model> {
        if self.swap_width.is_nan() || self.swap_width <= 0.0 {
            return Err(Error::OutOfRange {
                name: "swap_width",
                value: self.swap_width,
                expected: "positive",
            });
        }
        Ok(Model {
            swap_logit: if by_distance { self.swap_logit } else { self.flat_logit },
            fall: if by_distance { 0.5 / self.swap_width } else { 0.0 },
            guess_logit: self.guess_logit,
            emission: VonMises::new(self.kappa)?,
        })
    }
}

/// One condition: logits 0 (cued), `guess_logit` and `swap_logit − fall · d²`.
#[derive(Debug)]
struct Model {
    swap_logit: f64,
    fall: f64,
    guess_logit: f64,
    emission: VonMises,
}

impl ResponseModel for Model {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let swap = |item| {
            let distance = display.probe_offset(item).unwrap_or(0.0);
            (self.swap_logit - self.fall * distance * distance).exp()
        };
        let mut weights = vec![self.guess_logit.exp(), 1.0];
        weights.extend((1..display.set_size()).map(swap));
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}
