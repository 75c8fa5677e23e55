"""The head as a mesh in millimetres: who it is, what its face does, how it is held."""
