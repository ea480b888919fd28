//! Training: gradients of a batch, the optimiser, and the loop with its stages, log and checkpoints.

mod batch;
