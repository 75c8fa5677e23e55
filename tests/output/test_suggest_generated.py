"""Suggestions on generated people: nobody is merged with somebody else."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

import mien
from mien.output.people.file import People, default_people
from mien.output.people.likeness import apply_sure, suggest_merges
from mien.types import ImageArray
from mien.video import write_video

pytestmark = pytest.mark.slow
PEOPLE, FRAMES = 15, 8


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[list[ImageArray]]:
    """A clip of each person: even light, 10 frames per second."""
    for name in ("anny", "embreex"):
        pytest.importorskip(name, reason="needs the extra `synthetic`", exc_type=ImportError)
    from mien.synthetic.faces.generation import synthesize_videos

    root = tmp_path_factory.mktemp("generated")
    settings = {"fps": 10.0, "size_px": 160, "modalities": ("color",), "light": "even"}
    synthesize_videos(
        root / "set", PEOPLE, FRAMES / 10, 77, **settings, videos_per_person=1, jobs=2
    )
    return [frames(root / "set" / "clips" / f"{k:06d}" / "color.mp4") for k in range(PEOPLE)]


def frames(path: Path) -> list[ImageArray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def suggested(pictures: list[ImageArray], path: Path) -> tuple[int, People]:
    """Faces that were found, and persons after what is sure was merged."""
    write_video(path, iter(pictures), fps=10)
    result = mien.analyze(path)
    people = default_people(face.face_id for face in result.summaries)
    found = suggest_merges(result.table, result.document, people, path)
    return len(result.summaries), apply_sure(people, result.table, found)


@pytest.mark.parametrize("k", range(5))
def test_three_people_stay_three(scenes: list[list[ImageArray]], tmp_path: Path, k: int) -> None:
    """Side by side, or one after the other; a merge across would join two people."""
    trio = [scenes[person] for person in (3 * k, 3 * k + 1, 3 * k + 2)]
    if k % 2:
        pictures = [frame for clip in trio for frame in clip]
    else:
        pictures = [np.hstack(row) for row in zip(*trio, strict=True)]
    faces, people = suggested(pictures, tmp_path / "clip.mp4")
    assert faces >= 3
    assert len(people.persons) == faces  # nobody was merged: each is seen once


def test_two_people_four_cuts_and_a_gap_are_two(
    scenes: list[list[ImageArray]], tmp_path: Path
) -> None:
    a, b = scenes[0], scenes[1]
    gap = [np.full_like(a[0], 90)] * 25
    cut = FRAMES // 3
    pictures = a[:cut] + b[:cut] + a[cut : 2 * cut] + b[cut : 2 * cut] + gap + a[2 * cut :]
    faces, people = suggested(pictures, tmp_path / "clip.mp4")
    assert faces > 2 and len(people.persons) == 2
