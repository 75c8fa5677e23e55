"""Values that pass between the rooms of the package. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from mien.labels import ACTION_UNITS, FACE_LANDMARKS, PAPERS_LABELS, LabelSet

FloatArray = npt.NDArray[np.float32]
TimeArray = npt.NDArray[np.float64]
ImageArray = npt.NDArray[np.uint8]
AnyArray = npt.NDArray[Any]


class Coding(Protocol):
    """How luma and chroma are stored."""

    def full_luma(self, luma: AnyArray, chroma: tuple[AnyArray, AnyArray]) -> ImageArray:
        """Luminance as the extractor was taught it, uint8 in full range, of the size of `luma`."""

    def colors(self, luma: AnyArray, chroma: tuple[AnyArray, AnyArray]) -> ImageArray:
        """RGB, uint8 (rows, columns, 3), of the size of `luma`."""


class Planes(Protocol):
    """A picture as a decoder has it, luma and chroma apart, not turned upright yet."""

    @property
    def luma(self) -> AnyArray:
        """uint8 or uint16 (rows, columns), in the range of the file."""

    @property
    def chroma(self) -> tuple[AnyArray, AnyArray]:
        """Blue and red difference, as `luma`, of fewer pixels where they are subsampled."""

    @property
    def coding(self) -> Coding:
        """What the values mean."""

    @property
    def to_upright(self) -> TimeArray:
        """float64 (2, 3), from pixels of `luma` to pixels of the upright frame."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the upright frame."""

    def rgb(self) -> ImageArray:
        """The upright picture, uint8 (height, width, 3)."""

    def shrunk(self, size_px: tuple[int, int]) -> ImageArray:
        """It upright in ``yuv420p`` of BT.601, of this even width and height.

        uint8 (height * 3 / 2, width): luma, and below it both chroma planes, end to end.
        """

    def thumbnail(self, side_px: int) -> ImageArray:
        """It upright, shrunk to a square: uint8 (side_px, side_px, 3), RGB."""


class Frame:
    """One decoded frame, upright.

    Attributes
    ----------
    index
        0-based position among the decoded frames.
    timestamp_s
        Presentation time in seconds, from the stream itself.
    planes
        What it is made from, where a decoder has luma and chroma apart; None where it has not.
    """

    __slots__ = ("_image", "index", "planes", "timestamp_s")

    def __init__(
        self,
        index: int,
        timestamp_s: float,
        image: ImageArray | None = None,
        planes: Planes | None = None,
    ) -> None:
        if (image is None) == (planes is None):
            raise ValueError("a frame is made from an image or from planes")
        self.index, self.timestamp_s = index, timestamp_s
        self.planes, self._image = planes, image

    @property
    def image(self) -> ImageArray:
        """uint8 (height, width, 3), RGB, rotation already applied; made when it is asked for."""
        if self._image is None:
            assert self.planes is not None, "one of the two is there"
            self._image = self.planes.rgb()
        return self._image

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        if self.planes is not None:
            return self.planes.shape
        height, width = self.image.shape[:2]
        return height, width

    def shrunk(self, size_px: tuple[int, int]) -> ImageArray:
        """The frame in ``yuv420p`` of BT.601, of this even width and height, as of `Planes`."""
        if self.planes is not None:
            return self.planes.shrunk(size_px)
        small = cv2.resize(self.image, size_px, interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)

    def thumbnail(self, side_px: int) -> ImageArray:
        """The frame, shrunk to a square: uint8 (side_px, side_px, 3), RGB."""
        if self.planes is not None:
            return self.planes.thumbnail(side_px)
        small = cv2.resize(self.image, (side_px, side_px), interpolation=cv2.INTER_AREA)
        return small.astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a file says of itself before it is decoded.

    ``width_px`` and ``height_px`` are those of the upright frame; ``rotation_deg`` is how far,
    counter-clockwise, decoded frames are turned to stand upright (0, 90, 180 or 270).
    """

    path: str
    width_px: int
    height_px: int
    nominal_fps: float | None
    duration_s: float | None
    frame_count_hint: int | None
    rotation_deg: int
    codec: str
    is_image: bool


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face in pixels of the upright frame.

    Attributes
    ----------
    score
        Detector's confidence, 0 to 1.
    box
        float32 (4,): x, y of the upper left corner, width, height.
    landmarks
        float32 (5, 2): x, y of the points named in `mien.labels.LANDMARKS`.
    """

    score: float
    box: FloatArray
    landmarks: FloatArray


