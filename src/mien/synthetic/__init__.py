"""Simulated data with known truth. Nothing here is a recording of a person."""
