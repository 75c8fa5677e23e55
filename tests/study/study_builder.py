"""Result folders with known numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

UNITS = ("au06", "au12")


def write_results(
    root: Path,
    name: str,
    au12: np.ndarray,
    fps: float = 10.0,
    face: int = 0,
    version: str = "0.1.0",
    schema: int = 2,
    **columns: np.ndarray,
) -> Path:
    """One face whose AU12 has these probabilities."""
    count = len(au12)
    frames = pd.DataFrame(
        {
            "frame": np.arange(count),
            "timestamp_s": np.arange(count) / fps,
            "face_id": pd.array([face] * count, "Int32"),
            "valence": np.linspace(-0.5, 0.5, count),
            "arousal": np.zeros(count),
            "expr_neutral": 1 - au12,
            "expr_happiness": au12,
            "au06": au12 / 2,
            "au12": au12,
        }
    )
    if schema == 2:
        frames["quality"] = 0.9
    for column, values in columns.items():
        frames[column] = values
    document = {
        "schema_version": schema,
        "mien_version": version,
        "source": {"nominal_fps": fps},
        "settings": {"steady": True},
        "models": [
            {"role": "affect", "name": "toy", "version": "1", "au_decisions": {"au12": 0.6}}
        ],
    }
    if schema == 2:
        document |= {"min_quality": 0.5, "prior": {"name": "default"}}
        document["channels"] = {"au12": {"mark": "measured", "figure": "F1 0.9"}}
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "video.json").write_text(json.dumps(document))
    frames.to_parquet(folder / "frames.parquet")
    return folder
