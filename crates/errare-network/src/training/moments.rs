//! How the moments of a weight follow its gradients, and the direction that they give.

use crate::config::OptimiserKind;

/// Decay of the two moments from one step to the next.
#[derive(Debug, Clone, Copy)]
struct Decay {
    first: f64,
    second: f64,
}

impl OptimiserKind {
    fn decay(self) -> Decay {
        match self {
            Self::Adam => Decay { first: 0.9, second: 0.999 },
            Self::Soap => Decay { first: 0.95, second: 0.95 },
        }
    }
}

/// Constants of one update of the moments, f32 from corrections taken in f64.
#[derive(Debug, Clone, Copy)]
pub(super) struct MomentUpdate {
    decay: [f32; 2],
    first_correction: f32,
    root_correction: f32,
}

impl MomentUpdate {
    const EPSILON: f32 = 1e-8;

    /// `step` counts from 0.
    pub(super) fn new(kind: OptimiserKind, step: u64) -> Self {
        let decay = kind.decay();
        let t = (step + 1) as f64;
        Self {
            decay: [decay.first as f32, decay.second as f32],
            first_correction: (1.0 / (1.0 - decay.first.powf(t))) as f32,
            root_correction: (1.0 / (1.0 - decay.second.powf(t)).sqrt()) as f32,
        }
    }

    /// m ← β₁ m + (1 − β₁) g.
    #[inline]
    pub(super) fn first(&self, m: &mut f32, g: f32) {
        *m = self.decay[0] * *m + (1.0 - self.decay[0]) * g;
    }

    /// v ← β₂ v + (1 − β₂) g²; returns the direction m̂ / √v̂.
    #[inline]
    pub(super) fn direction(&self, m: f32, v: &mut f32, g: f32) -> f32 {
        *v = self.decay[1] * *v + (1.0 - self.decay[1]) * g * g;
        self.first_correction * m / (v.sqrt() * self.root_correction + Self::EPSILON)
    }
}
