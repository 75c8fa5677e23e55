from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest

from mien.errors import OutputError
from mien.output import folder as folders
from mien.output.folder import (
    choose_folder,
    prepare_root,
    sweep_results,
    whole_folder,
    write_document,
)
from mien.pipeline.summary import file_stamp


def result_of(folder: Path, source: str, content: str = "old") -> Path:
    folder.mkdir(parents=True)
    size_bytes, modified_ns = file_stamp(source)
    stamped = {"path": source, "size_bytes": size_bytes, "modified_ns": modified_ns}
    write_document({"schema_version": 1, "mien_version": "0", "source": stamped}, folder)
    (folder / "frames.csv").write_text(content)
    return folder


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def one_line(error: pytest.ExceptionInfo[OutputError], place: Path) -> None:
    assert "\n" not in str(error.value)
    assert str(place) in str(error.value)


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "clip"
    with whole_folder(final) as partial:
        (partial / "a").write_text("1")
        assert not final.exists()
        assert partial.parent == final.parent  # a rename, never a copy
    assert entries(final) == {"a"}
    assert entries(final.parent) == {"clip"}


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(kind: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(kind, match="stop"), whole_folder(tmp_path / "clip") as partial:
        (partial / "half").write_text("1")
        raise kind("stop")
    assert entries(tmp_path) == set()


def test_an_error_leaves_the_earlier_result(tmp_path: Path) -> None:
    final = result_of(tmp_path / "clip", "clip.mp4")
    with pytest.raises(ValueError, match="stop"), whole_folder(final) as partial:
        (partial / "frames.csv").write_text("new")
        raise ValueError("stop")
    assert (final / "frames.csv").read_text() == "old"
    assert entries(tmp_path) == {"clip"}


def test_success_replaces_the_earlier_result(tmp_path: Path) -> None:
    final = result_of(tmp_path / "clip", "clip.mp4")
    with whole_folder(final) as partial:
        write_document({"source": {"path": "clip.mp4"}}, partial)
    assert entries(final) == {"video.json"}
    assert entries(tmp_path) == {"clip"}


def test_an_earlier_result_survives_a_move_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = result_of(tmp_path / "clip", "clip.mp4")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == final and not self.parent.name.startswith(".mien-old-"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with (
        pytest.raises(OutputError, match="No space left") as caught,
        whole_folder(final) as partial,
    ):
        (partial / "frames.csv").write_text("new")
    one_line(caught, final)
    assert (final / "frames.csv").read_text() == "old"
    assert entries(tmp_path) == {"clip"}


def test_a_full_disk_is_said_on_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"No space left on device.*--out") as caught,
        whole_folder(tmp_path / "clip"),
    ):
        raise OSError(28, "No space left on device")
    one_line(caught, tmp_path / "clip")
    assert entries(tmp_path) == set()


def test_what_is_not_ours_is_never_replaced(tmp_path: Path) -> None:
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "only copy.jpg").write_text("dear")
    with (
        pytest.raises(OutputError, match="holds something else than results of mien") as caught,
        whole_folder(foreign),
    ):
        raise AssertionError("must not start")
    one_line(caught, foreign)
    assert (foreign / "only copy.jpg").read_text() == "dear"
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(OutputError, match="holds something else"), whole_folder(file):
        raise AssertionError("must not start")
    assert file.read_text() == "x"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    final = tmp_path / "clip"
    final.mkdir()
    with whole_folder(final) as partial:
        (partial / "a").write_text("1")
    assert entries(final) == {"a"}


def test_results_may_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with whole_folder(tmp_path / "clip"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "clip").stat().st_mode) == 0o755


def test_clashing_stems_get_numbers(tmp_path: Path) -> None:
    taken: set[str] = set()
    names = [
        choose_folder(tmp_path, source, taken).name
        for source in ("a/clip.mp4", "b/clip.mp4", "clip.mov", "other.mp4", "clip_2.mp4")
    ]
    assert names == ["clip", "clip_2", "clip_3", "other", "clip_2_2"]
    assert len(set(names)) == len(names)


def test_a_rerun_finds_its_own_folders_in_any_order(tmp_path: Path) -> None:
    sources = [str(tmp_path / name / "clip.mp4") for name in "abc"]
    taken: set[str] = set()
    first = {source: choose_folder(tmp_path, source, taken) for source in sources}
    for source, folder in first.items():
        result_of(folder, source)
    taken = set()
    again = {source: choose_folder(tmp_path, source, taken) for source in reversed(sources)}
    assert again == first
    assert choose_folder(tmp_path, sources[2], set()) == first[sources[2]]


def test_the_same_path_written_otherwise_is_the_same_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result_of(tmp_path / "out" / "clip", "clip.mp4")
    assert choose_folder(tmp_path / "out", str(tmp_path / "clip.mp4"), set()).name == "clip"
    assert choose_folder(tmp_path / "out", "./x/../clip.mp4", set()).name == "clip"


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "[]", "null", "{}", '{"source": 3}', '{"source": {"path": 3}}', b"\xff\xfe"],
)
def test_foreign_folders_are_left_alone(content: str | bytes | None, tmp_path: Path) -> None:
    foreign = tmp_path / "clip"
    foreign.mkdir()
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (foreign / "video.json").write_bytes(data)
    assert choose_folder(tmp_path, "clip.mp4", set()).name == "clip_2"


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "clip").write_text("x")
    assert choose_folder(tmp_path, "clip.mp4", set()).name == "clip_2"


