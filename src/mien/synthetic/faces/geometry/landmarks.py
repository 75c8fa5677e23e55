"""Landmarks as vertex indices, chosen by geometry once per model.

Nothing here is a list of vertex numbers, so another mesh of the same kind keeps working; where the
points land is tested.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError
from mien.labels import FACE_LANDMARKS
from mien.synthetic.faces.geometry.basis import HeadBasis
from mien.synthetic.faces.geometry.parts import Parts, vertex_normals
from mien.types import FloatArray

NAMES = FACE_LANDMARKS

_LIP_DEPTH_MM = 6.0
_STEP_MM = 0.25  # of the grid on which the opening between the lids is found


def five_points(vertices: FloatArray, landmarks: dict[str, int]) -> dict[str, FloatArray]:
    """Positions, float32 (3,), of the points named in `mien.labels.LANDMARKS`."""

    def eye(side: str) -> FloatArray:
        corners = [landmarks[f"eye_inner_{side}"], landmarks[f"eye_outer_{side}"]]
        middle: FloatArray = vertices[corners].mean(axis=0)
        return middle

    return {
        "right_eye": eye("right"),
        "left_eye": eye("left"),
        "nose": vertices[landmarks["nose_tip"]],
        "mouth_right": vertices[landmarks["mouth_right"]],
        "mouth_left": vertices[landmarks["mouth_left"]],
    }


def find_landmarks(
    basis: HeadBasis,
    parts: Parts,
    v: FloatArray,
    joints: dict[str, FloatArray],
    jaw_open: FloatArray,
) -> dict[str, int]:
    """Choose a vertex for each of `NAMES`: on the left and in the middle by geometry, and on the
    right the mirror image.

    Parameters
    ----------
    basis, parts
        The model.
    v
        float32 (n, 3), the symmetric mean head at rest, mm, in the axes of `HeadModel`.
    joints
        Rig joint -> float32 (3,), in the same axes.
    jaw_open
        float32 (n, 3), how the jaw's opening moves each vertex: tells upper from lower lip.

    Returns
    -------
    Name -> vertex index.

    Raises
    ------
    ModelError
        If the opening of an eye or a lip cannot be found: a mesh this code does not know.
    """
    normals = vertex_normals(v, basis.faces)
    front = np.zeros(len(v), bool)
    front[parts.skin] = True
    front &= (normals[:, 2] > 0.1) & ~basis.mouth_interior_mask & (v[:, 2] > -40)
    found: dict[str, int] = {}
    _find_eye(found, parts, v, basis.faces)
    _find_middle(found, basis, v, front, jaw_open)
    lips = np.flatnonzero(basis.lip_mask & ~basis.mouth_interior_mask)
    found["mouth_left"] = int(lips[np.argmax(v[lips, 0])])
    width = _growth(basis, "nose-nostrils-width-incr")
    found["ala_left"] = int(np.argmax(np.where(front, width[:, 0], -np.inf)))
    outer = (joints["oculi02.L"] + joints["oculi02.L:tail"]) / 2
    for name, target in (
        ("brow_inner_left", joints["oculi01.L:tail"]),
        ("brow_middle_left", joints["oculi01.L"]),
        ("brow_outer_left", outer),
    ):
        found[name] = _nearest(v, front, target, axes=(0, 1, 2))
    x = 1.15 * v[found["eyelid_lower_left"], 0]
    y = v[found["nose_tip"], 1] + 4  # mm: level with the upper half of the nose's wings
    found["cheek_left"] = _nearest(v, front, np.array([x, y, 0]), axes=(0, 1))
    everything = np.ones(len(v), bool)
    for name in [n.removesuffix("_left") for n in NAMES if n.endswith("_left")]:
        image = v[found[f"{name}_left"]] * np.array([-1, 1, 1], np.float32)
        found[f"{name}_right"] = _nearest(v, everything, image, axes=(0, 1, 2))
    return {name: found[name] for name in NAMES}


def _find_eye(
    found: dict[str, int], parts: Parts, v: FloatArray, faces: npt.NDArray[np.int32]
) -> None:
    """Corners and lid edges of the left eye, from the eyeball's visible outline."""
    ball = parts.left_eye
    low, high = v[ball].min(axis=0)[:2] - 3, v[ball].max(axis=0)[:2] + 3
    opening = eye_opening(v, faces, ball, low, high)  # (rows, columns), True: eyeball is seen
    rows, columns = np.nonzero(opening)
    if len(rows) < 100:
        raise ModelError("the left eye of this head is not open: no landmarks on it")
    x, y = low[0] + (columns + 0.5) * _STEP_MM, low[1] + (rows + 0.5) * _STEP_MM
    middle = np.abs(x - x.mean()) < 1
    # The edge of a lid hardly faces forward: any skin in front of the eyeball's middle will do.
    skin = np.zeros(len(v), bool)
    skin[parts.skin] = True
    skin &= v[:, 2] > v[ball, 2].max() - 14
    inner, outer = np.argmin(x), np.argmax(x)
    for name, point in (
        ("eye_inner_left", (x[inner], y[inner])),
        ("eye_outer_left", (x[outer], y[outer])),
        ("eyelid_upper_left", (x.mean(), y[middle].max())),
        ("eyelid_lower_left", (x.mean(), y[middle].min())),
    ):
        found[name] = _nearest(v, skin, np.array([*point, 0]), axes=(0, 1))


