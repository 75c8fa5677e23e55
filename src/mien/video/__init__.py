"""Video in and out. This room owns time: every timestamp comes from the stream itself."""

from __future__ import annotations

from mien.video.reader import VideoReader
from mien.video.writer import VideoWriter, write_video

__all__ = ["VideoReader", "VideoWriter", "write_video"]
