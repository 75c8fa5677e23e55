"""Exported models that ship with mien, each with a card (``.md``) and its metrics (``.json``)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mien.errors import ModelError

AFFECT_MODEL = "extractor"
FAST_AFFECT_MODEL = "extractor-int8"
REACTION_MODEL = "reactions-simulated"
MRAN_MODEL = "mran"


def weight_path(name: str) -> Path:
    """Path of a shipped model's ONNX file.

    Raises
    ------
    ModelError
        If there is no such model in this installation.
    """
    path = Path(str(resources.files("mien.weights").joinpath(f"{name}.onnx")))
    if not path.is_file():
        raise ModelError(f"{path}: this installation has no weights {name!r}; reinstall mien")
    return path
