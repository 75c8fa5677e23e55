"""What a live session looks like in a terminal: bars and numbers of one face."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.labels import LabelSet, unit_name
from mien.live.session import Moment
from mien.pipeline.rows import FrameRow

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LABEL = 25  # letters of the longest name
_NUMBER = 6
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def bar(share: float, letters: int, plain: bool = False) -> str:
    """A bar of 0 to 1 as text of that many letters; NaN is empty.

    Examples
    --------
    >>> bar(0.5, 4, plain=True), bar(0.5, 4)
    ('##  ', '██  ')
    """
    share = min(max(float(share), 0.0), 1.0) if np.isfinite(share) else 0.0
    if plain:
        return ("#" * round(share * letters)).ljust(letters)
    whole, rest = divmod(round(share * letters * 8), 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(letters)


def balance(value: float, letters: int, plain: bool = False) -> str:
    """A bar of -1 to 1 that grows from the middle, as text of ``2 * (letters // 2) + 1`` letters.

    Examples
    --------
    >>> balance(-0.5, 8, plain=True), balance(1, 8, plain=True)
    ('  ##|    ', '    |####')
    """
    half = letters // 2
    count = round(min(abs(float(value)), 1.0) * half) if np.isfinite(value) else 0
    block, middle = ("#", "|") if plain else ("█", "│")
    left = block * count if value < 0 else ""
    right = block * count if value > 0 else ""
    return left.rjust(half) + middle + right.ljust(half)


def shown_face(rows: list[FrameRow], last: int | None) -> FrameRow | None:
    """Whose numbers are shown: the face of before while it is there, else the largest."""
    seen = [row for row in rows if row.face is not None and row.affect is not None]
    same = [row for row in seen if row.face_id == last]
    return max(same or seen, key=_size, default=None)


def _size(row: FrameRow) -> float:
    assert row.face is not None
    return float(row.face.box[2] * row.face.box[3])


def line(moment: Moment, row: FrameRow | None, labels: LabelSet) -> str:
    """A moment in one line, for where there is no terminal."""
    rate = "-" if moment.fps is None else f"{moment.fps:.1f}"
    head = f"{moment.time_s:8.2f} s  {rate:>5} frames/s  {moment.latency_ms:4.0f} ms  "
    if row is None or row.affect is None:
        return head + "no face"
    shares = row.affect[labels.expression_slice]
    best = int(np.argmax(shares))
    return head + (
        f"face {row.face_id}: valence {row.affect[0]:+.2f}, arousal {row.affect[1]:+.2f}, "
        f"{labels.expressions[best]} {shares[best]:.2f}"
    )


def screen(
    moment: Moment,
    row: FrameRow | None,
    labels: LabelSet,
    decisions: npt.NDArray[np.float64],
    size: tuple[int, int],
    status: str,
    plain: bool = False,
) -> list[str]:
    """The lines of a moment, no more and no longer than the terminal is.

    Parameters
    ----------
    moment, row
        What was read, and the face that is shown; None where there is none.
    labels, decisions
        Of the extractor.
    size
        Columns and lines of the terminal.
    status
        Last line: keys, what is recorded.
    plain
        Whether only ASCII may be written.
    """
    columns, height = size
    rate = "-" if moment.fps is None else f"{moment.fps:.1f}"
    faces = sum(one.face is not None for one in moment.rows)
    found = [
        f"{moment.time_s:.1f} s   {rate} frames/s   {moment.latency_ms:.0f} ms   "
        f"{faces} face{'' if faces == 1 else 's'}"[:columns],
        "",
    ]
    found += ["no face in sight"] if row is None else _face(row, labels, decisions, columns, plain)
    return [*found[: max(1, height - 2)], status[:columns]]


def _face(
    row: FrameRow, labels: LabelSet, decisions: npt.NDArray[np.float64], columns: int, plain: bool
) -> list[str]:
    assert row.affect is not None
    two = columns >= 2 * (_LABEL + _NUMBER + 12)
    width = columns // 2 - 2 if two else columns
    letters = max(4, width - _LABEL - _NUMBER - 2)

    def told(name: str, drawn: str, number: str, active: bool) -> str:
        text = f"{name[:_LABEL]:<{_LABEL}} {drawn} {number:>{_NUMBER}}"
        return f"{_BOLD}{text}{_PLAIN}" if active else text

    shares = row.affect[labels.expression_slice]
    left = [
        told("valence", balance(row.affect[0], letters - 1, plain), f"{row.affect[0]:+.2f}", False),
        told("arousal", balance(row.affect[1], letters - 1, plain), f"{row.affect[1]:+.2f}", False),
        "",
        *(
            told(name, bar(share, letters, plain), f"{share:.2f}", k == int(np.argmax(shares)))
            for k, (name, share) in enumerate(zip(labels.expressions, shares, strict=True))
        ),
        "",
        *(text[:width] for text in _details(row)),
    ]
    units = row.affect[-len(labels.action_units) :]
    right = [
        told(unit_name(unit), bar(value, letters, plain), f"{value:.2f}", bool(value >= level))
        for unit, value, level in zip(labels.action_units, units, decisions, strict=True)
    ]
    if not two:
        return [*left, "", *right]
    gap = [""] * (len(right) - len(left))
    return [
        _padded(a, width) + "    " + b
        for a, b in zip([*left, *gap], [*right, *[""] * (len(left) - len(right))], strict=True)
    ]


def _details(row: FrameRow) -> list[str]:
    said = row.details
    if said is None or not np.isfinite(said.pose_deg).all():
        return []
    yaw, pitch, roll = said.pose_deg
    low = "  (seen badly: these numbers carry little)" if row.low_quality else ""
    return [
        f"face {row.face_id}, quality {said.quality:.2f}{low}",
        f"head {yaw:+.0f} left, {pitch:+.0f} up, {roll:+.0f} roll (degrees)",
    ]


def _padded(text: str, width: int) -> str:
    """To a width, not counting what sets it bold."""
    shown = len(text.replace(_BOLD, "").replace(_PLAIN, ""))
    return text + " " * (width - shown)
