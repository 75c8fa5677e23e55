"""What lies beside a result so that its report can be written again: marks, pictures of peaks."""
