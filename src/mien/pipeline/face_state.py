"""Everything that is kept of one face while its video is read: bounded, whatever its length."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.crops import Crop
from mien.labels import PAPERS_LABELS, VALENCE_AROUSAL_SLICE, LabelSet
from mien.pipeline.details import DetailsState
from mien.pipeline.mran.state import MranState
from mien.pipeline.reaction_windows import ReactionWindows
from mien.pipeline.resample import Resampler
from mien.pipeline.timeline import TimelineBuilder
from mien.runtime.models import ReactionModel
from mien.types import FaceDetails, FaceSummary, FloatArray, ImageArray, MranView

WORTH_A_PICTURE = 0.3
"""A peak below this is nothing to show a picture of."""

_JPEG_QUALITY = 88

Picture = Crop | ImageArray | bytes


class FaceState:
    """Running summary of one face.

    Parameters
    ----------
    face_id
        The tracker's number.
    max_gap_s
        Distance of consecutive frames beyond which the face counts as lost in between.
    reactions
        The reaction model, or None to leave reactions out.
    gaps
        Policy for gaps, see `mien.pipeline.resample.Resampler`.
    min_reaction_s
        Least usable time for which reactions are given.
    labels
        Of the extractor.
    """

    def __init__(
        self,
        face_id: int,
        max_gap_s: float,
        reactions: ReactionModel | None,
        gaps: str,
        min_reaction_s: float,
        labels: LabelSet = PAPERS_LABELS,
    ) -> None:
        self.face_id, self._labels = face_id, labels
        width = len(labels.affect_columns)
        self.last_s = 0.0
        self._first_s = 0.0
        self._last_frame: int | None = None
        self._seen = self._count = 0  # frames with this face, and those that count
        self._sum = np.zeros(width)
        self._peak = np.full(width, np.nan, np.float32)
        self._peak_time_s = np.full(width, np.nan)
        self._peak_crops: dict[int, Picture] = {}
        self._max_gap_s = max_gap_s
        self._timeline = TimelineBuilder(max_gap_s, channels=width)
        self._details = DetailsState(max_gap_s, labels)
        self._mran: MranState | None = None
        self._reactions = reactions
        self._min_reaction_s = min_reaction_s
        if reactions is not None:
            self._resampler = Resampler(reactions.fps, max_gap_s, gaps)
            self._windows = ReactionWindows(reactions.predict, reactions.positions, reactions.fps)
            self._positions = 0

    def push(
        self,
        time_s: float,
        affect: FloatArray,
        crop: Picture | None,
        frame: int | None = None,
        *,
        details: FaceDetails | None = None,
        reading: FloatArray | None = None,
        low: bool = False,
    ) -> None:
        """Add one frame with this face.

        A face seen in two frames in a row was not lost in between, however slow the video is.

        Parameters
        ----------
        time_s
            In seconds.
        affect
            (26,) as the frames table has it.
        crop
            The aligned crop, or its RGB (112, 112, 3), or its JPEG; None where there is no picture
            to keep.
        frame
            Index of the frame.
        details
            What else the extractor says.
        reading
            (26,) at the extractor's own prior, for the reaction model; None for `affect`.
        low
            Whether its quality is too low: it counts as seen, but enters no mean, peak, picture,
            curve or reaction, save the curves of `details`.
        """
        if self._seen == 0:
            self._first_s = time_s
        self.last_s = time_s
        self._seen += 1
        if details is not None:
            self._details.push(time_s, details, frame, low)
        if low:
            return
        contiguous = frame is not None and frame - 1 == self._last_frame
        self._last_frame = frame
        self._count += 1
        self._sum += affect
        self._timeline.push(time_s, affect, contiguous)
        strong = strength(affect)
        higher = ~(strong <= strength(self._peak))  # also where there is no peak yet
        if higher.any():
            self._peak[higher] = affect[higher]
            self._peak_time_s[higher] = time_s
            if crop is not None:
                self._keep(crop, higher)
        if self._reactions is not None:
            read = affect if reading is None else reading
            for grid_s, value in self._resampler.push(time_s, read, contiguous):
                self._windows.push(grid_s, value)
                self._positions += 1

    def _keep(self, crop: Picture, higher: npt.NDArray[np.bool_]) -> None:
        """One crop serves all channels that peak here; pixels of a frame are not held on to."""
        kept = crop if isinstance(crop, (Crop, bytes)) else crop.copy()
        for channel in np.flatnonzero(higher):
            self._peak_crops[int(channel)] = kept

    def push_mran(
        self, time_s: float, affect: FloatArray, frame: int, view: MranView | None = None
    ) -> None:
        """Add MRAN's valence and arousal (2,) of one usable frame; these come later, in order."""
        if self._mran is None:
            self._mran = MranState(self._max_gap_s)
        self._mran.push(time_s, affect, frame, view)

    def finish(self) -> FaceSummary:
        """The summary; the state must not be used afterwards."""
        summary = FaceSummary(
            face_id=self.face_id,
            first_s=self._first_s,
            last_s=self.last_s,
            usable_frames=self._count,
            mean=self._mean(),
            peak=self._peak,
            peak_time_s=self._peak_time_s,
            timeline=self._timeline.finish(),
            thumbnails=self._thumbnails(),
            mran=self._mran.finish() if self._mran is not None else None,
            details=self._details.finish(),
            low_quality_frames=self._seen - self._count,
            labels=self._labels,
        )
        if self._reactions is not None:
            summary.reaction_names = self._reactions.reactions
            if self._positions >= self._min_reaction_s * self._reactions.fps:
                summary.reactions = self._windows.finish()
                summary.reaction_windows = self._windows.windows
                summary.undefined_positions = self._windows.undefined
        return summary

    def _mean(self) -> FloatArray:
        if not self._count:
            return np.full(len(self._sum), np.nan, np.float32)
        return (self._sum / self._count).astype(np.float32)

    def _thumbnails(self) -> dict[str, bytes]:
        pictures: dict[str, bytes] = {}
        encoded: dict[int, bytes] = {}  # channels that peak in the same frame share the bytes
        for channel, crop in sorted(self._peak_crops.items()):
            if abs(float(self._peak[channel])) < WORTH_A_PICTURE:
                continue
            if id(crop) not in encoded:
                encoded[id(crop)] = crop if isinstance(crop, bytes) else encode_crop(crop)
            pictures[self._labels.affect_columns[channel]] = encoded[id(crop)]
        self._peak_crops.clear()
        return pictures


def encode_crop(crop: Crop | ImageArray) -> bytes:
    """JPEG of a crop."""
    return encode_picture(crop.color if isinstance(crop, Crop) else crop)


def encode_picture(color: ImageArray) -> bytes:
    """JPEG of an RGB picture."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", color[:, :, ::-1], quality)
    return data.tobytes()


def strength(affect: FloatArray) -> FloatArray:
    """What a peak is the largest of: the value, for valence and arousal its distance from 0."""
    strong = affect.copy()
    strong[VALENCE_AROUSAL_SLICE] = np.abs(strong[VALENCE_AROUSAL_SLICE])
    return strong
