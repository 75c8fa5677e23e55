"""A detector that does what the color of a picture says, for inputs that go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_doubles import make_face
from mien.types import Face, ImageArray

COLORS = {  # RGB
    "raises": (255, 0, 0),
    "crashes": (0, 255, 0),
    "allocates": (0, 0, 255),
    "is killed": (255, 255, 0),
    "hangs": (255, 0, 255),
}


class FaultDetector:
    def detect(self, image: ImageArray) -> list[Face]:
        doing = [name for name, rgb in COLORS.items() if tuple(image[0, 0]) == rgb]
        if "raises" in doing:
            raise ValueError("two\nlines")
        if "crashes" in doing:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "allocates" in doing:
            raise MemoryError
        if "is killed" in doing:
            os.kill(os.getpid(), signal.SIGKILL)
        if "hangs" in doing:
            time.sleep(60)
        return [make_face(8, 8)]

    def describe(self) -> dict[str, Any]:
        return {"role": "detector", "name": "faults", "version": "1"}


def make(**_: object) -> FaultDetector:
    return FaultDetector()


def install(folder: Path) -> Path:
    """A package of another that names the detector ``faults``: workers find it there, too."""
    place = folder / "faults-1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: faults\nVersion: 1\n")
    (place / "entry_points.txt").write_text("[mien.detectors]\nfaults = fault_detector:make\n")
    return folder


def picture(path: Path, doing: str = "", seed: int = 0) -> Path:
    """A small picture that makes the detector do that, or show a face."""
    rgb = np.random.default_rng(seed).integers(20, 200, (64, 80, 3)).astype(np.uint8)
    rgb[:2, :2] = COLORS.get(doing, (90, 90, 90))
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path