@pytest.mark.parametrize("below", ["", "results"])
def test_a_file_in_the_way_of_the_output(below: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    root = tmp_path / "out" / below
    with pytest.raises(OutputError, match=r"cannot be written to .*; choose another") as caught:
        prepare_root(root)
    one_line(caught, root)
    assert (tmp_path / "out").read_text() == "x"


def test_prepare_root_makes_folders_and_leaves_no_trace(tmp_path: Path) -> None:
    prepare_root(tmp_path / "a" / "b")
    prepare_root(tmp_path / "a" / "b")
    assert entries(tmp_path / "a" / "b") == set()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_documents_hold_no_nan(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_document({"mean": {"valence": value}}, tmp_path)
    assert entries(tmp_path) == set()


def test_documents_are_readable_text(tmp_path: Path) -> None:
    write_document({"path": "Käse 顔.mp4"}, tmp_path)
    text = (tmp_path / "video.json").read_text(encoding="utf-8")
    assert "Käse 顔" in text
    assert text.endswith("}\n")
    assert json.loads(text) == {"path": "Käse 顔.mp4"}


def test_the_same_path_from_another_directory_is_another_input(tmp_path, monkeypatch):
    for name, content in (("first", b"1"), ("second", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").write_bytes(content)
    monkeypatch.chdir(tmp_path / "first")
    out = tmp_path / "out"
    result_of(out / "clip", "clip.mp4")
    assert choose_folder(out, "clip.mp4", set()) == out / "clip"
    monkeypatch.chdir(tmp_path / "second")
    assert choose_folder(out, "clip.mp4", set()) == out / "clip_2"


def test_what_others_laid_beside_a_result_stays(tmp_path):
    final = result_of(tmp_path / "clip", "clip.mp4")
    (final / "my notes.txt").write_text("precious")
    (final / "crops").mkdir()
    with whole_folder(final) as partial:
        write_document({"source": {"path": "clip.mp4"}}, partial)
    assert entries(final) == {"video.json", "my notes.txt", "crops"}
    assert (final / "my notes.txt").read_text() == "precious"
    assert entries(tmp_path) == {"clip"}


def test_a_video_json_of_somebody_else_is_not_replaced(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "video.json").write_text('{"title": "my project"}')
    with pytest.raises(OutputError, match="something else"), whole_folder(tmp_path / "project"):
        pass
    assert "my project" in (tmp_path / "project" / "video.json").read_text()


DEAD = 2**22 + 1  # above the highest number of a process


def test_leftovers_of_dead_processes_are_removed(tmp_path: Path) -> None:
    host = folders._host()
    gone = [f".mien-{host}-{DEAD}-abcd1234", f".mien-{host}-{os.getpid()}-abcd1234"]
    stays = [
        f".mien-{host}-{os.getppid()}-abcd1234",  # alive
        f".mien-other.host-{DEAD}-abcd1234",  # nobody knows
        ".mien-dreams",  # not ours
        "clip",
    ]
    for name in (*gone, ".mien-abcd1234", *stays):
        (tmp_path / name).mkdir()
        (tmp_path / name / "frames.parquet").touch()
    (tmp_path / f".mien-{host}-{DEAD}-file0000").touch()
    with whole_folder(tmp_path / "new") as partial:
        sweep_results(tmp_path)
        assert partial.is_dir()
    assert entries(tmp_path) == {*stays, f".mien-{host}-{DEAD}-file0000", "new"}


def test_what_other_machines_left_is_removed_after_a_week(tmp_path: Path) -> None:
    days = {6: "stays", 8: "goes"}
    for count, name in days.items():
        folder = tmp_path / f".mien-gone.host-{DEAD}-{name:_<8}".replace("_", "0")
        folder.mkdir()
        then = time.time() - count * 86_400
        os.utime(folder, (then, then))
    sweep_results(tmp_path)
    assert entries(tmp_path) == {f".mien-gone.host-{DEAD}-stays000"}


def test_what_was_set_aside_comes_back(tmp_path: Path) -> None:
    old = tmp_path / f".mien-old-{folders._host()}-{DEAD}-abcd1234"
    result_of(old / "clip", "clip.mp4")  # killed before the new one took its place
    (old / "clip" / "notes.txt").write_text("mine")
    sweep_results(tmp_path)
    assert entries(tmp_path) == {"clip"}
    assert (tmp_path / "clip" / "frames.csv").read_text() == "old"
    assert (tmp_path / "clip" / "notes.txt").read_text() == "mine"


def test_what_others_had_beside_an_earlier_result_comes_back(tmp_path: Path) -> None:
    new = result_of(tmp_path / "clip", "clip.mp4", "new")  # killed before these were moved
    (new / "notes.txt").write_text("new notes")
    old = result_of(tmp_path / ".mien-old-abc" / "clip", "clip.mp4")
    (old / "notes.txt").write_text("mine")
    (old / "crops").mkdir()
    sweep_results(tmp_path)
    assert entries(tmp_path) == {"clip"}
    assert entries(new) == {"video.json", "frames.csv", "notes.txt", "notes_2.txt", "crops"}
    assert (new / "frames.csv").read_text() == "new"
    assert (new / "notes.txt").read_text() == "new notes"
    assert (new / "notes_2.txt").read_text() == "mine"


def test_what_cannot_be_given_back_stays(tmp_path: Path) -> None:
    (tmp_path / "clip").write_text("a file in the way")
    old = tmp_path / ".mien-old-abc" / "clip"
    old.mkdir(parents=True)
    (old / "notes.txt").write_text("mine")
    sweep_results(tmp_path)
    assert (old / "notes.txt").read_text() == "mine"
