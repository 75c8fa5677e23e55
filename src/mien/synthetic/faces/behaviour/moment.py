"""`Moment`: everything a face does and expresses at one instant; the truth of one frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mien.labels import ACTION_UNITS, EXPRESSIONS
from mien.synthetic.faces.geometry.action_units import action_weights
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose, Jaw
from mien.types import FloatArray


@dataclass(frozen=True, slots=True)
class Physiology:
    """What a thermal camera sees of the body, as differences from the person at rest.

    Attributes
    ----------
    nose_tip_c, periorbital_c, forehead_c
        Change of skin temperature in degrees Celsius.
    drift_c
        Change of the whole scene's temperature.
    breath
        Flow of air at the nostrils, -1 (inhaling, cool) to 1 (exhaling, warm).
    """

    nose_tip_c: float = 0.0
    periorbital_c: float = 0.0
    forehead_c: float = 0.0
    drift_c: float = 0.0
    breath: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant of a face.

    Attributes
    ----------
    action_units
        float32 (17,), intensity 0 to 1 in the order of `mien.labels.ACTION_UNITS`.
    asymmetry
        float32 (17,), -1 (the person's right side alone) to 1 (left alone); 0 both.
    expressions
        float32 (7,), mixture in the order of `mien.labels.EXPRESSIONS`; sums to 1.
    valence, arousal
        -1 to 1.
    blink, gaze, jaw, pose
        What the eyes, jaw and head do besides the action units.
    shift_mm
        float32 (3,), how far the head is from where it rests, in the axes of the camera (x right
        in the image, y up, z towards the camera).
    physiology
        What a thermal camera sees.
    """

    action_units: FloatArray
    asymmetry: FloatArray = field(default_factory=lambda: np.zeros(len(ACTION_UNITS), np.float32))
    expressions: FloatArray = field(
        default_factory=lambda: np.eye(len(EXPRESSIONS), dtype=np.float32)[0]
    )
    valence: float = 0.0
    arousal: float = 0.0
    blink: Blink = field(default_factory=Blink)
    gaze: Gaze = field(default_factory=Gaze)
    jaw: Jaw = field(default_factory=Jaw)
    pose: HeadPose = field(default_factory=HeadPose)
    shift_mm: FloatArray = field(default_factory=lambda: np.zeros(3, np.float32))
    physiology: Physiology = field(default_factory=Physiology)

    def weights(self, labels: tuple[str, ...]) -> FloatArray:
        """Weights of the head's facial actions, float32 (len(labels),); see `action_weights`."""
        return action_weights(
            {unit: float(a) for unit, a in zip(ACTION_UNITS, self.action_units, strict=True)},
            labels,
            asymmetry={
                unit: float(s) for unit, s in zip(ACTION_UNITS, self.asymmetry, strict=True)
            },
            blink=self.blink,
            jaw=self.jaw,
        )
