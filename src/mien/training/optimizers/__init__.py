"""Optimizers: AdamW with decay groups, Muon, Adam that leaves unrouted weights alone."""
