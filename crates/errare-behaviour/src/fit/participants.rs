//! Fits of several participants: pooled, one by one, or together; and how far those fitted together shrink towards each
//! other.

use std::fmt;
use std::str::FromStr;

use super::{Fit, FitOptions, ModelName, bns_fit};
use crate::bns::{self, Sharing};
use crate::data::listing;
use crate::{Error, Observations, Result};

/// How the participants of a group of trials are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Participants {
    /// As one.
    #[default]
    Pooled,
    /// Each on their own.
    Separate,
    /// Together, with one swap function and guess logit and an emission each (BNS).
    Emissions,
    /// Together, with a swap function, guess logit and emission each, drawn from those of a population (BNS).
    Hierarchical,
}

impl Participants {
    /// Every treatment there is.
    pub const ALL: [Self; 4] = [Self::Pooled, Self::Separate, Self::Emissions, Self::Hierarchical];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Separate => "separate",
            Self::Emissions => "emissions",
            Self::Hierarchical => "hierarchical",
        }
    }

    /// How participants share a fit; `None` when every fit is of its own trials alone.
    fn sharing(self) -> Option<Sharing> {
        match self {
            Self::Pooled | Self::Separate => None,
            Self::Emissions => Some(Sharing::Emissions),
            Self::Hierarchical => Some(Sharing::Hierarchical),
        }
    }

    /// Whether participants are fitted together, by [`fit_participants`].
    #[must_use]
    pub fn together(self) -> bool {
        self.sharing().is_some()
    }
}

impl fmt::Display for Participants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Participants {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|way| way.name() == text).ok_or_else(|| Error::UnknownName {
            what: "treatment of participants",
            name: text.to_owned(),
            hint: format!("they are {}", listing(text, &Self::ALL.map(|way| way.name().to_owned()))),
        })
    }
}

/// Fits participants together, given by name with their trials: first the fit of what they share, labelled by no
/// participant, then one fit for each of them, a model of their responses like any other.
///
/// Evidence and bound of every fit are those of all participants together. The evidence of a hierarchy is its lower bound,
/// without sampling (`ess` and `evidence_draws` are 0).
///
/// # Errors
/// Those of [`fit`](super::fit()); [`Error::NotTogether`] for models other than BNS, and for a treatment that fits nobody
/// together.
pub fn fit_participants(
    trials: &[(String, Observations)],
    model: ModelName,
    options: &FitOptions,
    participants: Participants,
) -> Result<Vec<Fit>> {
    let (ModelName::Bns(dependence), Some(sharing)) = (model, participants.sharing()) else {
        return Err(Error::NotTogether { model: model.to_string(), participants: participants.name() });
    };
    let own: Vec<&Observations> = trials.iter().map(|(_, observations)| observations).collect();
    let estimate = bns::fit_participants(&own, dependence, &options.bns(), sharing)?;
    let all = Observations::concatenated(&own)?;
    let mut fits = vec![bns_fit(model, estimate.population, &all)];
    for ((name, observations), estimate) in trials.iter().zip(estimate.participants) {
        fits.push(Fit { participant: Some(name.clone()), ..bns_fit(model, estimate, observations) });
    }
    Ok(fits)
}

/// A quantity of one participant by three fits: how far it shrinks from their own estimate to the population's.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Shrinkage {
    /// The participant.
    pub participant: Option<String>,
    /// Their condition, where trials were grouped by it.
    pub condition: Option<String>,
    /// The set size of their trials; `None` when they are mixed.
    pub set_size: Option<usize>,
    /// Number of their trials.
    pub trials: usize,
    /// `level` and `guess` (logits), `concentration` of the emission's peak (1/rad²), or `swap`, a point of the swap curve.
    pub quantity: String,
    /// Distance (radians) of a point of the swap curve.
    pub distance: Option<f64>,
    /// In the fit of the participant alone.
    pub separate: f64,
    /// In the fit of all together.
    pub together: f64,
    /// In what they share.
    pub population: f64,
}

/// Every this many points of the swap curve are compared.
const STRIDE: usize = 10;

/// Compares the fits of participants together (as [`fit_participants`] gives them) with those of each alone, given in the
/// same order.
#[must_use]
pub fn shrinkage(together: &[Fit], separate: &[Fit]) -> Vec<Shrinkage> {
    let Some((population, own)) = together.split_first() else { return Vec::new() };
    own.iter().zip(separate).flat_map(|(own, alone)| rows(alone, own, population)).collect()
}

/// A quantity by name and distance, with its value.
type Quantity = (&'static str, Option<f64>, f64);

/// Level and guess logit of a fit, concentration of its emission, and its swap curve.
fn quantities(fit: &Fit) -> Vec<Quantity> {
    let mut all = vec![("concentration", None, fit.emission.peak_concentration())];
    let Some(bns) = &fit.bns else { return all };
    all.extend(bns.posterior.guess().map(|guess| ("guess", None, guess)));
    all.extend(bns.posterior.level().map(|level| ("level", None, level)));
    let curve = bns.swap_curve.iter().step_by(STRIDE);
    all.extend(curve.map(|point| ("swap", Some(point.distance), point.mean)));
    all
}

fn rows(separate: &Fit, together: &Fit, population: &Fit) -> Vec<Shrinkage> {
    let (alone, shared) = (quantities(separate), quantities(population));
    let same = |all: &[Quantity], name: &str, distance: Option<f64>| {
        all.iter().find(|other| other.0 == name && other.1 == distance).map(|other| other.2)
    };
    quantities(together)
        .into_iter()
        .filter_map(|(name, distance, value)| {
            Some(Shrinkage {
                participant: together.participant.clone(),
                condition: together.condition.clone(),
                set_size: together.set_size,
                trials: together.trials,
                quantity: name.to_owned(),
                distance,
                // Somebody who saw single items only has no swap curve of their own.
                separate: same(&alone, name, distance)?,
                together: value,
                population: same(&shared, name, distance)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for way in Participants::ALL {
            assert_eq!(way.to_string().parse::<Participants>().unwrap(), way);
        }
        let message = "hierachical".parse::<Participants>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"hierarchical\""), "{message}");
    }
}
