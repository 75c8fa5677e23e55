"""From a video to rows: decode, find faces, extract, smooth, sum up. Torch-free."""
