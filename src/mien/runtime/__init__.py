"""Exported models on ONNX Runtime. Nothing in this room imports torch."""
