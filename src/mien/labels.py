"""Label names and orders, and how expressions relate to action units.

Every other module takes its names from here, and exported models embed them, so an order is
written down once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VALENCE_AROUSAL: tuple[str, ...] = ("valence", "arousal")

EXPRESSIONS: tuple[str, ...] = (
    "neutral",
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
)
"""The 7 basic expressions, in the order of every softmax and every ``expr_*`` column."""

ACTION_UNITS: tuple[int, ...] = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15, 17, 20, 23, 24, 25, 26)
"""The 17 action units (FACS numbers), in the order of every AU vector and ``au*`` column."""

ACTION_UNIT_NAMES: dict[int, str] = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    11: "nasolabial deepener",
    12: "lip corner puller",
    15: "lip corner depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
}

EXPRESSION_COLUMNS: tuple[str, ...] = tuple(f"expr_{name}" for name in EXPRESSIONS)
ACTION_UNIT_COLUMNS: tuple[str, ...] = tuple(f"au{number:02d}" for number in ACTION_UNITS)

AFFECT_COLUMNS: tuple[str, ...] = VALENCE_AROUSAL + EXPRESSION_COLUMNS + ACTION_UNIT_COLUMNS
"""The 26-d affect representation of one frame: 2 + 7 + 17 numbers."""

VALENCE_AROUSAL_SLICE = slice(0, 2)
EXPRESSION_SLICE = slice(2, 9)
ACTION_UNIT_SLICE = slice(9, 26)

REACTIONS: tuple[str, ...] = (
    "adoration",
    "amusement",
    "anxiety",
    "disgust",
    "empathic_pain",
    "fear",
    "surprise",
)
"""The seven reactions of a video, in the order of Hume-Reaction's label file."""

LANDMARKS: tuple[str, ...] = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
"""The five landmarks, right and left as the person's own (the right eye is left in the image)."""

_SIDED_LANDMARKS = (
    *("brow_inner", "brow_middle", "brow_outer"),
    *("eye_inner", "eye_outer", "eyelid_upper", "eyelid_lower"),
    *("ala", "cheek", "mouth"),
)
_MIDDLE_LANDMARKS = (
    *("nose_tip", "lip_upper_outer", "lip_upper_inner"),
    *("lip_lower_inner", "lip_lower_outer", "chin"),
)
FACE_LANDMARKS: tuple[str, ...] = (
    tuple(f"{name}_{side}" for name in _SIDED_LANDMARKS for side in ("right", "left"))
    + _MIDDLE_LANDMARKS
)
"""The 26 landmarks that synthetic faces come with; right and left are the person's own, ``mouth_*``
the mouth's corners."""

POSE_COLUMNS: tuple[str, ...] = ("pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg")
EYE_COLUMNS: tuple[str, ...] = ("eye_open_left", "eye_open_right")
GAZE_COLUMNS: tuple[str, ...] = ("gaze_yaw_deg", "gaze_pitch_deg")
INTENSITY_COLUMNS: tuple[str, ...] = tuple(f"{name}_intensity" for name in ACTION_UNIT_COLUMNS)

DETAIL_COLUMNS: tuple[str, ...] = (
    "quality",
    *POSE_COLUMNS,
    *EYE_COLUMNS,
    *GAZE_COLUMNS,
    *INTENSITY_COLUMNS,
)
"""What an extractor may say of a face beside the 26 numbers; the landmarks come behind."""

FACE_LANDMARK_COLUMNS: tuple[str, ...] = tuple(
    f"landmark_{number:02d}_{axis}" for number in range(len(FACE_LANDMARKS)) for axis in "xy"
)
"""x and y of `FACE_LANDMARKS` in their order."""

# Du, Tao & Martinez, PNAS 111(15), 2014, Table 1. ``None`` marks a prototypical action unit; a
# number is the share of people who show an observational one.
_EXPRESSION_TO_ACTION_UNITS: dict[str, dict[int, float | None]] = {
    "neutral": {},
    "anger": {4: None, 7: None, 24: None, 10: 0.26, 17: 0.52, 23: 0.29},
    "disgust": {9: None, 10: None, 17: None, 4: 0.31, 24: 0.26},
    "fear": {1: None, 4: None, 20: None, 25: None, 2: 0.57, 5: 0.63, 26: 0.33},
    "happiness": {12: None, 25: None, 6: 0.51},
    "sadness": {4: None, 15: None, 1: 0.60, 6: 0.50, 11: 0.26, 17: 0.67},
    "surprise": {1: None, 2: None, 25: None, 26: None, 5: 0.66},
}


def prototypical() -> npt.NDArray[np.bool_]:
    """Which action units nearly everybody shows in an expression; the first column of the table.

    Returns
    -------
    bool (7, 17), rows in the order of `EXPRESSIONS`, columns of `ACTION_UNITS`; none for neutral.

    Examples
    --------
    >>> [ACTION_UNITS[k] for k in np.flatnonzero(prototypical()[EXPRESSIONS.index("fear")])]
    [1, 4, 20, 25]
    """
    table = np.zeros((len(EXPRESSIONS), len(ACTION_UNITS)), bool)
    for row, expression in enumerate(EXPRESSIONS):
        for unit, share in _EXPRESSION_TO_ACTION_UNITS[expression].items():
            table[row, ACTION_UNITS.index(unit)] = share is None
    return table


def relatedness(kind: str = "binary") -> npt.NDArray[np.float64]:
    """p(AU | expression), the table that couples the expression and AU heads (Eq. 1).

    Parameters
    ----------
    kind
        ``"binary"``: 1 for prototypical and observational action units, 0 otherwise, as FaceRNET
        uses it. ``"weighted"``: 1 for prototypical ones, the share of people who show it for
        observational ones.

    Returns
    -------
    float64 array (7, 17), rows in the order of `EXPRESSIONS`, columns of `ACTION_UNITS`.

    Raises
    ------
    ValueError
        If `kind` is neither of the two.

    Examples
    --------
    >>> table = relatedness("weighted")
    >>> table.shape
    (7, 17)
    >>> float(table[EXPRESSIONS.index("happiness"), ACTION_UNITS.index(6)])
    0.51
    >>> float(relatedness("binary")[EXPRESSIONS.index("happiness"), ACTION_UNITS.index(6)])
    1.0
    """
    if kind not in ("binary", "weighted"):
        raise ValueError(f"relatedness kind is 'binary' or 'weighted', not {kind!r}")
    table = np.zeros((len(EXPRESSIONS), len(ACTION_UNITS)))
    for row, expression in enumerate(EXPRESSIONS):
        for unit, share in _EXPRESSION_TO_ACTION_UNITS[expression].items():
            value = 1.0 if share is None or kind == "binary" else share
            table[row, ACTION_UNITS.index(unit)] = value
    return table


AFFECTIVE_COORDINATES: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happiness": (0.81, 0.51),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
}
"""Valence and arousal of the words angry, disgusted, fearful, happy, sad and surprised (Russell &
Mehrabian, J. Research in Personality 11 (1977))."""
