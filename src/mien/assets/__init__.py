"""Files that ship with mien; each has a note on where it comes from."""
