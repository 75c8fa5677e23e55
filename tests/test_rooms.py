"""The house: which room may import which, and how large rooms and functions may be."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import mien

PACKAGE = Path(mien.__file__).parent

# From the ground up. A room imports rooms below it; those of one line do not know each other.
FLOORS = (
    ("errors", "_version"),
    ("labels", "registry", "io"),
    (
        "types",
        "config",
        "workers",
        "sessions",
    ),
    ("faces", "weights", "assets", "parquet"),
    ("video",),
    ("runtime", "models"),
    ("pipeline",),
    ("report",),
    ("output", "plot", "synthetic"),
    ("api", "jobs", "demo", "recipes", "live"),
    ("data",),
    ("datasets", "evaluation", "study"),
    ("training",),
    ("export", "serve"),
    ("cli",),
    ("__main__", "__init__"),
)
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
MODULES_AT_MOST = 16


def modules() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def room_of(name: str) -> str:
    return Path(name).parts[0].removesuffix(".py")


def imported_rooms(tree: ast.Module) -> set[str]:
    """Rooms of mien that a module imports anywhere, type checking alone included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mien":
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("mien.")
            }
    return found


def test_every_room_has_a_floor() -> None:
    assert {room_of(name) for name in modules()} == {*LEVEL}


def test_no_arrow_runs_up() -> None:
    wrong = []
    for name, tree in modules().items():
        room = room_of(name)
        for other in imported_rooms(tree) & {*LEVEL}:
            if other != room and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_folder_is_a_corridor() -> None:
    count: dict[str, int] = defaultdict(int)
    for name in modules():
        if Path(name).name != "__init__.py":
            count[str(Path(name).parent)] += 1
    del count["cli"]  # a verb a file
    assert {folder: n for folder, n in count.items() if n > MODULES_AT_MOST} == {}


@pytest.mark.parametrize("room", ["runtime", "pipeline", "faces", "video", "output", "report"])
def test_what_analyses_imports_no_torch(room: str) -> None:
    wrong = [
        name
        for name, tree in modules().items()
        if room_of(name) == room
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "torch"
        in {*(getattr(node, "module", None) or "").split(".")}
        | {alias.name.split(".")[0] for alias in node.names}
    ]
    assert wrong == []
