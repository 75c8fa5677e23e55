"""Stage 1 on the crops of waiting frames, its estimates steadied face by face."""

from __future__ import annotations

import numpy as np

from mien.inference.models import AffectModel
from mien.inference.options import AnalysisOptions
from mien.inference.rows import Pending
from mien.inference.steady import SteadyAffect
from mien.types import FloatArray


class AffectStage:
    """Runs the extractor in batches and remembers each face's last estimates.

    Parameters
    ----------
    extractor
        Stage 1.
    options
        Size of a batch and whether estimates are steadied.
    max_gap_s
        Distance of consecutive frames beyond which there is nothing to hold on to.
    """

    def __init__(self, extractor: AffectModel, options: AnalysisOptions, max_gap_s: float) -> None:
        self._extractor, self._options, self._max_gap_s = extractor, options, max_gap_s
        self._filters: dict[int, SteadyAffect] = {}

    def estimate(self, pending: list[Pending]) -> list[list[FloatArray | None]]:
        """Per frame and face float32 (26,), None where the extractor gave undefined numbers."""
        crops = [crop for item in pending for crop in item.crops]
        size = self._options.batch
        parts = [
            self._extractor.predict(np.stack(crops[i : i + size]))
            for i in range(0, len(crops), size)
        ]
        values = iter(np.concatenate(parts) if parts else ())
        return [
            [self._steadied(face_id, next(values), item.timestamp_s) for face_id in item.ids]
            for item in pending
        ]

    def forget(self, face_id: int) -> None:
        """Let go of a face that cannot come back under this number."""
        self._filters.pop(face_id, None)

    def _steadied(self, face_id: int, affect: FloatArray, time_s: float) -> FloatArray | None:
        if not np.isfinite(affect).all():
            return None
        if not self._options.steady:
            return affect
        filter_ = self._filters.get(face_id)
        if filter_ is None or time_s - filter_.time_s > self._max_gap_s:
            filter_ = self._filters[face_id] = SteadyAffect()
        return filter_.update(affect, time_s)
