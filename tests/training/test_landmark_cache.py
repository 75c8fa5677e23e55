from dataclasses import replace

import numpy as np
import pytest

from corpus_builder import write_ferplus
from mien.datasets import load_ferplus
from mien.training.extractor import corpora
from mien.training.extractor.corpora import cached_landmarks


@pytest.fixture
def searches(monkeypatch):
    """How often landmarks are looked for; nothing real is looked at."""
    asked = []

    def found(images, detector, progress=None):
        asked.append(len(images))
        return np.full((len(images), 5, 2), float(len(asked)), np.float32)

    monkeypatch.setattr(corpora, "find_landmarks", found)
    monkeypatch.setattr(corpora, "RetinaFaceDetector", lambda **settings: None)
    return asked


def test_landmarks_are_kept_for_the_same_pictures_whatever_their_labels(tmp_path, searches):
    faces = load_ferplus(write_ferplus(tmp_path), None)
    file = tmp_path / "cache" / "landmarks.npz"
    first = cached_landmarks(faces, file)
    relabelled = replace(faces, action_units=np.zeros_like(faces.action_units))
    np.testing.assert_array_equal(cached_landmarks(relabelled, file), first)
    assert searches == [len(faces)]
    other = replace(faces, images=255 - faces.images)
    assert (cached_landmarks(other, file) == 2).all() and len(searches) == 2


def test_another_way_of_looking_looks_again(tmp_path, searches, monkeypatch):
    faces = load_ferplus(write_ferplus(tmp_path), None)
    file = tmp_path / "landmarks.npz"
    cached_landmarks(faces, file)
    monkeypatch.setattr(corpora, "LANDMARK_SEARCH", "upside down")
    assert (cached_landmarks(faces, file) == 2).all()
