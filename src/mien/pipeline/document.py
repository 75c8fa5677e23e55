"""``video.json`` for type checkers: what `mien.api.Result.document` holds (docs/outputs.md)."""

# No `from __future__ import annotations`: as texts, Python would take all keys to be required.
from typing import NotRequired, TypedDict


class SourceEntry(TypedDict):
    """The input. Without bytes of its own (frames from memory) it has no size and no time."""

    path: str
    size_bytes: int | None
    modified_ns: int | None
    width_px: int
    height_px: int
    frames: int
    duration_s: float | None
    nominal_fps: float | None
    variable_frame_rate: bool
    rotation_deg: int
    codec: str
    is_image: bool


class PriorEntry(TypedDict):
    """Which shares of the expressions the probabilities assume; None: the model does not say."""

    name: str
    shares: dict[str, float] | None


class ChannelEntry(TypedDict):
    """How far to trust a channel: ``measured``, ``teacher``, ``synthetic``, ``simulated``."""

    mark: str
    figure: str | None


class PeakEntry(TypedDict):
    """The largest value of a channel and when it was; None where there was none."""

    value: float | None
    time_s: float | None


class WindowEntry(TypedDict):
    """Reactions of a part of a video."""

    start_s: float
    end_s: float
    routed: int
    intensities: dict[str, float | None]


class ReactionsEntry(TypedDict):
    """Reactions of a face; None, and a note that says why, where there are none."""

    video: dict[str, float | None] | None
    windows: list[WindowEntry]
    note: str | None


class MranEntry(TypedDict):
    """What MRAN read of a face."""

    frames: int
    mean: dict[str, float | None]
    peak: dict[str, PeakEntry]


class FaceEntry(TypedDict):
    """One face: means and peaks over its usable frames, by channel."""

    face_id: int
    name: NotRequired[str]
    first_s: float
    last_s: float
    usable_frames: int
    low_quality_frames: int
    mean: dict[str, float | None]
    peak: dict[str, PeakEntry]
    reactions: ReactionsEntry
    mran: NotRequired[MranEntry]


class VideoDocument(TypedDict):
    """All of the document. Models and settings have keys by their kind."""

    schema_version: int
    mien_version: str
    source: SourceEntry
    frames_without_face: int
    settings: dict[str, object]
    models: list[dict[str, object]]
    mran: NotRequired[dict[str, object]]
    prior: PriorEntry
    min_quality: float | None
    channels: dict[str, ChannelEntry]
    faces: list[FaceEntry]
    warnings: list[str]
