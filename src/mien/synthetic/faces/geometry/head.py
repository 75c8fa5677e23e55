"""A head that can be posed: identity + facial actions + gaze + pose -> vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.labels import LANDMARKS
from mien.synthetic.faces.geometry.basis import HeadBasis, load_basis
from mien.synthetic.faces.geometry.controls import (
    MAX_GAZE_PITCH_DEG,
    MAX_GAZE_YAW_DEG,
    Gaze,
    HeadPose,
    rotation,
)
from mien.synthetic.faces.geometry.identity import Identity, mean_identity
from mien.synthetic.faces.geometry.landmarks import find_landmarks, five_points
from mien.synthetic.faces.geometry.parts import find_parts, mirrored_indices
from mien.synthetic.faces.geometry.regions import REGIONS, find_regions
from mien.types import FloatArray

_LID_OVERLAP = 1.06  # a shut lid goes this much farther than where the lids' middles meet
# The sculpted sneer lowers the brows by more than it lifts the nose; AU4 is there for that.
_SNEER_BROW_SHARE = 0.3
_SNEER_FADE_MM = 15.0  # above the eyes, over which the share is reached
_SPLIT_MM = 12.0  # half width over which a two-sided action is handed from left to right


@dataclass(frozen=True, slots=True)
class Person:
    """What a `HeadModel` keeps of an identity; made by `HeadModel.person` and used frame by frame.

    Attributes
    ----------
    points
        float32 (n + joints, 3), the head at rest and the joints of `HeadBasis`, mm.
    eye_centres, eye_radii
        float32 (2, 3) and (2,), right and left eyeball, mm.
    lid_reach
        float32 (2,), right and left: weight of the blink action that just shuts this person's
        lids. The action was sculpted for one eye, and overshoots on smaller ones.
    """

    points: FloatArray
    eye_centres: FloatArray
    eye_radii: FloatArray
    lid_reach: FloatArray


@dataclass(frozen=True, slots=True)
class Eyes:
    """Where the eyeballs of a posed head are: right, then left, for painting iris and pupil.

    Attributes
    ----------
    centres, radii
        float32 (2, 3) and (2,), mm.
    directions
        float32 (2, 3), unit vectors from the centres through the pupils.
    """

    centres: FloatArray
    radii: FloatArray
    directions: FloatArray


class HeadModel:
    """The head of `HeadBasis` as a function of who it is and what it does.

    Axes and units: millimetres; x towards the person's own left, y up, z out of the face; the
    origin is midway between the centres of the eyeballs of the identity looking straight ahead.

    Attributes
    ----------
    faces
        int32 (m, 3), triangles, counter-clockwise seen from outside.
    action_labels
        Names of the facial actions, in the order of every weight vector. ``browInnerUp``, one
        action in the source, is split into ``browInnerUpLeft`` and ``browInnerUpRight``.
    regions
        uint8 (n,), the part of the head each vertex belongs to: an index into
        `mien.synthetic.faces.geometry.regions.REGIONS`.
    mirror
        int (n,), for each vertex the one nearest to its mirror image on the mean head.
    landmarks
        Name -> vertex index; the names are those of
        `mien.synthetic.faces.geometry.landmarks.NAMES`.

    Parameters
    ----------
    basis
        None: `load_basis()`.
    """

    def __init__(self, basis: HeadBasis | None = None) -> None:
        self.basis = basis or load_basis()
        self.faces = self.basis.faces
        self._count = len(self.basis.neck_fraction)
        self._pivot = self._count + self.basis.joints.index("head")
        rest = self._shape(mean_identity())
        parts = find_parts(self.basis, rest[: self._count])
        self._eyes = (parts.right_eye, parts.left_eye)
        self._eye_pairs = (parts.right_eye_common, parts.left_eye_common)
        rest = rest - self._eyeballs(rest)[0].mean(axis=0).astype(np.float32)
        vertices, joints = np.split(rest, [self._count])
        self.mirror = mirrored_indices(vertices)
        self.action_labels, self._actions = self._prepare_actions(vertices[:, 1])
        self.landmarks = find_landmarks(
            self.basis,
            parts,
            vertices,
            dict(zip(self.basis.joints, joints, strict=True)),
            self._actions[self.action_labels.index("jawOpen"), : self._count],
        )
        self.regions = find_regions(self.basis, parts, vertices, self.landmarks)

    def neutral(self, identity: Identity) -> FloatArray:
        """The person at rest, looking straight ahead: float32 (n, 3), mm."""
        return self.person(identity).points[: self._count]

    def vertices(
        self,
        identity: Identity,
        weights: FloatArray | None = None,
        pose: HeadPose | None = None,
        gaze: Gaze | None = None,
    ) -> FloatArray:
        """The person's head doing something.

        Parameters
        ----------
        identity
            Who it is.
        weights
            float32 (len(action_labels),), from `action_weights`; None for a face at rest.
        pose, gaze
            None: straight ahead.

        Returns
        -------
        float32 (n, 3), mm, in the axes of this class. With no weights, pose or gaze it equals
        `neutral` exactly.

        Raises
        ------
        ValueError
            If `weights` has another shape or is not finite.
        """
        return self.animate(self.person(identity), weights, pose, gaze)

    def person(self, identity: Identity) -> Person:
        """Prepare an identity for `animate`.

        Raises
        ------
        ValueError
            If the identity names a phenotype or local change that the head has not.
        """
        shape = self._shape(identity)
        centres, radii = self._eyeballs(shape)
        origin = centres.mean(axis=0)
        reach = []
        for side in ("right", "left"):
            lids = [self.landmarks[f"eyelid_{k}_{side}"] for k in ("upper", "lower")]
            blink = self._actions[self.action_labels.index(f"eyeBlink{side.capitalize()}")]
            gap = shape[lids[0], 1] - shape[lids[1], 1]
            closing = blink[lids[1], 1] - blink[lids[0], 1]
            reach.append(np.clip(_LID_OVERLAP * gap / closing, 0.2, 1.2))
        return Person(
            (shape - origin).astype(np.float32),
            (centres - origin).astype(np.float32),
            radii.astype(np.float32),
            np.array(reach, np.float32),
        )

    def eyes(self, person: Person, pose: HeadPose | None = None, gaze: Gaze | None = None) -> Eyes:
        """Position and direction of the eyeballs for the same pose and gaze as `animate`."""
        pose, gaze = pose or HeadPose(), gaze or Gaze()
        head, pivot = pose.matrix(), person.points[self._pivot]
        ahead = [
            rotation(gaze.eye_yaw_deg(side), gaze.pitch_deg)[:, 2] for side in ("right", "left")
        ]
        return Eyes(
            ((person.eye_centres - pivot) @ head.T + pivot).astype(np.float32),
            person.eye_radii,
            (np.array(ahead) @ head.T).astype(np.float32),
        )

    def animate(
        self,
        person: Person,
        weights: FloatArray | None = None,
        pose: HeadPose | None = None,
        gaze: Gaze | None = None,
    ) -> FloatArray:
        """`vertices` for a person prepared by `person`; what a video calls once per frame."""
        out = person.points
        total = np.zeros(len(self.action_labels), np.float32)
        if weights is not None:
            if weights.shape != total.shape or not np.isfinite(weights).all():
                raise ValueError(
                    f"weights are finite float32 {total.shape}, not of shape {weights.shape}"
                )
            total += weights
        if gaze is not None:
            self._follow_gaze(total, gaze)
        self._fit_lids(total, person)
        active = np.flatnonzero(total)
        if len(active):
            out = out + np.tensordot(total[active], self._actions[active], axes=1)
        if gaze is not None:
            out = out.copy()
            for k, side in enumerate(("right", "left")):
                turn = rotation(gaze.eye_yaw_deg(side), gaze.pitch_deg).astype(np.float32)
                centre = person.eye_centres[k]
                out[self._eyes[k]] = (out[self._eyes[k]] - centre) @ turn.T + centre
        vertices = out[: self._count].astype(np.float32)
        return vertices if pose is None else self.turned(person, vertices, pose)

    def turned(self, person: Person, vertices: FloatArray, pose: HeadPose) -> FloatArray:
        """Vertices (n, 3) of `animate` without a pose, in a pose; the neck bends along."""
        if pose == HeadPose():
            return vertices
        pivot = person.points[self._pivot]
        turned = _turn(vertices - pivot, self.basis.neck_fraction, pose) + pivot
        return np.asarray(turned, np.float32)

    def carried(self, person: Person, points: FloatArray, pose: HeadPose) -> FloatArray:
        """Points (k, 3) of things worn on the skull, in a pose: they turn with the whole head."""
        pivot = person.points[self._pivot]
        return np.asarray((points - pivot) @ pose.matrix().T + pivot, np.float32)

    def five_landmarks(self, vertices: FloatArray) -> FloatArray:
        """The points of `mien.labels.LANDMARKS` on a posed head.

        Eyes are midway between their corners, so they follow neither gaze nor lids.

        Returns
        -------
        float32 (5, 3), mm.
        """
        points = five_points(vertices, self.landmarks)
        return np.stack([points[name] for name in LANDMARKS]).astype(np.float32)

    def region_mask(self, *names: str) -> npt.NDArray[np.bool_]:
        """Vertices of the named regions, bool (n,).

        Raises
        ------
        ValueError
            If a name is not in `REGIONS`.
        """
        for name in names:
            if name not in REGIONS:
                raise ValueError(f"region {name!r} is none of {REGIONS}")
        return np.isin(self.regions, [REGIONS.index(name) for name in names])

    def _shape(self, identity: Identity) -> npt.NDArray[np.float32]:
        basis = self.basis
        coefficients = basis.phenotype_coefficients(dict(identity.phenotypes))
        shape = basis.template + np.tensordot(coefficients, basis.phenotype_shapes, axes=1)
        for label, value in identity.local_changes.items():
            if label not in basis.local_labels:
                raise ValueError(f"the head has no local change {label!r}")
            grow_or_shrink = basis.local_shapes[basis.local_labels.index(label)]
            shape = shape + abs(np.float32(value)) * grow_or_shrink[0 if value >= 0 else 1]
        result: FloatArray = shape.astype(np.float32)
        return result

    def _eyeballs(
        self, shape: FloatArray
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Centres (2, 3) and radii (2,) of the eyeballs, right and left, by least squares."""
        centres, radii = [], []
        for pairs in self._eye_pairs:
            points = shape[pairs].astype(np.float64)
            mean = points.mean(axis=0)
            points = points - mean
            system = np.column_stack([2 * points, np.ones(len(points))])
            solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
            centres.append(solution[:3] + mean)
            radii.append(np.sqrt(solution[3] + (solution[:3] ** 2).sum()))
        return np.array(centres), np.array(radii)

    def _prepare_actions(self, height: FloatArray) -> tuple[tuple[str, ...], FloatArray]:
        """The source's actions, mended where exact truth needs it.

        The eyeballs are taken out, for they are turned instead; each left action is made the
        mirror image of its right one (the source's smiles differ by 1 mm); actions of one eye no
        longer move the other one's socket or the palate; ``noseSneer`` keeps a part of its brow;
        the inner brows are split into sides. `height` is float32 (n,), above the eyes on the mean
        head.
        """
        labels = list(self.basis.action_labels)
        shapes = self.basis.action_shapes.copy()  # (52, n + joints, 3)
        flip = np.array([-1, 1, 1], np.float32)
        skin = shapes[:, : self._count]
        for k, label in enumerate(labels):
            other = labels.index(_other_side(label))
            if other >= k:
                mean = (skin[k] + skin[other][self.mirror] * flip) / 2
                skin[k], skin[other] = mean, mean[self.mirror] * flip
        skin[:, np.concatenate(self._eyes)] = 0
        left = _smooth(0.5 + self.basis.template[:, 0] / (2 * _SPLIT_MM))[:, None]  # 1 on the left
        for label, shape in zip(labels, shapes, strict=True):
            if label.startswith("eye"):
                shape *= left if label.endswith("Left") else 1 - left
                shape[: self._count][self.basis.mouth_interior_mask] = 0
        below = 1 - _smooth(height / _SNEER_FADE_MM)[:, None]
        for side in ("Left", "Right"):
            sneer = skin[labels.index(f"noseSneer{side}")]
            sneer *= below + (1 - below) * np.float32(_SNEER_BROW_SHARE)
        both = labels.index("browInnerUp")
        labels[both : both + 1] = ["browInnerUpLeft", "browInnerUpRight"]
        halves = np.stack([shapes[both] * left, shapes[both] * (1 - left)])
        shapes = np.concatenate([shapes[:both], halves, shapes[both + 1 :]])
        return tuple(labels), shapes.astype(np.float32)

    def _follow_gaze(self, weights: FloatArray, gaze: Gaze) -> None:
        """Add what the lids do when the eyes turn, in place."""
        for side in ("left", "right"):
            outward = gaze.eye_yaw_deg(side) * (1 if side == "left" else -1) / MAX_GAZE_YAW_DEG
            up = gaze.pitch_deg / MAX_GAZE_PITCH_DEG
            for name, value in (("Out", outward), ("In", -outward), ("Up", up), ("Down", -up)):
                label = f"eyeLook{name}{side.capitalize()}"
                weights[self.action_labels.index(label)] += np.float32(np.clip(value, 0, 1))

    def _fit_lids(self, weights: FloatArray, person: Person) -> None:
        """Scale the blink to this person's lids; shut lids do not follow the gaze. In place."""
        for k, side in enumerate(("Right", "Left")):
            blink = self.action_labels.index(f"eyeBlink{side}")
            for way in ("Up", "Down"):
                weights[self.action_labels.index(f"eyeLook{way}{side}")] *= 1 - weights[blink]
            weights[blink] *= person.lid_reach[k]


def _other_side(label: str) -> str:
    """Name of the action that mirrors this one; the same name where it has no side."""
    for one, other in (("Left", "Right"), ("Right", "Left")):
        if label.endswith(one):
            return label.removesuffix(one) + other
    return label


def _smooth(x: FloatArray) -> FloatArray:
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


def _turn(points: FloatArray, share: FloatArray, pose: HeadPose) -> FloatArray:
    """Turn points (n, 3) about the origin by their share of the pose (Rodrigues' formula)."""
    matrix = pose.matrix()
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    axis = np.array(
        [
            matrix[2, 1] - matrix[1, 2],
            matrix[0, 2] - matrix[2, 0],
            matrix[1, 0] - matrix[0, 1],
        ]
    )
    length = np.linalg.norm(axis)
    if length < 1e-12:  # no turn to speak of; half turns are out of HeadPose's range
        return points
    axis = axis / length
    part = (share * angle)[:, None]  # (n, 1)
    p = points.astype(np.float64)
    along = (p @ axis)[:, None] * axis
    turned = p * np.cos(part) + np.cross(axis, p) * np.sin(part) + along * (1 - np.cos(part))
    result: FloatArray = turned.astype(np.float32)
    return result
