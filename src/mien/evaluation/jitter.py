"""Trembling on a face at rest, with and without smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.api import analyze
from mien.errors import DataError
from mien.evaluation.noise import RestNoise, rest_noise, resting_frames
from mien.labels import AFFECT_COLUMNS, LabelSet
from mien.types import FloatArray, TimeArray


@dataclass(frozen=True)
class Jitter:
    """`RestNoise` of the same stretches, as estimated and smoothed, of a model's named numbers."""

    raw: RestNoise
    steady: RestNoise
    names: tuple[str, ...] = AFFECT_COLUMNS
    model: str = ""


def measure_jitter(video: Path, model: Path | None = None) -> Jitter:
    """Analyse the largest face of a video twice and compare its trembling.

    Raises
    ------
    DataError
        If too few frames show a face.
    InputError
        If the video cannot be read.
    """
    raw, time_s, names, name = _estimates(video, model, steady=False)
    steady, *_ = _estimates(video, model, steady=True)
    try:
        rest = resting_frames(raw, time_s)
        return Jitter(
            rest_noise(raw, time_s, rest=rest), rest_noise(steady, time_s, rest=rest), names, name
        )
    except ValueError as error:
        raise DataError(f"{video}: too short to measure trembling on: {error}") from error


def jitter_table(measured: Jitter) -> str:
    """Markdown table of the deviations per output, their medians and means."""
    before, after = measured.raw.deviation, measured.steady.deviation
    rows = [
        f"{measured.raw.frames} resting frames at {measured.raw.fps:.2f} a second",
        "",
        "| output | deviation as estimated | steadied | ratio |",
        "| --- | --- | --- | --- |",
    ]
    for name, x, y in zip(measured.names, before, after, strict=True):
        rows.append(f"| {name} | {x:.4f} | {y:.4f} | {y / x if x else float('nan'):.2f} |")
    x, y = float(before.mean()), float(after.mean())
    rows.append(f"| mean | {x:.4f} | {y:.4f} | {y / x if x else float('nan'):.2f} |")
    return "\n".join(rows)


def noise_document(measured: Jitter, video: Path) -> dict[str, Any]:
    """The trembling after smoothing, in the form of ``mien/synthetic/stage1_noise.json``."""
    steady, names = measured.steady, measured.names
    return {
        "source": video.name,
        "model": measured.model,
        "rest_frames": steady.frames,
        "fps": round(steady.fps, 4),
        "deviation": dict(zip(names, steady.deviation.round(5).tolist(), strict=True)),
        "correlation": dict(zip(names, steady.correlation.round(4).tolist(), strict=True)),
    }


def _estimates(
    video: Path, model: Path | None, steady: bool
) -> tuple[FloatArray, TimeArray, tuple[str, ...], str]:
    """Affect (n, 26) of the largest face, the frames' times, what the numbers are, and whose."""
    result = analyze(video, faces="largest", reactions=False, affect_model=model, steady=steady)
    table = result.table
    seen = table.filter(table["face_id"].is_valid())
    names = LabelSet.of_columns(table.column_names).affect_columns
    affect = np.column_stack([seen[name].to_numpy() for name in names])
    name = next(m["name"] for m in result.document["models"] if m["role"] == "affect")
    return affect, seen["timestamp_s"].to_numpy(), names, str(name)
