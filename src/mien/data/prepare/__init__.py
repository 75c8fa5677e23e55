"""From a corpus to what training reads, by jobs that can be gone on with."""
