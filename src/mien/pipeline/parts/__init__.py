"""Long videos in parts: each is read as if the video began with it, and then they are joined."""

from __future__ import annotations

from mien.pipeline.parts.facts import ReadFacts
from mien.pipeline.parts.numbers import FaceNumbers
from mien.pipeline.parts.record import PartStore, Recorder
from mien.pipeline.parts.relay import Found, Reading, Relay, Step

__all__ = ["FaceNumbers", "Found", "PartStore", "ReadFacts", "Reading", "Recorder", "Relay", "Step"]
