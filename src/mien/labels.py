"""Label names and orders, and how expressions relate to action units.

The names at the top of the file are the papers' set, which the models that ship have. A model
carries its own set in its metadata (`LabelSet`): one with further action units or expressions is
a new model, not a new version of mien.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mien.errors import ConfigError

_MOST_NEAR = 4  # names in an error

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

_FURTHER_UNIT_NAMES: dict[int, str] = {
    13: "sharp lip puller",
    14: "dimpler",
    16: "lower lip depressor",
    18: "lip pucker",
    19: "tongue show",
    22: "lip funneler",
    27: "mouth stretch",
    28: "lip suck",
    43: "eyes closed",
    45: "blink",
    46: "wink",
}

VALENCE_AROUSAL_SLICE = slice(0, 2)
POSE_COLUMNS: tuple[str, ...] = ("pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg")
EYE_COLUMNS: tuple[str, ...] = ("eye_open_left", "eye_open_right")
GAZE_COLUMNS: tuple[str, ...] = ("gaze_yaw_deg", "gaze_pitch_deg")


def unit_name(unit: int) -> str:
    """What an action unit is called; ``AU14 dimpler``, or the number alone for a rare one."""
    return f"AU{unit} {ACTION_UNIT_NAMES.get(unit) or _FURTHER_UNIT_NAMES.get(unit, '')}".strip()


@dataclass(frozen=True)
class LabelSet:
    """Which expressions and action units an extractor says, and the columns that follow.

    Attributes
    ----------
    expressions
        In the order of the softmax: lower-case letters, digits and ``_``.
    action_units
        FACS numbers, 1 to 99, in the order of the extractor.

    Raises
    ------
    ValueError
        If a set is empty, a name stands in it twice, or is none.

    Examples
    --------
    >>> LabelSet().affect_columns == AFFECT_COLUMNS
    True
    >>> LabelSet(action_units=(12, 14)).action_unit_columns
    ('au12', 'au14')
    """

    expressions: tuple[str, ...] = EXPRESSIONS
    action_units: tuple[int, ...] = ACTION_UNITS

    def __post_init__(self) -> None:
        for kind, names in (("expressions", self.expressions), ("units", self.action_units)):
            if not names or len(set(names)) < len(names):
                raise ValueError(f"{kind} are different names, one at least, not {list(names)}")
        for name in self.expressions:
            if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise ValueError(f"an expression is a word such as contempt, not {name!r}")
        for unit in self.action_units:
            if type(unit) is not int or not 1 <= unit <= 99:
                raise ValueError(f"an action unit is a number from 1 to 99, not {unit!r}")

    @classmethod
    def of_columns(cls, names: Iterable[str]) -> LabelSet:
        """The set of a table with such columns, among others; the papers' where it has none.

        Examples
        --------
        >>> LabelSet.of_columns(["frame", "expr_fear", "au04", "au14", "au04_intensity"])
        LabelSet(expressions=('fear',), action_units=(4, 14))
        """
        kept = list(names)
        units = [name[2:4] for name in kept if re.fullmatch("au[0-9]{2}(_intensity)?", name)]
        expressions = [name.removeprefix("expr_") for name in kept if name.startswith("expr_")]
        return cls(
            tuple(expressions) or EXPRESSIONS,
            tuple(dict.fromkeys(map(int, units))) or ACTION_UNITS,
        )

    @cached_property
    def expression_columns(self) -> tuple[str, ...]:
        """``expr_*``."""
        return tuple(f"expr_{name}" for name in self.expressions)

    @cached_property
    def action_unit_columns(self) -> tuple[str, ...]:
        """``au*``, with two digits."""
        return tuple(f"au{number:02d}" for number in self.action_units)

    @cached_property
    def affect_columns(self) -> tuple[str, ...]:
        """The affect representation of one frame: valence, arousal, expressions, action units."""
        return VALENCE_AROUSAL + self.expression_columns + self.action_unit_columns

    @cached_property
    def intensity_columns(self) -> tuple[str, ...]:
        """``au*_intensity``."""
        return tuple(f"{name}_intensity" for name in self.action_unit_columns)

    @cached_property
    def detail_columns(self) -> tuple[str, ...]:
        """What an extractor may say of a face beside; the landmarks come behind."""
        return ("quality", *POSE_COLUMNS, *EYE_COLUMNS, *GAZE_COLUMNS, *self.intensity_columns)

    @cached_property
    def expression_slice(self) -> slice:
        """Where the expressions stand in the affect representation."""
        return slice(2, 2 + len(self.expressions))

    @cached_property
    def action_unit_slice(self) -> slice:
        """Where the action units stand."""
        return slice(self.expression_slice.stop, len(self.affect_columns))


PAPERS_LABELS = LabelSet()
"""The 7 basic expressions and the 17 action units of the papers and of the models that ship."""

EXPRESSION_COLUMNS = PAPERS_LABELS.expression_columns
ACTION_UNIT_COLUMNS = PAPERS_LABELS.action_unit_columns

AFFECT_COLUMNS = PAPERS_LABELS.affect_columns
"""The 26-d affect representation of one frame: 2 + 7 + 17 numbers."""

EXPRESSION_SLICE = PAPERS_LABELS.expression_slice
ACTION_UNIT_SLICE = PAPERS_LABELS.action_unit_slice

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

INTENSITY_COLUMNS = PAPERS_LABELS.intensity_columns
DETAIL_COLUMNS = PAPERS_LABELS.detail_columns
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


def prototypical(labels: LabelSet = PAPERS_LABELS) -> npt.NDArray[np.bool_]:
    """Which action units nearly everybody shows in an expression; the first column of the table.

    Returns
    -------
    bool (7, 17), rows in the order of `EXPRESSIONS`, columns of `ACTION_UNITS`, or those of other
    labels; none for neutral.

    Examples
    --------
    >>> [ACTION_UNITS[k] for k in np.flatnonzero(prototypical()[EXPRESSIONS.index("fear")])]
    [1, 4, 20, 25]
    """
    table = np.zeros((len(labels.expressions), len(labels.action_units)), bool)
    for row, expression in enumerate(labels.expressions):
        known = _EXPRESSION_TO_ACTION_UNITS.get(expression, {})
        for column, unit in enumerate(labels.action_units):
            table[row, column] = known.get(unit, 0.0) is None
    return table


def relatedness(kind: str = "binary", labels: LabelSet = PAPERS_LABELS) -> npt.NDArray[np.float64]:
    """p(AU | expression), the table that couples the expression and AU heads (Eq. 1).

    Parameters
    ----------
    kind
        ``"binary"``: 1 for prototypical and observational action units, 0 otherwise, as FaceRNET
        uses it. ``"weighted"``: 1 for prototypical ones, the share of people who show it for
        observational ones.
    labels
        Of the extractor.

    Returns
    -------
    float64 array (7, 17), rows in the order of `EXPRESSIONS`, columns of `ACTION_UNITS`; of other
    labels theirs, and NaN where the published table says nothing of an expression or a unit.

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
    table = np.full((len(labels.expressions), len(labels.action_units)), np.nan)
    for row, expression in enumerate(labels.expressions):
        known = _EXPRESSION_TO_ACTION_UNITS.get(expression)
        for column, unit in enumerate(labels.action_units):
            if known is not None and unit in ACTION_UNITS:
                share = known.get(unit, 0.0)
                table[row, column] = 1.0 if share is None or (share and kind == "binary") else share
    return table


