"""Episodes: when an action unit is active, from onset to offset.

A unit is active while its probability is at or above its threshold. Interruptions shorter than
`BRIDGE_S` are bridged, and what is then shorter than `SHORTEST_S` is no episode. Time in which the
face was not read for longer than `GAP_S` ends an episode: nobody knows what it did. Blinks are
episodes of both eyes less than half as open as usual, `BLINK_S` long at most.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mien.types import Episode

BRIDGE_S = 0.2
SHORTEST_S = 0.2
GAP_S = 0.25
BLINK_S = 0.5

Floats = npt.NDArray[np.float64]


def find_episodes(
    time_s: Floats,
    values: Floats,
    threshold: float,
    step_s: float,
    bridge_s: float = BRIDGE_S,
    shortest_s: float = SHORTEST_S,
) -> list[Episode]:
    """Episodes of one channel of one face.

    Parameters
    ----------
    time_s
        (n,) increasing times of the frames in which the face was read.
    values
        (n,) of the channel; NaN is not active.
    threshold
        From which value on it is active.
    step_s
        Usual time between frames: how long one frame lasts.
    bridge_s, shortest_s
        See the module.

    Examples
    --------
    >>> time_s = np.arange(10) / 10
    >>> values = np.array([0, 0, 0.9, 0.8, 0.1, 0.7, 0, 0, 0, 0])
    >>> [found] = find_episodes(time_s, values, 0.5, 0.1)
    >>> round(found.onset_s, 2), round(found.apex_s, 2), round(found.offset_s, 2), found.peak
    (0.2, 0.2, 0.6, 0.9)
    """
    active = np.flatnonzero(np.nan_to_num(values, nan=-np.inf) >= threshold)
    if not active.size:
        return []
    runs: list[list[int]] = [[int(active[0]), int(active[0])]]
    for k in active[1:].tolist():
        last = runs[-1][1]
        unseen_s = float(np.diff(time_s[last : k + 1]).max())
        between_s = time_s[k] - time_s[last] - step_s
        bridged = k == last + 1 or between_s < bridge_s - 1e-9
        if bridged and unseen_s <= max(GAP_S, 1.5 * step_s):
            runs[-1][1] = k
        else:
            runs.append([k, k])
    found = []
    for first, last in runs:
        apex = first + int(np.nanargmax(values[first : last + 1]))
        episode = Episode(
            float(time_s[first]), float(time_s[apex]), float(time_s[last] + step_s),
            float(values[apex]),
        )  # fmt: skip
        if episode.duration_s >= shortest_s - 1e-9:
            found.append(episode)
    return found


def find_blinks(time_s: Floats, openness: Floats, step_s: float) -> list[Episode]:
    """Blinks of a face: ``peak`` is how far the eyes were shut, 0 to 1.

    Parameters
    ----------
    time_s
        (n,) times of frames.
    openness
        (n,) mean of both eyes, 0 to 1.
    step_s
        Usual time between frames.
    """
    usual = float(np.nanmedian(openness)) if np.isfinite(openness).any() else 0.0
    if usual <= 0:
        return []
    shut = 1 - openness / usual
    found = find_episodes(time_s, shut, 0.5, step_s, bridge_s=0.0, shortest_s=0.0)
    return [episode for episode in found if episode.duration_s <= BLINK_S]
