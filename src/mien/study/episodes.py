"""Episodes of action units and blinks, by the rules of `mien.pipeline.episodes`."""

from mien.pipeline.episodes import find_blinks, find_episodes
from mien.types import Episode

__all__ = ["Episode", "find_blinks", "find_episodes"]
