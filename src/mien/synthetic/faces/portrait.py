"""One drawn face with the movements that are asked for: what numbers of action units look like.

The face is a person who does not exist, always the same one of a seed, evenly lit; the same
numbers give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.errors import ConfigError
from mien.labels import ACTION_UNITS
from mien.types import ImageArray

if TYPE_CHECKING:
    from mien.synthetic.faces.rendering.studio import Studio

_BACKDROP = 0.5  # linear light: a plain light grey
_STRONGEST = 5.0  # of an intensity in a table, FACS letter E
_MOST_DEG = {"yaw": 60.0, "pitch": 40.0, "roll": 60.0, "gaze_yaw": 30.0, "gaze_pitch": 25.0}


@dataclass(frozen=True)
class Pose:
    """What the head and the eyes do beside the units.

    Angles are in degrees, as in the frames table: to the person's own left, up and
    counter-clockwise are positive. ``shut`` is 0 (eyes as the units leave them) to 1 (shut).
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    gaze_yaw_deg: float = 0.0
    gaze_pitch_deg: float = 0.0
    shut: float = 0.0


@dataclass(frozen=True)
class Portrait:
    """How the picture is taken.

    ``seed`` is of the person, ``size_px`` the side (32 to 1024), ``framing`` is ``portrait`` or
    ``aligned`` (as the models' crop).
    """

    seed: int = 0
    size_px: int = 256
    framing: str = "portrait"


@dataclass(frozen=True)
class FaceNumbers:
    """Units by number, 0 to 1, and the pose."""

    units: Mapping[int, float]
    pose: Pose = field(default_factory=Pose)


def draw_face(numbers: FaceNumbers, portrait: Portrait | None = None) -> ImageArray:
    """Draw a face that shows these units and no other (extra ``synthetic``).

    Returns
    -------
    uint8 (size_px, size_px, 3), RGB.

    Raises
    ------
    ConfigError
        If a unit is none of `mien.labels.ACTION_UNITS`, or a value is outside its range.
    ModelError
        If the extra is not installed.
    """
    wanted = portrait or Portrait()
    if not 32 <= wanted.size_px <= 1024:
        raise ConfigError(f"size is 32 to 1024 px, not {wanted.size_px}")
    units = np.zeros(len(ACTION_UNITS), np.float32)
    for unit, strength in numbers.units.items():
        if unit not in ACTION_UNITS:
            there = ", ".join(f"AU{one}" for one in ACTION_UNITS)
            raise ConfigError(f"the drawn head has no AU{unit}; it has {there}")
        if not (math.isfinite(strength) and 0 <= strength <= 1):
            raise ConfigError(f"AU{unit} is 0 to 1, not {strength!r}")
        units[ACTION_UNITS.index(unit)] = strength
    for name, most in _MOST_DEG.items():
        if not abs(getattr(numbers.pose, f"{name}_deg")) <= most:  # not NaN either
            raise ConfigError(f"{name.replace('_', ' ')} is -{most:g} to {most:g} degrees")
    if not 0 <= numbers.pose.shut <= 1:
        raise ConfigError(f"shut is 0 to 1, not {numbers.pose.shut!r}")
    return _render(units, numbers.pose, wanted)


def numbers_of_row(row: Mapping[str, Any]) -> FaceNumbers:
    """What a row of a frames table says, as far as the drawn head can show it.

    Intensities (0 to 5) are taken where the row has them, else probabilities, which say how likely
    a movement is and not how strong. Angles beyond what the head can do are cut off.

    Raises
    ------
    ConfigError
        If the row says nothing of any unit.
    """

    def told(name: str) -> float | None:
        value = row.get(name)
        known = value is not None and not isinstance(value, str) and math.isfinite(float(value))
        return float(value) if known else None  # type: ignore[arg-type]

    units = {}
    for unit in ACTION_UNITS:
        strength, probability = told(f"au{unit:02d}_intensity"), told(f"au{unit:02d}")
        found = probability if strength is None else strength / _STRONGEST
        if found is not None:
            units[unit] = min(max(found, 0.0), 1.0)
    if not units:
        raise ConfigError("this row says nothing of action units: no face was read in it")
    columns = {
        name: f"{'' if name.startswith('gaze') else 'pose_'}{name}_deg" for name in _MOST_DEG
    }
    angles = {
        f"{name}_deg": min(max(told(column) or 0.0, -_MOST_DEG[name]), _MOST_DEG[name])
        for name, column in columns.items()
    }
    opened = [
        value for side in ("left", "right") if (value := told(f"eye_open_{side}")) is not None
    ]
    shut = 1 - min(max(sum(opened) / len(opened), 0.0), 1.0) if opened else 0.0
    return FaceNumbers(units, Pose(**angles, shut=shut))


@lru_cache(maxsize=1)
def _studio() -> Studio:
    from mien.synthetic.faces.rendering.studio import Studio

    return Studio()


def _render(units: np.ndarray, pose: Pose, portrait: Portrait) -> ImageArray:
    from mien.synthetic.faces.behaviour.moment import Moment
    from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose

    studio = _studio()
    scene = studio.scene(portrait.seed, portrait.framing, portrait.size_px, "even", clean=True)
    still = np.zeros_like(scene.jitter)
    plain = np.full_like(scene.backdrop, _BACKDROP)
    scene = replace(scene, jitter=still, backdrop=plain, low_px=0, motion_px=0.0, jpeg=0)
    moment = Moment(
        units.astype(np.float32),
        blink=Blink(pose.shut, pose.shut),
        gaze=Gaze(pose.gaze_yaw_deg, pose.gaze_pitch_deg),
        pose=HeadPose(pose.yaw_deg, pose.pitch_deg, pose.roll_deg),
    )
    shot = studio.render(studio.actor(portrait.seed), scene, moment, ("color",))
    assert shot.color is not None
    return shot.color
