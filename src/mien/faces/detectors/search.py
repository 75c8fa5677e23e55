"""Around a detector's one look: finer looks for small faces, turned looks for turned heads.

A look shrinks a picture to a longest side and gives the faces in it. One look misses what becomes
too small, and places landmarks wrongly on heads that are turned in the plane, upside down with much
confidence. So

* a picture in which small faces are found, or none although it is large, is looked at again at
  twice the side, in tiles, and so on up to `MOST_SIDE_PX`; at most about 90 looks' worth of work;
* a face whose landmarks lie turned or askew is cut out and looked at in eight turns. It is kept as
  the turn shows it in which it stands upright, or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.faces.align import TEMPLATE, similarity
from mien.types import Face, FloatArray, ImageArray

Points = npt.NDArray[np.floating[Any]]

Look = Callable[[ImageArray, int, float], list[Face]]
"""Faces in pixels of the picture, best first: picture, longest side of the look, least score."""

MOST_SIDE_PX = 5120
"""Longest side that a picture is searched at."""

_SMALL_PX = 40.0  # box side in a look, below which there may be smaller faces that it missed
_FINE_PX = 128.0  # largest box side that a finer look is believed
_EMPTY_SHARE = 3.2  # without any face a picture is searched down to a side this much smaller
_TILE_PX = 1280
_SEAM_PX = 2.0
_OVERLAP = 0.4  # of two boxes of one face

# Scores from which a turned look may find a face after all; the second where there is no other.
_MAYBE, _HARDLY = 0.5, 0.15
_UPRIGHT_DEG = 30.0
# Landmarks off the template, in pixels of the aligned crop: beyond it a turned look decides; of
# profiles; of profiles that the turned looks show upright, too.
_ASKEW_PX, _PROFILE_PX, _WORST_PX = 8.0, 16.0, 24.0
_TURNS_DEG = tuple(45.0 * k for k in range(8))
_BELIEVED_DEG, _ALIKE_DEG = 50.0, 25.0
_PATCH_PX, _PATCH_SHARE = 192, 0.55  # side of a cut-out, and of the face in it
_MOST_PATCHES, _MOST_UNSURE = 16, 4  # that are cut out of a picture


def search(image: ImageArray, look: Look, side_px: int, least_score: float) -> list[Face]:
    """All faces of a picture, best score first.

    Parameters
    ----------
    image
        uint8 (height, width, 3), RGB.
    look
        Of the detector.
    side_px
        Side of the first look.
    least_score
        Of a face.
    """
    maybe = min(_MAYBE, least_score)
    faces = look(image, side_px, min(_HARDLY, maybe))
    if any(face.score >= maybe for face in faces):
        faces = [face for face in faces if face.score >= maybe]
    longest, at_px = max(image.shape[:2]), side_px
    while at_px < min(longest, MOST_SIDE_PX) and _goes_on(
        [face for face in faces if face.score >= least_score], at_px / longest, at_px, longest
    ):
        at_px *= 2
        scale = min(1.0, at_px / longest)
        fine = [
            face
            for face in _tiled(image, look, scale, maybe)
            if face.box[2:].max() * scale <= _FINE_PX
        ]
        faces = _joined([*fine, *faces])
    return upright(image, faces, look, least_score)


def _goes_on(sure: list[Face], scale: float, at_px: int, longest_px: int) -> bool:
    """Whether a finer look is worth its time."""
    if not sure:
        return at_px * _EMPTY_SHARE < longest_px
    return min(float(face.box[2:].max()) for face in sure) * scale < _SMALL_PX


def _tiled(image: ImageArray, look: Look, scale: float, least_score: float) -> list[Face]:
    """Faces of a finer look, tile by tile; a small face lies wholly in one of two neighbours."""
    found = []
    for top, bottom in _spans(image.shape[0], scale):
        for left, right in _spans(image.shape[1], scale):
            tile = image[top:bottom, left:right]
            side_px = max(1, round(max(tile.shape[:2]) * scale))
            shift = np.array([left, top], np.float32)
            for face in look(tile, side_px, least_score):
                if _is_cut_off(face.box, (left, top, right, bottom), image.shape):
                    continue  # the tile beside shows it whole
                box = face.box + np.concatenate([shift, np.zeros(2, np.float32)])
                found.append(Face(face.score, box, face.landmarks + shift))
    return found


def _is_cut_off(box: FloatArray, tile: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    """Whether a face reaches a side of its tile (left, top, right, bottom) inside the picture."""
    left, top, right, bottom = tile
    near, far = box[:2], box[:2] + box[2:]
    room = (left > 0, top > 0), (right < shape[1], bottom < shape[0])
    size = np.array([right - left, bottom - top])
    return bool(
        (near < _SEAM_PX)[list(room[0])].any() or (far > size - _SEAM_PX)[list(room[1])].any()
    )


def _spans(length: int, scale: float) -> Iterator[tuple[int, int]]:
    """Parts of a side that overlap by the largest face that counts, in pixels of the picture."""
    part, shared = math.ceil(_TILE_PX / scale), math.ceil(_FINE_PX / scale)
    count = max(1, math.ceil((length - shared) / (part - shared)))
    for k in range(count):
        start = 0 if count == 1 else round(k * (length - part) / (count - 1))
        yield start, min(length, start + part)


def _joined(faces: list[Face]) -> list[Face]:
    """Each face once: of two that overlap the one that comes first. Best score first."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face.box, other.box) <= _OVERLAP for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.score)


