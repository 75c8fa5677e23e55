"""Small sets of the faces themselves: what the renderer draws is the same wherever it is drawn."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from set_helpers import files

from mien.datasets import load_synthetic
from mien.synthetic.faces.generation import synthesize_images, synthesize_videos

pytest.importorskip("anny", reason="needs the extra `synthetic`", exc_type=ImportError)
pytest.importorskip("embreex", reason="needs the extra `synthetic`", exc_type=ImportError)
pytestmark = pytest.mark.slow


def test_images_are_the_same_in_any_process(tmp_path):
    settings = {"size_px": 48, "images_per_person": 64}
    for jobs in (1, 2):
        synthesize_images(tmp_path / str(jobs), 66, 1, jobs=jobs, **settings)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    faces = load_synthetic(tmp_path / "1")
    assert len(faces) == 66 and faces.images.std(axis=(1, 2)).min() > 1


def test_videos_are_the_same_in_any_process(tmp_path):
    for jobs in (1, 2):
        synthesize_videos(tmp_path / str(jobs), 2, 0.12, 1, size_px=48, jobs=jobs)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert pq.read_table(tmp_path / "1/manifest.parquet")["frames"].to_pylist() == [3, 3]
