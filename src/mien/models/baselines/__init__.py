"""What FaceRNET argues against, as peers to measure against on the same data."""
