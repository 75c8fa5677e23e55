"""Numbers of faces that stay from one part of a video to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.faces.assignment import assign
from mien.faces.motion import overlap
from mien.pipeline.rows import Pending

_SAME_IOU = 0.3  # of boxes in the same frames, in the mean; without common frames, in the next

_Box = tuple[float, ...]
_Seen = dict[int, _Box]


class FaceNumbers:
    """Says which face of a part is which of the part before: the one in the same place.

    The first part keeps its numbers; who is new in a later one gets the next number.
    """

    def __init__(self) -> None:
        self._parts = 0
        self._numbers: dict[int, int] = {}  # of the part that is read, by its own numbers
        self._next = 0
        self._before: dict[int, _Seen] = {}  # by frame: the end of the part that is read
        self._warm: dict[int, _Seen] = {}  # the same frames as the next part has them

    def warm(self, items: Sequence[Pending]) -> None:
        """Take frames before the next part, as that part has them."""
        for item in items:
            self._warm[item.frame] = _seen(item.ids, item)

    def begin(self, items: Sequence[Pending]) -> set[int]:
        """Begin the next part, with its first frames; numbers that go on from the part before."""
        self._parts += 1
        common = sorted(self._before.keys() & self._warm.keys())
        pairs = [(self._before[frame], self._warm[frame]) for frame in common]
        if not pairs and self._before:
            pairs = [(self._before[max(self._before)], _seen(items[0].ids, items[0]))]
        self._numbers = _match(pairs)
        self._before, self._warm = {}, {}
        return set(self._numbers.values())

    def see(self, item: Pending, overlaps: bool) -> None:
        """Take the next frame of the part; `overlaps` says that the next one has it, too."""
        if not overlaps:
            self._before.clear()  # only the last one is of use
        self._before[item.frame] = _seen([self.of(own) for own in item.ids], item)

    def of(self, own: int) -> int:
        """The number of a face by that of its part."""
        if own not in self._numbers:
            self._numbers[own] = own if self._parts == 1 else self._next
            self._next = max(self._next, self._numbers[own] + 1)
        return self._numbers[own]

    def known(self, own: int) -> int | None:
        """The number of a face, if it has one already."""
        return self._numbers.get(own)

    def forget(self, number: int) -> None:
        """A face cannot come back."""
        for seen in self._before.values():
            seen.pop(number, None)


def _seen(numbers: Sequence[int], item: Pending) -> _Seen:
    return {
        number: tuple(face.box.astype(np.float32).tolist())
        for number, face in zip(numbers, item.faces, strict=True)
    }


def _match(pairs: Sequence[tuple[_Seen, _Seen]]) -> dict[int, int]:
    """Numbers of the later part, each with that of the part before in the same place."""
    shared: dict[tuple[int, int], list[float]] = {}
    for before, after in pairs:
        for number, box in before.items():
            for own, other in after.items():
                shared.setdefault((number, own), []).append(overlap(box, other))  # type: ignore[arg-type]
    same = {pair: sum(ious) for pair, ious in shared.items() if np.mean(ious) >= _SAME_IOU}
    rows = sorted({number for number, _ in same})
    columns = sorted({own for _, own in same})
    cost = np.full((len(rows), len(columns)), np.inf)
    for (number, own), total in same.items():
        cost[rows.index(number), columns.index(own)] = -total
    return {columns[j]: rows[i] for i, j in assign(cost, 0.0)} if same else {}
