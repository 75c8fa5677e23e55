"""mien reads faces in video: valence-arousal, expressions, action units, reactions.

>>> import mien
>>> mien.__version__.count(".")
2

``mien.analyze(path)`` reads one file, ``mien.analyze_frames(images, fps=25)`` what a camera or a
program hands over; the command ``mien analyze`` reads many files; ``mien.read(folder)`` reads what
was saved, ``mien.read_openface(csv)`` and its like what other tools wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mien._version import __version__
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.api import (
        Result,
        analyze,
        analyze_frames,
        read,
        read_imotions,
        read_openface,
        read_pyfeat,
    )
    from mien.pipeline.analyzer import Analyzer
    from mien.pipeline.options import AnalysisOptions

__all__ = [
    "AnalysisOptions",
    "Analyzer",
    "MienError",
    "Result",
    "__version__",
    "analyze",
    "analyze_frames",
    "read",
    "read_imotions",
    "read_openface",
    "read_pyfeat",
]

_LAZY = {
    "analyze": "mien.api",
    "analyze_frames": "mien.api",
    "read": "mien.api",
    "read_imotions": "mien.api",
    "read_openface": "mien.api",
    "read_pyfeat": "mien.api",
    "Result": "mien.api",
    "Analyzer": "mien.pipeline.analyzer",
    "AnalysisOptions": "mien.pipeline.options",
}


def __getattr__(name: str) -> Any:
    # Importing ONNX Runtime and PyAV takes a second; `mien --help` should not wait for it.
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'mien' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
