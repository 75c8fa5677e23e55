"""Measuring an exported model, one kind a file."""
