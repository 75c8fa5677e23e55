"""Corpora, what lies on disk, and how one is made of the other."""
