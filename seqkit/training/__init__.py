"""Training: the loop, checkpoints, callbacks and distributed processes."""
