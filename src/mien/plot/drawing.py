"""From a name to a file: how every figure looks and is written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from mien.errors import ConfigError, OutputError, install
from mien.io import atomic_path
from mien.plot.registry import FIGURES, PlotOptions, Seen, StudyTables, kinds_of

FORMATS = ("svg", "png", "pdf")
_CM = 1 / 2.54
# What would make two runs differ is left out of the files: the time, and random names within.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}


class Drawing:
    """A figure that was drawn; a notebook shows it.

    Attributes
    ----------
    figure
        The `matplotlib.figure.Figure`, to change what does not please.
    """

    def __init__(self, figure: Any, style: Any) -> None:
        self.figure = figure
        self._style = style

    def save(self, path: str | Path, dpi: float = 300) -> Path:
        """Write it as ``.svg``, ``.png`` or ``.pdf``; `dpi` is of PNG.

        Raises
        ------
        ConfigError
            If the name ends in something else.
        OutputError
            If it cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            raise ConfigError(f"{path}: a figure ends in .{', .'.join(FORMATS)}")
        try:
            with atomic_path(path) as partial, partial.open("wb") as file:
                self._write(file, kind, dpi)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written to ({error.strerror})") from error
        return path

    def _write(self, file: Any, kind: str, dpi: float) -> None:
        import matplotlib as mpl

        with mpl.rc_context(self._style):
            self.figure.savefig(file, format=kind, dpi=dpi, metadata=_METADATA[kind])

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        self._write(data, "png", 120)
        return data.getvalue()


def figures_of(source: Seen | StudyTables) -> dict[str, str]:
    """Names of the figures that can be drawn of something, and what they show."""
    of = "study" if isinstance(source, StudyTables) else "result"
    return {name: FIGURES[name].about for name in kinds_of(of)}


def draw(
    source: Seen | StudyTables, name: str | None = None, options: PlotOptions | None = None
) -> Drawing:
    """Draw one figure.

    Parameters
    ----------
    source
        A `mien.Result`, or the tables of a study.
    name
        One of `figures_of`; None: ``timeline`` of a result, ``effects`` of a study.
    options
        What is drawn, and how large.

    Raises
    ------
    ConfigError
        If there is no such figure, face or channel, nothing to draw, or no matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(f"this needs matplotlib: {install('plot')}") from error
    options = options or PlotOptions()
    study = isinstance(source, StudyTables)
    kind = FIGURES[name or ("effects" if study else "timeline")]
    if (kind.of == "study") != study:
        there = ", ".join(figures_of(source))
        raise ConfigError(f"{name} is a figure of a {kind.of}; choose one of {there}")
    style = _style(options)
    with mpl.rc_context(style):
        figure = Figure(figsize=(options.width_cm * _CM, 8 * _CM), layout="constrained")
        usual_cm = kind.draw(source, options, figure)
        figure.set_size_inches(options.width_cm * _CM, (options.height_cm or usual_cm) * _CM)
    return Drawing(figure, style)


def _style(options: PlotOptions) -> Any:
    size = options.font_pt
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture everywhere
        "font.size": size,
        "axes.titlesize": size,
        "axes.labelsize": size,
        "legend.fontsize": size * 0.9,
        "xtick.labelsize": size * 0.9,
        "ytick.labelsize": size * 0.9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.0,
        "legend.frameon": False,
        "figure.constrained_layout.w_pad": 0.08,
        "svg.hashsalt": "mien",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
        "figure.facecolor": "white",
    }