def _find_middle(
    found: dict[str, int],
    basis: HeadBasis,
    v: FloatArray,
    front: npt.NDArray[np.bool_],
    jaw_open: FloatArray,
) -> None:
    """Nose tip, lips and chin on the middle line."""
    middle = np.abs(v[:, 0]) < 0.5
    lips = np.flatnonzero(middle & basis.lip_mask & ~basis.mouth_interior_mask)
    drop = -jaw_open[lips, 1]
    lower, upper = lips[drop > 0.5 * drop.max()], lips[drop <= 0.5 * drop.max()]
    if not len(lower) or not len(upper):
        raise ModelError("the lips of this head are not as expected: no landmarks on them")
    found["lip_upper_outer"] = int(upper[np.argmax(v[upper, 1])])
    found["lip_lower_outer"] = int(lower[np.argmin(v[lower, 1])])
    # The red runs on into the mouth: the edges that meet are the last ones well in front.
    seen_upper = upper[v[upper, 2] > v[upper, 2].max() - _LIP_DEPTH_MM]
    seen_lower = lower[v[lower, 2] > v[lower, 2].max() - _LIP_DEPTH_MM]
    found["lip_upper_inner"] = int(seen_upper[np.argmin(v[seen_upper, 1])])
    found["lip_lower_inner"] = int(seen_lower[np.argmax(v[seen_lower, 1])])
    top, bottom = v[found["lip_upper_outer"], 1], v[found["lip_lower_outer"], 1]
    nose = np.flatnonzero(middle & front & (v[:, 1] > top + 3) & (v[:, 1] < 0))
    found["nose_tip"] = int(nose[np.argmax(v[nose, 2])])
    chin = np.flatnonzero(middle & front & (v[:, 1] < bottom - 8))
    found["chin"] = int(chin[np.argmax(v[chin, 2])])


def eye_opening(
    vertices: FloatArray,
    faces: npt.NDArray[np.int32],
    ball: npt.NDArray[np.intp],
    low: FloatArray,
    high: FloatArray,
    step_mm: float = _STEP_MM,
) -> npt.NDArray[np.bool_]:
    """Where an eyeball is seen from the front, between the lids.

    Parameters
    ----------
    vertices, faces
        The head, float32 (n, 3) in mm facing +z, and int32 (m, 3).
    ball
        Vertices of the eyeball.
    low, high
        float (2,), corners x, y of the window looked at.
    step_mm
        Distance of the grid's points.

    Returns
    -------
    bool (rows, columns), from low y upwards; True where the eyeball is the first thing hit.
    """
    columns, rows = (np.ceil((high - low) / step_mm)).astype(int)
    depth = np.full((rows, columns), -np.inf)
    is_ball = np.zeros((rows, columns), bool)
    on_ball = np.zeros(len(vertices), bool)
    on_ball[ball] = True
    corner = vertices[faces]  # (m, 3 corners, 3)
    inside = (corner[:, :, :2].min(axis=1) < high).all(axis=1)
    inside &= (corner[:, :, :2].max(axis=1) > low).all(axis=1)
    for k in np.flatnonzero(inside):
        a, b, c = corner[k].astype(np.float64)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area <= 1e-9:  # seen from behind, or on edge
            continue
        first = np.maximum(np.floor((corner[k, :, :2].min(axis=0) - low) / step_mm), 0).astype(int)
        last = np.ceil((corner[k, :, :2].max(axis=0) - low) / step_mm).astype(int)
        window = np.s_[first[1] : last[1] + 1, first[0] : last[0] + 1]
        shape = depth[window].shape
        x = low[0] + (first[0] + np.arange(shape[1]) + 0.5) * step_mm
        y = (low[1] + (first[1] + np.arange(shape[0]) + 0.5) * step_mm)[:, None]
        u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area  # share of b
        w = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area  # share of c
        z = a[2] + u * (b[2] - a[2]) + w * (c[2] - a[2])
        nearer = (u >= 0) & (w >= 0) & (u + w <= 1) & (z > depth[window])
        depth[window][nearer] = z[nearer]
        is_ball[window][nearer] = on_ball[faces[k, 0]]
    return is_ball


def _growth(basis: HeadBasis, label: str) -> FloatArray:
    """How a local change moves each vertex when it grows, float32 (n, 3)."""
    shape: FloatArray = basis.local_shapes[basis.local_labels.index(label), 0]
    return shape[: len(basis.neck_fraction)]


def _nearest(
    v: FloatArray, among: npt.NDArray[np.bool_], target: npt.ArrayLike, axes: tuple[int, ...]
) -> int:
    distance = np.linalg.norm((v - np.asarray(target))[:, list(axes)], axis=1)
    return int(np.argmin(np.where(among, distance, np.inf)))
