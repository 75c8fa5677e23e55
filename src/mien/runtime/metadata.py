"""What an exported model says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import ModelError
from mien.labels import (
    ACTION_UNITS,
    EXPRESSIONS,
    EYE_COLUMNS,
    GAZE_COLUMNS,
    PAPERS_LABELS,
    POSE_COLUMNS,
    LabelSet,
)

METADATA_KEY = "mien"
"""Key of the JSON document in the ONNX file's metadata."""

AFFECT_FORMAT = "mien-affect-1"
REACTIONS_FORMAT = "mien-reactions-1"
MRAN_FORMAT = "mien-mran-1"

MARKS = ("measured", "teacher", "synthetic", "simulated", "unknown")
"""How far to trust a channel: measured on real or photorealistic faces, follows a teacher network,
known from synthetic faces only, from simulated sequences only; unknown where a model says nothing.
"""

# A model may speak of columns that belong together by one name.
_GROUPS = {
    **dict.fromkeys(POSE_COLUMNS, "pose"),
    **dict.fromkeys(EYE_COLUMNS, "eye_open"),
    **dict.fromkeys(GAZE_COLUMNS, "gaze"),
}

_MOST_CHARACTERS = 10_000_000

Trust = dict[str, dict[str, Any]]
"""By channel: ``mark``, one of `MARKS`, and ``figure``, a text or None."""


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
        metadata = json.loads(text) if len(text) <= _MOST_CHARACTERS else None
    except (ValueError, RecursionError):
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


def read_trust(metadata: Mapping[str, Any], path: Path) -> Trust:
    """What a model says of how far to trust its channels, by the names that it uses.

    Raises
    ------
    ModelError
        If the entry is damaged.
    """
    stored = metadata.get("trust")
    if stored is None:
        return {}
    entries = stored.values() if isinstance(stored, dict) else [None]
    if not all(isinstance(one, dict) and one.get("mark") in MARKS for one in entries):
        raise ModelError(f"{path}: its metadata's 'trust' is damaged; export it again")
    return {
        name: {"mark": one["mark"], "figure": str(one["figure"]) if one.get("figure") else None}
        for name, one in stored.items()
    }


def trust_of(trust: Trust, channel: str) -> dict[str, Any]:
    """Mark and figure of a channel: its own, else its group's, else unknown.

    Examples
    --------
    >>> trust_of({"pose": {"mark": "synthetic", "figure": "2 degrees"}}, "pose_yaw_deg")
    {'mark': 'synthetic', 'figure': '2 degrees'}
    >>> trust_of({}, "au12")
    {'mark': 'unknown', 'figure': None}
    """
    group = "intensity" if channel.endswith("_intensity") else _GROUPS.get(channel, "")
    found = trust.get(channel) or trust.get(group)
    return dict(found or {"mark": "unknown", "figure": None})


def read_labels(metadata: Mapping[str, Any], path: Path) -> LabelSet:
    """The labels of an extractor; files that do not name them have the papers'.

    Raises
    ------
    ModelError
        If the entries are damaged, or the outputs are not those of these labels.
    """
    try:
        labels = LabelSet(
            tuple(metadata.get("expressions", EXPRESSIONS)),
            tuple(metadata.get("action_units", ACTION_UNITS)),
        )
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: its metadata's labels are damaged ({error})") from error
    if metadata.get("outputs") != list(labels.affect_columns):
        raise ModelError(
            f"{path}: its outputs are not the {len(labels.affect_columns)} of its labels: valence, "
            f"arousal, {len(labels.expressions)} expressions, {len(labels.action_units)} action "
            "units"
        )
    return labels


def require_papers_labels(labels: LabelSet, model: object) -> None:
    """Refuse an extractor where the papers' labels, and no others, are of use.

    Raises
    ------
    ModelError
        If it says others; the text names the `model`.
    """
    if labels != PAPERS_LABELS:
        raise ModelError(
            f"the extractor {model} says other labels; this works with the papers' "
            f"{len(EXPRESSIONS)} expressions and {len(ACTION_UNITS)} action units only"
        )


def read_priors(
    metadata: Mapping[str, Any], path: Path, count: int = len(EXPRESSIONS)
) -> dict[str, tuple[float, ...]] | None:
    """Shares of the expressions by name of the mixture; None where the model says nothing.

    ``default`` is what its probabilities assume; ``everyday`` an everyday mixture. `count` is how
    many expressions the model says.

    Raises
    ------
    ModelError
        If the entry is damaged.
    """
    stored = metadata.get("prior")
    if stored is None:
        return None
    damaged = ModelError(f"{path}: its metadata's 'prior' is damaged; export it again")
    if not isinstance(stored, dict) or "default" not in stored:
        raise damaged
    priors = {}
    for name, shares in stored.items():
        try:
            values = np.asarray(shares, np.float64)
        except (TypeError, ValueError):
            raise damaged from None
        if values.shape != (count,) or not (np.isfinite(values) & (values > 0)).all():
            raise damaged
        priors[name] = tuple((values / values.sum()).tolist())
    return priors


def read_quality_level(metadata: Mapping[str, Any], path: Path) -> float | None:
    """Least quality that the model advises; None where it says nothing.

    Raises
    ------
    ModelError
        If the entry is damaged.
    """
    stored = metadata.get("quality_level")
    if stored is None:
        return None
    if isinstance(stored, bool) or not isinstance(stored, (int, float)) or not 0 <= stored <= 1:
        raise ModelError(f"{path}: its metadata's 'quality_level' is damaged; export it again")
    return float(stored)
