//! Rows in blocks whose sums fit the registers: how every matrix kernel divides its rows.

use std::ops::Range;

/// Work on a number of neighbouring rows that is known when the kernel is compiled. A closure would lose the
/// instruction set.
pub(super) trait Blocks {
    /// Works on rows `first..first + ROWS`. Must be `#[inline(always)]`.
    fn block<const ROWS: usize>(&mut self, first: usize);
}

/// Divides rows into blocks of `LARGEST`, and what is left into blocks of four, two and one.
#[inline(always)]
pub(super) fn in_blocks<const LARGEST: usize>(rows: Range<usize>, blocks: &mut impl Blocks) {
    let Range { start: mut first, end } = rows;
    while first + LARGEST <= end {
        blocks.block::<LARGEST>(first);
        first += LARGEST;
    }
    while LARGEST > 4 && first + 4 <= end {
        blocks.block::<4>(first);
        first += 4;
    }
    if first + 2 <= end {
        blocks.block::<2>(first);
        first += 2;
    }
    if first < end {
        blocks.block::<1>(first);
    }
}
