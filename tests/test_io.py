from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mien.errors import DataError, OutputError
from mien.io import (
    DOCUMENT,
    atomic_path,
    lock_folder,
    only_run,
    read_dataset,
    read_json,
    sweep,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.bin"
    with atomic_path(path) as partial:
        partial.write_bytes(b"half")
        assert partial.parent == path.parent and not path.exists()
        assert names(path.parent) == [f".a.bin.{os.getpid()}.partial"]
    assert path.read_bytes() == b"half" and names(path.parent) == ["a.bin"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]
    with pytest.raises(ZeroDivisionError), atomic_path(path):
        raise ZeroDivisionError  # before anything was written
    assert path.read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "clip"
    for text in ("first", "second"):
        with atomic_path(place) as partial:
            partial.mkdir()
            (partial / text).write_text(text)
        assert names(place) == [text]
    with pytest.raises(ValueError, match="stop"), atomic_path(place) as partial:
        partial.mkdir()
        (partial / "third").write_text("half")
        raise ValueError("stop")
    assert names(place) == ["second"] and names(tmp_path) == ["clip"]


def test_text_and_json(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "ä")
    assert (tmp_path / "a").read_bytes() == "ä".encode()
    write_json(tmp_path / "b", {"name": "ä"})
    assert (tmp_path / "b").read_text("utf-8") == '{\n  "name": "ä"\n}\n'
    write_json(tmp_path / "b", {"name": "ä"}, ascii_only=True)
    assert (tmp_path / "b").read_text("ascii") == '{\n  "name": "\\u00e4"\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b", {"name": float("nan")})
    assert json.loads((tmp_path / "b").read_text()) == {"name": "ä"}


def test_sweep_removes_what_a_kill_left_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.1.partial", "b", ".c", "sub/.d.2.partial"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".e.3.partial").mkdir()
    (tmp_path / ".e.3.partial" / "f").write_text("x")
    sweep(tmp_path)
    assert names(tmp_path) == [".c", "b", "sub"] and names(tmp_path / "sub") == [".d.2.partial"]
    sweep(tmp_path, "*/.*.partial")
    assert names(tmp_path / "sub") == []


def test_read_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}
    for content, message in (
        (b'{"a":\n 1,}', r"a\.json, line 2: is no JSON"),
        (b"[1]", "holds a list; expected an object"),
        (b"\xff", r"a\.json: cannot be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_json(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_json(tmp_path / "none")


def test_read_dataset(tmp_path: Path) -> None:
    path = tmp_path / DOCUMENT

    def read() -> dict[str, object]:
        return read_dataset(tmp_path, "a set", ("mien set", 1), ("corpus",), "make it again")

    with pytest.raises(DataError, match=r"not a set: there is no dataset\.json; make it again$"):
        read()
    with pytest.raises(DataError, match=r"there is no dataset\.json$"):
        read_dataset(tmp_path, "a set", "mien set")
    for text in ("{", "[]", '{"format": "mien set"}'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"dataset\.json: cannot be read as that of a set$"):
            read()
    path.write_text('{"format": "mien set", "version": 1}')
    with pytest.raises(DataError, match="as that of a set: it lacks 'corpus'"):
        read()
    assert read_dataset(tmp_path, "a set", "mien set")["version"] == 1
    with pytest.raises(DataError, match=r"it lacks 'version\.minor'"):
        read_dataset(tmp_path, "a set", "mien set", ("format", "version.minor"))
    path.write_text('{"format": "mien set", "version": 2, "corpus": "a"}')
    with pytest.raises(DataError, match=r"holds 'mien set' version 2; expected .* version 1"):
        read()
    with pytest.raises(DataError, match="holds 'mien set'; expected 'other'"):
        read_dataset(tmp_path, "a set", "other")


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lock_folder(out, {"corpus": "a", "fps": 25.0})
    lock_folder(out, {"corpus": "a", "fps": 25.0})
    with pytest.raises(OutputError, match=r"begun with another fps \(25\.0, now 30\.0\); choose"):
        lock_folder(out, {"corpus": "a", "fps": 30.0})
    with pytest.raises(OutputError, match=r"begun with another corpus and fps \(a, now b\)"):
        lock_folder(out, {"corpus": "b", "fps": 30.0})
    (out / ".prepare.json").write_text("{")
    with pytest.raises(OutputError, match="is damaged"):
        lock_folder(out, {"corpus": "a"})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="holds something else"):
        lock_folder(tmp_path / "other", {"corpus": "a"})
    with pytest.raises(OutputError, match="cannot be written to"):
        lock_folder(tmp_path / "other" / "mine.txt" / "below", {"corpus": "a"})


def test_one_run_at_a_time_has_a_folder(tmp_path: Path) -> None:
    with only_run(tmp_path):
        with (
            pytest.raises(OutputError, match="another run of mien writes into it; wait"),
            only_run(tmp_path),
        ):
            raise AssertionError("must not start")
        assert names(tmp_path) == [".mien-lock"]
    assert names(tmp_path) == []
    (tmp_path / ".mien-lock").touch()  # of a run that was killed: the lock went with it
    with only_run(tmp_path):
        pass
    assert names(tmp_path) == []
    with pytest.raises(OutputError, match="cannot be written to"), only_run(tmp_path / "none"):
        raise AssertionError("must not start")
