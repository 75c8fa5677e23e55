"""Words and numbers on the page: everything that came from outside is escaped here."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any, TypeGuard

from mien.labels import PAPERS_LABELS, VALENCE_AROUSAL, LabelSet, unit_name

NO_FRAME = "no usable frame"
MINUS = "\u2212"

# Control characters and lone surrogates (file names may hold both) cannot stand in an HTML file;
# marks of direction can, but let a name show itself as another one.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def escape(value: object) -> str:
    """`value` as HTML text or attribute value; what HTML cannot hold becomes U+FFFD.

    Examples
    --------
    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True)


def outside(value: object) -> str:
    """Escaped `value` in a ``<bdi>``, so that direction marks in it cannot reorder the page."""
    return f"<bdi>{escape(value)}</bdi>"


def embed_json(value: Any) -> str:
    """`value` as JSON that may stand inside a ``<script>`` element.

    Raises
    ------
    ValueError
        If a number in it is NaN or infinite: a missing number is None.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a number that can be shown: not None, not NaN, not infinite."""
    return value is not None and math.isfinite(float(value))  # type: ignore[arg-type]


def missing(reason: str) -> str:
    """An en dash that says why a number is not there."""
    why = escape(reason)
    return f'<span class="none" title="{why}">\u2013<span class="sr"> ({why})</span></span>'


def number(value: object, *, signed: bool = False, digits: int = 2, reason: str = NO_FRAME) -> str:
    """`value` with `digits` decimals and a true minus sign, or an en dash with `reason`.

    Examples
    --------
    >>> number(0.256, signed=True)
    '+0.26'
    """
    if not is_number(value):
        return missing(reason)
    rounded = round(float(value), digits)
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):.{digits}f}"


def count(value: object) -> str:
    """An integer with thin spaces between thousands, or an en dash where it is not known."""
    if not is_number(value):
        return missing("not stated")
    return f"{int(value):,}".replace(",", "\u202f")


def plural(amount: int, one: str, many: str) -> str:
    """``1 face``, ``2 faces``."""
    return f"{count(amount)} {one if amount == 1 else many}"


def clock(time_s: float, decimals: int = 2) -> str:
    """A time for people: ``4.20 s`` below a minute, then ``1:04.20``, ``1:00:04.20``.

    Examples
    --------
    >>> clock(4.2), clock(64.2), clock(3604.2, 0)
    ('4.20 s', '1:04.20', '1:00:04')
    """
    rounded = round(time_s, decimals)
    if rounded < 60:
        return f"{rounded:.{decimals}f} s".replace("-", MINUS)
    minutes, rest = divmod(round(rounded * 10**decimals), 60 * 10**decimals)
    width = 3 + decimals if decimals else 2
    second = f"{rest / 10**decimals:0{width}.{decimals}f}"
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second}" if hours else f"{minute}:{second}"


def when(time_s: object) -> str:
    """`clock` of a time that may be missing."""
    return clock(float(time_s)) if is_number(time_s) else missing(NO_FRAME)


def channel(column: int, labels: LabelSet = PAPERS_LABELS) -> str:
    """What column `column` of the 26, or of MRAN's two behind them, is called in the report.

    Of an extractor with other `labels` there are as many as these say.

    Examples
    --------
    >>> channel(0), channel(6), channel(18), channel(26)
    ('valence', 'happiness', 'AU12 lip corner puller', 'valence, MRAN')
    """
    names = labels.affect_columns
    if column >= len(names):
        return f"{VALENCE_AROUSAL[column - len(names)]}, MRAN"
    if column < labels.action_unit_slice.start:
        return names[column].removeprefix("expr_")
    return unit_name(labels.action_units[column - labels.action_unit_slice.start])


_FURTHER_COLORS = ("#8f6fc4", "#a08a1f", "#3f9c8f")


def further_color(name: str, labels: LabelSet) -> str:
    """The color of an expression that the style sheet has none for; else nothing."""
    if name in PAPERS_LABELS.expressions or name not in labels.expressions:
        return ""
    return _FURTHER_COLORS[labels.expressions.index(name) % len(_FURTHER_COLORS)]


def key(name: str, labels: LabelSet) -> str:
    """The small square of a channel's color in a legend."""
    color = further_color(name, labels)
    style = f' style="background:{color}"' if color else ""
    return f'<i class="key k-{name}"{style}></i>'


def readable(name: str) -> str:
    """``empathic_pain`` as ``empathic pain``."""
    return name.replace("_", " ")
