"""Who is who: people.json, and what follows it."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import mien
from face_doubles import double_analyzer, make_face, texture
from mien.api import analyze
from mien.cli import cli
from mien.errors import ConfigError, DataError, MienError
from mien.output.people.file import default_people, read_people, write_people
from mien.output.people.likeness import Suggestion, apply_sure, suggest_merges
from mien.output.saved import find_source, read_document, read_table
from mien.study.participants import everyone, read_participants
from mien.study.recordings import read_recording
from mien.video import write_video

LEFT, RIGHT = make_face(4, 10), make_face(80, 12, 36)


def script(call: int) -> list:
    """Two people, each seen twice with somebody else in between, and a gap."""
    return [] if 20 <= call < 30 else [LEFT]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("people")
    shots = [(1, 10), (2, 10), (3, 10), (1, 10), (2, 10)]  # the third is the gap
    rng = np.random.default_rng(0)
    frames = [
        np.clip(texture(seed).astype(int) + rng.integers(-6, 7, (72, 128, 3)), 0, 255)
        for seed, length in shots
        for _ in range(length)
    ]
    clip = root / "clip.mp4"
    write_video(clip, (f.astype(np.uint8) for f in frames), fps=25, codec="h264-lossless")
    analyzer = double_analyzer(script, detect="every", steady=False, min_reaction_s=0.2)
    return analyze(clip, analyzer=analyzer).save(root / "clip")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return mien.read(saved, pictures=False).save(tmp_path / "clip")


def run(*words: object) -> str:
    done = CliRunner().invoke(cli, ["people", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_two_people_with_cuts_and_a_gap_are_two_after_suggest(folder: Path) -> None:
    assert len(read_document(folder)["faces"]) == 4
    said = run("suggest", folder)
    assert "Face 0 and Face 2: 1.00, sure" in said and not (folder / "people.json").exists()
    said = run("suggest", folder, "--apply")
    assert said.endswith(
        "Face 0: face 0, face 2; 0.00-1.56 s, 20 frames\n"
        "Face 1: face 1, face 3; 0.40-1.96 s, 20 frames\n"
    )
    result = mien.read(folder)
    assert [face.face_id for face in result.summaries] == [0, 1]
    assert result.faces["person"].tolist() == ["Face 0", "Face 1"]
    names = [path.name for path in folder.iterdir()]
    assert sorted(names) == ["frames.parquet", "people.json", "report.html", "video.json"]
    told = json.loads((folder / "people.json").read_text())
    assert set(told) == {"people_version", "people", "analysis"}
    assert re.fullmatch("[0-9a-f]{16}", told["analysis"])  # of settings, nothing of the faces


def test_persons_have_the_numbers_of_all_their_faces(folder: Path) -> None:
    plain = mien.read(folder, pictures=False)
    run("merge", folder, 0, 2)
    run("name", folder, 0, "Ann <i>")
    run("exclude", folder, 1)
    result = mien.read(folder)
    rows = plain.frames[plain.frames["face_id"].isin([0, 2])]
    ann = result.faces.loc[0]
    assert ann["usable_frames"] == len(rows) == 20
    assert ann["mean_au12"] == pytest.approx(rows["au12"].mean(), abs=1e-6)
    windows = [w for f in plain.document["faces"] if f["face_id"] in (0, 2)
               for w in f["reactions"]["windows"]]  # fmt: skip
    expected = np.average([w["intensities"]["last"] for w in windows],
                          weights=[w["routed"] for w in windows])  # fmt: skip
    assert result.reactions.iloc[0]["last"] == pytest.approx(expected, abs=1e-5)
    assert result.document["faces"][0]["merged_from"] == ["face 0", "face 2"]
    assert result.frames["frame"].nunique() == plain.frames["frame"].nunique() == 50
    assert result.document["frames_without_face"] == 20  # the gap, and whom we left out
    assert result.frames["person"].dropna().unique().tolist() == ["Ann <i>", "Face 3"]
    page = result.write_report(folder / "report.html").read_text()
    assert "Ann &lt;i&gt;" in page and "Face 3" in page and "Face 1<" not in page
    assert "Ann <i>: 20 frames" in repr(result)
    assert mien.read(folder, people=False).frames.equals(plain.frames)


def test_a_person_is_split_in_time(folder: Path) -> None:
    assert run("split", folder, 0, "--at", 0.2).startswith(
        "Face 0: face 0 to 0.2 s; 0.00-0.16 s, 5 frames\n"
        "Face 0 from 0.2 s: face 0 from 0.2 s; 0.20-0.36 s, 5 frames\n"
    )
    result = mien.read(folder, pictures=False)
    assert [face["name"] for face in result.document["faces"]][-1] == "Face 0 from 0.2 s"
    assert result.document["faces"][0]["reactions"]["note"].startswith("a part of a face has")
    said = run("merge", folder, "Face 0 from 0.2 s", "Face 0")  # and whole again
    assert "Face 0 from 0.2 s: face 0; 0.00-0.36 s, 10 frames" in said


def test_faces_of_one_frame_stay_two(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_video(clip, (texture(1) for _ in range(8)), fps=25, codec="h264-lossless")
    folder = analyze(clip, analyzer=double_analyzer(lambda _: [LEFT, RIGHT])).save(tmp_path / "a")
    with pytest.raises(DataError, match=r"Face 0 would be in 8 frames twice, first at 0\.00 s"):
        CliRunner().invoke(cli, ["people", "merge", str(folder), "0", "1"], catch_exceptions=False)
    assert not (folder / "people.json").exists()
    assert run("suggest", folder) == "nothing to suggest\n"
    people = default_people([0, 1])
    same = apply_sure(people, read_table(folder), [Suggestion("Face 0", "Face 1", 1.0)])
    assert same == people


def test_the_study_follows(folder: Path, tmp_path: Path) -> None:
    run("merge", folder, 0, 2)
    run("name", folder, 0, "Ann")
    recording = read_recording(folder)
    persons = {seen.face: seen.person for seen in everyone([recording])}
    assert persons == {0: "Ann", 1: "clip:1", 3: "clip:3"}
    table = tmp_path / "people.csv"
    pd.DataFrame({"video": ["clip"], "person": ["Ann"], "condition": ["x"]}).to_csv(table)
    [seen], notes = read_participants(table, [recording])
    assert (seen.face, seen.person) == (0, "Ann") and notes == ["clip: left out face 1, 3"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "Expecting"),
        ('{"people": []}', "it lacks 'people_version'"),
        ('{"people_version": 2, "people": []}', "people_version is 2"),
        ('{"people_version": 1, "people": [{"name": "3", "faces": [{"face": 0}]}]}', "not '3'"),
        ('{"people_version": 1, "people": [{"name": "A", "faces": []}]}', "one at least"),
        ('{"people_version": 1, "people": [{"name": "A", "faces": [{"face": 9}]}]}', "no face 9"),
        (
            '{"people_version": 1, "people": [{"name": "A", "faces": [{"face": 0}]}, '
            '{"name": "B", "faces": [{"face": 0, "from_s": 1}]}]}',
            "face 0 is given to A and B at the same time",
        ),
        (
            '{"people_version": 1, "people": [{"name": "A", "faces": [{"face": 0, "from_s": 2, '
            '"to_s": 1}]}]}',
            "from_s is not before to_s",
        ),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "people.json").write_text(text)
    with pytest.raises(DataError, match=r"people\.json: .*; mend it") as error:
        read_people(tmp_path, [0, 1])
    assert wrong in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda people: people.rename("7", "Ann"),
        lambda people: people.rename("0", " "),
        lambda people: people.rename("0", "Face 1"),
        lambda people: people.merge(["0", "Face 0"]),
        lambda people: people.split("0", float("nan")),
        lambda people: people.split("0", 2.0).rename("0", "Ann"),
    ],
)
def test_what_cannot_be_is_refused(change: object) -> None:
    with pytest.raises(ConfigError):
        change(default_people([0, 1]))  # type: ignore[operator]


_STEPS = st.lists(
    st.tuples(st.sampled_from(["merge", "split", "exclude"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=8,
)


@given(_STEPS)
def test_every_row_keeps_one_person(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is said, no row is lost or given twice, and the file says it all."""
    face_id, time_s = np.repeat(np.arange(4), 10), np.arange(40) / 4.0
    people = default_people(range(4))
    for verb, one, other in steps:
        names = [person.name for person in people.persons]
        who, whom = names[one % len(names)], names[other % len(names)]
        try:
            if verb == "merge":
                people = people.merge([who, whom])
            elif verb == "split":
                people = people.split(who, float(other))
            else:
                people = people.exclude(who)
        except MienError:
            continue
    number = people.assign(face_id, time_s)
    excluded = {people.numbers[p.name] for p in people.persons if p.excluded}
    assert len({*people.numbers.values()}) == len(people.persons)
    assert not {*number.tolist()} & excluded
    everyone = people
    for one_person in people.persons:
        everyone = everyone.exclude(one_person.name, False)
    assert (everyone.assign(face_id, time_s) >= 0).all()
    with tempfile.TemporaryDirectory() as place:
        write_people(people, Path(place))
        assert read_people(Path(place), range(4)) == people


