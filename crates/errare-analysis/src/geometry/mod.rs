//! Geometry of the colour planes: are the two rings that hold the remembered colours orthogonal before the
//! cue and parallel after it?
//!
//! While the network runs, [`RingStatistics`] gathers sums; afterwards [`alignment_over_time`] turns them into
//! measures of alignment, each with a confidence interval and the range that chance would give. The widely used
//! cosine of normals in a shared three-dimensional space is confounded by a mean difference between the two
//! cue conditions, so it is always given beside measures that are not.

mod alignment;
mod measures;
mod null;
mod slot;
mod statistics;

pub use alignment::{AlignmentOptions, AlignmentOverTime, AlignmentSummary, Series, alignment_over_time};
pub use measures::{Alignment, MEASURES};
pub use null::{NullCosine, haar_rotation, random_vector_cosine};
pub use statistics::{FOLDS, RingStatistics, TrialLabels};
