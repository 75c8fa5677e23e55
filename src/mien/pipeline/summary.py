"""The document that becomes ``video.json``."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from mien.labels import VALENCE_AROUSAL
from mien.types import FaceSummary, MranSummary
from mien.video.source import FrameSource


def source_text(path: str | Path) -> str:
    """A path as text: bytes in it that are no UTF-8 are replaced, since no file would take them."""
    return os.fsencode(path).decode("utf-8", "replace")


def file_stamp(path: str | Path) -> tuple[int | None, int | None]:
    """Size in bytes and time of modification in ns, by which a file is known again; or Nones."""
    try:
        status = Path(path).stat()
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns


def document(
    *,
    schema_version: int,
    mien_version: str,
    path: str,
    stamp: tuple[int | None, int | None],
    reader: FrameSource,
    models: list[dict[str, Any]],
    settings: dict[str, Any],
    faces: list[FaceSummary],
    without_face: int,
    min_reaction_s: float,
    warnings: list[str],
    mran: dict[str, Any] | None = None,
    prior: dict[str, Any],
    min_quality: float | None,
    channels: dict[str, dict[str, Any]],
    without_reactions: str | None = None,
) -> dict[str, Any]:
    """Plain values of one analysed input; undefined numbers are None, never NaN.

    `mran` says which modalities MRAN read; None, and no entry, where it was not asked for. `prior`,
    `min_quality` and `channels` are what was assumed, what counted and how far to trust it.
    `without_reactions` says why there are none though they were asked for.
    """
    info = reader.info
    return {
        "schema_version": schema_version,
        "mien_version": mien_version,
        "source": {
            "path": path,
            "size_bytes": stamp[0],
            "modified_ns": stamp[1],
            "width_px": info.width_px,
            "height_px": info.height_px,
            "frames": reader.decoded_frames,
            "duration_s": _number(reader.duration_s),
            "nominal_fps": _number(info.nominal_fps),
            "variable_frame_rate": reader.variable_frame_rate,
            "rotation_deg": info.rotation_deg,
            "codec": info.codec,
            "is_image": info.is_image,
        },
        "frames_without_face": without_face,
        "settings": settings,
        "models": models,
        **({} if mran is None else {"mran": mran}),
        "prior": prior,
        "min_quality": _number(min_quality),
        "channels": channels,
        "faces": [
            face_entry(face, info.is_image, min_reaction_s, without_reactions) for face in faces
        ],
        "warnings": warnings,
    }


def face_entry(
    face: FaceSummary, is_image: bool, min_reaction_s: float, without_reactions: str | None
) -> dict[str, Any]:
    """What the document says of one face."""
    names = face.labels.affect_columns
    return {
        "face_id": face.face_id,
        "first_s": _number(face.first_s),
        "last_s": _number(face.last_s),
        "usable_frames": face.usable_frames,
        "low_quality_frames": face.low_quality_frames,
        "mean": {n: _number(v) for n, v in zip(names, face.mean, strict=True)}
        | _detail_means(face),
        "peak": {
            name: {"value": _number(value), "time_s": _number(time_s)}
            for name, value, time_s in zip(names, face.peak, face.peak_time_s, strict=True)
        }
        | _detail_peaks(face),
        "reactions": _reactions(face, is_image, min_reaction_s, without_reactions),
        **({} if face.mran is None else {"mran": _mran(face.mran)}),
    }


def _detail_means(face: FaceSummary) -> dict[str, Any]:
    """Means of what the extractor says beside the 26 numbers; None where it does not."""
    if face.details is None:
        return dict.fromkeys(face.labels.detail_columns)
    names = face.labels.detail_columns
    return {n: _number(v) for n, v in zip(names, face.details.mean, strict=True)}


def _detail_peaks(face: FaceSummary) -> dict[str, Any]:
    details, names = face.details, face.labels.intensity_columns
    if details is None:
        return {name: {"value": None, "time_s": None} for name in names}
    return {
        name: {"value": _number(value), "time_s": _number(time_s)}
        for name, value, time_s in zip(names, details.peak, details.peak_time_s, strict=True)
    }


def _mran(said: MranSummary) -> dict[str, Any]:
    return {
        "frames": said.frames,
        "mean": {n: _number(v) for n, v in zip(VALENCE_AROUSAL, said.mean, strict=True)},
        "peak": {
            name: {"value": _number(value), "time_s": _number(time_s)}
            for name, value, time_s in zip(
                VALENCE_AROUSAL, said.peak, said.peak_time_s, strict=True
            )
        },
    }


def _reactions(
    face: FaceSummary, is_image: bool, min_reaction_s: float, without_reactions: str | None
) -> dict[str, Any]:
    if face.reactions is None:
        note = f"fewer than {min_reaction_s:g} s of usable frames: too short for a reaction"
        if face.undefined_positions:
            note = "the reaction model gave undefined numbers"
        if without_reactions is not None:
            note = without_reactions
        elif is_image:
            note = "a still image has no reaction: reactions are estimated over time"
        return {"video": None, "windows": [], "note": note}
    names = face.reaction_names
    return {
        "video": {n: _number(v) for n, v in zip(names, face.reactions, strict=True)},
        "windows": [
            {
                "start_s": _number(window.start_s),
                "end_s": _number(window.end_s),
                "routed": window.routed,
                "intensities": {
                    n: _number(v) for n, v in zip(names, window.intensities, strict=True)
                },
            }
            for window in face.reaction_windows
        ],
        "note": None,
    }


def _number(value: float | None) -> float | None:
    """A JSON number with the digits that mean something, or None where there is none."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), 6)
