"""Tiny corpora in the exact layouts of the real ones."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.data.targets.blendshapes import BLENDSHAPES

# Columns: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF.
VOTES = np.array(
    [
        [0, 10, 0, 0, 0, 0, 0, 0, 0, 0],  # happiness
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # a tie
        [1, 0, 0, 2, 0, 0, 0, 7, 0, 0],  # contempt
        [0, 0, 4, 0, 1, 0, 0, 0, 5, 0],  # unknown
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # no face
        [6, 0, 1, 3, 0, 0, 0, 0, 0, 0],  # neutral, with a single vote
        [1, 1, 1, 1, 1, 1, 1, 0, 1, 2],  # only single votes among the 7
        [0, 0, 0, 0, 9, 0, 0, 0, 0, 0],  # nine votes in all, as in one real row
    ],
    np.uint8,
)
SPLIT = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.uint8)
GROUP = np.array([0, 1, 2, 3, 4, 5, 0, 5], np.int32)  # row 6 copies row 0, row 7 row 5
MUXSPACE_COLUMNS = (
    ["file", "label", "score"]
    + [f"l{axis}{i}" for i in range(5) for axis in "xy"]
    + ["source_name", "person", "bx0", "by0", "bx1", "by1", "cx0", "cy0", "cx1", "cy1"]
    + ["grey_source", "box_px", "detect_pass"]
)


def ferplus_arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (len(VOTES), 48, 48), dtype=np.uint8)
    images[6], images[7] = images[0], images[5]
    return {
        "images": images,
        "votes": VOTES,
        "split": SPLIT,
        "name": np.array([f"fer{i:07d}.png" for i in range(len(VOTES))]),
        "dup_group": GROUP,
    }


def blendshape_arrays(names: np.ndarray) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    values = rng.random((len(names), len(BLENDSHAPES))).astype(np.float16)
    detected = np.ones(len(names), bool)
    detected[-1] = False
    return {
        "blendshapes": values,
        "detected": detected,
        "detected_low": np.ones(len(names), bool),
        "names": np.array(BLENDSHAPES),
        "name": names,
    }


def mesh_arrays(
    names: np.ndarray,
    scores: dict[str, Any] | None = None,
    lip_gap: Any = 0.0,
    brow_height: Any = 0.5,
    pose_deg: Any = 0.0,
) -> dict[str, Any]:
    """What a face mesh saw of pictures of 48 px; eyes are 20 px apart.

    `scores`: blendshapes by name, all others are 0; `lip_gap` and `brow_height` are in distances of
    the eyes. Each is a number or one per face.
    """
    count = len(names)
    blendshapes = np.zeros((count, len(BLENDSHAPES)), np.float32)
    for name, value in (scores or {}).items():
        blendshapes[:, BLENDSHAPES.index(name)] = value
    mesh = np.random.default_rng(2).uniform(8, 40, (count, 478, 3)).astype(np.float32)
    corners = {33: 10, 133: 18, 362: 30, 263: 38}  # the person's right eye, then the left
    for vertex, x in corners.items():
        mesh[:, vertex, :2] = x, 20
    for upper, lower, x in ((13, 14, 24), (82, 87, 21), (312, 317, 27)):
        mesh[:, upper, :2] = x, 34
        mesh[:, lower, 0], mesh[:, lower, 1] = x, 34 + 20 * np.asarray(lip_gap)
    for brow, x in ((55, 18), (285, 30)):
        mesh[:, brow, 0], mesh[:, brow, 1] = x, 20 - 20 * np.asarray(brow_height)
    return {
        "mesh": mesh,
        "blendshapes": blendshapes,
        "names": np.array(BLENDSHAPES),
        "pose_deg": np.zeros((count, 3), np.float32) + np.asarray(pose_deg, np.float32),
        "detected": np.ones(count, bool),
        "name": names,
    }


def write_npz(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez_compressed(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def write_ferplus(folder: Path, **changes: Any) -> Path:
    """``ferplus_trainval.npz``; an array given as None is left out."""
    return write_npz(folder / "ferplus_trainval.npz", ferplus_arrays() | changes)


def muxspace_rows(count: int = 6) -> list[dict[str, str]]:
    labels = ["happiness", "neutral", "contempt", "surprise", "anger", "Happy"]
    points = [62, 70, 98, 70, 80, 92, 66, 108, 94, 108]  # a plausible face in 160 x 160
    rows = []
    for i in range(count):
        row = dict.fromkeys(MUXSPACE_COLUMNS, "0")
        row |= {"file": f"face_{i:03d}.jpg", "label": labels[i % len(labels)]}
        row |= {"person": f"person {i // 2}", "source_name": f"p{i}.jpg", "score": "0.99"}
        keys = [f"l{axis}{k}" for k in range(5) for axis in "xy"]
        row |= {key: f"{value + i / 10:.1f}" for key, value in zip(keys, points, strict=True)}
        rows.append(row)
    return rows


def jpeg(seed: int, height: int = 160, width: int = 160) -> bytes:
    grey = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3))
    image = np.kron(grey, np.ones((8, 8, 1))).astype(np.uint8)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def table_text(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else list(MUXSPACE_COLUMNS))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_muxspace(
    folder: Path,
    rows: list[dict[str, str]] | None = None,
    members: dict[str, bytes] | None = None,
    table: str = "beside",
) -> Path:
    """``muxspace_faces.zip`` and its csv: ``"beside"`` it, ``"inside"``, or ``"none"``."""
    rows = muxspace_rows() if rows is None else rows
    if members is None:
        members = {f"faces/{row['file']}": jpeg(i) for i, row in enumerate(rows)}
    path = folder / "muxspace_faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        if table == "inside":
            archive.writestr("faces/muxspace_faces.csv", "\ufeff" + table_text(rows))
    if table == "beside":
        path.with_suffix(".csv").write_text(table_text(rows), encoding="utf-8")
    return path
