"""What the report draws, one chart a file."""
