"""Every block of the tutorials and the quick start runs, from the first line to the figure."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mien.cli import cli
from mien.faces.detectors import DETECTORS

ROOT = Path(__file__).parents[1]
IN_CHROMIUM = {"live-in-a-page"}  # tests/browser/test_own_page_in_chromium.py
PAGES = [
    ROOT / "docs" / "quickstart.md",
    *(
        page
        for page in sorted((ROOT / "docs" / "tutorials").glob("[!i]*.md"))
        if page.stem not in IN_CHROMIUM
    ),
]
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


def run_block(text: str, page: Path, there: dict[str, Any]) -> list[Any]:
    """Run it as a notebook would: also what every line that stands for itself would show."""
    shown: list[Any] = []
    for node in ast.parse(text, str(page)).body:
        if isinstance(node, ast.Expr):
            shown.append(eval(compile(ast.Expression(node.value), str(page), "eval"), there))
        else:
            exec(compile(ast.Module([node], []), str(page), "exec"), there)
    return shown


def test_a_block_shows_what_stands_for_itself() -> None:
    there: dict[str, Any] = {}
    assert run_block("a = 2\na\na + 1\n", Path("page"), there) == [2, 3]


def check_readme(shown: list[Any], there: dict[str, Any], printed: str) -> None:
    result, frames, reactions, folder = shown
    assert len(frames) == 5 and {*frames["face_id"]} == {0}  # 0.2 s of 25 frames a second
    assert result.document["source"]["frames"] == 5 and reactions.empty
    shares = frames.filter(like="expr_").mean()
    assert shares.idxmax() == "expr_happiness"  # the portrait smiles
    assert (Path(folder) / "report.html").is_file()
    assert there["result"].document["source"]["frames"] == 3  # what `images` holds
    assert printed.count("[(0, array(") == 3  # a line a frame, with its face


def check_other_tools(shown: list[Any], there: dict[str, Any], _printed: str) -> None:
    report, pyfeat, imotions = shown
    assert "au12" in report.read_text(encoding="utf-8").lower()
    # OpenFace says intensities of 0 to 5, py-feat 0 to 1, iMotions 0 to 100.
    assert there["result"].frames["au12_intensity"].tolist() == pytest.approx([0.4] * 30)
    assert pyfeat.frames["au12"].tolist() == pytest.approx([0.4] * 30)
    assert imotions.frames["au12"].tolist() == pytest.approx([0.02] * 30)
    # The page gives the rate of py-feat's video, since its times are whole seconds.
    assert pyfeat.frames["timestamp_s"].tolist() == pytest.approx([k / 25 for k in range(30)])


def check_synthetic_faces(shown: list[Any], there: dict[str, Any], _printed: str) -> None:
    color, depth_mm, thermal_ck, points, box = shown[0]
    assert color.shape == (*depth_mm.shape, 3) == (*thermal_ck.shape, 3)
    x, y = int(box[0] + box[2] / 2), int(box[1] + box[3] / 2)
    assert 200 < depth_mm[y, x] < 3000  # before a camera, not behind a wall
    assert 20 < thermal_ck[y, x] / 100 - 273.15 < 40  # skin, in degrees Celsius
    inside = (points >= box[:2]) & (points <= box[:2] + box[2:])
    assert points.shape == (5, 2) and inside.all()
    assert there["vertices"].shape == (4538, 3)  # as the page says
    right_eye, left_eye = there["points"][0], there["points"][1]
    assert left_eye[0] > right_eye[0]  # x is towards the person's own left


CHECKS = {
    "README": check_readme,
    "other-tools": check_other_tools,
    "synthetic-faces": check_synthetic_faces,
}
BLOCKS = [
    *(ROOT / "README.md", ROOT / "docs" / "other-tools.md", ROOT / "docs" / "synthetic-faces.md")
]


@pytest.mark.parametrize("page", BLOCKS, ids=[page.stem for page in BLOCKS])
def test_python_of_other_pages_says_what_it_should(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
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
    shown: list[Any] = []
    there: dict[str, Any] = {
        "images": list(demo_frames(0.12)),
        "camera": lambda: ((k / 25, one) for k, one in enumerate(demo_frames(0.12))),
    }
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            for name, path in (("read_openface", openface), ("read_pyfeat", pyfeat)):
                text = text.replace(f'{name}("interview.csv"', f'{name}("{path}"')
            shown += run_block(text, page, there)
    CHECKS[page.stem](shown, there, capsys.readouterr().out)
