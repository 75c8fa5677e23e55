"""Exported models that ship with mien, each with a card (``.md``) and its metrics (``.json``).

``SHA256SUMS`` says what each file must be; ``sha256sum -c`` reads it, too.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from mien.errors import MissingWeightsError, ModelError

AFFECT_MODEL = "extractor"
FAST_AFFECT_MODEL = "extractor-int8"
CLEAN_AFFECT_MODEL = "extractor-clean"
EXTRACTORS = {
    "default": (AFFECT_MODEL, FAST_AFFECT_MODEL),
    "clean": (CLEAN_AFFECT_MODEL, CLEAN_AFFECT_MODEL),
}
"""By the name that an analysis chooses; the second is for processors quick with integers."""
REACTION_MODEL = "reactions-simulated"
MRAN_MODEL = "mran"

SUMS = "SHA256SUMS"
"""File with the checksums of what ships."""


def weight_path(name: str) -> Path:
    """Path of a shipped model's ONNX file, once its checksum is known to be right.

    Raises
    ------
    ModelError
        If there is no such model in this installation, or its file is not the one that ships.
    """
    path = Path(str(resources.files("mien.weights").joinpath(f"{name}.onnx")))
    if not path.is_file():
        raise MissingWeightsError(
            f"{path}: this installation has no weights {name!r}; reinstall mien"
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != checksums(path.with_name(SUMS)).get(
        path.name
    ):
        raise ModelError(
            f"{path}: is not the file that ships (its SHA-256 is another); reinstall mien, or give "
            "a model of your own by an option"
        )
    return path


def checksums(path: Path) -> dict[str, str]:
    """SHA-256 by file name, from a file as ``sha256sum`` writes it; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    rows = (line.split(maxsplit=1) for line in lines)
    return {row[1].lstrip("*"): row[0] for row in rows if len(row) == 2}
