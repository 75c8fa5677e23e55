"""What lies on disk: prepared folders, streams, arrays, tables."""
