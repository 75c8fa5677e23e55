"""Corpora of SIMULATED reaction videos (`mien.synthetic.reactions`)."""

from __future__ import annotations

import numpy as np

from mien.data.sequences import SequenceSet
from mien.labels import REACTIONS
from mien.synthetic.reactions import (
    MAX_LENGTH,
    MIN_LENGTH,
    StageOneNoise,
    measured_noise,
    simulate_video,
)


def simulate(
    count: int,
    seed: int,
    fps: float = 30.0,
    noise: StageOneNoise | None = None,
    min_length: int = MIN_LENGTH,
    max_length: int = MAX_LENGTH,
) -> SequenceSet:
    """Draw a corpus of simulated reaction videos.

    Parameters
    ----------
    count
        Number of videos. Video k depends on `seed` and k alone, not on `count`.
    seed
        Non-negative.
    fps
        Frames per second; dynamics are in seconds.
    noise
        None: as measured from the shipped extractor.
    min_length, max_length
        Lengths in frames, both included, drawn uniformly.

    Returns
    -------
    A `SequenceSet` with the seven reactions of `mien.labels.REACTIONS`.

    Raises
    ------
    ValueError
        If count < 1, fps <= 0 or the lengths are not 1 <= min_length <= max_length.
    """
    if count < 1 or fps <= 0 or not 1 <= min_length <= max_length:
        raise ValueError(f"out of range: {count=}, {fps=}, {min_length=}, {max_length=}")
    noise = noise or measured_noise()
    sequences, labels = [], []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        length = int(rng.integers(min_length, max_length + 1))
        affect, label = simulate_video(rng, length, fps, noise)
        sequences.append(affect)
        labels.append(label)
    lengths = [len(sequence) for sequence in sequences]
    return SequenceSet(
        np.concatenate(sequences),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.stack(labels).astype(np.float32),
        REACTIONS,
        fps,
    )
