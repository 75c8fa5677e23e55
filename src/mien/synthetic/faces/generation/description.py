"""``dataset.json``: what a set is, in words and numbers, for people and for resuming."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mien._version import __version__
from mien.labels import ACTION_UNITS, EXPRESSIONS, LANDMARKS, REACTIONS
from mien.synthetic.faces.generation.arguments import AnySet, ImageSet, TrimodalSet, VideoSet
from mien.synthetic.faces.geometry.action_units import COMPOSED
from mien.synthetic.faces.geometry.landmarks import NAMES

GENERATOR = 2
"""Raised whenever the same seed gives other pictures or other truth than before."""

KINDS: dict[type, str] = {
    ImageSet: "mien synthetic images",
    VideoSet: "mien synthetic videos",
    TrimodalSet: "mien synthetic trimodal",
}

_UNITS = {
    "color": "8 bit RGB",
    "depth": "16 bit, millimetres along the camera's axis; 0: nothing measured",
    "thermal": "16 bit, hundredths of a kelvin, apparent temperature",
    "au*": "intensity, 0 to 1",
    "asymmetry_au*": "-1 the person's right side alone, 0 both, 1 left alone",
    "expr_*": "mixture, sums to 1",
    "valence, arousal": "-1 to 1",
    "reaction_*": "0 to 1, simulated",
    "pose_*, gaze_*": "degrees; yaw to the person's own left, pitch up, roll counter-clockwise",
    "blink_*, jaw_*": "0 to 1 (jaw_sideways: -1 to 1, left is positive)",
    "shift_*": "millimetres from rest: x right in the image, y up, z towards the camera",
    "nose_tip_c, periorbital_c, forehead_c, drift_c": "change in degrees Celsius",
    "breath": "-1 inhaling to 1 exhaling",
    "box_*, *_x, *_y": "pixels; the centre of the first pixel is (0, 0)",
}


def describe(plan: AnySet) -> dict[str, Any]:
    """The document of a set, as plain values."""
    arguments = asdict(plan)
    arguments["modalities"] = list(plan.modalities)
    if not arguments.get("speech", True):  # sets of before it could be asked for are the same
        del arguments["speech"]
    return {
        "format": KINDS[type(plan)],
        "generator": GENERATOR,
        "mien_version": __version__,
        "arguments": arguments,
        "people": "Nobody in this set is real: every face is computed from random numbers.",
        "licence": (
            "CC0-1.0. The pictures and the truth are dedicated to the public domain; the head "
            "they are made from is MakeHuman's, which is CC0 as well."
        ),
        "splits": "train, valid, test: by person (a hash of identity_seed), about 80, 10, 10 %",
        "units": _UNITS,
        "labels": {
            "expressions": list(EXPRESSIONS),
            "action_units": list(ACTION_UNITS),
            "composed_action_units": list(COMPOSED),
            "reactions": list(REACTIONS),
            "landmarks": list(LANDMARKS),
            "face_landmarks": list(NAMES),
        },
    }
