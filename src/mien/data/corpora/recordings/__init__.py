"""Corpora of recordings with traces, one file each."""
