"""Scores of exported MRAN models on aligned streams, as a whole and by condition. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.formats.streams import StreamSet
from mien.errors import ConfigError
from mien.evaluation.traces import trace_report
from mien.faces.align import CROP_SIZE_PX
from mien.faces.modalities import STREAMS
from mien.labels import VALENCE_AROUSAL_SLICE
from mien.runtime.clips import (
    ClipInputs,
    IntArray,
    OverlapAverage,
    clip_inputs,
    clip_starts,
    grid_frames,
)
from mien.runtime.models import AffectModel
from mien.runtime.mran import MranModel
from mien.types import FloatArray

_CLIPS_AT_ONCE = 4
_CROPS_AT_ONCE = 64
_MOST_VALUES, _BANDS = 8, 5


@dataclass(frozen=True)
class RecordingTraces:
    """Which frames of a recording were read, int64 (m,), and what was said, float32 (m, 2).

    NaN where none of the modalities that are read is there.
    """

    frames: IntArray
    estimates: FloatArray


def check_dropped(model: MranModel, data: StreamSet, dropped: Sequence[str]) -> tuple[str, ...]:
    """The modalities that a model will read of some data.

    Raises
    ------
    ConfigError
        If a dropped modality has no such name, or none is left.
    """
    unknown = [name for name in dropped if name not in STREAMS]
    if unknown:
        raise ConfigError(f"--drop {unknown[0]}: is no modality; choose of {', '.join(STREAMS)}")
    read = tuple(
        name for name in model.modalities if name in data.modalities and name not in dropped
    )
    if not read:
        raise ConfigError(
            f"{data.folder}: nothing is left to read: the model reads "
            f"{', '.join(model.modalities)}, the data have {', '.join(data.modalities)}, dropped "
            f"are {', '.join(dropped) or 'none'}"
        )
    return read


def mran_traces(
    model: MranModel, data: StreamSet, dropped: Sequence[str] = (), after_s: float = 0.0
) -> Iterator[RecordingTraces]:
    """What a model says of each recording, a frame's estimates averaged over its clips.

    Parameters
    ----------
    model
        An exported model.
    data
        Recordings; frames are chosen by their times, at the model's rate.
    dropped
        Modalities that are declared missing.
    after_s
        Frames before this time are not shown to the model, nor scored: how it reads a face that
        was not seen at rest before.

    Raises
    ------
    ConfigError
        If nothing is left to read.
    """
    read = check_dropped(model, data, dropped)
    for index in range(len(data)):
        frames = _frames(data, index, model.fps, after_s)
        starts = clip_starts(len(frames), model.clip_frames)
        average = OverlapAverage()
        parts: list[npt.NDArray[np.float64]] = []
        for first in range(0, len(starts), _CLIPS_AT_ONCE):
            some = starts[first : first + _CLIPS_AT_ONCE]
            own = [frames[start : start + model.clip_frames] for start in some]
            clips = [_inputs(model, data, index, chosen, read) for chosen in own]
            affect, _ = model.read(clips)
            for start, chosen, said, clip in zip(some, own, affect, clips, strict=True):
                seen = clip.present[: len(chosen)].max(axis=1, keepdims=True) > 0
                parts.append(average.add(start, np.where(seen, said[: len(chosen)], np.nan)))
        parts.append(average.finish())
        estimates = np.concatenate([part for part in parts if len(part)])
        yield RecordingTraces(frames, estimates.astype(np.float32))


def _frames(data: StreamSet, index: int, fps: float, after_s: float) -> IntArray:
    """Frames of a recording at a rate, those before a time left out."""
    times_s = data.times_s(index)
    frames = grid_frames(times_s, fps)
    frames = np.asarray(frames[times_s[frames] - times_s[0] >= after_s], np.int64)
    if not len(frames):
        name, length_s = data.recordings[index].id, times_s[-1] - times_s[0]
        raise ConfigError(
            f"{data.folder}: the recording {name!r} is {length_s:g} s long: nothing is left of it "
            f"after {after_s:g} s"
        )
    return frames


def _inputs(
    model: MranModel, data: StreamSet, index: int, frames: IntArray, read: tuple[str, ...]
) -> ClipInputs:
    clip = data.clip(index, frames)
    there = clip.present & np.array([name in read for name in STREAMS])
    return clip_inputs(
        clip.color,
        clip.depth_mm,
        clip.thermal_c,
        there,
        model.modalities,
        model.clip_frames,
        CROP_SIZE_PX,
    )


def stage1_traces(
    extractor: AffectModel, data: StreamSet, fps: float, after_s: float = 0.0
) -> Iterator[RecordingTraces]:
    """Valence and arousal of the extractor on color, frame by frame.

    Frames are those that `mran_traces` reads of a model of `fps` frames per second. A frame without
    color has no estimate (NaN).

    Raises
    ------
    ConfigError
        If the data have no color, or nothing is left of a recording after `after_s`.
    """
    if "color" not in data.modalities:
        raise ConfigError(f"{data.folder}: has no color, which the extractor reads")
    for index in range(len(data)):
        frames = _frames(data, index, fps, after_s)
        estimates = np.full((len(frames), 2), np.nan, np.float32)
        for first in range(0, len(frames), _CROPS_AT_ONCE):
            some = slice(first, first + _CROPS_AT_ONCE)
            clip = data.clip(index, frames[some])
            assert clip.color is not None
            there = clip.present[:, 0]
            if there.any():
                affect = extractor.predict(clip.color[there])
                estimates[some][there] = affect[:, VALENCE_AROUSAL_SLICE]
        yield RecordingTraces(frames, estimates)


def group_values(data: StreamSet, column: str) -> list[str]:
    """The group of each recording by an attribute column of ``recordings.parquet``, as text.

    A group is a value of the column. Numbers of which there are more than eight different ones,
    such as ``skin_tone``, fall into fifths of the recordings, named by their bounds.

    Raises
    ------
    ConfigError
        If there is no such column.
    """
    columns = sorted({name for recording in data.recordings for name in recording.attributes})
    if column not in columns:
        raise ConfigError(f"--by {column}: {data.folder} has {', '.join(columns) or 'no columns'}")
    values = [recording.attributes.get(column) for recording in data.recordings]
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    if len(set(numbers)) <= _MOST_VALUES:
        return ["-" if value is None else str(value) for value in values]
    bounds = np.quantile(numbers, np.linspace(0, 1, _BANDS + 1))
    names = _band_names(bounds)
    return [
        names[min(int(np.searchsorted(bounds[1:], value)), _BANDS - 1)]
        if isinstance(value, (int, float))
        else "-"
        for value in values
    ]


def _band_names(bounds: npt.NDArray[np.float64]) -> list[str]:
    """Bands by their bounds, with as few digits (two at least) as tell the bounds apart."""
    for digits in range(2, 12):
        texts = [f"{bound:.{digits}f}" for bound in bounds]
        if len(set(texts)) == len(set(bounds.tolist())):
            break
    return [f"{low} to {high}" for low, high in pairwise(texts)]


def score_traces(
    traces: Iterator[RecordingTraces],
    data: StreamSet,
    by: Sequence[str] = (),
    advance: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Scores of one model.

    Parameters
    ----------
    traces
        One entry per recording, in the order of `data`.
    data
        Truth and attributes.
    by
        Attribute columns to split by, such as ``light``; a set of its own for each value.
    advance
        Called after each recording.

    Returns
    -------
    `mien.evaluation.traces.trace_report` of all recordings under ``all``, and under
    ``"column=value"`` of those with this value.
    """
    groups = {column: group_values(data, column) for column in by}
    estimates, truths = [], []
    for index, trace in enumerate(traces):
        estimates.append(trace.estimates)
        truths.append(data.affect(index)[trace.frames])
        advance()
    report = {"all": trace_report(estimates, truths)}
    for column, values in groups.items():
        for value in sorted(set(values)):
            rows = [row for row, own in enumerate(values) if own == value]
            report[f"{column}={value}"] = trace_report(
                [estimates[row] for row in rows], [truths[row] for row in rows]
            )
    return report
