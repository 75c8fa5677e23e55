"""What an installation of mien brings, with licences: a list for people, or CycloneDX for programs.

    python tools/sbom.py                       # a table
    python tools/sbom.py --json > mien.cdx.json

It is made from the environment that runs it: the packages that the plain installation asks for,
those that they ask for, and what lies inside the wheel itself. Extras are not followed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE_RUNTIME = ROOT / "src/mien/serve/page/onnxruntime"
# How older packages call what SPDX calls otherwise.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "3-Clause BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
}


@dataclass(frozen=True)
class Component:
    """One part of an installation."""

    name: str
    version: str
    license: str
    purl: str
    inside: bool = False
    """Whether it lies in mien's own wheel."""


def license_of(metadata: PackageMetadata) -> str:
    """SPDX expression of a package, as far as it says one.

    Raises
    ------
    LookupError
        If it says no licence at all, which a person has to look at.
    """
    told = [metadata.get("License-Expression"), metadata.get("License")]
    told += [name for name in metadata.get_all("Classifier") or [] if name.startswith("License ::")]
    for text in told:
        if text and "\n" not in text:  # some packages hold the whole text there
            return SPDX.get(text, text)
    raise LookupError(f"{metadata['Name']} says no licence")


def installed(requirements: list[str]) -> list[Component]:
    """The packages that requirements bring on this machine, by name, each once."""
    waiting, found = [Requirement(text) for text in requirements], {}
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in found or (asked.marker and not asked.marker.evaluate({"extra": ""})):
            continue
        there = distribution(asked.name)
        purl = f"pkg:pypi/{name}@{there.version}"
        found[name] = Component(name, there.version, license_of(there.metadata), purl)
        waiting += [Requirement(text) for text in there.requires or []]
    return [found[name] for name in sorted(found)]


def bundled() -> list[Component]:
    """What others made and the wheel holds: the browser's runtime, checked by its sums."""
    for line in (PAGE_RUNTIME / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        if hashlib.sha256((PAGE_RUNTIME / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{name}: is not the file that SHA256SUMS names")
    title = (PAGE_RUNTIME / "README.md").read_text(encoding="utf-8").splitlines()[0]
    [version] = re.findall(r"\d+\.\d+\.\d+", title)
    purl = f"pkg:npm/onnxruntime-web@{version}"
    return [Component("onnxruntime-web", version, "MIT", purl, inside=True)]


def components() -> list[Component]:
    """All of the plain installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*bundled(), *installed(project["dependencies"])]


def cyclonedx(parts: list[Component]) -> dict[str, object]:
    """A CycloneDX 1.6 document; without a time, so that it is the same each time."""
    version = re.findall(r'"(.+)"', (ROOT / "src/mien/_version.py").read_text(encoding="utf-8"))[0]
    own = {"type": "application", "name": "mien", "version": version, "bom-ref": "mien"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own | {"licenses": [{"expression": "Apache-2.0"}]}},
        "components": [
            {
                "type": "library",
                "name": part.name,
                "version": part.version,
                "purl": part.purl,
                "bom-ref": part.purl,
                # Free words such as "BSD" are no expression.
                "licenses": [_license(part.license)],
            }
            for part in parts
        ],
    }


def _license(text: str) -> dict[str, object]:
    if re.fullmatch(r"[\w.+-]+-[\w.+-]+|MIT|0BSD|Zlib|.+ (AND|OR) .+", text):
        return {"expression": text}
    return {"license": {"name": text}}


def table(parts: list[Component]) -> str:
    """The same for people."""
    rows = [("package", "version", "licence", "where")]
    rows += [(p.name, p.version, p.license, "in the wheel" if p.inside else "pip") for p in parts]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="CycloneDX 1.6")
    parts = components()
    if parser.parse_args().json:
        print(json.dumps(cyclonedx(parts), indent=2))
    else:
        print(table(parts))


if __name__ == "__main__":
    main()
