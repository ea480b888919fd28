//! The emission of slots and averaging: an item held in several slots is reported with their average.
//!
//! c slots are dealt to N items, so that an item has ⌊c/N⌋ or one more, c/N on average. With m slots the circular
//! standard deviation is that of one slot divided by √m (Zhang & Luck 2008, Nature 453:233): A(κₘ) = A(κ₁)^{1/m}.

use errare_core::random::Stream;
use errare_core::special::{bessel_ratio, bessel_ratio_inverse};
use errare_core::von_mises::VonMises;
use rand::RngExt;

use super::positive;
use crate::{Emission, Result};

/// A mixture of the responses with fewer and with more slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AveragedSlots {
    /// Probability of the larger number of slots, given that there is one.
    more: f64,
    few: VonMises,
    many: VonMises,
}

impl AveragedSlots {
    /// The emission in displays of `set_size` items, for `capacity` slots of concentration `kappa` (1/rad²) each.
    pub(crate) fn new(capacity: f64, kappa: f64, set_size: usize) -> Result<Self> {
        positive("capacity", capacity)?;
        positive("kappa", kappa)?;
        let share = capacity / set_size as f64;
        let with = |slots: f64| {
            VonMises::new(bessel_ratio_inverse(bessel_ratio(kappa).powf(1.0 / slots)).max(f64::MIN_POSITIVE))
        };
        // Without a slot there is a guess, which is no matter of the emission.
        let (slots, more) = if share < 1.0 { (1.0, 0.0) } else { (share.floor(), share.fract()) };
        Ok(Self { more, few: with(slots)?, many: with(slots + 1.0)? })
    }
}

impl Emission for AveragedSlots {
    fn log_density(&self, deviation: f64) -> f64 {
        let few = self.few.log_density(deviation);
        if self.more == 0.0 {
            return few;
        }
        let (few, many) = ((1.0 - self.more).ln() + few, self.more.ln() + self.many.log_density(deviation));
        let top = few.max(many);
        top + ((few - top).exp() + (many - top).exp()).ln()
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        let many = stream.random::<f64>() < self.more;
        if many { self.many.sample(stream) } else { self.few.sample(stream) }
    }

    fn standard_deviation(&self) -> f64 {
        let resultant =
            (1.0 - self.more) * bessel_ratio(self.few.kappa()) + self.more * bessel_ratio(self.many.kappa());
        (-2.0 * resultant.ln()).sqrt()
    }

    fn resolution(&self) -> f64 {
        if self.more == 0.0 { self.few.resolution() } else { self.many.resolution() }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn spread_falls_with_the_root_of_the_slots() {
        let one = VonMises::new(9.0).unwrap().standard_deviation();
        let sd =
            |capacity, set_size| AveragedSlots::new(capacity, 9.0, set_size).unwrap().standard_deviation();
        assert_relative_eq!(sd(4.0, 1), one / 2.0, max_relative = 1e-9);
        assert_relative_eq!(sd(4.0, 2), one / 2f64.sqrt(), max_relative = 1e-9);
        assert_relative_eq!(sd(2.5, 6), one, max_relative = 1e-9);
        let between = sd(3.0, 2);
        assert!(between < one && between > one / 2f64.sqrt());
    }
}
