"""Single numbers as bars of HTML: they keep their size at every width and print well."""

from __future__ import annotations

from mien.report.charts.curves import Interval
from mien.report.text import clock, escape, is_number


def bar(value: object, style: str = "", color: str = "") -> str:
    """A bar of 0 to 1; an empty, hatched track where `value` is missing.

    `color` is for what the style sheet has none for.
    """
    if not is_number(value):
        return '<span class="bar unknown" aria-hidden="true"></span>'
    share = min(max(float(value), 0.0), 1.0)
    color = f";background:{color}" if color else ""
    return (
        f'<span class="bar" aria-hidden="true">'
        f'<i class="{escape(style)}" style="width:{share * 100:.1f}%{color}"></i></span>'
    )


def balance(value: object, style: str) -> str:
    """A bar of -1 to 1 that grows from the middle."""
    if not is_number(value):
        return '<span class="bar unknown" aria-hidden="true"></span>'
    share = min(max(float(value), -1.0), 1.0)
    left = 50.0 + min(share, 0.0) * 50.0
    return (
        f'<span class="bar balance" aria-hidden="true"><i class="{escape(style)}" '
        f'style="left:{left:.1f}%;width:{abs(share) * 50:.1f}%"></i></span>'
    )


def presence_bar(intervals: list[Interval], video: Interval, who: str) -> str:
    """Where in the whole video a face was seen; `who` is its escaped name."""
    length = video[1] - video[0]
    pieces = []
    for start, stop in intervals:
        start, stop = max(start, video[0]), min(stop, video[1])
        left, width = (start - video[0]) / length * 10000, max(stop - start, 0.0) / length * 10000
        # At least a hair's breadth: a face of one frame in an hour must not vanish.
        pieces.append(f"M{min(left, 9970):.0f} 0h{max(width, 30):.0f}v10h-{max(width, 30):.0f}z")
    spans = "; ".join(f"{clock(start, 1)} to {clock(stop, 1)}" for start, stop in intervals[:6])
    more = f"; and {len(intervals) - 6} more" if len(intervals) > 6 else ""
    return (
        f'<svg class="presence" viewBox="0 0 10000 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{who} seen from {spans}{more}"><path d="{"".join(pieces)}"/></svg>'
    )
