"""Models on this machine, by name: those that ship, and those that were pulled."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import ModelError
from mien.runtime.metadata import (
    AFFECT_FORMAT,
    METADATA_KEY,
    MRAN_FORMAT,
    REACTIONS_FORMAT,
    read_metadata,
)
from mien.runtime.session import Session
from mien.weights import SUMS, checksums

FOLDER_VARIABLE = "MIEN_MODELS"
"""Environment variable with the folder of pulled models."""

ROLES = {AFFECT_FORMAT: "extractor", REACTIONS_FORMAT: "reactions", MRAN_FORMAT: "mran"}
"""What a model of each format is for."""

_SHIPPED = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class ModelFile:
    """One model.

    Attributes
    ----------
    name
        By which options take it; of one that ships, its file's stem.
    path
        The ONNX file.
    ships
        Whether it came with mien.
    """

    name: str
    path: Path
    ships: bool

    @property
    def sha256(self) -> str:
        """Of the file, in hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def metadata(self) -> dict[str, Any]:
        """What it says of itself, ``role`` added.

        Raises
        ------
        ModelError
            If it is no model of mien.
        """
        text = Session(self.path, 1, ships=False).metadata(METADATA_KEY)
        for expected, role in ROLES.items():
            if f'"{expected}"' in (text or ""):
                return {"role": role, **read_metadata(text, expected, self.path)}
        return read_metadata(text, AFFECT_FORMAT, self.path)

    def fault(self) -> str | None:
        """What is wrong with it; None where its checksum, if it has one, and metadata are right."""
        told = checksums(self.path.with_name(SUMS))
        if (self.ships or told) and told.get(self.path.name) != self.sha256:
            return f"its SHA-256 is not the one in {SUMS}"
        try:
            self.metadata()
        except ModelError as error:
            return str(error)
        return None


def models_folder() -> Path:
    """Where pulled models lie: `FOLDER_VARIABLE`, else ``mien/models`` with the user's own data."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(data) if data else Path.home() / ".local" / "share") / "mien" / "models"


def models() -> list[ModelFile]:
    """All of them, those that ship first."""
    own = [ModelFile(path.stem, path, True) for path in sorted(_SHIPPED.glob("*.onnx"))]
    return own + _pulled(models_folder())


def _pulled(top: Path) -> list[ModelFile]:
    """A folder with one model is its name; in one with several, each has its own."""
    found = []
    for path in sorted(top.rglob("*.onnx")):
        place = path.relative_to(top)
        if any(part.startswith(".") for part in place.parts):
            continue  # a pull that was killed
        alone = len(list(path.parent.glob("*.onnx"))) == 1 and len(place.parts) > 1
        name = place.parent if alone else place.with_suffix("")
        found.append(ModelFile(name.as_posix(), path, False))
    return found


def find_model(name: str | Path) -> ModelFile:
    """The model of a name, or of a file.

    Raises
    ------
    ModelError
        If there is none.
    """
    path = Path(name)
    if path.is_file():
        return ModelFile(path.stem, path, path.resolve().parent == _SHIPPED.resolve())
    there = models()
    for one in there:
        if one.name == path.as_posix():
            return one
    raise ModelError(
        f"{name}: no such model file, and no model of that name; there are "
        f"{', '.join(one.name for one in there)}"
    )
