"""The extractor on the crops of waiting frames, its estimates smoothed face by face."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from itertools import chain, pairwise
from typing import TypeVar

import numpy as np

from mien.faces.align import crop_to_image
from mien.faces.crops import Crop, stack
from mien.pipeline.details import to_frame
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.rows import Pending
from mien.pipeline.smoothing import SteadyAffect, SteadyIntensities
from mien.runtime.models import AffectModel
from mien.types import FaceDetails, FaceEstimates, FloatArray

Item = TypeVar("Item")

_PASS = 4  # crops

PASSES_BESIDE = 2
"""Passes of the extractor that run at the same time."""


class AffectStage:
    """Runs the extractor in batches and remembers each face's last estimates.

    Parameters
    ----------
    extractor
        The extractor.
    options
        Size of a batch and whether estimates are smoothed.
    max_gap_s
        Distance of consecutive frames beyond which there is nothing to hold on to.
    on_cpu
        Whether the extractor runs on the processor, where larger batches gain little and several
        passes may share its cores.
    pool
        Runs several passes beside each other; None: one after the other.
    """

    def __init__(
        self,
        extractor: AffectModel,
        options: AnalysisOptions,
        max_gap_s: float,
        on_cpu: bool = True,
        pool: Executor | None = None,
    ) -> None:
        self._extractor, self._options, self._max_gap_s = extractor, options, max_gap_s
        self._most = min(options.batch, _PASS) if on_cpu else options.batch
        self._pool = pool
        self._luma = self._extractor.reads_luma
        self._filters: dict[int, SteadyAffect] = {}
        self._intensities: dict[int, SteadyIntensities] = {}

    def estimate(self, pending: list[Pending]) -> list[list[FaceEstimates | None]]:
        """Per frame and face what the extractor says, None where its 26 numbers are undefined.

        The 26 numbers are as the extractor gives them, at its own prior; details are those of the
        frame.
        """
        return [
            self.steadied(item, said)
            for item, said in zip(pending, self.read(pending), strict=True)
        ]

    def read(self, pending: list[Pending]) -> list[list[FaceEstimates | None]]:
        """What `estimate` gives before it is steadied; nothing is remembered of it."""
        crops = [crop for item in pending for crop in item.crops]
        parts = shared_out(crops, self._most)
        at_once = map if self._pool is None or len(parts) < 2 else self._pool.map
        told = chain.from_iterable(at_once(self._pass, parts))
        return [[_in_frame(next(told), place) for place in item.places] for item in pending]

    def _pass(self, crops: Sequence[Crop]) -> list[FaceEstimates]:
        said = self._extractor.estimate(stack(crops, self._luma))
        return [said.of(k) for k in range(len(crops))]

    def steadied(
        self, item: Pending, said: Sequence[FaceEstimates | None]
    ) -> list[FaceEstimates | None]:
        """What was read of a frame's faces, its trembling taken out."""
        return [
            None if one is None else self._finished(face_id, one, item.timestamp_s)
            for face_id, one in zip(item.ids, said, strict=True)
        ]

    def forget(self, face_id: int) -> None:
        """Let go of a face that cannot come back under this number."""
        self._filters.pop(face_id, None)
        self._intensities.pop(face_id, None)

    def _finished(self, face_id: int, said: FaceEstimates, time_s: float) -> FaceEstimates:
        if not self._options.steady:
            return said
        filter_ = self._filters.get(face_id)
        if filter_ is None or time_s - filter_.time_s > self._max_gap_s:
            filter_ = self._filters[face_id] = SteadyAffect(self._extractor.labels)
        return FaceEstimates(
            filter_.update(said.affect, time_s), self._steadied(face_id, said.details, time_s)
        )

    def _steadied(self, face_id: int, details: FaceDetails, time_s: float) -> FaceDetails:
        """Details with smoothed intensities; the rest is as estimated."""
        if not np.isfinite(details.au_intensity).all():
            self._intensities.pop(face_id, None)
            return details
        filter_ = self._intensities.get(face_id)
        if filter_ is None or time_s - filter_.time_s > self._max_gap_s:
            filter_ = self._intensities[face_id] = SteadyIntensities(len(details.au_intensity))
        return replace(details, au_intensity=filter_.update(details.au_intensity, time_s))


def shared_out(items: Sequence[Item], most: int) -> list[Sequence[Item]]:
    """Parts of at most so many items, as even as can be."""
    count = -(-len(items) // most)
    ends = [len(items) * k // count for k in range(count + 1)] if count else []
    return [items[start:end] for start, end in pairwise(ends)]


def _in_frame(said: FaceEstimates, place: FloatArray) -> FaceEstimates | None:
    """With details in pixels of the frame; None where the 26 numbers are undefined."""
    if not np.isfinite(said.affect).all():
        return None
    return FaceEstimates(said.affect, to_frame(said.details, crop_to_image(place)))
