"""Fixtures that several rooms use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# It registers a corpus when it is imported, which collecting its doctests would do.
collect_ignore = ["toy_corpus.py"]
# They have no doctests, and two modules of one name cannot be collected.
collect_ignore += ["conftest.py", "browser/conftest.py", "serve/conftest.py"]
collect_ignore += ["synthetic/faces/conftest.py"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and images; MIEN_SHARED_DATA overrides ``../shared/data``."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MIEN_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip("no shared test data: set MIEN_SHARED_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to import from that has the detector ``faults``."""
    from fault_detector import install

    return install(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small extractor; needs onnx."""
    from tiny_models import tiny_affect

    return tiny_affect(tmp_path_factory.mktemp("models") / "a.onnx")


@pytest.fixture
def unmirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    """No face of a training is mirrored, so that left and right mean what they say."""
    monkeypatch.setattr("mien.training.extractor.augment.MIRRORED_SHARE", 0.0)


@pytest.fixture
def mirrored(unmirrored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the faces are, after all."""
    monkeypatch.setattr("mien.training.extractor.augment.MIRRORED_SHARE", 0.5)
