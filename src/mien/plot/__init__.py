"""Figures for papers: SVG, PNG and PDF of results and studies (extra ``plot``).

One figure a file in ``mien.plot.figures``: a new file there is a new figure. The same input gives
the same bytes with the same matplotlib.
"""

from mien.plot.drawing import Drawing, draw, figures_of
from mien.plot.registry import (
    FIGURES,
    FigureKind,
    PlotOptions,
    PlotSettings,
    Seen,
    StudyTables,
    register_figure,
)

__all__ = [
    "FIGURES",
    "Drawing",
    "FigureKind",
    "PlotOptions",
    "PlotSettings",
    "Seen",
    "StudyTables",
    "draw",
    "figures_of",
    "register_figure",
]
