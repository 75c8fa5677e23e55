"""What is released: its parts and licences, and the tool that checks it."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from email.message import Message
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("packaging", reason="ONNX Runtime brings it")


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / f"tools/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_the_list_of_parts_holds_all_that_the_installation_asks_for() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/sbom.py"), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    parts = {part["name"]: part for part in document["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.split("[>=<]", text)[0] for text in project["dependencies"]}
    assert asked <= parts.keys() and "flatbuffers" in parts  # ONNX Runtime asks for that one
    assert "pandas" not in parts  # of an extra
    assert parts["onnxruntime-web"]["purl"].startswith("pkg:npm/onnxruntime-web@1.")
    assert parts["click"]["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert all(part["licenses"] and part["version"] for part in parts.values())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        (
            {"License": "Long\ntext", "Classifier": "License :: OSI Approved :: MIT License"},
            "MIT",
        ),
    ],
)
def test_a_licence_is_found_where_packages_say_it(fields: dict[str, str], expected: str) -> None:
    metadata = Message()
    for key, value in fields.items():
        metadata[key] = value
    assert tool("sbom").license_of(metadata) == expected


def test_a_package_without_a_licence_is_named() -> None:
    metadata = Message()
    metadata["Name"] = "unknown"
    with pytest.raises(LookupError, match="unknown says no licence"):
        tool("sbom").license_of(metadata)


def test_oldest_versions_are_those_of_the_ranges() -> None:
    oldest = tool("release_check").oldest
    assert oldest(["numpy>=2.0", "ray >= 2.40, <3"]) == ["numpy==2.0.*", "ray==2.40.*"]
    with pytest.raises(ValueError, match="click: says no least version"):
        oldest(["click"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(oldest(project["dependencies"])) == len(project["dependencies"])


def test_builds_are_compared_byte_by_byte(tmp_path: Path) -> None:
    different = tool("release_check").different
    for folder, last in (("a", b"x"), ("b", b"y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.whl").write_bytes(b"same")
        (tmp_path / folder / "other.tar.gz").write_bytes(last)
    (tmp_path / "b" / "more").write_bytes(b"")
    assert different(tmp_path / "a", tmp_path / "b") == ["more", "other.tar.gz"]


def test_licence_texts_that_the_wheel_names_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in project["license-files"]:
        assert (ROOT / name).stat().st_size > 500, name
