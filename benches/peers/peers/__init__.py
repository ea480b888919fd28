"""The training step of errare, repeated in PyTorch and JAX: verified against ours, then timed beside it."""
