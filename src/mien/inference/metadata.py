"""What an exported model says of itself."""

from __future__ import annotations

from typing import Any

METADATA_KEY = "mien"
"""Key of the JSON document in the ONNX file's metadata."""

AFFECT_FORMAT = "mien-affect-1"
REACTIONS_FORMAT = "mien-reactions-1"
MRAN_FORMAT = "mien-mran-1"


def describe_model(role: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """The entry of a model in ``video.json``: role, name, version, licence, data, caveat."""
    return {
        "role": role,
        **{
            key: metadata.get(key) for key in ("name", "version", "license", "trained_on", "caveat")
        },
    }
