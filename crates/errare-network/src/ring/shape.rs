//! The ring that clean responses lie about.

/// R and s₀ of clean responses x₀ = R(cos y, sin y) + s₀ε in the behavioural plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ring {
    /// Radius R.
    pub radius: f64,
    /// Standard deviation s₀ in each dimension.
    pub spread: f64,
}

impl Default for Ring {
    /// The published ring.
    fn default() -> Self {
        Self { radius: 2.5, spread: 0.125 }
    }
}
