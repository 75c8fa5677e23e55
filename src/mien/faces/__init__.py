"""Finding, aligning and following faces; each part can be swapped."""
