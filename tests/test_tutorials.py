"""Every block of the tutorials and the quick start runs, from the first line to the figure."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.faces.detectors import DETECTORS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "quickstart.md", *sorted((ROOT / "docs" / "tutorials").glob("[!i]*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIGURES = {
    "quickstart": "units.png",
    "study": "smile.svg",
    "own-model": "mine.png",
    "reactions": "reactions.png",
    "mran": "dark.png",
    "detector": "middle.png",
    "service": "last-call.png",
}
NEEDS = {
    "study": ("anny", "embreex", "matplotlib"),
    "own-model": ("torch", "onnx", "anny", "embreex"),
    "reactions": ("torch", "onnx"),
    "service": ("fastapi", "httpx2"),
}
pytestmark = pytest.mark.slow


def run_line(line: str) -> None:
    done = CliRunner().invoke(cli, shlex.split(line)[1:], catch_exceptions=False)
    assert done.exit_code == 0, f"{line}\n{done.output}"


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_page_runs_as_it_stands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", *NEEDS.get(page.stem, ())):
        pytest.importorskip(name, reason="needs an extra", exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "__tutorial__", sys)  # names that blocks share live in `there`
    there: dict[str, object] = {"__name__": "__tutorial__"}
    try:
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == "python":
                exec(compile(text, str(page), "exec"), there)
            elif kind == "console":
                for line in text.splitlines():
                    assert line.startswith("mien "), line
                    run_line(line)
            elif kind == "toml":
                name = text.split("\n", 1)[0].removeprefix("# ")
                (tmp_path / name).write_text(text)
            else:
                assert kind == "sh" and page.stem == "quickstart", kind  # installs mien
    finally:
        DETECTORS._things.pop("middle", None)
    figure = tmp_path / FIGURES[page.stem]
    assert figure.is_file() and figure.stat().st_size > 2000


BLOCKS = [
    *(ROOT / "README.md", ROOT / "docs" / "other-tools.md", ROOT / "docs" / "synthetic-faces.md")
]


@pytest.mark.parametrize("page", BLOCKS, ids=[page.stem for page in BLOCKS])
def test_python_of_other_pages_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names that such a page takes for granted are there: a video, pictures, a camera."""
    import numpy as np

    from mien.demo import demo_frames, write_demo_clip
    from other_tables import write_imotions, write_openface, write_pyfeat

    if page.stem == "synthetic-faces":
        for name in ("anny", "embreex"):
            pytest.importorskip(name, reason="needs an extra", exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    write_demo_clip(Path("interview.mp4"), 0.2)
    smile = np.full(30, 2.0)
    write_imotions(Path("respondent.csv"), smile)
    openface, pyfeat = (write(Path(f"{write.__name__}.csv"), smile / 5)
                        for write in (write_openface, write_pyfeat))  # fmt: skip
    there: dict[str, object] = {
        "images": list(demo_frames(0.12)),
        "camera": lambda: ((k / 25, one) for k, one in enumerate(demo_frames(0.12))),
    }
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            for name, path in (("read_openface", openface), ("read_pyfeat", pyfeat)):
                text = text.replace(f'{name}("interview.csv"', f'{name}("{path}"')
            exec(compile(text, str(page), "exec"), there)
