"""Parts of the head, one per vertex, told apart by geometry relative to the landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.geometry.basis import HeadBasis
from mien.synthetic.faces.geometry.parts import Parts
from mien.types import FloatArray

REGIONS: tuple[str, ...] = (
    "scalp",
    "neck",
    "ear_right",
    "ear_left",
    "forehead",
    "brow_right",
    "brow_left",
    "eyelids_right",
    "eyelids_left",
    "eyeball_right",
    "eyeball_left",
    "orbit_right",
    "orbit_left",
    "nose",
    "cheek_right",
    "cheek_left",
    "upper_lip_skin",
    "lips",
    "chin",
    "mouth_interior",
    "tongue",
)
"""Names of the regions; a vertex's number is an index into this tuple.

``scalp`` is all of the head behind the face, ``orbit`` the skin around the eyelids up to the brow,
``chin`` the skin between lower lip and neck as wide as the mouth.
"""


def find_regions(
    basis: HeadBasis, parts: Parts, v: FloatArray, landmarks: dict[str, int]
) -> npt.NDArray[np.uint8]:
    """Region of each vertex of the symmetric mean head.

    Parameters
    ----------
    basis, parts
        The model.
    v
        float32 (n, 3), mm, the head at rest in the axes of `HeadModel`.
    landmarks
        Name -> vertex index.

    Returns
    -------
    uint8 (n,), indices into `REGIONS`.
    """
    x, y, z = v.T
    at = {name: v[index] for name, index in landmarks.items()}
    side = {"left": x >= 0, "right": x < 0}
    result = np.full(len(v), REGIONS.index("scalp"), np.uint8)
    free = np.zeros(len(v), bool)
    free[parts.skin] = True

    def take(name: str, where: npt.NDArray[np.bool_]) -> None:
        mine = where & free
        result[mine] = REGIONS.index(name)
        free[mine] = False

    for name, piece in (
        ("eyeball_left", parts.left_eye),
        ("eyeball_right", parts.right_eye),
        ("tongue", parts.tongue),
    ):
        result[piece] = REGIONS.index(name)
    take("mouth_interior", basis.mouth_interior_mask)
    take("lips", basis.lip_mask)
    take("neck", basis.neck_fraction < 0.9)
    for name, mark in (("left", "l"), ("right", "r")):
        take(f"ear_{name}", _support(basis, f"{mark}-ear-scale-incr") > 0.4)
    brow_top = max(at[f"brow_{k}_left"][1] for k in ("inner", "middle", "outer")) + 5
    for name, sign in (("left", 1), ("right", -1)):
        inner, outer = at[f"eye_inner_{name}"], at[f"eye_outer_{name}"]
        middle = (inner + outer) / 2
        half = 0.62 * abs(outer[0] - inner[0])
        ellipse = ((x - middle[0]) / half) ** 2 + ((y - middle[1]) / 11) ** 2 < 1
        take(f"eyelids_{name}", ellipse & (z > outer[2] - 25))
        points = [at[f"brow_{k}_{name}"] for k in ("inner", "middle", "outer")]
        line = np.interp(sign * x, [sign * p[0] for p in points], [p[1] for p in points])
        reach = (sign * x > sign * points[0][0] - 6) & (sign * x < sign * points[2][0] + 6)
        take(f"brow_{name}", (np.abs(y - line) < 8) & reach & (z > points[2][2] - 12))
    ala, bridge = at["ala_left"], at["eye_inner_left"]
    base = at["nose_tip"][1] - 12
    width = np.interp(y, [base, ala[1], bridge[1]], [ala[0] + 2, ala[0] + 3, 8])
    take("nose", (y > base) & (y < bridge[1] + 6) & (np.abs(x) < width) & (z > ala[2] - 15))
    face = z > at["eye_outer_left"][2] - 50
    take("forehead", face & (y > brow_top - 11) & (y < brow_top + 45))
    corner, low = at["mouth_left"], at["lip_lower_outer"][1]
    wide = np.abs(x) < corner[0] + 2
    take("upper_lip_skin", face & wide & (y <= base) & (y > corner[1]))
    take("chin", face & wide & (y < corner[1]) & (y > low - 60))
    below_eye = at["eyelid_lower_left"][1] - 6
    for name in ("left", "right"):
        take(f"orbit_{name}", face & side[name] & (y < brow_top) & (y > below_eye))
        take(f"cheek_{name}", face & side[name] & (y < brow_top))
    return result


def _support(basis: HeadBasis, label: str) -> FloatArray:
    """How far a local change moves each vertex, relative to the farthest, float32 (n,)."""
    shape = basis.local_shapes[basis.local_labels.index(label), 0, : len(basis.neck_fraction)]
    length = np.linalg.norm(shape, axis=1)
    result: FloatArray = (length / length.max()).astype(np.float32)
    return result
