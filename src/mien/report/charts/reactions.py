"""The reactions of a face over the whole video, with their model's own warning beside."""

from __future__ import annotations

from typing import Any

from mien.report.charts.bars import bar
from mien.report.text import clock, count, escape, is_number, missing, number, readable
from mien.types import FaceSummary, ReactionWindow

MAX_WINDOWS = 240
_DEFAULT_CAVEAT = (
    "The model learnt from people's own words on how strongly a clip had moved them. For another "
    "person, or in another situation, its guess may be far off."
)


def caveat(document: dict[str, Any]) -> str:
    """What the model behind the reactions says of its own limits, as escaped text."""
    for model in document.get("models") or []:
        if model.get("role") == "reactions" and model.get("caveat"):
            return escape(model["caveat"])
    return _DEFAULT_CAVEAT


def reactions(face: FaceSummary, note: str | None, document: dict[str, Any], who: str) -> str:
    """Bars for the whole video, the windows as a table, and the caveat right beside them."""
    aside = (
        f'<aside class="caveat" aria-label="Caveat of the reaction model">'
        f"<h4>Before you read these</h4><p>{caveat(document)}</p></aside>"
    )
    remark = f'<p class="quiet">{escape(note)}</p>' if note else ""
    if face.reactions is None:
        why = remark or '<p class="quiet">No reason was given.</p>'
        return f'<div class="absent"><p>No reactions were estimated for {who}.</p>{why}</div>'
    rows = "".join(
        f'<tr><th scope="row">{escape(readable(name))}</th><td>{bar(value, "reaction")}</td>'
        f"<td>{number(value, reason='no estimate')}</td></tr>"
        for name, value in zip(face.reaction_names, face.reactions.tolist(), strict=True)
    )
    return (
        f'<div class="pair"><div><table class="bars"><caption>Intensity over the whole video, '
        f"0 to 1</caption><tbody>{rows}</tbody></table>{remark}</div>{aside}</div>"
        f"{_windows(face, who)}"
    )


def _windows(face: FaceSummary, who: str) -> str:
    windows = face.reaction_windows
    if not windows:
        return ""
    names = "".join(f'<th scope="col">{escape(readable(n))}</th>' for n in face.reaction_names)
    rows = "".join(_row(window, len(face.reaction_names)) for window in windows[:MAX_WINDOWS])
    left_out = (
        f"; the first {MAX_WINDOWS} of {count(len(windows))}, the rest is in video.json"
        if len(windows) > MAX_WINDOWS
        else ""
    )
    table = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Reactions of {who} by window">'
        f'<table class="windows"><caption>Intensity by window, 0 to 1{left_out}</caption>'
        f'<thead><tr><th scope="col">window</th>{names}<th scope="col">usable positions</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )
    if len(windows) <= 8:
        return table
    return f"<details><summary>By window ({count(len(windows))})</summary>{table}</details>"


def _row(window: ReactionWindow, expected: int) -> str:
    if len(window.intensities) != expected:
        raise ValueError(f"a window holds {len(window.intensities)} reactions, not {expected}")
    cells = "".join(_cell(value) for value in window.intensities.tolist())
    return (
        f'<tr><th scope="row">{clock(window.start_s, 1)} to {clock(window.end_s, 1)}</th>{cells}'
        f"<td>{count(window.routed)}</td></tr>"
    )


def _cell(value: float) -> str:
    if not is_number(value):
        return f"<td>{missing('no estimate')}</td>"
    share = min(max(value, 0.0), 1.0)
    return f'<td class="cell" style="--v:{share * 100:.0f}%">{number(value)}</td>'
