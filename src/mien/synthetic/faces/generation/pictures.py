"""Pictures as PNG files, and one picture of an image set drawn from its number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.generation.arguments import ImageSet
from mien.synthetic.faces.generation.seeds import derive, identity_seed
from mien.synthetic.faces.generation.stage import Actor, Scene, Stage
from mien.synthetic.faces.rendering.shot import Shot

_OPTIONS = {".png": (cv2.IMWRITE_PNG_COMPRESSION, 6), ".jpg": (cv2.IMWRITE_JPEG_QUALITY, 92)}


@dataclass(frozen=True)
class Seeds:
    """Where the picture (or clip) of a number comes from: all its seeds."""

    person: int
    identity: int
    scene: int
    behaviour: int
    sensors: int

    @classmethod
    def of(cls, kind: str, set_seed: int, index: int, per_person: int) -> Seeds:
        """Seeds of picture or clip `index`; `kind` keeps those of images and videos apart."""
        person, turn = divmod(index, per_person)
        identity = identity_seed(set_seed, person)
        rest = (derive(kind, what, identity, turn) for what in ("scene", "behaviour", "sensors"))
        return cls(person, identity, *rest)


@dataclass(frozen=True)
class Picture:
    """One picture of an image set."""

    seeds: Seeds
    actor: Actor
    scene: Scene
    moment: Moment
    shot: Shot


def draw_picture(
    stage: Stage, plan: ImageSet, index: int, before: Picture | None = None
) -> Picture:
    """Picture number `index` of a set; `before` is one drawn earlier, whose person is kept."""
    seeds = Seeds.of("image", plan.seed, index, plan.per_person)
    known = before is not None and before.seeds.identity == seeds.identity
    actor = before.actor if before is not None and known else stage.actor(seeds.identity)
    scene = stage.scene(seeds.scene, plan.framing, plan.size_px, plan.light)
    moment = stage.moment(seeds.behaviour, plan.frontal, plan.speech)
    shot = stage.render(actor, scene, moment, plan.modalities, 0.0, seeds.sensors)
    return Picture(seeds, actor, scene, moment, shot)


def channel(shot: Shot, modality: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """The picture of one modality.

    Raises
    ------
    ValueError
        If it was not rendered.
    """
    image = {"color": shot.color, "depth": shot.depth_mm, "thermal": shot.thermal_ck}[modality]
    if image is None:
        raise ValueError(f"the shot has no {modality}")
    return image


def write_picture(image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], path: Path) -> None:
    """Write RGB uint8 (h, w, 3) or, as PNG, 16-bit grey (h, w); the suffix names the format."""
    stored = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    suffix = path.suffix.lower()
    done, data = cv2.imencode(suffix, stored, _OPTIONS[suffix])
    if not done:
        raise ValueError(f"{path}: {image.dtype} {image.shape} cannot be stored so")
    path.write_bytes(data.tobytes())
