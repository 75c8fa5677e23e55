"""Training of MRAN on aligned streams."""
