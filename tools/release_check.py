"""Whether what would be released installs and works elsewhere: `make release-check`.

1. wheel and sdist are built twice, and have the same bytes;
2. each is installed in a new environment, without extras: `pip check`, `mien --version`, and the
   demo, from its clip to the report;
3. the wheel with the oldest versions that pyproject.toml allows;
4. the wheel with the headless OpenCV in the place of the other, as servers have it.

It needs the package index and some minutes. It ends at the first thing that is wrong.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADLESS = "opencv-python-headless"


def oldest(requirements: list[str]) -> list[str]:
    """The same packages at the least version that is allowed, with its mendings.

    OpenCV has four numbers in a version, of which the range names two.

    Raises
    ------
    ValueError
        If a requirement names none.
    """
    pins = []
    for text in requirements:
        found = re.fullmatch(r"([\w.-]+)>=([\w.]+)(?:,.*)?", text.replace(" ", ""))
        if found is None:
            raise ValueError(f"{text}: says no least version")
        pins.append(f"{found[1]}=={found[2]}.*")
    return pins


def different(first: Path, second: Path) -> list[str]:
    """Names of files that two folders do not both have with the same bytes."""
    names = {path.name for folder in (first, second) for path in folder.iterdir()}
    pairs = {name: (first / name, second / name) for name in names}
    return sorted(
        name
        for name, (one, other) in pairs.items()
        if not (one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes())
    )


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """What a command says; ends the check where it fails."""
    # The checkout must not lend its modules to an environment that is to stand alone.
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, env=surroundings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def build_twice(work: Path) -> tuple[Path, Path]:
    """Wheel and sdist."""
    for name in ("first", "second"):
        run(sys.executable, "-m", "build", "--outdir", work / name, ROOT)
    wrong = different(work / "first", work / "second")
    if wrong:
        sys.exit(f"not the same bytes when built again: {', '.join(wrong)}")
    [wheel], [sdist] = (sorted((work / "first").glob(kind)) for kind in ("*.whl", "*.tar.gz"))
    print(f"the same bytes twice: {wheel.name}, {sdist.name}")
    return wheel, sdist


def environment(work: Path, name: str, *packages: str | Path) -> Path:
    """A new environment with packages; its Python."""
    run(sys.executable, "-m", "venv", work / name)
    python = work / name / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)
    return python


def works(python: Path, work: Path, name: str) -> None:
    """Says its version, and reads the demo's clip; outside the checkout."""
    version = run(python, "-m", "mien", "--version", cwd=work)
    told = run(python, "-m", "mien", "demo", "--seconds", "1", "--out", work / f"{name}-demo")
    report = work / f"{name}-demo" / "astronaut" / "report.html"
    if "happiness" not in told or not report.is_file():
        sys.exit(f"{name}: the demo did not read the portrait's smile\n{told}")
    print(f"{name}: {version}, the demo is read")


def main() -> None:
    """Check all of it."""
    argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0]).parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel, sdist = build_twice(work)
        pins = oldest(project["dependencies"])
        for name, packages in (("wheel", [wheel]), ("sdist", [sdist]), ("oldest", [wheel, *pins])):
            python = environment(work, name, *packages)
            run(python, "-m", "pip", "check")
            works(python, work, name)
        # pip check would say that opencv-python is missing: the two are one module, `cv2`.
        python = work / "wheel" / python.parent.name / python.name
        run(python, "-m", "pip", "uninstall", "-q", "-y", "opencv-python")
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", HEADLESS)
        works(python, work, "headless")


if __name__ == "__main__":
    main()
