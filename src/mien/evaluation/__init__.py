"""Measuring models on labelled data."""
