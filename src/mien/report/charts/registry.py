"""The charts of a face: a list by name, in the order of the page, that others may add to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mien.report.charts.curves import Curve, Interval
from mien.report.trust import Trust
from mien.types import FaceSummary


@dataclass(frozen=True, slots=True)
class FaceView:
    """A face with what the page needs to show it.

    Attributes
    ----------
    who
        Escaped name, the number that the tables use.
    anchor
        Fragment of its section; by position, since an id need not be unique.
    note
        What the analysis says of its reactions, unescaped.
    """

    face: FaceSummary
    curve: Curve
    index: int
    who: str
    anchor: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """What the charts of all faces have in common.

    Attributes
    ----------
    document
        The content of ``video.json``.
    video
        The time axis of the whole video.
    """

    document: dict[str, Any]
    video: Interval

    @property
    def is_image(self) -> bool:
        """Whether this is a still image, of which there is no curve."""
        return bool(self.document["source"]["is_image"])

    @property
    def trust(self) -> Trust:
        """How far to trust each channel."""
        return Trust(self.document)

    @property
    def least(self) -> float | None:
        """Quality below which frames did not count; None where all did."""
        found: float | None = self.document.get("min_quality")
        return found


Chart = Callable[[FaceView, Page], str]
"""HTML of one face, "" for nothing to show. Text that came from outside has to be escaped
(`mien.report.text.escape`); the page loads nothing and runs no further script."""

CHARTS: dict[str, Chart] = {}
"""By name, in the order of the page."""


def register_chart(name: str) -> Callable[[Chart], Chart]:
    """Add a chart to the section of every face, behind those that are there.

    Raises
    ------
    ValueError
        If there is one of this name.

    Examples
    --------
    >>> @register_chart("seen")
    ... def seen(view: FaceView, page: Page) -> str:
    ...     return f"<p>{view.who} was seen in {view.face.usable_frames} frames.</p>"
    >>> list(CHARTS)[-1]
    'seen'
    >>> del CHARTS["seen"]
    """

    def add(chart: Chart) -> Chart:
        if name in CHARTS:
            raise ValueError(f"there is a chart {name!r} already: {', '.join(CHARTS)}")
        CHARTS[name] = chart
        return chart

    return add
