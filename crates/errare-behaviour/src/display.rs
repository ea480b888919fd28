//! Displays: the items of one trial, and the one place that draws them.

use errare_core::angle::{difference, separated};
use errare_core::random::Stream;
use rand::RngExt;

use crate::{Error, Result};

/// The items of one trial. **Item 0 is the cued one.** All features in radians in [−π, π).
#[derive(Debug, Clone, PartialEq)]
pub struct Display {
    /// Probe feature of every item (what the cue shows); empty when the data have none.
    pub probe: Vec<f64>,
    /// Report feature of every item.
    pub report: Vec<f64>,
    /// The slot in which a network sees the cued item: the other items fill the remaining slots in order.
    pub cued_slot: usize,
}

impl Display {
    /// Number of items.
    #[must_use]
    pub fn set_size(&self) -> usize {
        self.report.len()
    }

    /// Signed probe offset (radians) of `item` from the cued item; `None` without probe features.
    #[must_use]
    pub fn probe_offset(&self, item: usize) -> Option<f64> {
        Some(difference(*self.probe.get(item)?, *self.probe.first()?))
    }

    /// Signed report offset (radians) of `item` from the cued item.
    #[must_use]
    pub fn report_offset(&self, item: usize) -> f64 {
        difference(self.report[item], self.report[0])
    }

    /// The item (0 = cued) that a network sees in `slot`.
    #[must_use]
    pub fn item_in_slot(&self, slot: usize) -> usize {
        match slot.cmp(&self.cued_slot) {
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Less => slot + 1,
            std::cmp::Ordering::Greater => slot,
        }
    }
}

/// Draws displays whose probe and report features are independent and separated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DisplayGenerator {
    set_size: usize,
    probe_separation: f64,
    report_separation: f64,
}

impl DisplayGenerator {
    /// Displays of `set_size` items whose features keep at least the given separations (radians).
    ///
    /// # Errors
    /// When the set size is 0, or so many items cannot be so far apart; one may have up to π.
    pub fn new(set_size: usize, probe_separation: f64, report_separation: f64) -> Result<Self> {
        if set_size == 0 {
            return Err(Error::OutOfRange { name: "set_size", value: 0.0, expected: "at least 1" });
        }
        for separation in [probe_separation, report_separation] {
            // No two angles are further apart than π, nor would the bins of their distances be.
            let largest = std::f64::consts::TAU / set_size.max(2) as f64;
            if !(0.0..=largest).contains(&separation) {
                return Err(errare_core::Error::SeparationTooLarge { count: set_size, separation }.into());
            }
        }
        Ok(Self { set_size, probe_separation, report_separation })
    }

    /// The paper's separation, π/(2N + 0.1) rad in both features.
    ///
    /// # Errors
    /// When the set size is 0.
    pub fn standard(set_size: usize) -> Result<Self> {
        let separation = std::f64::consts::PI / (2.0 * set_size as f64 + 0.1);
        Self::new(set_size, separation, separation)
    }

    /// Number of items in a display.
    #[must_use]
    pub fn set_size(&self) -> usize {
        self.set_size
    }

    /// Minimum separation of the probe feature (radians).
    #[must_use]
    pub fn probe_separation(&self) -> f64 {
        self.probe_separation
    }

    /// Draws one display; the cued slot is uniform.
    pub fn draw(&self, stream: &mut Stream) -> Display {
        let checked = "the separations were checked at construction";
        let probe = separated(self.set_size, self.probe_separation, stream).expect(checked);
        let report = separated(self.set_size, self.report_separation, stream).expect(checked);
        Display { probe, report, cued_slot: stream.random_range(0..self.set_size) }
    }
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};

    use super::*;

    #[test]
    fn slots_hold_every_item_once() {
        for set_size in 1..=8 {
            let generator = DisplayGenerator::standard(set_size).unwrap();
            let display = generator.draw(&mut stream(1, Purpose::Displays, &[set_size as u64]));
            let mut items: Vec<_> = (0..set_size).map(|slot| display.item_in_slot(slot)).collect();
            assert_eq!(items[display.cued_slot], 0);
            items.sort_unstable();
            assert_eq!(items, (0..set_size).collect::<Vec<_>>());
        }
    }

    /// 25, 41 and 50 equal parts exceed the circle by rounding: the generator was made, and its first draw panicked.
    #[test]
    fn the_circle_can_be_divided_equally() {
        for set_size in 2..=60 {
            let separation = std::f64::consts::TAU / set_size as f64;
            let generator = DisplayGenerator::new(set_size, separation, separation).unwrap();
            let display = generator.draw(&mut stream(1, Purpose::Displays, &[set_size as u64]));
            assert!((1..set_size).all(|item| display.report_offset(item).abs() > separation - 1e-9));
        }
    }

    #[test]
    fn impossible_displays_are_refused() {
        assert!(DisplayGenerator::new(3, f64::NAN, 0.1).is_err());
        assert!(DisplayGenerator::new(0, 0.1, 0.1).is_err());
        assert!(DisplayGenerator::new(8, 0.8, 0.1).unwrap_err().to_string().contains("8 angles"));
    }
}
