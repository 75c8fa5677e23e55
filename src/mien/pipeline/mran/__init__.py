"""MRAN in the pipeline: clips of each face, read while the video goes on."""
