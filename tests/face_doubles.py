"""Stand-ins for detector, models and reader, so that the pipeline is tested by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mien.faces.align import TEMPLATE
from mien.labels import ACTION_UNIT_COLUMNS, AFFECT_COLUMNS, EXPRESSION_SLICE, PAPERS_LABELS
from mien.pipeline.analyzer import Analysis, Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import FrameRow
from mien.types import (
    Face,
    FaceEstimates,
    FloatArray,
    Frame,
    ImageArray,
    SourceInfo,
    Summary,
    no_details,
)

CHANNELS = len(AFFECT_COLUMNS)


def make_face(x: float, y: float, size: float = 40.0, score: float = 0.99) -> Face:
    """A frontal face whose box has its upper left corner at (x, y)."""
    landmarks = (TEMPLATE / 112 * size + (x, y)).astype(np.float32)
    return Face(score, np.array([x, y, size, size], np.float32), landmarks)


class ScriptedDetector:
    """Gives the faces of a script: a function of the number of the call."""

    def __init__(self, script: Callable[[int], Sequence[Face]]) -> None:
        self.script = script
        self.calls = 0

    def detect(self, image: ImageArray) -> list[Face]:
        faces = list(self.script(self.calls))
        self.calls += 1
        return faces

    def describe(self) -> dict[str, Any]:
        return {"role": "detector", "name": "script"}


class MeanAffect:
    """Affect that can be checked: channel c is mean grey / 255 * (c + 1) / 26.

    Crops that are nearly white give NaN.
    """

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.au_decisions = np.linspace(0.1, 0.9, len(ACTION_UNIT_COLUMNS))
        self.metadata: dict[str, Any] = {"name": "mean"}
        self.trust: dict[str, dict[str, Any]] = {}

    labels = PAPERS_LABELS
    details: tuple[str, ...] = ()
    reads_luma = False
    priors: dict[str, tuple[float, ...]] | None = None
    quality_level: float | None = None

    def estimate(self, crops: ImageArray) -> FaceEstimates:
        return FaceEstimates(self.predict(crops), no_details(len(crops)))

    def predict(self, crops: ImageArray) -> FloatArray:
        self.batches.append(len(crops))
        mean = crops.reshape(len(crops), -1).mean(axis=1) / 255
        affect = mean[:, None] * np.arange(1, CHANNELS + 1) / CHANNELS
        affect[mean > 0.95] = np.nan
        return affect.astype(np.float32)

    def describe(self) -> dict[str, Any]:
        levels = dict(zip(ACTION_UNIT_COLUMNS, self.au_decisions.tolist(), strict=True))
        return {"role": "affect", "name": "mean", "au_decisions": levels}


class FullAffect(MeanAffect):
    """Says all there is: quality is mean grey / 255, intensities are five times that.

    Pose, openness and gaze are constants, landmarks are corners of the crop. The expressions are
    shares that sum to 1.
    """

    details = ("quality", "pose", "eye_open", "gaze", "au_intensity", "landmarks")
    quality_level = 0.3
    shares = np.float32([0.3, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1])
    corners = np.float32([[0, 0], [111, 0], [111, 111], [0, 111]])

    def __init__(self) -> None:
        super().__init__()
        self.priors = {"default": (0.4, *(0.1,) * 6), "everyday": (0.7, *(0.05,) * 6)}
        self.trust = {
            "expr_fear": {"mark": "measured", "figure": "0.8"},
            "pose": {"mark": "synthetic", "figure": "2 degrees"},
            "au12": {"mark": "teacher", "figure": None},
        }

    def estimate(self, crops: ImageArray) -> FaceEstimates:
        affect = self.predict(crops)
        affect[:, EXPRESSION_SLICE] = self.shares
        details = no_details(len(crops))
        details.quality[:] = crops.reshape(len(crops), -1).mean(axis=1) / 255
        details.au_intensity[:] = 5 * details.quality[:, None]
        details.pose_deg[:] = (10, -5, 3)
        details.eye_open[:] = (0.8, 0.6)
        details.gaze_deg[:] = (4, -6)
        details.landmarks[:] = np.resize(self.corners, (26, 2))
        return FaceEstimates(affect, details)


class MeanReactions:
    """Reactions that are the mean of two channels."""

    reactions = ("first", "last")

    def __init__(self, positions: int = 480, fps: float = 25.0) -> None:
        self.positions, self.fps = positions, fps
        self.metadata: dict[str, Any] = {}
        self.lengths: list[int] = []

    def predict(self, affect: FloatArray) -> FloatArray:
        assert affect.dtype == np.float32
        assert 1 <= len(affect) <= self.positions
        self.lengths.append(len(affect))
        return affect.mean(axis=0)[[0, -1]]

    def describe(self) -> dict[str, Any]:
        return {"role": "reactions", "name": "mean", "caveat": "a stand-in"}


def double_analyzer(
    script: Callable[[int], Sequence[Face]],
    affect: Any = None,
    reactions: Any = None,
    **settings: Any,
) -> Analyzer:
    """An analyzer that loads no models."""
    analyzer = Analyzer.__new__(Analyzer)
    analyzer.options = AnalysisOptions(**settings)
    analyzer.detector = ScriptedDetector(script)
    analyzer.affect = affect or MeanAffect()
    analyzer.reactions = reactions or MeanReactions()
    analyzer.mran = None
    analyzer._threads, analyzer.device = 1, "cpu"
    return analyzer


class MadeReader:
    """A reader of frames that are made on the way; nothing is decoded."""

    def __init__(
        self, times_s: Sequence[float], picture: Callable[[int], ImageArray], fps: float | None = 25
    ) -> None:
        self._times_s, self._picture = times_s, picture
        self.info = SourceInfo("made", 64, 48, fps, None, None, 0, "made", False)
        self.warnings: list[str] = []
        self.decoded_frames = 0
        self.variable_frame_rate = False
        self.duration_s = 0.0

    def __iter__(self) -> Iterator[Frame]:
        for index, time_s in enumerate(self._times_s):
            self.decoded_frames += 1
            yield Frame(index, time_s, self._picture(index))

    def close(self) -> None:
        pass


def run_made(
    analyzer: Analyzer,
    times_s: Sequence[float],
    picture: Callable[[int], ImageArray] = lambda index: texture(1),
    fps: float | None = 25,
) -> tuple[list[FrameRow], Summary]:
    reader: Any = MadeReader(times_s, picture, fps)
    with Analysis(analyzer, reader, "made") as analysis:
        rows = [row for batch in analysis.rows() for row in batch]
        return rows, analysis.summary()


def texture(seed: int, height: int = 72, width: int = 128, low: int = 0) -> ImageArray:
    """A blocky random picture; different seeds are different scenes."""
    coarse = np.random.default_rng(seed).integers(low, 256, (height // 12, width // 16, 3))
    return np.kron(coarse, np.ones((12, 16, 1))).astype(np.uint8)
