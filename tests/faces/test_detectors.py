"""Detectors from outside the package."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from face_doubles import make_face
from mien import AnalysisOptions, Analyzer, registry
from mien.cli import cli
from mien.demo import sample_image
from mien.errors import ConfigError
from mien.faces.detectors import DETECTORS, make_detector, register_detector
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.types import Face, ImageArray
from mien.video import write_video


class OneFace:
    """Sees the same face in every picture, 40 px between the eyes."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def detect(self, image: ImageArray) -> list[Face]:
        return [make_face(60, 40, 80)]

    def describe(self) -> dict[str, Any]:
        return {"role": "detector", "name": "one face"}


@pytest.fixture
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    DETECTORS.names()  # mien's own are there before the copy
    own = {k: v for k, v in DETECTORS._things.items() if v.__module__.startswith("mien.")}
    monkeypatch.setattr(DETECTORS, "_things", own)  # without those of tests that ran before


def advertise(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """As if a package with this entry point were installed."""
    point = EntryPoint("toy", value, "mien.detectors")
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point] * (group == "mien.detectors")
    )


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_detector_is_analysed_with(tmp_path: Path) -> None:
    register_detector("toy")(OneFace)
    clip = tmp_path / "clip.mp4"
    write_video(clip, [sample_image()[:240, :320]] * 4, fps=10)
    words = ["analyze", str(clip), "--out", str(tmp_path / "out"), "--detector", "toy", "--quiet"]
    done = CliRunner().invoke(cli, [*words, "--min-score", "0.5"])
    assert done.exit_code == 0, done.output
    frames = pq.read_table(tmp_path / "out" / "clip" / "frames.parquet")
    np.testing.assert_allclose(frames.column("box_x").to_numpy(), 60)
    detector = Analyzer(AnalysisOptions(detector="toy", min_score=0.5, threads=1)).detector
    assert isinstance(detector, OneFace)
    expected = {"max_side_px": 640, "score_threshold": 0.5, "min_face_px": 20.0, "threads": 1}
    assert detector.settings == expected


@pytest.mark.usefixtures("clean_registry")
def test_another_package_adds_one_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("somebodys_package")
    module.OneFace = OneFace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys_package", module)
    advertise(monkeypatch, "somebodys_package:OneFace")
    assert DETECTORS.names() == ["retinaface", "toy"]
    assert isinstance(make_detector("toy"), OneFace)
    assert isinstance(make_detector(), RetinaFaceDetector)


@pytest.mark.usefixtures("clean_registry")
def test_what_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    advertise(monkeypatch, "no_such_package:Nothing")
    with pytest.raises(ConfigError, match=r"detector 'toy' of no_such_package:Nothing: cannot be"):
        make_detector("toy")


@pytest.mark.usefixtures("clean_registry")
def test_an_unknown_name_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no detector named 'eye'; there are retinaface"):
        make_detector("eye")
    words = ["analyze", "x.mp4", "--out", str(tmp_path), "--detector", "eye"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1 and isinstance(done.exception, ConfigError)


@pytest.mark.usefixtures("clean_registry")
def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="a detector named 'retinaface' already"):
        register_detector("retinaface")(OneFace)
