"""Clips of a `StreamSet` as batches: for training drawn at random, for reading in order.

What a step is shown depends on seed, epoch and step alone, so a resumed run sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mien.data.formats.streams import StreamSet
from mien.labels import ACTION_UNITS
from mien.models.mran import MRAN
from mien.runtime.clips import OverlapAverage, clip_inputs, clip_starts, grid_frames
from mien.training.mran.augment import StreamAugmentConfig, augment_clips, drop_streams
from mien.types import FloatArray

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClipBatch:
    """Clips: ``streams`` (batch, time, channels, side, side), ``present`` (batch, time, 3).

    affect (batch, time, 2) and units (batch, time, 17) are NaN where not annotated, beyond a
    recording's end, and where none of the modalities is there: such a frame says nothing that could
    be learned.
    """

    streams: dict[str, Tensor]
    present: Tensor
    affect: Tensor
    units: Tensor

    def to(self, device: torch.device) -> ClipBatch:
        """The same on a device."""
        streams = {name: clip.to(device) for name, clip in self.streams.items()}
        return ClipBatch(streams, *(v.to(device) for v in (self.present, self.affect, self.units)))


@dataclass(frozen=True)
class ClipReader:
    """Cuts the clips that a network reads.

    Attributes
    ----------
    data
        The recordings.
    modalities, clip_frames, side
        Of the network.
    fps
        Frames per second that the network reads; frames are chosen by their times.
    """

    data: StreamSet
    modalities: tuple[str, ...]
    clip_frames: int
    side: int
    fps: float

    def frames(self, index: int) -> IntArray:
        """Frames of a recording that the network is shown, in order."""
        return grid_frames(self.data.times_s(index), self.fps)

    def batch(self, clips: list[tuple[int, IntArray]]) -> ClipBatch:
        """Clips (recording, frames), each of at most `clip_frames` frames."""
        shape = len(clips), self.clip_frames
        inputs, affect = [], np.full((*shape, 2), np.nan, np.float32)
        units = np.full((*shape, len(ACTION_UNITS)), np.nan, np.float32)
        for row, (index, frames) in enumerate(clips):
            clip = self.data.clip(index, frames)
            inputs.append(
                clip_inputs(
                    clip.color,
                    clip.depth_mm,
                    clip.thermal_c,
                    clip.present,
                    self.modalities,
                    self.clip_frames,
                    self.side,
                )
            )
            affect[row, : len(frames)] = clip.affect
            units[row, : len(frames)] = clip.units
        streams = {
            name: torch.from_numpy(np.stack([part.streams[name] for part in inputs]))
            for name in self.modalities
        }
        present = torch.from_numpy(np.stack([part.present for part in inputs]))
        known = (_of_seen(torch.from_numpy(values), present) for values in (affect, units))
        return ClipBatch(streams, present, *known)


def epoch_clips(
    reader: ClipReader,
    count: int,
    strides: tuple[int, ...],
    seed: int,
    epoch: int,
    late_start: float = 0.0,
) -> list[tuple[int, IntArray]]:
    """Clips of an epoch in a random order: every recording by its length, starts and strides drawn.

    Parameters
    ----------
    reader
        What to draw from; recordings without any annotation are left out.
    count
        How many clips; 0: as many as fit side by side into the recordings.
    strides
        Steps between frames, each as likely; one that does not fit gives way to 1.
    seed, epoch
        Decide the draw.
    late_start
        Rate of clips whose first frames are left out, see `StreamAugmentConfig`.
    """
    rng = np.random.default_rng([seed, epoch])
    t = reader.clip_frames
    shown = {
        index: reader.frames(index)
        for index in range(len(reader.data))
        if np.isfinite(reader.data.affect(index)).any()
    }
    share = {index: max(1, round(len(frames) / t)) for index, frames in shown.items()}
    drawn = np.repeat(list(share), list(share.values()))
    if count:
        laps = -(-count // len(drawn))
        drawn = np.concatenate([rng.permutation(drawn) for _ in range(laps)])[:count]
    clips = []
    for index in rng.permutation(drawn):
        frames = shown[int(index)]
        stride = int(rng.choice(strides))
        if (t - 1) * stride + 1 > len(frames):
            stride = 1
        room = max(0, len(frames) - ((t - 1) * stride + 1))
        start = int(rng.integers(room + 1))
        chosen = frames[start : start + (t - 1) * stride + 1 : stride]
        if late_start and len(chosen) > 1 and rng.random() < late_start:
            chosen = chosen[int(rng.integers(1, len(chosen))) :]
        clips.append((int(index), chosen))
    return clips


def augmented(
    batch: ClipBatch,
    modalities: tuple[str, ...],
    config: StreamAugmentConfig,
    generator: torch.Generator,
) -> ClipBatch:
    """A batch as training shows it: moved, relit, with noise, and with modalities missing."""
    streams = augment_clips(batch.streams, config, generator)
    present = drop_streams(batch.present, modalities, config, generator)
    known = (_of_seen(values, present) for values in (batch.affect, batch.units))
    return ClipBatch(streams, present, *known)


def _of_seen(values: Tensor, present: Tensor) -> Tensor:
    """Values (batch, time, n), NaN where no modality of present (batch, time, 3) is there."""
    return torch.where(present.any(2, keepdim=True), values, torch.nan)


def read_recordings(
    model: MRAN, reader: ClipReader, batch: int = 8, hop: int | None = None
) -> Iterator[tuple[IntArray, FloatArray]]:
    """What a network says of each recording, averaged over overlapping clips.

    Parameters
    ----------
    model
        Is put into evaluation mode.
    reader
        The recordings.
    batch
        Clips at a time.
    hop
        Frames between the starts of clips; None: half a clip.

    Yields
    ------
    Per recording the frames that were read, int64 (m,), and their estimates, float32 (m, 2), NaN
    where none of the network's modalities is there.
    """
    model.eval()
    for index in range(len(reader.data)):
        frames = reader.frames(index)
        starts = clip_starts(len(frames), reader.clip_frames, hop)
        average = OverlapAverage()
        parts = []
        for first in range(0, len(starts), batch):
            some = starts[first : first + batch]
            clips = [(index, frames[start : start + reader.clip_frames]) for start in some]
            inputs = reader.batch(clips).to(next(model.parameters()).device)
            with torch.no_grad():
                affect = model(inputs.streams, inputs.present).affect.cpu().numpy()
            seen = inputs.present.any(2).cpu().numpy()
            affect = np.where(seen[:, :, None], affect, np.nan)
            for start, (_, own), estimates in zip(some, clips, affect, strict=True):
                parts.append(average.add(start, estimates[: len(own)]))
        parts.append(average.finish())
        yield frames, np.concatenate([part for part in parts if len(part)]).astype(np.float32)
