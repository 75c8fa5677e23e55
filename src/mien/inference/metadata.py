"""What an exported model says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien.errors import ModelError

METADATA_KEY = "mien"
"""Key of the JSON document in the ONNX file's metadata."""

AFFECT_FORMAT = "mien-affect-1"
REACTIONS_FORMAT = "mien-reactions-1"
MRAN_FORMAT = "mien-mran-1"


def read_metadata(text: str | None, expected: str, path: Path) -> dict[str, Any]:
    """The document in a model's file.

    Raises
    ------
    ModelError
        If there is none, it is damaged, or it says another format than `expected`.
    """
    if text is None:
        raise ModelError(f"{path}: has no metadata of mien; export it with 'mien export'")
    try:
        metadata = json.loads(text)
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise ModelError(f"{path}: its metadata of mien is damaged; export it again")
    if metadata.get("format") != expected:
        raise ModelError(
            f"{path}: is a model of format {metadata.get('format')!r}, expected {expected!r}; "
            "was it given in place of another model?"
        )
    return metadata


def describe_model(role: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """The entry of a model in ``video.json``: role, name, version, licence, data, caveat."""
    return {
        "role": role,
        **{
            key: metadata.get(key) for key in ("name", "version", "license", "trained_on", "caveat")
        },
    }
