"""Figures, one a file, which register themselves."""
