"""The foot of the page: which models spoke, how far to trust them, and what not to do."""

from __future__ import annotations

import json
from typing import Any

from mien.report.text import escape, missing, outside

_ROLES = {
    "detector": "finds faces",
    "affect": "reads each frame",
    "reactions": "reads the clip",
    "mran": "reads valence and arousal from short clips",
}


def models(document: dict[str, Any]) -> str:
    """A card per model with its version, licence, training data and caveat."""
    cards = "".join(_card(model) for model in document.get("models") or [])
    if not cards:
        return '<p class="quiet">The analysis names no model.</p>'
    return f'<div class="cards">{cards}</div>'


def _card(model: dict[str, Any]) -> str:
    role = str(model.get("role", ""))
    items = "".join(
        f"<dt>{word}</dt><dd>{_told(model.get(key))}</dd>"
        for word, key in (
            ("version", "version"),
            ("licence", "license"),
            ("trained on", "trained_on"),
            ("caveat", "caveat"),
        )
    )
    task = _ROLES.get(role, role)
    return (
        f"<article><h3>{outside(model.get('name', ''))}</h3>"
        f'<p class="quiet">{escape(role)}: {escape(task)}</p><dl>{items}</dl></article>'
    )


def _told(value: object) -> str:
    if value is None or value == "":
        return missing("not stated")
    if isinstance(value, (list, tuple)):
        return outside(", ".join(str(part) for part in value))
    return outside(value)


def settings(document: dict[str, Any]) -> str:
    """The options of the analysis, so that someone else can repeat it."""
    chosen = document.get("settings") or {}
    if not chosen:
        return ""
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(key)}</code></th>'
        f"<td><code>{escape(json.dumps(_finite(value), ensure_ascii=False))}</code></td></tr>"
        for key, value in chosen.items()
    )
    return (
        "<details><summary>Settings of this analysis</summary>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Settings">'
        f'<table class="numbers"><tbody>{rows}</tbody></table></div></details>'
    )


def _finite(value: Any) -> Any:
    """`value` with null for every number that JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def versions(document: dict[str, Any]) -> str:
    """Which mien wrote this, in which form."""
    return (
        f"mien {escape(document['mien_version'])}, schema version "
        f"{escape(document['schema_version'])}. The same numbers, unrounded, are in "
        "<code>video.json</code> and in the table of frames beside this file."
    )
