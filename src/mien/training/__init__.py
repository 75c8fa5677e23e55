"""Training: configuration, data feeding, the loops, checkpoints."""
