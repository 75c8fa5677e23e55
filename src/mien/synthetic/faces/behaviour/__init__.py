"""What a face does over time, and what that expresses: the truth that pictures are made from."""
