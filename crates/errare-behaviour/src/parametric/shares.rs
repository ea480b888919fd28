//! Weights given as probabilities of swaps and guesses, the same in every display: those of the three-component
//! mixture, which other emissions share.

use super::{Items, Logits, Parameter, Range};

const STARTS: &[f64] = &[0.05, 0.3];

/// Which probabilities are estimated; `nontarget` comes before `uniform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// Swaps, where there is anything to swap with.
    pub(super) swaps: bool,
    /// Guesses.
    pub(super) guesses: bool,
    /// The set size of all trials fitted; `None` when they were mixed, and then share their probabilities.
    pub(super) common: Option<usize>,
}

impl Shares {
    fn has_swaps(self) -> bool {
        self.swaps && self.common != Some(1)
    }

    pub(super) fn parameters(self) -> impl Iterator<Item = Parameter> {
        let share = |name| Parameter { name, range: Range::Share, starts: STARTS, shapes_emission: false };
        let swaps = self.has_swaps().then(|| share("nontarget"));
        let guesses = self.guesses.then(|| share("uniform"));
        swaps.into_iter().chain(guesses)
    }

    /// Fills logits given the probabilities, which are the parameters from index `first` on.
    ///
    /// As in the mixtures, a fit to displays of K items keeps the odds of each item in displays of other sizes; one
    /// to mixed set sizes keeps the sum over items. A single item leaves no swaps.
    pub(super) fn logits(self, at: &[f64], first: usize, items: Items<'_>, logits: &mut Logits) {
        let (swap_index, guess_index) = (first, first + usize::from(self.has_swaps()));
        let swap = if self.has_swaps() { at[swap_index] } else { 0.0 };
        let guess = if self.guesses { at[guess_index] } else { 0.0 };
        let target = 1.0 - swap - guess;
        logits.values[1] = target.ln();
        if self.guesses {
            logits.values[0] = guess.ln();
            let slopes = logits.slopes_of(guess_index);
            slopes[0] = 1.0 / guess;
            slopes[1] = -1.0 / target;
        }
        if self.has_swaps() {
            let others = self.common.unwrap_or(items.set_size).max(2) - 1;
            logits.values[2..].fill((swap / others as f64).ln());
            let slopes = logits.slopes_of(swap_index);
            slopes[1] = -1.0 / target;
            slopes[2..].fill(1.0 / swap);
        }
    }
}
