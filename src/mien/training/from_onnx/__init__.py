"""Starting from exported files: back from ONNX to networks that can be trained."""
