"""What the tests of the server share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fault_detector import install

    return install(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import tiny_affect

    return tiny_affect(tmp_path_factory.mktemp("models") / "a.onnx")


@pytest.fixture
def settings(faults: Path, model: Path, tmp_path: Path, monkeypatch) -> Any:
    from mien.pipeline.options import AnalysisOptions
    from mien.serve.settings import Settings

    monkeypatch.syspath_prepend(str(faults))
    options = AnalysisOptions(affect_model=model, detector="faults", threads=1)
    return Settings(tmp_path / "data", options=options)
