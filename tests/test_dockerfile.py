"""The Dockerfile names what is there. No daemon is asked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


def steps(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(f"{name} ")]


def test_what_is_copied_is_there_and_sent() -> None:
    copied = {
        path
        for step in steps("COPY")
        if not step.startswith("--from")
        for path in step.split()[:-1]
    }
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert copied == sent
    assert all((ROOT / path).exists() for path in copied)


def test_what_the_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', "\n".join(steps("RUN")))
    assert {*extras.split(",")} <= project["project"]["optional-dependencies"].keys()
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = " ".join(steps("COPY")).split()
    for path in (*wheel["packages"], *wheel["force-include"]):
        assert Path(path).parts[0] in copied


def test_it_serves_others_with_a_token_and_nobody_as_root() -> None:
    assert steps("USER") == ["mien"]
    assert steps("CMD") == ['["serve", "--host", "0.0.0.0", "--data", "/data"]']
