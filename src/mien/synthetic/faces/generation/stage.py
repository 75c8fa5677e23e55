"""What a set needs of the renderer and of the behaviour, and nothing more.

The only module here that calls them. Anything with these methods can stand in (`Stage`), and a
function without arguments that makes one travels to the worker processes (`StageFactory`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.rendering.shot import Shot
from mien.types import FloatArray, TimeArray

FRAMINGS: tuple[str, ...] = ("portrait", "aligned")
LIGHTS: tuple[str, ...] = ("any", "even", "harsh", "dark")

Attributes = Mapping[str, float | str]


class Actor(Protocol):
    """Who is seen."""

    @property
    def attributes(self) -> Attributes:
        """Name -> value: skin tone, age, hair and so on."""
        ...


class Scene(Protocol):
    """Lights, background, camera and sensors."""

    @property
    def attributes(self) -> Attributes:
        """Name -> value: kind of light and so on."""
        ...


class Performance(Protocol):
    """What somebody does over time."""

    @property
    def timestamps_s(self) -> TimeArray:
        """float64 (frames,), seconds."""
        ...

    @property
    def reactions(self) -> FloatArray:
        """float32 (7,), in the order of `mien.labels.REACTIONS`."""
        ...

    def __len__(self) -> int: ...

    def moment(self, index: int, /) -> Moment:
        """The truth of one frame."""
        ...


class Stage(Protocol):
    """Draws people, scenes and behaviour from seeds, and takes pictures of them."""

    def actor(self, seed: int) -> Actor:
        """A person."""
        ...

    def scene(self, seed: int, framing: str, size_px: int, light: str) -> Scene:
        """A place; `framing` is one of `FRAMINGS`, `light` one of `LIGHTS`."""
        ...

    def moment(self, seed: int, frontal: bool) -> Moment:
        """An instant; `frontal` keeps the head straight."""
        ...

    def performance(self, seed: int, seconds: float, fps: float) -> Performance:
        """What somebody does for so many seconds."""
        ...

    def render(
        self,
        actor: Any,
        scene: Any,
        moment: Moment,
        modalities: tuple[str, ...],
        time_s: float,
        seed: int,
    ) -> Shot:
        """One frame; `seed` is that of the sensors' noise."""
        ...


StageFactory = Callable[[], Stage]


class StudioStage:
    """The stage of `mien.synthetic.faces`."""

    def __init__(self) -> None:
        from mien.synthetic.faces.behaviour.stills import draw_moment
        from mien.synthetic.faces.geometry.head import HeadModel

        self._draw_moment = draw_moment
        studio: Any = import_module("mien.synthetic.faces.rendering.studio")
        self._studio: Any = studio.Studio(HeadModel())

    def actor(self, seed: int) -> Actor:
        """A person."""
        actor: Actor = self._studio.actor(seed)
        return actor

    def scene(self, seed: int, framing: str, size_px: int, light: str) -> Scene:
        """A place."""
        scene: Scene = self._studio.scene(seed, framing=framing, size_px=size_px, light=light)
        return scene

    def moment(self, seed: int, frontal: bool) -> Moment:
        """An instant."""
        return self._draw_moment(np.random.default_rng(seed), frontal=frontal)

    def performance(self, seed: int, seconds: float, fps: float) -> Performance:
        """What somebody does."""
        behaviour: Any = import_module("mien.synthetic.faces.behaviour")
        performance: Performance = behaviour.draw_performance(seed, seconds, fps)
        return performance

    def render(
        self,
        actor: Any,
        scene: Any,
        moment: Moment,
        modalities: tuple[str, ...],
        time_s: float,
        seed: int,
    ) -> Shot:
        """One frame."""
        shot: Shot = self._studio.render(
            actor, scene, moment, modalities=modalities, time_s=time_s, seed=seed
        )
        return shot


def open_stage() -> Stage:
    """The stage of `mien.synthetic.faces`; its head is read from the cache or built first.

    Raises
    ------
    ModelError
        If the extra ``synthetic`` is not installed.
    """
    return StudioStage()
