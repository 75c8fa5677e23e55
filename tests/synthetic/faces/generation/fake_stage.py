"""A stage that draws coloured noise quickly: as deterministic as the real one must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import ModelError
from mien.faces.align import TEMPLATE
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose
from mien.synthetic.faces.geometry.landmarks import NAMES
from mien.synthetic.faces.rendering.shot import Shot


@dataclass(frozen=True)
class FakeActor:
    seed: int

    @property
    def attributes(self):
        known = {"skin_tone": (self.seed % 100) / 100, "hair": "short" if self.seed % 2 else "long"}
        return {**known, "glasses": "round"} if self.seed % 3 == 0 else known


@dataclass(frozen=True)
class FakeScene:
    seed: int
    framing: str
    size_px: int
    light: str

    @property
    def attributes(self):
        return {"light": "harsh" if self.light == "any" else self.light, "level": 0.5}


@dataclass(frozen=True)
class FakePerformance:
    seed: int
    timestamps_s: np.ndarray
    reactions: np.ndarray

    def __len__(self):
        return len(self.timestamps_s)

    def moment(self, index):
        return draw(np.random.default_rng([self.seed, index]), False)


def draw(rng, frontal):
    strength = rng.random()
    mixture = np.zeros(7, np.float32)
    mixture[0], mixture[rng.integers(1, 7)] = 1 - strength, strength
    return Moment(
        action_units=rng.random(17).astype(np.float32),
        asymmetry=rng.uniform(-1, 1, 17).astype(np.float32),
        expressions=mixture,
        valence=float(rng.uniform(-1, 1)),
        arousal=float(rng.uniform(-1, 1)),
        blink=Blink(*rng.random(2)),
        gaze=Gaze(float(rng.uniform(-20, 20)), float(rng.uniform(-20, 20))),
        pose=HeadPose() if frontal else HeadPose(*rng.uniform(-30, 30, 3)),
        shift_mm=rng.normal(0, 10, 3).astype(np.float32),
    )


class FakeStage:
    def actor(self, seed):
        return FakeActor(seed)

    def scene(self, seed, framing, size_px, light):
        return FakeScene(seed, framing, size_px, light)

    def moment(self, seed, frontal, speech):
        return draw(np.random.default_rng(seed), frontal)

    def performance(self, seed, seconds, fps):
        frames = round(seconds * fps)
        reactions = np.random.default_rng(seed).random(7).astype(np.float32)
        return FakePerformance(seed, np.arange(frames) / fps, reactions)

    def render(self, actor, scene, moment, modalities, time_s, seed):
        size = scene.size_px
        rng = np.random.default_rng([actor.seed, scene.seed, seed, round(time_s * 1e6)])
        color = np.full((size, size, 3), rng.integers(0, 200, 3), np.uint8)
        color += rng.integers(0, 50, (size, size, 3), dtype=np.uint8)
        depth = rng.integers(500, 900, (size, size), dtype=np.uint16)
        depth[:4] = 0
        thermal = rng.integers(29_000, 31_000, (size, size), dtype=np.uint16)
        points = (TEMPLATE + rng.normal(0, 1, (5, 2))) * (size / 112)
        return Shot(
            color if "color" in modalities else None,
            depth if "depth" in modalities else None,
            thermal if "thermal" in modalities else None,
            rng.uniform(0, size, (len(NAMES), 2)).astype(np.float32),
            points.astype(np.float32),
            np.array([10, 10, size - 20, size - 20], np.float32),
        )


class BrokenStage(FakeStage):
    def render(self, *_):
        raise ValueError("no light\nat all")


class DyingStage(FakeStage):
    def render(self, *_):
        import os

        os._exit(3)


class SlowStage(FakeStage):
    def render(self, *arguments):
        import time

        time.sleep(0.01)
        return super().render(*arguments)


def missing_stage():
    raise ModelError("synthetic faces need anny: pip install '.[synthetic]'")
