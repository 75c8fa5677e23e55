"""Measure how the extractor trembles on a resting face and write what the simulator adds.

usage: python recipes/measure_noise.py VIDEO OUT.json
"""

import json
import sys
from pathlib import Path

import numpy as np

import mien
from mien.evaluation.noise import rest_noise
from mien.labels import AFFECT_COLUMNS


def main() -> None:
    video, out = Path(sys.argv[1]), Path(sys.argv[2])
    result = mien.analyze(video, faces="largest", reactions=False)
    seen = result.table.filter(result.table["face_id"].is_valid())
    affect = np.column_stack([seen[name].to_numpy() for name in AFFECT_COLUMNS])
    noise = rest_noise(affect, seen["timestamp_s"].to_numpy())
    document = {
        "source": video.name,
        "model": next(m["name"] for m in result.document["models"] if m["role"] == "affect"),
        "rest_frames": noise.frames,
        "fps": round(noise.fps, 4),
        "deviation": dict(zip(AFFECT_COLUMNS, noise.deviation.round(5).tolist(), strict=True)),
        "correlation": dict(zip(AFFECT_COLUMNS, noise.correlation.round(4).tolist(), strict=True)),
    }
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{noise.frames} resting frames; median deviation {np.median(noise.deviation):.4f}")


if __name__ == "__main__":
    main()
