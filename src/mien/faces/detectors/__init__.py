"""Face detectors, one a file. Adding one: a file here, or an entry point of another package.

A detector is anything with ``detect(image) -> list[Face]`` and a ``describe()`` for the record; the
pipeline knows nothing else of it. What is registered takes the settings of `make_detector` by name;
CONTRIBUTING.md has an example.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from mien.registry import Registry
from mien.types import Face, ImageArray


class FaceDetector(Protocol):
    """What the pipeline asks of a detector.

    One with ``parallel = True`` is asked by several threads at the same time; it is quicker so.
    """

    def detect(self, image: ImageArray) -> list[Face]:
        """Faces of one upright RGB image, uint8 (height, width, 3), best score first."""
        ...

    def describe(self) -> dict[str, Any]:
        """Name, version, licence and training data, as written to ``video.json``."""
        ...


MakeDetector = Callable[..., FaceDetector]
"""Takes max_side_px, score_threshold, min_face_px, threads, device by name (`make_detector`)."""

DETECTORS: Registry[MakeDetector] = Registry("detector", __name__, "mien.detectors")

register_detector = DETECTORS.register


def make_detector(
    name: str = "retinaface",
    max_side_px: int = 640,
    score_threshold: float = 0.9,
    min_face_px: float = 12.0,
    threads: int = 0,
    device: str = "cpu",
) -> FaceDetector:
    """A detector by its name.

    Parameters
    ----------
    name
        One of ``DETECTORS.names()``.
    max_side_px
        Images with a longer side are to be shrunk to this for detection.
    score_threshold
        Least confidence, 0 to 1.
    min_face_px
        Least longer side of a face's box, in pixels of the given image.
    threads
        Threads that it may use; 0 lets it choose.
    device
        Where it runs (`mien.sessions.DEVICES`); detectors that do not name it are not told.

    Raises
    ------
    ConfigError
        If there is no such detector, or it cannot be loaded.
    """
    make = DETECTORS[name]
    told = "device" in inspect.signature(make).parameters
    return make(
        max_side_px=max_side_px,
        score_threshold=score_threshold,
        min_face_px=min_face_px,
        threads=threads,
        **({"device": device} if told else {}),
    )
