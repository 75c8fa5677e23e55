"""Which stream of a file is read, and how large its pictures may be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("onnx")
import mien
from mien.errors import InputError
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.video import VideoReader
from tiny_models import tiny_affect


@pytest.fixture(scope="module")
def two_streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slides of 320 x 240 with 2 frames, a camera of 160 x 120 with 4."""
    path = tmp_path_factory.mktemp("clips") / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in ((320, 240), (160, 120)):
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 25)
            streams.append(stream)
        for stream, count in zip(streams, (2, 4), strict=True):
            for k in range(count):
                image = np.full((stream.height, stream.width, 3), 90, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, "rgb24")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def test_a_stream_is_chosen(two_streams: Path, tmp_path: Path) -> None:
    affect = tiny_affect(tmp_path / "a.onnx")
    usual = mien.analyze(two_streams, affect_model=affect)
    assert usual.document["source"]["width_px"] == 320
    assert not {"stream", "max_pixels"} & set(
        usual.document["settings"]
    )  # as before there were any
    assert "0 is read, --stream chooses another" in usual.warnings[0]
    other = mien.analyze(two_streams, affect_model=affect, stream=1)
    assert other.document["source"]["width_px"] == 160
    assert other.document["source"]["frames"] == 4
    assert other.document["settings"]["stream"] == 1
    folder = other.save(tmp_path / "out", overlay=True)  # which reads the same one again
    with VideoReader(folder / "overlay.mp4") as overlay:
        assert (overlay.info.width_px, sum(1 for _ in overlay)) == (160, 4)
    with pytest.raises(InputError, match="it has no video stream 2; give one of 0 to 1"):
        mien.analyze(two_streams, affect_model=affect, stream=2)


def test_pictures_may_be_limited(two_streams: Path, tmp_path: Path) -> None:
    affect = tiny_affect(tmp_path / "a.onnx")
    analyzer = Analyzer(AnalysisOptions(affect_model=affect, max_pixels=10_000))
    assert analyzer.settings()["max_pixels"] == 10_000
    with pytest.raises(InputError, match=r"two\.mkv: "):
        analyzer.open(two_streams)
