"""Gives each face of a video a number that stays, from geometry alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.faces.assignment import assign
from mien.faces.motion import Motion, centre_and_size, overlap
from mien.types import Face, FloatArray

DUPLICATE = -1
"""What `Tracker.update` returns for a detection of a face that another detection covers."""

# A face may be this far from where it is expected, in face sizes: at once, more for every second
# that it was out of sight, and never more than the last number.
_GATE_START, _GATE_PER_S, _GATE_AT_MOST = 0.6, 2.5, 1.5
_SIZE_GATE_START, _SIZE_GATE_PER_S, _SIZE_GATE_AT_MOST = 0.45, 0.5, 0.8  # of log size
# Within the gates, the weights say which of several faces fits best.
_PLACE_WEIGHT = 0.3  # beside the distance to the way there, which weighs 1
_PLACE_AT_MOST = 4.0
_OVERLAP_WEIGHT = 0.5
_SIZE_WEIGHT = 0.7
_SHAPE_WEIGHT = 1.0
_COLOUR_WEIGHT = 0.5
_COLOUR_SCALE = 64.0
_LOST_WEIGHT = 0.2  # per second
# Where one box is found for two faces that overlap, it goes on showing the one in front.
_HIDDEN_COST = 0.2
_UNMATCHED = 50.0  # above any sum of the terms: the gates alone decide whether a pair may be
# Where two expected boxes overlap this much, a box may belong to either and moves them less.
_AMBIGUOUS_OVERLAP = 0.2
_AMBIGUOUS_TRUST = 0.4

_Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Observed:
    """One detection, in the form in which it is compared."""

    box: _Box
    x_px: float
    y_px: float
    log_size: float
    shape: npt.NDArray[np.float64]  # (5, 2), landmarks relative to the centre, in face sizes
    colour: npt.NDArray[np.float64] | None  # (3,), 0 to 255


@dataclass(slots=True)
class _Track:
    face_id: int
    motion: Motion
    shape: npt.NDArray[np.float64]
    colour: npt.NDArray[np.float64] | None
    seen_s: float  # on the tracker's own clock
    box: _Box  # expected in this frame


class Tracker:
    """Follows faces by where they move, how large they are and how their landmarks lie.

    No identity is learnt or compared: a face that was away for longer than ``max_lost_s``
    comes back under a new number. Ids are 0, 1, 2, ... in the order in which faces first
    appear, from left to right within a frame; a detection gets its id at once, in the frame in
    which it first appears. An id is never given to a second face, not after `reset` either.

    Everything is measured in seconds, so that the frame rate does not matter. A timestamp that
    steps back counts as no time passed.

    Parameters
    ----------
    max_lost_s
        A face out of sight for longer than this is forgotten. Seconds, above 0.
    duplicate_iou
        Where two detections of one frame overlap by more than this (intersection over union,
        0 to 1), the one with the lower score gets the id `DUPLICATE` (-1). None: never.
    max_tracks
        Upper bound on the faces remembered; those lost for longest go first.

    Raises
    ------
    ValueError
        On a parameter outside its range.
    """

    def __init__(
        self,
        max_lost_s: float = 2.0,
        duplicate_iou: float | None = None,
        max_tracks: int = 64,
    ) -> None:
        if not max_lost_s > 0:
            raise ValueError(f"max_lost_s is {max_lost_s}; it must be above 0")
        if duplicate_iou is not None and not 0 < duplicate_iou <= 1:
            raise ValueError(f"duplicate_iou is {duplicate_iou}; allowed are 0 to 1, or None")
        if max_tracks < 1:
            raise ValueError(f"max_tracks is {max_tracks}; it must be at least 1")
        self.max_lost_s = max_lost_s
        self.duplicate_iou = duplicate_iou
        self.max_tracks = max_tracks
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._clock_s = 0.0
        self._previous_s = 0.0  # the clock at the last update
        self._last_timestamp_s: float | None = None

    def __len__(self) -> int:
        """Count the faces remembered, in sight or lost."""
        return len(self._tracks)

    def reset(self) -> None:
        """Forget all faces, as after a scene cut. Numbering goes on."""
        self._tracks.clear()

    def update(
        self,
        faces: Sequence[Face],
        timestamp_s: float,
        image_size: tuple[int, int],
        colours: FloatArray | None = None,
    ) -> list[int]:
        """Take the faces of the next frame and return their ids, in the order of ``faces``.

        Call it for frames without faces too. The result does not depend on the order of
        ``faces``, and the ids of one frame differ (but for `DUPLICATE`).

        Parameters
        ----------
        faces
            Detections of this frame, of any number.
        timestamp_s
            Presentation time of the frame in seconds.
        image_size
            Width and height of the frame in pixels.
        colours
            Optional float32 (faces, 3): mean colour of each face's crop, 0 to 255. It is held
            in memory for as long as the track is, and only helps to tell close faces apart.

        Raises
        ------
        ValueError
            On a timestamp that is not finite, a box without area, or ``colours`` of another
            shape.
        """
        if not math.isfinite(timestamp_s):
            raise ValueError(f"timestamp_s is {timestamp_s}; it must be finite")
        if colours is not None and colours.shape != (len(faces), 3):
            raise ValueError(f"colours has shape {colours.shape}; expected ({len(faces)}, 3)")
        observed = [
            _observe(face, None if colours is None else colours[index])
            for index, face in enumerate(faces)
        ]
        self._advance(timestamp_s, image_size)
        ids = [DUPLICATE] * len(faces)
        # One order for all callers: ties and new numbers must not hang on the detector's order.
        order = sorted(range(len(faces)), key=lambda index: (observed[index].box, index))
        order = self._without_duplicates(order, faces, observed)
        for track_index, position in self._match([observed[index] for index in order]):
            index = order[position]
            self._follow(self._tracks[track_index], observed[index])
            ids[index] = self._tracks[track_index].face_id
        for index in order:
            if ids[index] == DUPLICATE:
                ids[index] = self._begin(observed[index])
        self._forget()
        return ids

    def _advance(self, timestamp_s: float, image_size: tuple[int, int]) -> None:
        elapsed_s = 0.0
        if self._last_timestamp_s is not None:
            elapsed_s = max(0.0, timestamp_s - self._last_timestamp_s)
        self._last_timestamp_s = timestamp_s
        self._previous_s = self._clock_s
        self._clock_s += elapsed_s
        self._forget()
        for track in self._tracks:
            track.motion.predict(elapsed_s, image_size)
            track.box = track.motion.box

    def _forget(self) -> None:
        # The small allowance is for sums of float intervals.
        oldest_s = self._clock_s - self.max_lost_s - 1e-9
        self._tracks = [track for track in self._tracks if track.seen_s >= oldest_s]
        if len(self._tracks) > self.max_tracks:
            latest = sorted(self._tracks, key=lambda track: (-track.seen_s, track.face_id))
            self._tracks = sorted(latest[: self.max_tracks], key=lambda track: track.face_id)

    def _without_duplicates(
        self, order: list[int], faces: Sequence[Face], observed: list[_Observed]
    ) -> list[int]:
        if self.duplicate_iou is None:
            return order
        kept: list[int] = []
        for index in sorted(order, key=lambda i: -faces[i].score):
            box = observed[index].box
            if all(overlap(box, observed[other].box) <= self.duplicate_iou for other in kept):
                kept.append(index)
        return [index for index in order if index in kept]

    def _match(self, observed: list[_Observed]) -> list[tuple[int, int]]:
        if not self._tracks or not observed:
            return []
        cost = np.array(
            [[self._cost(track, seen) for seen in observed] for track in self._tracks]
        )  # (tracks, detections)
        return assign(cost, _UNMATCHED)

    def _cost(self, track: _Track, seen: _Observed) -> float:
        """Say how badly a detection fits a track: 0 and up, ``inf`` outside the gates."""
        lost_s = self._clock_s - track.seen_s
        to_place, to_way = track.motion.distances(seen.x_px, seen.y_px)
        distance = to_way + _PLACE_WEIGHT * min(to_place, _PLACE_AT_MOST)
        if distance > min(_GATE_START + _GATE_PER_S * lost_s, _GATE_AT_MOST):
            return math.inf
        growth = abs(seen.log_size - track.motion.log_size.value)
        if growth > min(_SIZE_GATE_START + _SIZE_GATE_PER_S * lost_s, _SIZE_GATE_AT_MOST):
            return math.inf
        # A pose changes within a fraction of a second, and a motion ends: what is not of where
        # the face goes counts less the longer it was out of sight.
        fresh = math.exp(-2.0 * lost_s)
        shape = float(np.abs(seen.shape - track.shape).mean())
        cost = (
            distance
            + _OVERLAP_WEIGHT * (1.0 - overlap(track.box, seen.box))
            + _SIZE_WEIGHT * growth
            + _SHAPE_WEIGHT * fresh * min(shape, 1.0)
            + _LOST_WEIGHT * lost_s
            + (_HIDDEN_COST if track.seen_s < self._previous_s else 0.0)
        )
        if seen.colour is not None and track.colour is not None:
            change = float(np.abs(seen.colour - track.colour).mean()) / _COLOUR_SCALE
            cost += _COLOUR_WEIGHT * min(change, 1.0)
        return cost

    def _follow(self, track: _Track, seen: _Observed) -> None:
        crowded = any(
            overlap(track.box, other.box) > _AMBIGUOUS_OVERLAP
            for other in self._tracks
            if other is not track
        )
        track.motion.correct(seen.box, _AMBIGUOUS_TRUST if crowded else 1.0)
        track.shape, track.seen_s = seen.shape, self._clock_s
        if seen.colour is not None:
            track.colour = seen.colour

    def _begin(self, seen: _Observed) -> int:
        face_id = self._next_id
        self._next_id += 1
        self._tracks.append(
            _Track(
                face_id=face_id,
                motion=Motion.start(seen.box),
                shape=seen.shape,
                colour=seen.colour,
                seen_s=self._clock_s,
                box=seen.box,
            )
        )
        return face_id


def _observe(face: Face, colour: FloatArray | None) -> _Observed:
    x, y, width, height = (float(value) for value in face.box)
    box = (x, y, width, height)
    if not all(math.isfinite(value) for value in box) or width <= 0 or height <= 0:
        raise ValueError(f"box is {box}; expected finite x, y and a width and height above 0")
    x_px, y_px, size_px, _ = centre_and_size(box)
    shape = (np.asarray(face.landmarks, dtype=np.float64) - (x_px, y_px)) / size_px  # (5, 2)
    return _Observed(
        box=box,
        x_px=x_px,
        y_px=y_px,
        log_size=math.log(size_px),
        shape=np.nan_to_num(shape),
        colour=None if colour is None else np.asarray(colour, dtype=np.float64),
    )
