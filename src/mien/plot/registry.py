"""Kinds of figures by name, and what they are drawn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import pyarrow as pa

from mien.errors import DataError
from mien.pipeline.document import VideoDocument
from mien.registry import Registry
from mien.types import FaceSummary

if TYPE_CHECKING:
    import pandas as pd


class Seen(Protocol):
    """A result: what was read from one input (`mien.Result`)."""

    table: pa.Table

    @property
    def document(self) -> VideoDocument:
        """The content of ``video.json``."""

    @property
    def summaries(self) -> list[FaceSummary]:
        """One per face."""


@dataclass(frozen=True)
class StudyTables:
    """The tables that ``mien study`` wrote."""

    summary: pd.DataFrame
    comparison: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> StudyTables:
        """Those of a folder.

        Raises
        ------
        DataError
            If a table is missing or damaged.
        """
        import pandas as pd

        tables, decimal = [], _decimal_of(folder)
        sep = ";" if decimal == "," else ","
        for name in ("summary.csv", "comparison.csv"):
            path = folder / name
            try:
                tables.append(pd.read_csv(path, decimal=decimal, sep=sep))
            except pd.errors.EmptyDataError:  # nothing was compared
                tables.append(pd.DataFrame())
            except (OSError, ValueError) as error:
                raise DataError(f"{path}: cannot be read; run mien study again") from error
        return cls(*tables)


def _decimal_of(folder: Path) -> str:
    """Decimal sign of a study's tables; studies of before did not say it."""
    try:
        document = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        return "," if document["settings"].get("decimal") == "," else "."
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "."


@dataclass(frozen=True)
class PlotOptions:
    """What is drawn, and how large.

    Attributes
    ----------
    face
        Face number or name of a person; None: the one that is longest in sight.
    channels
        Columns of a timeline, or of a study's summary; empty: what the figure shows by itself.
    from_s, to_s
        The stretch of time that is drawn; None: all of it.
    condition
        Column of a study that is compared.
    width_cm, height_cm
        Of the figure; a height of None follows from what is drawn.
    font_pt
        Size of its words.
    """

    face: str | None = None
    channels: tuple[str, ...] = ()
    from_s: float | None = None
    to_s: float | None = None
    condition: str = "condition"
    width_cm: float = 16.0
    height_cm: float | None = None
    font_pt: float = 8.0


class PlotSettings(TypedDict, total=False):
    """`PlotOptions` by name, for type checkers."""

    face: str | None
    channels: tuple[str, ...]
    from_s: float | None
    to_s: float | None
    condition: str
    width_cm: float
    height_cm: float | None
    font_pt: float


@dataclass(frozen=True)
class FigureKind:
    """A figure that can be drawn.

    Attributes
    ----------
    of
        ``"result"`` or ``"study"``.
    about
        What it shows, in a few words.
    draw
        Takes a `Seen` or a `StudyTables`, the options and an empty matplotlib figure, draws into
        it, and gives its usual height in cm.
    """

    of: str
    about: str
    draw: Callable[[Any, PlotOptions, Any], float]


FIGURES: Registry[FigureKind] = Registry("figure", "mien.plot.figures", "mien.figures")


def register_figure(
    name: str, of: str, about: str
) -> Callable[[Callable[[Any, PlotOptions, Any], float]], Callable[[Any, PlotOptions, Any], float]]:
    """Decorator of what draws a figure; see `FigureKind`."""

    def keep(draw: Callable[[Any, PlotOptions, Any], float]) -> Callable[..., float]:
        FIGURES.register(name)(FigureKind(of, about, draw))
        return draw

    return keep


def kinds_of(of: str) -> Sequence[str]:
    """Names of the figures of a result, or of a study."""
    return [name for name in FIGURES.names() if FIGURES[name].of == of]
