"""Settings of an analysis by name, for type checkers: ``mien.analyze(path, faces="largest")``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict


class FrameSettings(TypedDict, total=False):
    """What `mien.analyze_frames` takes by name; `mien.AnalysisOptions` says what each means.

    A model may be a text here, which becomes a path.
    """

    faces: Literal["all", "largest"]
    gaps: Literal["skip", "interpolate"]
    min_score: float
    min_face_px: float
    detect_side_px: int
    max_lost_s: float
    min_reaction_s: float
    steady: bool
    batch: int
    threads: int
    extractor: Literal["default", "clean"]
    affect_model: str | Path | None
    reaction_model: str | Path | None
    reactions: bool
    simulated_reactions: bool
    mran: bool
    mran_model: str | Path | None
    attention: bool
    min_quality: float | None
    prior: str | Path
    columns: Literal["v1", "v2"]
    detector: str
    detect: Literal["auto", "every"]
    stream: int | None
    max_pixels: int
    precise: bool
    device: Literal["auto", "cpu", "cuda", "coreml", "directml"]
    start_s: float | None
    end_s: float | None
    every: int
    crops: bool
    part_s: float


class Settings(FrameSettings, total=False):
    """What `mien.analyze` takes by name: those of frames, and which of a file's frames are read."""

    fps: float | None
