//! What a fit says of its parameters: estimates by name.

/// A parameter of a fitted model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The field's name, such as `kappa`.
    pub name: String,
    /// Its estimate, on its natural scale.
    pub value: f64,
    /// Asymptotic standard error; `None` on the edge of the parameter's range, and where none was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// An estimate with its standard error, where it has one.
    #[must_use]
    pub fn new(name: &str, value: f64, standard_error: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, standard_error }
    }
}
