"""A camera, or a file at its own speed, read while it goes on, in a terminal."""
