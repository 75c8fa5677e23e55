"""One recording of a corpus to aligned crops, in whichever process it is.

The face is found in the color frames (RetinaFace), followed (`mien.faces.track`), and its crop cut
by smoothed landmarks, as `mien analyze` does; of several faces the largest counts. Depth and
thermal are cut by the same similarity, after the homography that takes their pixels to those of
the color stream. A color frame without a face has no crop, so nothing of it is there: it is marked
in all streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.formats.stream_files import to_hundredths_of_kelvin, to_tenths_of_mm
from mien.data.formats.stream_writer import RecordingWriter
from mien.data.prepare.face_cutting import LargestFace
from mien.data.prepare.job import NO_FACE
from mien.data.prepare.stream_frames import color_frames, color_interval_s
from mien.data.recordings import StreamSource
from mien.errors import DataError
from mien.faces.align import CROP_SIZE_PX, TEMPLATE, similarity
from mien.faces.detectors import FaceDetector
from mien.types import FloatArray, Frame
from mien.video.companions.streams import Companion, warp


@dataclass(frozen=True)
class RecordingTask:
    """One recording to be read; ``str`` names it in messages."""

    source: StreamSource
    out: Path
    modalities: tuple[str, ...]
    fps: float | None
    digest: str

    def __str__(self) -> str:
        return str(self.source.streams["color"].path)


def no_detector() -> None:
    """For corpora whose pictures are crops already."""


def read_recording(detector: FaceDetector | None, task: RecordingTask) -> None:
    """Write the streams of one recording.

    Raises
    ------
    InputError, DataError
        If it cannot be read.
    """
    streams = task.source.streams
    color = streams["color"]
    interval_s = color_interval_s(color)
    companions = {
        name: Companion(name, stream, interval_s / 2)
        for name, stream in streams.items()
        if name != "color"
    }
    cutter = None if detector is None else LargestFace(detector, 1 / interval_s)
    seen = annotated = 0
    matched = dict.fromkeys(companions, 0)
    facts = {"source": task.digest}
    with RecordingWriter(task.out, task.source.id, task.modalities, facts) as writer:
        for frame in color_frames(color, task.fps):
            values = {name: one.at(frame.timestamp_s) for name, one in companions.items()}
            cut = _framed(frame, color.path) if cutter is None else _cut(cutter, frame)
            at = np.array([frame.timestamp_s])
            affect, units = task.source.traces.at(at)[0], task.source.traces.units_at(at)
            said = None if units is None else units[0]
            row = (float(affect[0]), float(affect[1]))
            annotated += bool(np.isfinite(affect).any())
            for name, value in values.items():
                matched[name] += value is not None
            if cut is None:
                writer.append(frame.timestamp_s, row, units=said)
                continue
            seen += 1
            crop, to_crop = cut
            stored = {
                name: _companion_crop(name, task.source, value, frame, to_crop)
                for name, value in values.items()
                if value is not None
            }
            writer.append(frame.timestamp_s, row, color=crop, units=said, **stored)
        if not seen:
            raise DataError(f"{color.path}: {NO_FACE}")
        for name, one in companions.items():
            one.finish()
            if not matched[name]:
                raise DataError(
                    f"{streams[name].path}: none of its {one.frames} frames is at the time of a "
                    "color frame; give its time_offset_s in streams.json, or take the file away"
                )
        if not annotated and np.isfinite(task.source.traces.affect).any():
            raise DataError(
                f"{color.path}: no frame is at a time that is annotated; annotations run from "
                f"{task.source.traces.time_s[0]:g} to {task.source.traces.time_s[-1]:g} s"
            )


Cut = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]
"""A crop, and the matrix (3, 3) from pixels of the frame to pixels of the crop."""


def _framed(frame: Frame, path: Path) -> Cut:
    shape = (CROP_SIZE_PX, CROP_SIZE_PX, 3)
    if frame.image.shape != shape:
        raise DataError(f"{path}: its frames are {frame.image.shape}; expected crops of {shape}")
    return frame.image, np.eye(3)


def _cut(cutter: LargestFace, frame: Frame) -> Cut | None:
    found = cutter.cut(frame)
    if found is None:
        return None
    crop, place = found
    return crop, np.vstack([similarity(place, TEMPLATE), [0, 0, 1]])


def _companion_crop(
    name: str,
    source: StreamSource,
    values: FloatArray,
    frame: Frame,
    to_crop: npt.NDArray[np.float64],
) -> npt.NDArray[np.uint16]:
    """Depth or temperature, cut as the color crop is, as stored."""
    stream = source.streams[name]
    if stream.homography is not None:
        to_crop = to_crop @ stream.homography
    elif values.shape != frame.image.shape[:2]:
        raise DataError(
            f"{stream.path}: is {values.shape[1]} x {values.shape[0]} pixels, color "
            f"{frame.image.shape[1]} x {frame.image.shape[0]}; give the homography from one to the "
            f'other in streams.json ("{name}": {{"homography": ...}})'
        )
    if np.array_equal(to_crop, np.eye(3)):
        cut = values
    else:
        cut = warp(values, to_crop, blend=name == "thermal")
    return to_tenths_of_mm(cut) if name == "depth" else to_hundredths_of_kelvin(cut)
