//! The classical models by name.

use super::confusability::Confusability;
use super::interference::{Interference, Variant};
use super::signal_discrimination::SignalDiscrimination;
use super::slots::Slots;
use super::variable_precision::VariablePrecisionModel;
use super::{Items, Logits, ParametricModel};
use crate::Display;

/// A classical model that is fitted by maximum likelihood of a few parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClassicalModel {
    /// `slots`: a limited number of items is remembered, all equally well (Zhang & Luck 2008).
    Slots,
    /// `slots-averaging`: an item may be held in several slots (Zhang & Luck 2008).
    SlotsAveraging,
    /// `variable-precision`: precision differs from trial to trial (van den Berg et al. 2012), with guesses.
    VariablePrecision,
    /// `variable-precision-swap`: the same with swaps.
    VariablePrecisionSwap,
    /// `imm:abc`: interference at random and by the cue (Oberauer & Lin 2017).
    ImmAbc,
    /// `imm:bsc`: interference by similarity of the probe feature.
    ImmBsc,
    /// `imm:full`: both.
    ImmFull,
    /// `sdm`: signal discrimination (Oberauer 2023).
    Sdm,
    /// `sdm-swap`: the same with swaps.
    SdmSwap,
    /// `tcc`: target confusability competition (Schurgin, Wixted & Brady 2020).
    Tcc,
    /// `tcc-swap`: the same with swaps.
    TccSwap,
}

impl ClassicalModel {
    /// Every one there is.
    pub const ALL: [Self; 11] = [
        Self::Slots,
        Self::SlotsAveraging,
        Self::VariablePrecision,
        Self::VariablePrecisionSwap,
        Self::ImmAbc,
        Self::ImmBsc,
        Self::ImmFull,
        Self::Sdm,
        Self::SdmSwap,
        Self::Tcc,
        Self::TccSwap,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::SlotsAveraging => "slots-averaging",
            Self::VariablePrecision => "variable-precision",
            Self::VariablePrecisionSwap => "variable-precision-swap",
            Self::ImmAbc => "imm:abc",
            Self::ImmBsc => "imm:bsc",
            Self::ImmFull => "imm:full",
            Self::Sdm => "sdm",
            Self::SdmSwap => "sdm-swap",
            Self::Tcc => "tcc",
            Self::TccSwap => "tcc-swap",
        }
    }

    /// Whether displays of several items need probe features.
    #[must_use]
    pub fn needs_probe(self) -> bool {
        matches!(self, Self::ImmBsc | Self::ImmFull)
    }

    /// The model of trials that share the set size `common` (`None`: mixed), of at most `largest` items.
    pub(crate) fn build(self, common: Option<usize>, largest: usize) -> Box<dyn ParametricModel> {
        match self {
            Self::Slots => Box::new(Slots { averaging: false, largest }),
            Self::SlotsAveraging => Box::new(Slots { averaging: true, largest }),
            Self::VariablePrecision => Box::new(VariablePrecisionModel { swaps: false, common }),
            Self::VariablePrecisionSwap => Box::new(VariablePrecisionModel { swaps: true, common }),
            Self::ImmAbc => Box::new(Interference { variant: Variant::Abc, common }),
            Self::ImmBsc => Box::new(Interference { variant: Variant::Bsc, common }),
            Self::ImmFull => Box::new(Interference { variant: Variant::Full, common }),
            Self::Sdm => Box::new(SignalDiscrimination { swaps: false, common }),
            Self::SdmSwap => Box::new(SignalDiscrimination { swaps: true, common }),
            Self::Tcc => Box::new(Confusability { swaps: false, common }),
            Self::TccSwap => Box::new(Confusability { swaps: true, common }),
        }
    }

    /// Weights `[uniform, cued item, others…]` in a display, at values in the order of the model fitted to trials of
    /// set size `common`.
    pub(crate) fn weights(self, at: &[f64], common: Option<usize>, display: &Display) -> Vec<f64> {
        let set_size = display.set_size();
        let offsets: Option<Vec<f64>> = (0..set_size).map(|item| display.probe_offset(item)).collect();
        let mut logits = Logits::default();
        logits.reset(at.len(), set_size);
        let items = Items { set_size, probe_offsets: offsets.as_deref() };
        self.build(common, crate::data::MAX_SET_SIZE).logits(at, items, &mut logits);
        let mut weights = vec![0.0; set_size + 1];
        crate::softmax(&logits.values, &mut weights);
        weights
    }
}
