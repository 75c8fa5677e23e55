"""Depth and thermal videos beside a color video: matched by time, cut at the face's place.

Files are read, matched and cut by the functions that prepare training data
(`mien.data.prepare.stream_frames`), so that a network sees the same thing in both. Calibration is
the ``streams.json`` of `mien.data.corpora.recordings.mavfer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.align import TEMPLATE, similarity
from mien.runtime.mran import MranFrame
from mien.types import FloatArray, ImageArray
from mien.video.companions.calibration import read_calibration
from mien.video.companions.streams import Companion, StreamFile, warp

_USUAL_FPS = 25.0  # where the color video does not say
_SAME_SHAPE = 0.05  # pictures whose aspect ratios differ by more do not show the same view


@dataclass(frozen=True)
class GuidanceFiles:
    """Videos that guide a color video; None where there is none.

    Attributes
    ----------
    depth, thermal
        Grey videos of the same recording, with the same clock. 16-bit pictures are whole
        millimetres and hundredths of a kelvin unless the calibration says otherwise; 8-bit ones
        need it to.
    calibration
        A ``streams.json``: units, homographies to the color pixels, shifts in time. A stream
        without a homography shows the same view: of the same size as color it is aligned,
        otherwise it is scaled to it.
    """

    depth: Path | None = None
    thermal: Path | None = None
    calibration: Path | None = None

    def paths(self) -> dict[str, Path]:
        """Videos by stream."""
        named = {"depth": self.depth, "thermal": self.thermal}
        return {name: path for name, path in named.items() if path is not None}


class Guidance:
    """Reads the guiding videos along with the color video; two frames of each are held.

    Parameters
    ----------
    files
        What to read.
    nominal_fps
        Rate of the color video; None where it is not known (25 is taken).

    Raises
    ------
    InputError
        If a file cannot be read or is of another kind.
    DataError
        If the calibration is none.
    """

    def __init__(self, files: GuidanceFiles, nominal_fps: float | None) -> None:
        calibration = files.calibration
        if calibration is not None and not calibration.is_file():
            raise InputError(f"{calibration}: there is no such file; check the path")
        facts = read_calibration(calibration) if calibration is not None else {}
        half_s = 0.5 / (nominal_fps or _USUAL_FPS)
        self._streams: dict[str, _Stream] = {}
        for name, path in files.paths().items():
            file = StreamFile(path, **facts.get(name, {}))
            self._streams[name] = _Stream(name, file, Companion(name, file, half_s))
        self._color_frames = 0

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the guiding streams."""
        return tuple(self._streams)

    def advance(self, time_s: float) -> None:
        """Go to a frame of the color video.

        Raises
        ------
        InputError
            If a file turns out damaged.
        DataError
            If 8-bit pictures come without units.
        """
        self._color_frames += 1
        for stream in self._streams.values():
            stream.now = stream.companion.at(time_s)
            stream.matched += stream.now is not None

    def cut(
        self, color: ImageArray, landmarks: FloatArray, frame_shape: tuple[int, ...]
    ) -> MranFrame:
        """The crops of a face in the frame that was gone to.

        Parameters
        ----------
        color
            uint8 (112, 112, 3), the aligned crop.
        landmarks
            (5, 2), those that it was cut by.
        frame_shape
            Height and width of the upright color frame.
        """
        cut: dict[str, FloatArray] = {}
        for name, stream in self._streams.items():
            if stream.now is not None:
                to_crop = np.vstack([similarity(landmarks, TEMPLATE), [0.0, 0.0, 1.0]])
                to_crop = to_crop @ stream.to_color(frame_shape)
                cut[name] = warp(stream.now, to_crop, blend=name == "thermal")
        return MranFrame(color, cut.get("depth"), cut.get("thermal"))

    def describe(self) -> dict[str, dict[str, Any]]:
        """Per stream: its file, frames read, and color frames that found a frame in it."""
        return {
            name: {
                "path": str(stream.file.path),
                "frames": stream.companion.frames,
                "matched_frames": stream.matched,
            }
            for name, stream in self._streams.items()
        }

    def finish(self) -> list[str]:
        """Read the streams to their ends; what is worth knowing of how they fit, one sentence each.

        Raises
        ------
        InputError
            If a file turns out damaged, or has no frame at the time of any color frame.
        """
        said = []
        for name, stream in self._streams.items():
            stream.companion.finish()
            path, count = stream.file.path, stream.companion.frames
            if self._color_frames and not stream.matched:
                raise InputError(
                    f"{path}: none of its {count} frames is at the time of a frame of the color "
                    "video; give a file of the same recording and clock"
                )
            if missing := self._color_frames - stream.matched:
                said.append(
                    f"{missing} of {self._color_frames} frames have no {name} frame near in time "
                    f"({path.name} holds {count}); they count as missing"
                )
            elif count > self._color_frames:
                said.append(
                    f"{path.name} holds {count} frames, the video {self._color_frames}; what has "
                    "no counterpart is not used"
                )
        return said


@dataclass
class _Stream:
    """One guiding video, read as far as the color video is."""

    name: str
    file: StreamFile
    companion: Companion
    now: FloatArray | None = None
    matched: int = 0

    def to_color(self, frame_shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """float64 (3, 3), pixels of the current picture to pixels of the color frame."""
        if self.file.homography is not None or self.now is None:
            return np.eye(3) if self.file.homography is None else self.file.homography
        (height, width), (color_height, color_width) = self.now.shape, frame_shape[:2]
        if abs(width * color_height / (height * color_width) - 1) > _SAME_SHAPE:
            raise InputError(
                f"{self.file.path}: is {width} x {height} pixels, the color video {color_width} x "
                f"{color_height}, which is another shape, so they do not show the same view; say "
                f"how {self.name} lies to color by a homography (--streams FILE)"
            )
        return scaling_matrix((width, height), (color_width, color_height))


def scaling_matrix(size_px: tuple[int, int], target_px: tuple[int, int]) -> npt.NDArray[np.float64]:
    """float64 (3, 3), from a picture of (width, height) onto another one of the same view.

    Examples
    --------
    >>> (scaling_matrix((320, 240), (640, 480)) @ [0, 0, 1]).tolist()
    [0.5, 0.5, 1.0]
    """
    across, down = target_px[0] / size_px[0], target_px[1] / size_px[1]
    # Corners of pixels fall on corners, not centres on centres.
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1.0]])
