"""Prepared sets of videos, written from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.formats.features import Features, features_path, write_features
from mien.data.formats.prepared_videos import PreparedDocument, split_counts, write_labels
from mien.io import DOCUMENT, write_json
from mien.types import FloatArray


@dataclass(frozen=True)
class PreparedVideo:
    """One video of a prepared set; ``labels`` float32 (outputs,), NaN where withheld."""

    id: str
    split: str
    labels: FloatArray
    features: Features
    person: str | None = None


def write_prepared(
    folder: Path,
    corpus: str,
    outputs: Sequence[str],
    videos: Sequence[PreparedVideo],
    stage1: dict[str, Any] | None = None,
    failed: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a whole prepared set."""
    rows = [(video.id, video.split, video.person, video.labels) for video in videos]
    write_labels(folder, outputs, rows)
    for video in videos:
        write_features(features_path(folder, video.id), video.features)
    frames = sum(len(video.features.timestamp_s) for video in videos)
    counts = {"videos": len(rows), **split_counts([split for _, split, _, _ in rows])}
    unknown = {"name": None, "version": None, "sha256": None}
    document = PreparedDocument(
        corpus, tuple(outputs), stage1 or unknown, {**counts, "frames": frames}, tuple(failed)
    )
    write_json(folder / DOCUMENT, document.as_dict())
    return folder
