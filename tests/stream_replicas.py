"""Tiny corpora with traces in the exact layouts of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.types import ImageArray
from mien.video import VideoWriter

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
TICK = Fraction(1, 1000)


def write_color(
    path: Path, count: int, fps: float = 25.0, times_s: Sequence[float] | None = None
) -> Path:
    """Lossless video of 64 x 48 whose red channel is 10 + 5 x the frame's number."""
    stamps = [k / fps for k in range(count)] if times_s is None else times_s
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "ffv1" if path.suffix in (".mkv", ".avi") else "h264-lossless"
    with VideoWriter(path, codec=codec, fps=fps, time_base=TICK) as writer:
        for k in range(count):
            image = np.full((48, 64, 3), 90, np.uint8)
            image[..., 0] = 10 + 5 * k
            image[:, ::8, 1] = 200
            writer.write(image, stamps[k])
    return path


def write_pictures(
    path: Path, images: Iterable[np.ndarray], fps: float = 25.0, times_s: Sequence[float] = ()
) -> Path:
    """Lossless video of uint16 (h, w) or uint8 (h, w, 3) pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = list(images)
    codec = "ffv1-gray16" if listed[0].ndim == 2 else "ffv1"
    with VideoWriter(path, codec=codec, fps=fps, time_base=TICK) as writer:
        for k, image in enumerate(listed):
            writer.write(image, times_s[k] if len(times_s) else k / fps)
    return path


def write_grey8(path: Path, images: Iterable[ImageArray], kind: str = "gray") -> Path:
    """Lossless video of uint8 (h, w) pictures, 25 fps."""
    listed = list(images)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.pix_fmt, stream.width, stream.height = kind, listed[0].shape[1], listed[0].shape[0]
        for k, image in enumerate(listed):
            frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format=kind)
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def rater_table(ratings: np.ndarray, rate_hz: float = 25.0) -> str:
    """A file of RECOLA: ratings (samples, 6); names in the header carry spaces."""
    lines = ["time;" + ";".join(f"{name} " for name in RATERS)]
    lines += [
        ";".join([f"{k / rate_hz:.2f}", *(f"{value:.4f}" for value in row)])
        for k, row in enumerate(ratings)
    ]
    return "\n".join(lines) + "\n"


def recola_ratings(dimension: str, samples: int = 26) -> np.ndarray:
    """Six raters (samples, 6) who see the same ramp from elsewhere."""
    ramp = np.linspace(-0.4, 0.4, samples) * (1 if dimension == "valence" else -1)
    return ramp[:, None] + np.array([-0.2, -0.1, 0.0, 0.0, 0.1, 0.2])


def write_recola(root: Path, names: Sequence[str] = ("P16", "P17"), frames: int = 20) -> Path:
    for name in names:
        for dimension in ("arousal", "valence"):
            folder = root / "RECOLA-Annotation" / "emotional_behaviour" / dimension
            folder.mkdir(parents=True, exist_ok=True)
            text = rater_table(recola_ratings(dimension))
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        write_color(root / "RECOLA-Video-recordings" / f"{name}.mp4", frames)
    return root


def arff(name: str, values: Sequence[float], rate_hz: float = 25.0) -> str:
    head = (
        "@relation GoldStandard\n\n@attribute Instance_name string\n@attribute frameTime numeric\n"
        "@attribute GoldStandard numeric\n\n@data\n"
    )
    rows = [f"'{name}',{k / rate_hz:.2f},{value:.6f}" for k, value in enumerate(values)]
    return head + "\n".join(rows) + "\n"


def write_recola_gold(root: Path, names: Sequence[str] = ("train_1", "dev_1")) -> Path:
    for name in names:
        for dimension, sign in (("arousal", -1), ("valence", 1)):
            folder = root / "ratings_gold_standard" / dimension
            folder.mkdir(parents=True, exist_ok=True)
            values = sign * np.linspace(-0.5, 0.5, 26)
            (folder / f"{name}.arff").write_text(arff(name, values), encoding="utf-8")
        write_color(root / "recordings_video" / f"{name}.mp4", 20)
    return root


def write_sewa(root: Path, names: Sequence[str] = ("Train_DE_01", "Devel_DE_02")) -> Path:
    (root / "labels").mkdir(parents=True, exist_ok=True)
    for name in names:
        rows = [f"{k / 10:.1f};{0.1 * k - 0.4:.2f};{0.4 - 0.1 * k:.2f};0" for k in range(9)]
        text = "\n".join(["time;arousal;valence;liking", *rows]) + "\n"
        (root / "labels" / f"{name}.csv").write_text(text, encoding="utf-8")
        write_color(root / "videos" / f"{name}.avi", 40, fps=50)
    return root


def write_sewa_avec(root: Path, names: Sequence[str] = ("Train_DE_01", "Devel_DE_02")) -> Path:
    """AVEC 2018: no header; name in quotes, time, arousal, valence, liking."""
    write_sewa(root, names)
    for name in names:
        rows = [
            f"'{name}';{k / 10:.1f};{0.1 * k - 0.4:.4f};{0.4 - 0.1 * k:.4f};0.5" for k in range(9)
        ]
        (root / "labels" / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def afew_document(frames: int, actor: str | None = "Somebody") -> dict[str, Any]:
    entries = {
        f"{k:05d}": {"landmarks": [[1.0, 2.0]] * 68, "valence": float(-k), "arousal": 2.0 * k}
        for k in range(frames)
    }
    document: dict[str, Any] = {"video_id": "001", "frames": entries}
    return {**document, "actor": actor} if actor else document


def write_afew(root: Path, names: Sequence[str] = ("001", "002"), frames: int = 5) -> Path:
    for number, name in enumerate(names):
        folder = root / f"{number // 50 + 1:02d}" / name
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(frames):
            image = np.full((48, 64, 3), (90, 90, 10 + 5 * k), np.uint8)  # BGR: red as above
            cv2.imwrite(str(folder / f"{k:05d}.png"), image)
        text = json.dumps(afew_document(frames, "Somebody" if number == 0 else None))
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return root


def annotation(times_s: Iterable[float], start: float = -0.5, step: float = 0.05) -> str:
    rows = [
        f"{t:.3f},{start + k * step:.3f},{-start - k * step:.3f}" for k, t in enumerate(times_s)
    ]
    return "\n".join(["time_s,arousal,valence", *rows]) + "\n"


def write_mavfer(root: Path, names: Sequence[str] = ("a", "b"), frames: int = 6) -> Path:
    """Depth is 500 + frame in mm, thermal 30000 + frame in hundredths of a kelvin."""
    for name in names:
        clip = root / name
        write_color(clip / "color.mkv", frames)
        depth = [np.full((48, 64), 500 + k, np.uint16) for k in range(frames)]
        thermal = [np.full((48, 64), 30_000 + k, np.uint16) for k in range(frames)]
        write_pictures(clip / "depth.mkv", depth)
        write_pictures(clip / "thermal.mkv", thermal)
        text = annotation(k / 25 for k in range(frames))
        (clip / "annotation.csv").write_text(text, encoding="utf-8")
    return root
