"""What a face mesh saw in a corpus: landmarks, blendshape scores, head pose, lids and gaze.

The file is what ``recipes/extractor/mesh_teacher.py`` writes beside a corpus: ``mesh`` (n, 478, 3)
in pixels of the corpus's pictures, ``blendshapes`` (n, 52) with ``names``, ``pose_deg`` (n, 3),
``detected`` bool (n,) and ``name`` (n,). A file without ``mesh`` and ``pose_deg`` has scores alone:
what needs landmarks is unknown then. `mien.data.targets.mesh_units` makes action units of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.formats.arrays import read_arrays
from mien.data.targets.blendshapes import BLENDSHAPES, blendshape_scores, no_scores
from mien.errors import DataError
from mien.labels import FACE_LANDMARKS
from mien.types import FloatArray

_POINTS = 478

_SIDED_VERTICES = (
    *((107, 336), (66, 296), (46, 276)),  # brow: inner, middle, outer; right and left of each
    *((173, 398), (33, 263), (159, 386), (145, 374)),  # eye: inner, outer; eyelid: upper, lower
    *((64, 294), (101, 330), (61, 291)),  # ala, cheek, mouth
)
_MIDDLE_VERTICES = (1, 0, 13, 14, 17, 200)  # tip of the nose, lips from above to below, chin
VERTICES: dict[str, int] = dict(
    zip(FACE_LANDMARKS, (*chain(*_SIDED_VERTICES), *_MIDDLE_VERTICES), strict=True)
)
"""Which vertex of the mesh lies where each of `mien.labels.FACE_LANDMARKS` does.

Chosen by eye among the vertices that lie nearest, within some pixels of the 112-px crop, to the
exact landmarks of SYNTHETIC faces that look straight ahead."""

_INNER_LIPS = ((13, 14), (82, 87), (312, 317))
_BROWS = ((55, 133), (285, 362))  # inner end, inner corner of the eye
_LOOKS = tuple(f"{way}{side}" for way in ("Out", "In", "Up", "Down") for side in ("Left", "Right"))
# What an eyeLook score of 1 stands for: a line fitted to the exact gaze of SYNTHETIC faces.
_GAZE_YAW_DEG, _GAZE_PITCH_DEG = 30.0, 20.0
# What the mesh says of a head's pose, brought by a line to the exact pose of SYNTHETIC faces: its
# canonical face looks down a little.
_POSE_GAIN, _POSE_OFFSET_DEG = np.array([1.056, 0.853, 1.0]), np.array([0.2, 3.8, 0.0])
_SHUT = 0.65  # eyeBlink of lids that meet


@dataclass(frozen=True)
class Mesh:
    """What was seen of n faces; NaN where nothing was.

    Attributes
    ----------
    landmarks
        float32 (n, 26, 2), pixels of the corpus's pictures, order of `FACE_LANDMARKS`.
    blendshapes
        float32 (n, 47) in [0, 1], order of `BLENDSHAPES`.
    pose_deg
        float32 (n, 3): yaw (to the person's left), pitch (up), roll (counter-clockwise).
    eye_open
        float32 (n, 2) in [0, 1], the person's left and right.
    gaze_deg
        float32 (n, 2): yaw and pitch within the head.
    lip_gap, brow_height
        float32 (n,), distance of the inner lips, and of inner brow and inner eye corner, over
        the distance of the eyes.
    """

    landmarks: FloatArray
    blendshapes: FloatArray
    pose_deg: FloatArray
    eye_open: FloatArray
    gaze_deg: FloatArray
    lip_gap: FloatArray
    brow_height: FloatArray

    def __len__(self) -> int:
        return len(self.pose_deg)

    def score(self, name: str) -> FloatArray:
        """One blendshape (n,), or the mean of its two sides."""
        sides = [name] if name in BLENDSHAPES else [f"{name}Left", f"{name}Right"]
        found: FloatArray = self.blendshapes[:, [BLENDSHAPES.index(s) for s in sides]].mean(axis=1)
        return found


def no_mesh(count: int) -> Mesh:
    """Nothing seen of `count` faces."""

    def nothing(*shape: int) -> FloatArray:
        return np.full((count, *shape), np.nan, np.float32)

    landmarks = nothing(len(FACE_LANDMARKS), 2)
    scores = no_scores(count)
    return Mesh(landmarks, scores, nothing(3), nothing(2), nothing(2), nothing(), nothing())


def load_mesh(path: str | Path, names: npt.NDArray[Any]) -> Mesh:
    """Read the file for exactly the faces `names`, in order.

    Raises
    ------
    DataError
        If an array is missing or misshapen, or the rows are not those of the corpus.
    """
    arrays = read_arrays(path, required=("blendshapes", "names"))
    scores = blendshape_scores(arrays, path, names)
    unseen = np.isnan(scores).all(axis=1)
    unknown = np.full((len(names), _POINTS, 3), np.nan, np.float32)
    points = arrays.get("mesh", unknown).astype(np.float32)
    pose = arrays.get("pose_deg", unknown[:, 0]).astype(np.float32)
    for name, value, shape in (("mesh", points, (_POINTS, 3)), ("pose_deg", pose, (3,))):
        if value.shape != (len(names), *shape):
            raise DataError(
                f"{path}: {name!r} should be ({len(names)}, {', '.join(map(str, shape))}), found "
                f"{value.shape}; make it again for this corpus"
            )
    points[unseen], pose[unseen] = np.nan, np.nan
    score = {name: scores[:, k] for k, name in enumerate(BLENDSHAPES)}

    def apart(*pairs: tuple[int, int]) -> FloatArray:
        """Mean distance (n,) of pairs of vertices, px."""
        ends = points[:, np.array(pairs), :2]  # (n, pairs, 2, 2)
        distance: FloatArray = np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=2)
        return np.asarray(distance.mean(axis=1))

    corners = points[:, [[33, 133], [263, 362]], :2].mean(axis=2)  # (n, 2, 2): middle of each eye
    between = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)  # (n,) px
    blink = np.stack([score["eyeBlinkLeft"], score["eyeBlinkRight"]], axis=1)
    look = {name: score[f"eyeLook{name}"] for name in _LOOKS}
    yaw = (look["OutLeft"] - look["InLeft"] + look["InRight"] - look["OutRight"]) / 2
    pitch = (look["UpLeft"] + look["UpRight"] - look["DownLeft"] - look["DownRight"]) / 2
    return Mesh(
        points[:, [VERTICES[name] for name in FACE_LANDMARKS], :2],
        scores,
        (pose * _POSE_GAIN + _POSE_OFFSET_DEG).astype(np.float32),
        (1 - np.clip(blink / _SHUT, 0, 1)).astype(np.float32),
        np.stack([_GAZE_YAW_DEG * yaw, _GAZE_PITCH_DEG * pitch], axis=1).astype(np.float32),
        (apart(*_INNER_LIPS) / between).astype(np.float32),
        (apart(*_BROWS) / between).astype(np.float32),
    )