@dataclass(frozen=True, slots=True)
class FaceDetails:
    """What an extractor may say of faces beside the 26 numbers; NaN where it says nothing.

    Of one face, or of n faces with a first axis of n.

    Attributes
    ----------
    quality
        float32 (), 0 to 1: how far this is a whole, upright, uncovered, sharp face of a person.
    pose_deg
        float32 (3,): yaw (the person's own left turn is positive), pitch (up), roll
        (counter-clockwise in the image).
    eye_open
        float32 (2,), 0 to 1: the person's own left and right eye.
    gaze_deg
        float32 (2,): yaw and pitch relative to the head, signs as of the pose.
    au_intensity
        float32 (17,), 0 to 5, in the order of `mien.labels.ACTION_UNITS`.
    landmarks
        float32 (26, 2): x, y of `mien.labels.FACE_LANDMARKS`, in pixels of the aligned crop as an
        extractor gives them, of the upright frame in a row of the frames table.
    """

    quality: FloatArray
    pose_deg: FloatArray
    eye_open: FloatArray
    gaze_deg: FloatArray
    au_intensity: FloatArray
    landmarks: FloatArray

    def of(self, index: int) -> FaceDetails:
        """Those of face number `index` of several."""
        return FaceDetails(
            self.quality[index],
            self.pose_deg[index],
            self.eye_open[index],
            self.gaze_deg[index],
            self.au_intensity[index],
            self.landmarks[index],
        )

    def numbers(self) -> FloatArray:
        """float32 (25,) of one face, in the order of `mien.labels.DETAIL_COLUMNS`."""
        parts = (self.quality, self.pose_deg, self.eye_open, self.gaze_deg, self.au_intensity)
        return np.concatenate([np.atleast_1d(part) for part in parts]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FaceEstimates:
    """All that an extractor says of one face, or of n faces with a first axis of n.

    Attributes
    ----------
    affect
        float32 (26,), in the order of `mien.labels.AFFECT_COLUMNS`; of an extractor with other
        labels, here and below, as many as these are.
    details
        The rest; NaN where the extractor has no such output.
    """

    affect: FloatArray
    details: FaceDetails

    def of(self, index: int) -> FaceEstimates:
        """Those of face number `index` of several."""
        return FaceEstimates(self.affect[index], self.details.of(index))


def no_details(*count: int, units: int = len(ACTION_UNITS)) -> FaceDetails:
    """Details of `count` faces, or without it of one, of which nothing is known.

    `units` is how many action units the extractor says.

    Examples
    --------
    >>> no_details(3).landmarks.shape, no_details().numbers().shape
    ((3, 26, 2), (25,))
    """

    def unknown(*shape: int) -> FloatArray:
        return np.full((*count, *shape), np.nan, np.float32)

    return FaceDetails(
        unknown(),
        unknown(3),
        unknown(2),
        unknown(2),
        unknown(units),
        unknown(len(FACE_LANDMARKS), 2),
    )


@dataclass(slots=True)
class Timeline:
    """A curve of bounded length: bin centres and the mean of each channel in each bin.

    Attributes
    ----------
    time_s
        float64 (n,), increasing.
    values
        float32 (n, 26), in the order of `mien.labels.AFFECT_COLUMNS` (of MRAN: (n, 2), valence and
        arousal; of `DetailsSummary`: (n, 6)); NaN where a bin holds no usable frame of this face.
    bin_s
        Width of a bin in seconds; 0 where each bin is one frame.
    """

    time_s: TimeArray
    values: FloatArray
    bin_s: float


@dataclass(slots=True)
class ReactionWindow:
    """Reaction intensities of one window ``[start_s, end_s)`` of a face.

    ``routed`` is the number of usable positions that the window holds, its weight in the whole.
    """

    start_s: float
    end_s: float
    routed: int
    intensities: FloatArray  # (number of reactions,), 0 to 1


@dataclass(frozen=True, slots=True)
class MranView:
    """One moment as MRAN read it: the aligned crops of a face and where it attended.

    Attributes
    ----------
    time_s
        When.
    affect
        (2,), valence and arousal that were read.
    color
        uint8 (112, 112, 3), RGB.
    depth_mm, thermal_c
        float32 (112, 112), NaN where nothing was measured; None where the stream was not there.
    attention
        float32 (h, w), sums to one.
    """

    time_s: float
    affect: FloatArray
    color: ImageArray
    depth_mm: FloatArray | None
    thermal_c: FloatArray | None
    attention: FloatArray


@dataclass(slots=True)
class MranSummary:
    """What MRAN says of one face: valence and arousal in every array's order.

    ``peak`` is the value farthest from 0. ``timeline`` has the times of the extractor's. ``view``
    is the moment at which valence and arousal lay farthest from 0 together.
    """

    frames: int
    mean: FloatArray  # (2,)
    peak: FloatArray  # (2,)
    peak_time_s: TimeArray  # (2,)
    timeline: Timeline
    view: MranView | None = None


@dataclass(slots=True)
class DetailsSummary:
    """What is kept of a face's details.

    Attributes
    ----------
    mean
        float32 (25,), in the order of `mien.labels.DETAIL_COLUMNS`: over the frames that count,
        but of the quality over all frames. NaN where the extractor says nothing.
    peak, peak_time_s
        (17,): largest intensity of every action unit and when.
    timeline
        Of all frames, also those below the least quality: quality, yaw, pitch, roll, openness of
        the left and of the right eye.
    """

    mean: FloatArray  # (25,)
    peak: FloatArray  # (17,)
    peak_time_s: TimeArray  # (17,)
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode, times in seconds of the source; ``peak`` is reached at ``apex_s``."""

    onset_s: float
    apex_s: float
    offset_s: float
    peak: float

    @property
    def duration_s(self) -> float:
        """From onset to offset."""
        return self.offset_s - self.onset_s


@dataclass(slots=True)
class FaceSummary:
    """All that is kept of one face once the video has been read.

    Channels are in the order of ``labels.affect_columns``. ``thumbnails`` holds JPEG bytes of
    the aligned crop at the peak of a channel, by channel name. ``reactions`` is None where the
    face had too few usable frames; ``reaction_names`` are the names of its entries. ``mran`` is
    None where MRAN was not asked for, ``details`` where the extractor gives none.
    ``undefined_positions`` are those for which the reaction model gave no numbers.
    ``low_quality_frames`` were left out of everything but first and last second and ``details``'
    quality and curves; they are not among ``usable_frames``. ``episodes`` are column and episode of
    action units, by onset, and ``active_share`` the share of usable frames in which a unit is at
    or above its threshold; they are found when a result is written.
    """

    face_id: int
    first_s: float
    last_s: float
    usable_frames: int
    mean: FloatArray  # (26,)
    peak: FloatArray  # (26,), largest value; for valence and arousal the one farthest from 0
    peak_time_s: TimeArray  # (26,)
    timeline: Timeline
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    reaction_names: tuple[str, ...] = ()
    reactions: FloatArray | None = None
    reaction_windows: list[ReactionWindow] = field(default_factory=list)
    mran: MranSummary | None = None
    undefined_positions: int = 0
    details: DetailsSummary | None = None
    low_quality_frames: int = 0
    labels: LabelSet = PAPERS_LABELS
    episodes: list[tuple[str, Episode]] = field(default_factory=list)
    active_share: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By column: share of frames, and the threshold."""
    fine: Timeline | None = None
    """Curves in more detail than `timeline`, down to single frames where they are not too many;
    found with the episodes where the other is of means."""


@dataclass(frozen=True)
class Mark:
    """What a person says of a stretch of a video, or of a moment.

    Attributes
    ----------
    onset_s
        When it begins, in seconds of the source.
    duration_s
        How long it lasts, in seconds, 0 or more; 0 is a moment.
    label
        What it is, in the person's words.
    """

    onset_s: float
    duration_s: float
    label: str


@dataclass(slots=True)
class Summary:
    """One analysed input: the content of ``video.json`` plus what the report draws.

    ``document`` is the JSON document itself (docs/outputs.md); ``faces`` hold curves and
    thumbnails that the document leaves out. ``player_start_s`` is the time of the source at which
    the small video beside the report begins; None where there is none. ``marks`` are what a person
    marked in it, by onset.
    """

    document: dict[str, Any]
    faces: list[FaceSummary]
    player_start_s: float | None = None
    marks: tuple[Mark, ...] = ()
