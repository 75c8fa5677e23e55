"""Whole pictures are looked at once: a bad one costs itself, a killed run goes on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from face_doubles import ScriptedDetector, make_face
from mien.data.formats.annotations import ImageCorpus, annotation_table, read_annotations
from mien.data.prepare import whole_pictures
from mien.data.prepare.whole_pictures import prepare_whole_pictures
from mien.errors import OutputError
from mien.io import only_run

_looked: list[int] = []


def squares() -> ScriptedDetector:
    """Finds a face as large as the picture is bright, none in the dark."""
    made = ScriptedDetector(lambda _: [])

    def detect(image):
        _looked.append(int(image[0, 0, 0]))
        if image[0, 0, 0] == 255:
            raise ValueError("too bright")
        return [make_face(2, 3, float(image[0, 0, 0]))] if image.any() else []

    made.detect = detect  # type: ignore[method-assign]
    return made


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch) -> ImageCorpus:
    monkeypatch.setattr(whole_pictures, "_PART_IMAGES", 2)
    _looked.clear()
    root = tmp_path / "pictures"
    root.mkdir()
    names = [f"{level}.png" for level in (10, 0, 30, 40, 50)]
    for name in names:
        assert cv2.imwrite(str(root / name), np.full((8, 8, 3), int(Path(name).stem), np.uint8))
    table = annotation_table(names, ["train"] * len(names))
    au12 = table.column_names.index("au12")
    table = table.set_column(au12, "au12", pa.array([1.0] * len(names), pa.float32()))
    return ImageCorpus("squares", root, table)


def prepare(corpus: ImageCorpus, out: Path, jobs: int = 1):
    told: list[int] = []
    done = prepare_whole_pictures(corpus, out, jobs, told.append, squares)
    assert sum(told) == len(corpus)
    table = read_annotations(out).table
    return done, table.column("image").to_pylist(), table.column("box_w").to_pylist()


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_that_cannot_be_read_costs_itself(
    corpus: ImageCorpus, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    (corpus.root / "30.png").write_bytes(b"no picture")
    done, images, widths = prepare(corpus, out, jobs)
    assert done.failed == (f"{corpus.root / '30.png'}: is not a readable image",)
    assert images == ["10.png", None, None, "40.png", "50.png"]
    assert [widths[0], widths[3], widths[4]] == [10, 40, 50]
    assert done.corpus.notes == (
        "in 1 images no face is found; they are left out",
        "1 images cannot be read; they are left out",
    )
    cv2.imwrite(str(corpus.root / "30.png"), np.full((8, 8, 3), 30, np.uint8))
    _looked.clear()
    done, images, _ = prepare(corpus, out)
    assert images == ["10.png", None, "30.png", "40.png", "50.png"] and not done.failed
    assert _looked == [30, 40]  # the two of its part
    assert {path.name for path in out.iterdir()} == {
        *("annotations.parquet", "dataset.json", ".prepare.json"),
    }


def test_an_error_that_nobody_foresaw_costs_the_image(corpus: ImageCorpus, tmp_path: Path) -> None:
    cv2.imwrite(str(corpus.root / "40.png"), np.full((8, 8, 3), 255, np.uint8))
    done, images, _ = prepare(corpus, tmp_path / "out")
    assert done.failed == (f"{corpus.root / '40.png'}: ValueError: too bright",)
    assert images == ["10.png", None, "30.png", None, "50.png"]


def test_what_was_looked_at_is_not_looked_at_again(
    corpus: ImageCorpus, tmp_path: Path, monkeypatch
) -> None:
    out, detect = tmp_path / "out", squares

    class Killed(BaseException):
        pass

    def until_killed() -> ScriptedDetector:
        made = detect()
        look = made.detect

        def stop(image):
            if image[0, 0, 0] == 50:
                raise Killed
            return look(image)

        made.detect = stop  # type: ignore[method-assign]
        return made

    with pytest.raises(Killed):
        prepare_whole_pictures(corpus, out, 1, None, until_killed)
    _looked.clear()
    prepare(corpus, out)
    assert _looked == [50]


def test_two_runs_into_one_folder_are_one_too_many(corpus: ImageCorpus, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with only_run(out), pytest.raises(OutputError, match="another run of mien writes into it"):
        prepare(corpus, out)
