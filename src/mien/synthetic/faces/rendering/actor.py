"""`Actor`: a person painted and dressed, ready to be posed frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.appearance import dress
from mien.synthetic.faces.appearance.canvas import Canvas
from mien.synthetic.faces.appearance.look import Look
from mien.synthetic.faces.appearance.skin import Paint, Painter
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.geometry.controls import HeadPose
from mien.synthetic.faces.geometry.head import Eyes, HeadModel, Person
from mien.synthetic.faces.geometry.identity import Identity
from mien.synthetic.faces.rendering.rays import RayScene
from mien.types import FloatArray

MATERIALS: tuple[str, ...] = (
    "skin",
    "eye_right",
    "eye_left",
    "mouth",
    "tongue",
    "teeth",
    "hair",
    "cloth",
    "headwear",
    "frame",
)
_SUNK_MM = 1.2  # how far the border of hair and headwear lies below the skin
_AO_RAYS = 16


@dataclass(frozen=True, slots=True)
class Body:
    """An actor in one moment.

    Attributes
    ----------
    vertices
        float32 (n, 3), mm, in the axes of `HeadModel`; the head's own come first.
    normals
        float32 (n, 3), unit length.
    eyes
        Position and direction of the eyeballs.
    landmarks
        float32 (26, 3), mm.
    """

    vertices: FloatArray
    normals: FloatArray
    eyes: Eyes
    landmarks: FloatArray


class Actor:
    """A person, painted and dressed.

    Attributes
    ----------
    identity, look, paint
        Shape, style, and the painted canvas.
    faces, material
        int32 (m, 3) triangles of everything, and uint8 (m,), an index into `MATERIALS`.
    uv
        float32 (n, 2), place on the canvas for the skin, own coordinates in mm for the rest.
    marks
        float32 (n, 3): how much a vertex is lip, how much lash line, and how open it lies to
        ambient light.
    lenses
        Glass of the spectacles at rest, or None.
    """

    def __init__(
        self, head: HeadModel, canvas: Canvas, painter: Painter, identity: Identity, look: Look
    ) -> None:
        self.head, self.identity, self.look = head, identity, look
        self.person: Person = head.person(identity)
        self.paint: Paint = painter.paint(look)
        self._count = len(head.regions)
        self._tongue = head.region_mask("tongue")
        self._tongue_rest = self.person.points[: self._count][self._tongue].mean(axis=0)
        self._skin_faces = head.faces[~self._inner(head)[head.faces].any(axis=1)]
        self._hair_mm = dress.covering_mm(head, canvas, painter, look)
        self._wear_mm = dress.headwear_mm(head, canvas, painter, look)
        if look.headwear != "none":  # hair is pressed down under it
            self._hair_mm = np.minimum(self._hair_mm, np.where(self._wear_mm > 0.5, 2.0, 12.0))
        self._assemble(canvas, painter)
        self.lenses = dress.glasses(self.person, look)[1] if look.glasses != "none" else None

    @property
    def attributes(self) -> dict[str, float | str]:
        """What an audit groups by: skin tone, age, gender, shape mixture, hair and so on."""
        phenotypes = self.identity.phenotypes
        return {
            "skin_tone": round(self.look.tone, 4),
            "age": round(self.look.age, 4),
            "gender": round(float(phenotypes.get("gender", 0.5)), 4),
            **{
                name: round(float(phenotypes.get(name, 1 / 3)), 4)
                for name in ("african", "asian", "caucasian")
            },
            "hair_style": self.look.style,
            "hair_color": self.look.hair,
            "headwear": self.look.headwear,
            "beard": self.look.beard,
            "glasses": self.look.glasses,
            "lipstick": round(self.look.lipstick, 4),
        }

    def pose(self, moment: Moment) -> Body:
        """Everything where it is at one moment."""
        head, person, pose = self.head, self.person, moment.pose
        relaxed = head.animate(person, moment.weights(head.action_labels), None, moment.gaze)
        jaw = relaxed[self._tongue].mean(axis=0) - self._tongue_rest
        relaxed[self._tongue] += [0, -5, -7]
        skin = head.turned(person, relaxed, pose)
        lower = self._lower_teeth + jaw
        worn = np.concatenate([self._upper_teeth, lower, self._rigid])
        parts = [skin, head.carried(person, worn, pose)]
        normals = vertex_normals(skin, head.faces, self._count)
        for thickness, index in ((self._hair_mm, self._hair_at), (self._wear_mm, self._wear_at)):
            lifted = skin[index] + normals[index] * (thickness[index] - _SUNK_MM)[:, None]
            parts.append(lifted)
        parts.append(self._torso)
        vertices = np.concatenate(parts).astype(np.float32)
        marks = skin[list(head.landmarks.values())]
        return Body(
            vertices,
            vertex_normals(vertices, self.faces, len(vertices)),
            head.eyes(person, pose, moment.gaze),
            marks.astype(np.float32),
        )

    def carried_lenses(self, pose: HeadPose) -> FloatArray | None:
        """Vertices of the glass in a pose, float32 (k, 3); None without glasses."""
        if self.lenses is None:
            return None
        return self.head.carried(self.person, self.lenses.vertices, pose)

    def _inner(self, head: HeadModel) -> npt.NDArray[np.bool_]:
        return head.region_mask("eyeball_right", "eyeball_left", "tongue", "mouth_interior")

    def _assemble(self, canvas: Canvas, painter: Painter) -> None:
        """Put together faces, materials and paint coordinates, in the order that `pose` uses."""
        head, look, person = self.head, self.look, self.person
        faces: list[npt.NDArray[np.int32]] = [head.faces]
        material = [self._head_material()]
        uv = [canvas.uv]
        start = self._count

        def add(piece: dress.Piece, name: str) -> FloatArray:
            nonlocal start
            faces.append(piece.faces + np.int32(start))
            material.append(np.full(len(piece.faces), MATERIALS.index(name), np.uint8))
            uv.append(piece.uv)
            start += len(piece.vertices)
            return piece.vertices

        self._upper_teeth = add(dress.teeth(head, person, upper=True), "teeth")
        self._lower_teeth = add(dress.teeth(head, person, upper=False), "teeth")
        rigid = [np.zeros((0, 3), np.float32)]
        if look.style == "long" and look.headwear != "headscarf":
            rigid.append(add(dress.long_hair(person, self._count, look), "hair"))
        if look.glasses != "none":
            rigid.append(add(dress.glasses(person, look)[0], "frame"))
        if look.headwear == "cap":
            at = painter.at["brow_inner_left"][1]
            rigid.append(add(dress.brim(person, self._count, look, at), "headwear"))
        self._rigid = np.concatenate(rigid)
        covered_at: list[npt.NDArray[np.int32]] = []
        for thickness, name in ((self._hair_mm, "hair"), (self._wear_mm, "headwear")):
            covered = self._skin_faces[(thickness[self._skin_faces] > 0.05).any(axis=1)]
            index, local = np.unique(covered, return_inverse=True)
            shell = local.reshape(-1, 3).astype(np.int32)
            # 0.45 mm to a texel near the middle: strands have the same width everywhere
            piece = dress.Piece(
                np.zeros((len(index), 3), np.float32), shell, canvas.uv[index] * 0.67
            )
            add(piece, name)
            covered_at.append(index)
        self._hair_at, self._wear_at = covered_at
        self._torso = add(dress.shoulders(person, head), "cloth")
        self.faces = np.concatenate(faces).astype(np.int32)
        self.material = np.concatenate(material)
        self.uv = np.concatenate(uv).astype(np.float32)
        self.marks = np.zeros((start, 3), np.float32)
        self.marks[: self._count] = self._skin_marks()
        self.marks[self._count :, 2] = 0.9

    def _head_material(self) -> npt.NDArray[np.uint8]:
        head = self.head
        kind = np.zeros(self._count, np.uint8)
        for name, region in (
            ("eye_right", "eyeball_right"),
            ("eye_left", "eyeball_left"),
            ("mouth", "mouth_interior"),
            ("tongue", "tongue"),
        ):
            kind[head.region_mask(region)] = MATERIALS.index(name)
        corner = kind[head.faces]  # (m, 3): a triangle is inside the mouth only if all of it is
        return np.where(corner.min(axis=1) == corner.max(axis=1), corner[:, 0], 0).astype(np.uint8)

    def _skin_marks(self) -> FloatArray:
        head, points = self.head, self.person.points[: self._count]
        marks = np.zeros((self._count, 3), np.float32)
        marks[:, 0] = head.basis.lip_mask
        for k, side in enumerate(("right", "left")):
            lids = head.region_mask(f"eyelids_{side}")
            centre = self.person.eye_centres[k]
            off = np.linalg.norm(points - centre, axis=1) - self.person.eye_radii[k]
            upper = np.clip((points[:, 1] - centre[1] + 4) / 4, 0.25, 1)
            marks[:, 1] += lids * np.clip(1 - np.maximum(off, 0) / 1.3, 0, 1) * upper
        marks[:, 2] = ambient_openness(points, head.faces)
        return marks


def vertex_normals(vertices: FloatArray, faces: npt.NDArray[np.int32], count: int) -> FloatArray:
    """Unit normals of vertices, weighted by triangle area, float32 (count, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)  # (m, 3)
    index = faces.T.ravel()
    total = np.stack(
        [np.bincount(index, np.tile(flat[:, k], 3), minlength=count) for k in range(3)], axis=1
    )
    length = np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return np.asarray(total / length, np.float32)


def ambient_openness(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> FloatArray:
    """Share of the sky that each vertex sees, weighted by cosine, float32 (n,), 0 to 1."""
    normals = vertex_normals(vertices, faces, len(vertices))
    rng = np.random.default_rng(0xA0)
    ball = rng.standard_normal((_AO_RAYS, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    # a point on the ball around the tip of the normal: cosine-weighted directions
    ray = normals[:, None] + 0.98 * ball[None]
    ray /= np.linalg.norm(ray, axis=2, keepdims=True)
    start = (vertices + 0.6 * normals)[:, None] + 0.4 * ray
    blocked = RayScene(vertices, faces).blocked(
        start.reshape(-1, 3).astype(np.float32), ray.reshape(-1, 3).astype(np.float32)
    )
    share = blocked.reshape(len(vertices), _AO_RAYS).mean(axis=1)
    return np.asarray(1 - share, np.float32)
