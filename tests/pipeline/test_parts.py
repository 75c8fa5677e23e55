"""A long video in parts: going on from any of them is as if nothing had ended, faces stay."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from face_doubles import FullAffect, MeanAffect, double_analyzer, make_face, texture
from mien.output.schema import to_table
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.parts import FaceNumbers, PartStore, Relay
from mien.pipeline.rows import Pending
from mien.types import Face, Frame, ImageArray
from mien.video.writer import VideoWriter

FPS, SECONDS = 10, 13
SIZE = (72, 128)


class Painted:
    """Finds the two squares that the clip has painted, wherever in time it is asked."""

    def detect(self, image: ImageArray) -> list[Face]:
        found = []
        for channel in (0, 2):  # red walks, blue stands
            rows, columns = np.nonzero(image[..., channel].astype(int) - image[..., 1] > 90)
            if len(rows) > 100:
                found.append(make_face(float(columns.min()), float(rows.min()), 20.0))
        return found

    def describe(self) -> dict[str, Any]:
        return {"role": "detector", "name": "painted"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "clip.mp4"
    grey = texture(3, *SIZE)[..., :1] // 3 + 20  # of all colors the same
    with VideoWriter(path, fps=FPS) as out:
        for k in range(FPS * SECONDS):
            image = np.repeat(grey, 3, axis=2)
            if not 60 <= k < 75:  # the walker is away for 1.5 s, over the end of a part
                image[10:30, k // 4 : k // 4 + 20] = (150 + k % 100, 20, 20)
            if k != 101:
                image[40:60, 90:110] = (20, 20, 250 - k % 90)
            out.write(image, k / FPS)
    return path


def analyzer(affect: MeanAffect, threads: int = 1, **others: Any) -> Analyzer:
    made = double_analyzer(lambda _: [], affect, part_s=3.1, **others)
    made.detector = Painted()
    made._threads = threads
    return made


def found(made: Analyzer, clip: Path, store: PartStore | None) -> tuple[list[Any], Any, list[Any]]:
    with made.open(clip, store=store) as analysis:
        tables = [to_table(rows).to_pydict() for rows in analysis.rows()]
    summary = analysis.summary()
    faces = [
        (f.thumbnails, f.mean, f.timeline.values, f.reactions, [*map(asdict, f.reaction_windows)])
        for f in summary.faces
    ]
    return tables, summary.document, faces


@pytest.mark.parametrize(
    ("affect", "threads", "others"),
    [
        (MeanAffect, 3, {"batch": 3}),
        (FullAffect, 1, {}),
        (FullAffect, 3, {"faces": "largest", "prior": "balanced"}),
    ],
)
def test_going_on_from_any_part_is_as_if_nothing_had_ended(
    clip: Path, tmp_path: Path, affect: type[MeanAffect], threads: int, others: dict[str, Any]
) -> None:
    made = analyzer(affect(), threads, **others)
    whole = found(made, clip, None)
    np.testing.assert_equal(found(made, clip, PartStore(tmp_path / "a")), whole)
    files = sorted((tmp_path / "a").iterdir())
    assert [file.name for file in files] == [f"{k}.arrow" for k in range(5)]
    for count in (1, 3, 5):
        begun = tmp_path / f"with {count}"
        begun.mkdir()
        for file in files[:count]:
            shutil.copy(file, begun)
        before = sum(made.affect.batches)
        np.testing.assert_equal(found(made, clip, PartStore(begun)), whole)
        assert sorted(file.read_bytes() for file in begun.iterdir()) == sorted(
            file.read_bytes() for file in files
        )
    assert sum(made.affect.batches) == before  # all parts were there


def test_faces_keep_their_numbers_from_part_to_part(clip: Path) -> None:
    tables, document, _ = found(analyzer(MeanAffect()), clip, None)
    assert [face["face_id"] for face in document["faces"]] == [0, 1]
    assert [face["usable_frames"] for face in document["faces"]] == [130 - 15, 130 - 1]
    ids = [i for table in tables for i in table["face_id"]]
    x = [x for table in tables for x in table["box_x"]]
    assert {number for number, left in zip(ids, x, strict=True) if left > 85} == {1}


def test_a_damaged_part_and_what_follows_are_read_again(clip: Path, tmp_path: Path) -> None:
    made, store = analyzer(FullAffect()), PartStore(tmp_path / "a")
    whole = found(made, clip, store)
    for damage in (b"", store.path(2).read_bytes()[:-200]):
        store.path(2).write_bytes(damage)
        assert store.finished() == [0, 1]
        np.testing.assert_equal(found(made, clip, store), whole)
        assert store.finished() == [0, 1, 2, 3, 4]
    store.path(0).unlink()
    assert store.finished() == []
    store.remove()
    assert not store.folder.exists() and store.finished() == []


def test_what_ends_early_leaves_whole_parts_only(clip: Path, tmp_path: Path) -> None:
    made, store = analyzer(MeanAffect()), PartStore(tmp_path / "a")
    with made.open(clip, store=store) as analysis:
        for rows in analysis.rows():
            if rows[-1].timestamp_s > 7:
                break
    assert [file.name for file in sorted(store.folder.iterdir())] == ["0.arrow", "1.arrow"]


def test_a_short_video_is_not_written_down(clip: Path, tmp_path: Path) -> None:
    made = double_analyzer(lambda _: [])
    found(made, clip, PartStore(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_sparse_frames_keep_their_faces() -> None:
    """Frames of a slow camera lie farther apart than parts overlap."""
    numbers = FaceNumbers()
    for k in range(8):
        numbers_of_part = {0: 1, 1: 0} if k % 2 else {0: 0, 1: 1}
        faces = [make_face(10 + 60 * numbers_of_part[own], 10) for own in (0, 1)]
        item = Pending(k, 200.0 * k, [0, 1], faces)
        numbers.begin([item])
        numbers.see(item, overlaps=False)
        places = [numbers.of(own) for own in (0, 1)]
        assert places == ([1, 0] if k % 2 else [0, 1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 40), min_size=1, max_size=40).map(sorted),
    st.floats(0.5, 20),
    st.floats(0, 25),
    st.integers(0, 40),
)
def test_a_run_that_goes_on_has_the_steps_of_one_that_was_not_killed(
    times_s: list[float], part_s: float, warm_s: float, killed: int
) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    frames = [Frame(k, time_s, image) for k, time_s in enumerate(times_s)]

    class Numbered:
        def __init__(self, part: int) -> None:
            self.part = part

    def steps(done: int | None) -> list[tuple[int, int | None, int | None]]:
        relay = Relay(Numbered, part_s, warm_s, done)  # type: ignore[arg-type]
        return [
            (step.frame.index, step.now and step.now.part, step.soon and step.soon.part)
            for step in relay.steps(frames)
        ]

    whole = steps(None)
    parts = sorted({now for _, now, _ in whole if now is not None})
    assert parts == sorted({int(time_s // part_s) for time_s in times_s})
    done = parts[min(killed, len(parts) - 1)]
    for step, (index, now, soon) in zip(steps(done), whole, strict=True):
        assert step == (
            index,
            None if now is not None and now <= done else now,
            soon if soon is not None and soon > done else None,
        )


@pytest.mark.parametrize("threads", [1, 3])
def test_parts_that_are_read_by_others_make_the_same_result(
    clip: Path, tmp_path: Path, threads: int
) -> None:
    made, whole = analyzer(FullAffect(), threads), PartStore(tmp_path / "whole")
    expected = found(made, clip, whole)
    store = PartStore(tmp_path / "store")
    for part in (3, 1, 2, 0):  # in any order; the last one reads on to the end
        with made.open(clip, store=store) as analysis:
            analysis.read_parts(part, part, to_end=part == 3)
    assert store.finished() == [0, 1, 2, 3, 4]
    for file in whole.folder.iterdir():
        assert (store.folder / file.name).read_bytes() == file.read_bytes()
    before = len(made.affect.batches)
    np.testing.assert_equal(found(made, clip, store), expected)
    assert len(made.affect.batches) == before  # nothing is read any more
