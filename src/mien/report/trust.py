"""How far to trust each channel, in one word beside its number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mien.report.text import escape

_MEANINGS = {
    "measured": "checked against what people or coders saw in real or photorealistic faces",
    "teacher": "follows another network, whose answers it was taught",
    "synthetic": "learnt and checked on drawn faces only",
    "simulated": "learnt from made-up sequences only",
    "foreign": "another tool's number, which mien has not checked",
    "unknown": "the model does not say",
}


_MADE_UP = ("simulated", "synthetic")


def made_up(document: Mapping[str, Any]) -> str | None:
    """The word for reactions that were learnt from what nobody did; None for others.

    The mark says it; files that were exported without one say it in what they were trained on.
    """
    mark = ((document.get("channels") or {}).get("reactions") or {}).get("mark", "unknown")
    told = [m.get("trained_on") for m in document["models"] if m.get("role") == "reactions"]
    if mark == "unknown" and told and "simulated" in str(told[0]).lower():
        return "simulated"
    return mark if mark in _MADE_UP else None


class Trust:
    """Marks of the channels of a document; none at all where its models say nothing.

    Parameters
    ----------
    document
        With ``channels``, or without where an older version wrote it.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        told = document.get("channels") or {}
        self._entries = {
            name: entry for name, entry in told.items() if entry.get("mark") in _MEANINGS
        }
        self.known = any(entry["mark"] != "unknown" for entry in self._entries.values())

    def lacks(self, names: Iterable[str]) -> bool:
        """Whether none of these channels was asked for: a table of another tool has fewer."""
        return bool(self._entries) and not any(name in self._entries for name in names)

    def is_foreign(self, names: Iterable[str]) -> bool:
        """Whether another tool said one of these channels."""
        told = [self._entries[name]["mark"] for name in names if name in self._entries]
        return "foreign" in told

    def mark(self, name: str) -> str:
        """The word for a channel, as a small label with its figure as title; or nothing."""
        entry = self._entries.get(name)
        if not self.known or entry is None:
            return ""
        word = str(entry["mark"])
        figure = f": {entry['figure']}" if entry.get("figure") else ""
        title = escape(f"{_MEANINGS[word]}{figure}")
        return f'<em class="mark m-{word}" title="{title}">{word}</em>'

    def cell(self, name: str) -> str:
        """The same for a table: the word and the figure written out."""
        entry = self._entries.get(name)
        figure = "" if entry is None or not entry.get("figure") else escape(entry["figure"])
        return f"{self.mark(name)} {figure}".strip()

    def legend(self, names: Iterable[str]) -> str:
        """A sentence that says what the words of these channels mean; or nothing."""
        if not self.known:
            return ""
        used = {self._entries[name]["mark"] for name in names if name in self._entries}
        parts = [
            f'<em class="mark m-{word}">{word}</em> {meaning}'
            for word, meaning in _MEANINGS.items()
            if word in used
        ]
        return f'<p class="quiet">How far to trust a number: {"; ".join(parts)}.</p>'