def find_column(name: str, columns: Iterable[str], where: str) -> str:
    """The column that a person means: ``AU6`` and ``au06`` are one, ``smile`` is none.

    Parameters
    ----------
    name
        As typed; case, a zero in front of a unit, ``expr_`` and ``_mean`` may be left out.
    columns
        Those that there are.
    where
        What has them, for the error.

    Raises
    ------
    ConfigError
        With the nearest columns, if there is no such one.

    Examples
    --------
    >>> find_column("AU6", ["valence", "au06"], "the table")
    'au06'
    >>> find_column("happiness", ["au06_mean", "expr_happiness_mean"], "the summary")
    'expr_happiness_mean'
    """
    there = list(columns)
    unit = re.fullmatch(r"au0*(\d+)(_.+)?", name.strip().lower())
    plain = f"au{int(unit[1]):02d}{unit[2] or ''}" if unit else name.strip().lower()
    for tried in (name, plain, f"expr_{plain}", f"{plain}_mean", f"expr_{plain}_mean"):
        if tried in there:
            return tried
    near = get_close_matches(plain, there, _MOST_NEAR, 0.5) or there[:_MOST_NEAR]
    more = len(there) - len(near)
    rest = f" and {more} more" if more else ""
    raise ConfigError(f"{where} has no column {name!r}; it has {', '.join(near)}{rest}")


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