def test_other_people_are_not_alike(folder: Path) -> None:
    table, document = read_table(folder), read_document(folder)
    source = find_source(document, folder)
    assert source is not None
    found = suggest_merges(table, document, default_people(range(4)), source)
    assert {(one.first, one.second) for one in found} == {
        ("Face 0", "Face 2"),
        ("Face 1", "Face 3"),
    }


def test_what_is_left_of_a_face_belongs_to_somebody(tmp_path: Path) -> None:
    told = {"people_version": 1, "people": [{"name": "Ann", "faces": [
        {"face": 3, "from_s": 2.0, "to_s": 7.5}, {"face": 0}]}]}  # fmt: skip
    (tmp_path / "people.json").write_text(json.dumps(told))
    people = read_people(tmp_path, [0, 3])
    assert people is not None
    number = people.assign(np.array([3, 3, 3, 0]), np.array([1.0, 3.0, 8.0, 1.0]))
    assert number.tolist() == [3, 0, 3, 0]
    assert [person.name for person in people.persons] == ["Ann", "Face 3"]


def test_people_of_an_earlier_analysis_are_refused(folder: Path) -> None:
    run("name", folder, 0, "Ann")
    assert "Ann" in run("show", folder)
    document = json.loads((folder / "video.json").read_text())
    document["settings"]["detect_side_px"] = 320
    (folder / "video.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"people\.json: speaks of an earlier analysis"):
        mien.read(folder)
    assert len(mien.read(folder, people=False).summaries) > 0  # the way around it


def test_a_split_outside_of_what_was_seen_is_refused(folder: Path) -> None:
    before = read_people(folder, [0, 1, 2])
    done = CliRunner().invoke(cli, ["people", "split", str(folder), "0", "--at", "99"])
    assert "would have no frame; the face is seen from 0.00 to" in str(done.exception)
    assert read_people(folder, [0, 1, 2]) == before
