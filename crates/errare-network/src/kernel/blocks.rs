//! Rows in blocks whose sums fit the registers: how every matrix kernel divides its rows.
//!
//! The work on a block is a trait, not a closure, which would lose the instruction set. All its implementations must be
//! `#[inline(always)]`.

use std::marker::PhantomData;

use super::{InstructionSet, VECTORS};

/// Work on neighbouring rows, whose number is known when the kernel is compiled.
pub(super) trait Blocks {
    /// Works on rows `first..first + ROWS`.
    fn block<const ROWS: usize>(&mut self, first: usize);
}

/// Divides rows into blocks of `LARGEST`, and what is left into blocks of four, two and one.
#[inline(always)]
pub(super) fn in_blocks<const LARGEST: usize>(rows: usize, work: &mut impl Blocks) {
    let mut first = 0;
    while first + LARGEST <= rows {
        work.block::<LARGEST>(first);
        first += LARGEST;
    }
    while LARGEST > 4 && first + 4 <= rows {
        work.block::<4>(first);
        first += 4;
    }
    if first + 2 <= rows {
        work.block::<2>(first);
        first += 2;
    }
    if first < rows {
        work.block::<1>(first);
    }
}

/// Work on some vectors of neighbouring rows, with a sum for each vector of each row.
pub(super) trait VectorBlocks {
    /// Works on vectors `from..from + WIDTH` of rows `first..first + ROWS`.
    fn block<const ROWS: usize, const WIDTH: usize>(&mut self, first: usize, from: usize);
}

/// Divides rows of [`VECTORS`] vectors into blocks whose sums fit the registers, and are enough to hide the latency of a
/// product.
#[inline(always)]
pub(super) fn in_vector_blocks<S: InstructionSet>(rows: usize, work: &mut impl VectorBlocks) {
    let work = &mut Rows { work, set: PhantomData::<S> };
    if S::WIDE {
        in_blocks::<4>(rows, work);
    } else {
        in_blocks::<6>(rows, work);
    }
}

/// Whole rows of vectors.
struct Rows<'a, W, S> {
    work: &'a mut W,
    set: PhantomData<S>,
}

impl<W: VectorBlocks, S: InstructionSet> Blocks for Rows<'_, W, S> {
    #[inline(always)]
    fn block<const ROWS: usize>(&mut self, first: usize) {
        if S::WIDE || ROWS == 1 {
            self.work.block::<ROWS, VECTORS>(first, 0);
        } else if ROWS == 2 {
            for from in (0..VECTORS).step_by(2) {
                self.work.block::<ROWS, 2>(first, from);
            }
        } else {
            for from in 0..VECTORS {
                self.work.block::<ROWS, 1>(first, from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Narrow, Wide};

    /// Counts the visits of every row, or of every vector of every row.
    struct Visits<const PARTS: usize>(Vec<[usize; PARTS]>);

    impl Blocks for Visits<1> {
        fn block<const ROWS: usize>(&mut self, first: usize) {
            self.0[first..][..ROWS].iter_mut().for_each(|[visits]| *visits += 1);
        }
    }

    impl VectorBlocks for Visits<VECTORS> {
        fn block<const ROWS: usize, const WIDTH: usize>(&mut self, first: usize, from: usize) {
            for row in &mut self.0[first..][..ROWS] {
                row[from..][..WIDTH].iter_mut().for_each(|visits| *visits += 1);
            }
        }
    }

    fn rows_once<const LARGEST: usize>() {
        for rows in 0..40 {
            let mut visits = Visits(vec![[0]; rows]);
            in_blocks::<LARGEST>(rows, &mut visits);
            assert_eq!(visits.0, vec![[1]; rows], "{rows} rows in blocks of {LARGEST}");
        }
    }

    #[test]
    fn every_row_is_in_one_block() {
        rows_once::<4>();
        rows_once::<6>();
        rows_once::<8>();
        rows_once::<16>();
    }

    #[test]
    fn every_vector_is_in_one_block() {
        for rows in 0..20 {
            let (mut wide, mut narrow) = (Visits(vec![[0; VECTORS]; rows]), Visits(vec![[0; VECTORS]; rows]));
            in_vector_blocks::<Wide>(rows, &mut wide);
            in_vector_blocks::<Narrow>(rows, &mut narrow);
            assert_eq!((wide.0, narrow.0), (vec![[1; VECTORS]; rows], vec![[1; VECTORS]; rows]));
        }
    }
}
