"""What makes probabilities true: temperatures, thresholds, the reach of valence and arousal."""
