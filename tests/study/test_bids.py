"""Results as a derivative dataset of BIDS: names, tables against the results, sidecars."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mien
from face_doubles import double_analyzer, make_face, texture
from mien.cli import cli
from mien.errors import ConfigError, InputError, OutputError
from mien.study.bids import entities, write_bids
from mien.video import write_video

NAMES = (
    "sub-01_ses-a_task-story_run-1_video.mp4",
    "sub-01_ses-a_task-story_run-2.mp4",
    "pets 3.mp4",
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    base = texture(1).astype(float)
    frames = [(base * (1.0 if k % 20 < 10 else 0.2)).astype(np.uint8) for k in range(40)]
    script = lambda call: [] if call % 40 == 3 else [make_face(4, 10)]  # noqa: E731
    analyzer = double_analyzer(script, detect="every", steady=False)
    for name in NAMES:
        write_video(tmp_path / name, frames, fps=25, codec="h264-lossless")
        mien.analyze(tmp_path / name, analyzer=analyzer).save(tmp_path / "out" / Path(name).stem)
    return tmp_path / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_a_dataset_has_its_parts_and_the_numbers_of_the_results(
    results: Path, tmp_path: Path
) -> None:
    folders = write_bids(results, tmp_path / "bids")
    assert [folder.name for folder in folders] == ["sub-01", "sub-pets3"]
    description = json.loads((tmp_path / "bids" / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"] == [{"Name": "mien", "Version": mien.__version__}]
    people = (tmp_path / "bids" / "participants.tsv").read_text()
    assert people == "participant_id\nsub-01\nsub-pets3\n"
    place = tmp_path / "bids" / "sub-01" / "ses-a" / "beh"
    stem = "sub-01_ses-a_task-story_run-1_desc-mien"
    assert {f"{stem}_{n}" for n in ("beh.tsv", "beh.json", "events.tsv", "events.json")} < {
        path.name for path in place.iterdir()
    }
    table = rows(place / f"{stem}_beh.tsv")
    result = mien.read(results / Path(NAMES[0]).stem)
    assert len(table) == 40
    assert table[3]["face"] == table[3]["valence"] == "n/a"  # nobody is there
    for name in ("valence", "au12", "expr_fear", "box_x"):
        told = [float(row[name]) for row in table if row[name] != "n/a"]
        known = result.table.column(name).to_numpy()
        assert told == pytest.approx(known[np.isfinite(known)], abs=1e-6)
    assert [float(row["onset"]) for row in table] == pytest.approx(
        result.table.column("timestamp_s").to_numpy(), abs=1e-6
    )
    sidecar = json.loads((place / f"{stem}_beh.json").read_text())
    assert {*table[0]} < {*sidecar} and all("Description" in sidecar[n] for n in table[0])
    assert sidecar["TaskName"] == "story" and sidecar["video"] == NAMES[0]
    assert sidecar["au12"]["Description"] == "Probability of AU12 lip corner puller"
    events = rows(place / f"{stem}_events.tsv")
    [face] = result.summaries
    assert len(events) == len(face.episodes) > 0
    assert {*json.loads((place / f"{stem}_events.json").read_text())} == {*events[0]}
    first = min(one.onset_s for _, one in face.episodes)
    assert float(events[0]["onset"]) == pytest.approx(first)


def test_every_name_is_one_that_bids_allows(results: Path, tmp_path: Path) -> None:
    write_bids(results, tmp_path / "bids", task="free")
    allowed = re.compile(
        r"sub-[0-9A-Za-z]+(_ses-[0-9A-Za-z]+)?_task-[0-9A-Za-z]+(_run-[0-9A-Za-z]+)?"
        r"_desc-mien_(beh|events)\.(tsv|json)"
    )
    found = [path.name for path in (tmp_path / "bids").rglob("*_desc-*")]
    assert len(found) == 12 and all(allowed.fullmatch(name) for name in found)
    assert "sub-pets3_task-free_desc-mien_beh.tsv" in found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("task-rest_sub-9x.avi", {"sub": "9x", "task": "rest"}),
        ("sub-.mp4", {"sub": "sub", "task": "video"}),
        ("日本.mp4", {"sub": "unnamed", "task": "video"}),
    ],
)
def test_entities_come_in_their_order(name: str, expected: dict[str, str]) -> None:
    assert list(entities(name, "video").items()) == list(expected.items())


def test_what_cannot_be_written_is_one_line(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="task is 'a b'"):
        write_bids(results, tmp_path / "x", task="a b")
    with pytest.raises(InputError, match="holds no results"):
        write_bids(tmp_path / "nowhere", tmp_path / "x")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "own.txt").write_text("mine")
    with pytest.raises(OutputError, match="it is there already"):
        write_bids(results, tmp_path / "x")
    assert (tmp_path / "x" / "own.txt").read_text() == "mine"
    again = tmp_path / "out" / "again"
    mien.read(results / "pets 3", pictures=False).save(again)
    with pytest.raises(ConfigError, match="a second result of sub-pets3_task-video"):
        write_bids(results, tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_the_command(results: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["bids", str(results), "--out", str(tmp_path / "bids")])
    assert done.output == f"2 subject(s) -> {tmp_path / 'bids'}\n"
