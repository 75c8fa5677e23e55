"""Loops by hand for speed in training; README.md says what each replaces and gains."""
