"""What the tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def settings(faults: Path, model: Path, tmp_path: Path, monkeypatch) -> Any:
    from mien.pipeline.options import AnalysisOptions
    from mien.serve.settings import Settings

    monkeypatch.syspath_prepend(str(faults))
    options = AnalysisOptions(affect_model=model, detector="faults", threads=1)
    return Settings(tmp_path / "data", options=options)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces 0 and 1 together, and after a while out of sight face 2."""
    import mien
    from face_doubles import double_analyzer, make_face, texture

    left, right = make_face(4, 10), make_face(80, 12, 36)
    frames = [np.asarray(texture(1), np.uint8)] * 40

    def script(call: int) -> list[Any]:
        return [left, right] if call < 15 else [] if call < 30 else [left]

    analyzer = double_analyzer(script, detect="every", steady=False, max_lost_s=0.2)
    result = mien.analyze_frames(frames, fps=25, name="clip.mp4", analyzer=analyzer)
    return result.save(tmp_path_factory.mktemp("saved") / "clip")


@pytest.fixture
def client(settings: Any, monkeypatch) -> Iterator[Any]:
    """A server that reads nothing."""
    from serving import serving

    from mien.serve.store import Store

    monkeypatch.setattr(Store, "claim", lambda self: None)
    with serving(settings) as found:
        yield found
