"""A small folder of aligned streams in which a bar's place says valence and arousal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.data.formats.streams import (
    StreamRecording,
    finish_streams,
    to_hundredths_of_kelvin,
    to_tenths_of_mm,
    write_recording,
)


def write_replica(
    folder: Path, counts: dict[str, int] | None = None, frames: int = 20, fps: float = 25.0
) -> Path:
    """Recordings of `frames` frames per split; every second one is dark."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:112, :112]
    recordings = []
    for split, count in (counts or {"train": 4, "valid": 2, "test": 2}).items():
        for number in range(count):
            times = np.arange(frames) / fps
            phase = rng.uniform(0, 6, 2)
            affect = 0.8 * np.sin(times[:, None] * 4 + phase).astype(np.float32)  # (n, 2)
            place = 56 + 30 * affect
            bar = np.abs(rows - place[:, 0, None, None]) < 8  # (n, 112, 112)
            bar = bar | (np.abs(columns - place[:, 1, None, None]) < 8)
            light = "dark" if number % 2 else "even"
            gain = 0.1 if light == "dark" else 1.0
            color = rng.integers(0, 8, (frames, 112, 112, 3)) + (bar * 150 * gain)[..., None]
            # Two units say where the bar is, one whether it is dark; nothing is known of the rest.
            units = np.full((frames, 17), np.nan, np.float32)
            units[:, :2], units[:, 2] = (affect + 1) / 2, number % 2
            facts = {"light": light, "skin_tone": float(number)}
            name = f"{split}-{number}"
            write_recording(
                folder,
                name,
                times,
                affect,
                color.astype(np.uint8),
                to_tenths_of_mm((600 - 20 * bar).astype(np.float32)),
                to_hundredths_of_kelvin((33 + bar).astype(np.float32)),
                facts=facts,
                units=units,
            )
            recordings.append(StreamRecording(name, split, name, attributes=facts))
    finish_streams(folder, "replica", fps, ("color", "depth", "thermal"), recordings)
    return folder
