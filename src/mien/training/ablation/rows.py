"""Finished rows of a table as files, so that a killed table goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.errors import ModelError


def row_identity(config: Any, seeds: int, fingerprints: list[str]) -> str:
    """Hash of everything that decides a row's figures; `config` is a dataclass."""
    text = json.dumps([asdict(config), seeds, fingerprints], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def finished_scores(file: Path, identity: str) -> list[dict[str, Any]] | None:
    """Scores of a row that was finished before, None where it was not.

    Raises
    ------
    ModelError
        If the file is none of a row, or of a row with another identity.
    """
    if not file.is_file():
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        same = document["identity"] == identity
        scores: list[dict[str, Any]] = document["scores"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file}: is no row of an ablation; delete it to run the row") from error
    if not same:
        raise ModelError(
            f"{file}: made with another recipe, other data or another number of seeds; choose "
            "another --out, or delete it to run the row again"
        )
    return scores


def keep_scores(
    file: Path, identity: str, row: str, name: str, scores: list[dict[str, Any]]
) -> None:
    """Write a finished row, whole or not at all."""
    document = {"identity": identity, "row": row, "name": name, "scores": scores}
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(file)
