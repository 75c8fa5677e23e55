"""Prepared folders by the name that commands take."""

import json
from pathlib import Path

import numpy as np
import pytest

from mien.data.formats.features import Features
from mien.data.reaction_sets import failed_videos, load_split, splits_of
from mien.errors import DataError
from prepared_sets import PreparedVideo, write_prepared


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    videos = []
    for number, split in enumerate(("train", "train", "valid", "train")):
        affect = rng.random((20 + number, 26)).astype(np.float32)
        times = np.arange(len(affect)) / 25.0
        labels = np.array([0.5, np.nan], np.float32)
        person = None if number == 1 else f"p{number // 3}"
        videos.append(PreparedVideo(f"v{number}", split, labels, Features(times, affect), person))
    return str(write_prepared(tmp_path / "mini", "mini", ("joy", "grief"), videos))


def test_a_split_has_its_own_outputs_names_and_persons(folder):
    assert splits_of(folder) == ("train", "valid")
    data = load_split(folder, "train", 25.0)
    assert data.reactions == ("joy", "grief") and data.ids == ("v0", "v1", "v3")
    assert data.persons == ("p0", "", "p1")
    assert data.lengths.tolist() == [20, 21, 23]
    assert np.isnan(data.labels[:, 1]).all() and (data.labels[:, 0] == 0.5).all()


def test_videos_that_could_not_be_prepared_make_no_split(folder):
    file = Path(folder) / "dataset.json"
    document = json.loads(file.read_text())
    document["failed"] = [{"id": name, "reason": "no face"} for name in ("v1", "v2")]
    file.write_text(json.dumps(document))
    assert splits_of(folder) == ("train",)
    assert failed_videos(folder, "valid") == ["v2"] and failed_videos(folder, "test") == []
    assert failed_videos("simulated", "test") == []


def test_a_split_that_is_not_there_is_named(folder):
    with pytest.raises(DataError, match="no video is in the split 'test'"):
        load_split(folder, "test", 25.0)
