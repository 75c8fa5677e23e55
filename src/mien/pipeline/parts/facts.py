"""What is known of a file that has been read to its end, by whoever read its last part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mien.types import Frame, SourceInfo
from mien.video.source import FrameSource


@dataclass
class ReadFacts:
    """A `mien.video.source.FrameSource` of which all frames have been taken."""

    info: SourceInfo
    decoded_frames: int
    variable_frame_rate: bool
    duration_s: float
    warnings: list[str]

    @classmethod
    def of(cls, source: FrameSource) -> ReadFacts:
        """Those of a source at its end."""
        return cls(
            source.info,
            source.decoded_frames,
            source.variable_frame_rate,
            source.duration_s,
            list(source.warnings),
        )

    @classmethod
    def again(cls, info: SourceInfo, facts: dict[str, Any]) -> ReadFacts:
        """From what `plain` gave."""
        return cls(info, **facts)

    def plain(self) -> dict[str, Any]:
        """Plain values, without the source's info."""
        facts = asdict(self)
        del facts["info"]
        return facts

    def __iter__(self) -> Iterator[Frame]:
        return iter(())

    def close(self) -> None:
        """Nothing to release."""
