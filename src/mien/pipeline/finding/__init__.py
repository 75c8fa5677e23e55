"""Where the faces of a frame are: when the detector looks, and following between its looks."""
