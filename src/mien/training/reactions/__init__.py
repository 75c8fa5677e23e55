"""Training of reaction models, and of extractor and reaction model together."""