def _overlap(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two boxes."""
    shared = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    area = float(np.prod(np.maximum(shared, 0)))
    return area / max(1e-9, float(np.prod(a[2:]) + np.prod(b[2:])) - area)


def upright(image: ImageArray, faces: list[Face], look: Look, least_score: float) -> list[Face]:
    """The faces whose landmarks are plausible; turned ones as a turned look shows them."""
    kept: list[Face] = []
    left, unsure = _MOST_PATCHES, _MOST_UNSURE
    for face in sorted(faces, key=lambda one: -one.score):
        if not _has_area(face):
            continue
        turn_deg, off_px = _lie(face.landmarks)
        sure, stands = face.score >= least_score, abs(turn_deg) <= _UPRIGHT_DEG
        if sure and stands and off_px <= _ASKEW_PX:
            kept.append(face)
            continue
        found = None
        if left and (sure or unsure):
            found = _turned(image, face, look, least_score)
            left, unsure = left - 1, unsure - (not sure)
        if found is not None and _replaces(found, sure, stands):
            kept.append(found)
        elif sure and stands and off_px <= (_PROFILE_PX if found is None else _WORST_PX):
            kept.append(face)  # a profile, as the detector saw it
    return _joined(kept)


def _replaces(found: Face, sure: bool, stands: bool) -> bool:
    """Whether what a turned look found is better than what was seen before."""
    turn_deg, off_px = _lie(found.landmarks)
    if abs(turn_deg) > _UPRIGHT_DEG:
        return True
    return not stands if sure else off_px <= _ASKEW_PX


def _has_area(face: Face) -> bool:
    return bool(
        np.isfinite(face.box).all()
        and np.isfinite(face.landmarks).all()
        and face.box[2:].min() > 0
        and np.ptp(face.landmarks, axis=0).max() > 1
    )


def _lie(landmarks: FloatArray) -> tuple[float, float]:
    """How far a face is turned in the plane, degrees, and how far its points are off a face's."""
    matrix = similarity(landmarks, TEMPLATE)
    placed = landmarks @ matrix[:, :2].T + matrix[:, 2]
    turn_deg = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    return turn_deg, float(np.abs(placed - TEMPLATE).max())


def _turned(image: ImageArray, face: Face, look: Look, least_score: float) -> Face | None:
    """The face as it is found in the turn in which it stands upright; None if in none."""
    centre, size = face.box[:2] + face.box[2:] / 2, float(face.box[2:].max())
    votes: list[tuple[float, float, Face]] = []  # turn in the picture, worth, face there
    for turn_deg in _TURNS_DEG:
        for found, in_patch in _look_turned(image, centre, size, turn_deg, look, least_score):
            own_deg, off_px = _lie(in_patch.landmarks)
            if abs(own_deg) <= _BELIEVED_DEG and off_px <= _WORST_PX:
                votes.append((turn_deg + own_deg, found.score - off_px / 50, found))
    if not votes:
        return None
    # One look in a wrong turn can be as sure as one in the right turn, but they do not agree.
    turn_deg, _, rough = max(votes, key=lambda vote: _agreement(vote, votes))
    centre, size = rough.box[:2] + rough.box[2:] / 2, float(rough.box[2:].max())
    for found, in_patch in _look_turned(image, centre, size, turn_deg, look, least_score):
        own_deg, off_px = _lie(in_patch.landmarks)
        if abs(own_deg) <= _UPRIGHT_DEG and off_px <= _WORST_PX:
            return found
    return None


def _agreement(
    vote: tuple[float, float, Face], votes: list[tuple[float, float, Face]]
) -> tuple[float, float]:
    """Worth of all looks that see the face turned alike, and of this one."""
    near = [
        worth
        for turn_deg, worth, _ in votes
        if abs((turn_deg - vote[0] + 180) % 360 - 180) <= _ALIKE_DEG
    ]
    return sum(near), vote[1]


def _look_turned(
    image: ImageArray,
    centre: Points,
    size: float,
    turn_deg: float,
    look: Look,
    least_score: float,
) -> list[tuple[Face, Face]]:
    """Faces at the place, in pixels of the picture and of the turned cut-out."""
    scale = _PATCH_SHARE * _PATCH_PX / size
    angle = math.radians(turn_deg)
    linear = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    middle = np.full(2, (_PATCH_PX - 1) / 2)
    matrix = np.column_stack([linear, middle - linear @ centre])
    patch = cv2.warpAffine(
        image,
        matrix,
        (_PATCH_PX, _PATCH_PX),
        flags=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(127, 127, 127),
    ).astype(np.uint8, copy=False)
    back = np.linalg.inv(linear)
    found = []
    for face in look(patch, _PATCH_PX, least_score):
        own_centre = face.box[:2] + face.box[2:] / 2
        if np.abs(own_centre - middle).max() <= 0.25 * _PATCH_PX and _has_area(face):
            found.append((_placed_back(face, back, middle, centre), face))
    return found


def _placed_back(
    face: Face,
    back: Points,
    middle: Points,
    centre: Points,
) -> Face:
    """A face of a turned cut-out in pixels of the picture; its box stays upright there."""
    landmarks = (face.landmarks - middle) @ back.T + centre
    size = face.box[2:] * math.hypot(*back[:, 0])
    at = back @ (face.box[:2] + face.box[2:] / 2 - middle) + centre
    box = np.concatenate([at - size / 2, size])
    return Face(face.score, box.astype(np.float32), landmarks.astype(np.float32))
