//! The names of the behaviour models.

use std::fmt;
use std::str::FromStr;

use crate::bns::SwapDependence;
use crate::data::listing;
use crate::parametric::ClassicalModel;
use crate::{Error, Result};

/// A behaviour model that can be fitted, by the name it has on the command line and in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum ModelName {
    /// `two-component`: the cued item or a guess (Zhang & Luck 2008).
    TwoComponent,
    /// `three-component`: the cued item, another item or a guess (Bays, Catalao & Husain 2009).
    ThreeComponent,
    /// `bns:probe`, `bns:none`: swaps as a smooth function (Radmard, Bays & Lengyel 2025); `bns` alone is
    /// `bns:probe`.
    Bns(SwapDependence),
    /// Any of the other classical models, such as `variable-precision` or `imm:full`.
    Classical(ClassicalModel),
}

impl ModelName {
    /// Every model there is.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let bns = SwapDependence::ALL.into_iter().map(Self::Bns);
        let classical = ClassicalModel::ALL.into_iter().map(Self::Classical);
        [Self::TwoComponent, Self::ThreeComponent].into_iter().chain(bns).chain(classical).collect()
    }

    /// Whether swaps may depend on the report feature.
    #[must_use]
    pub fn depends_on_report(self) -> bool {
        matches!(self, Self::Bns(dependence) if dependence.uses_report())
    }

    /// Whether displays need probe features.
    #[must_use]
    pub fn needs_probe(self) -> bool {
        match self {
            Self::TwoComponent | Self::ThreeComponent => false,
            Self::Bns(dependence) => dependence.needs_probe(),
            Self::Classical(model) => model.needs_probe(),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoComponent => formatter.pad("two-component"),
            Self::ThreeComponent => formatter.pad("three-component"),
            Self::Bns(dependence) => formatter.pad(&format!("bns:{}", dependence.name())),
            Self::Classical(model) => formatter.pad(model.name()),
        }
    }
}

impl FromStr for ModelName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "bns" {
            return Ok(Self::Bns(SwapDependence::Probe));
        }
        let all = Self::all();
        if let Some(model) = all.iter().find(|model| model.to_string() == text) {
            return Ok(*model);
        }
        let names: Vec<String> = all.iter().map(Self::to_string).collect();
        let hint = format!("the models are {}", listing(text, &names));
        Err(Error::UnknownName { what: "model", name: text.to_owned(), hint })
    }
}

impl From<ModelName> for String {
    fn from(model: ModelName) -> Self {
        model.to_string()
    }
}

impl TryFrom<String> for ModelName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for model in ModelName::all() {
            assert_eq!(model.to_string().parse::<ModelName>().unwrap(), model);
        }
        assert_eq!("bns".parse::<ModelName>().unwrap(), ModelName::Bns(SwapDependence::Probe));
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest() {
        let message = "three-componnet".parse::<ModelName>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"three-component\""), "{message}");
        assert!(message.contains("bns:probe") && message.contains("two-component"), "{message}");
    }
}
