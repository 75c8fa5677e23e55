"""The open tri-modal benchmark: short clips of faces in even, harsh and dark light.

Layout of the folder: that of a video set (`mien.synthetic.faces.generation.videos`), with the ids
``train-00012``, ``valid-00003`` and ``test-00007-dark``.

* Training and validation: one clip of each person; the three lights take turns.
* Test: the same clip of each person under each of the three lights. Who is seen, what the face
  does, distance and framing, and the depth and thermal videos are the same in all three
  (`mien.synthetic.faces.rendering.conditions`), so a difference between conditions is one of
  light.

People are numbered within the set's seed as everywhere; of each split those are taken, in order,
whose own split it is (`split_of`), so nobody is in two splits, in this set or in any other.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, islice
from pathlib import Path

from mien.synthetic.faces.generation.arguments import TrimodalSet
from mien.synthetic.faces.generation.clips import Clip, Shooting
from mien.synthetic.faces.generation.folder import SetSummary
from mien.synthetic.faces.generation.pictures import Seeds
from mien.synthetic.faces.generation.seeds import SPLITS, identity_seed, split_of
from mien.synthetic.faces.generation.stage import StageFactory, open_condition_stage
from mien.synthetic.faces.generation.videos import make_clips

CONDITIONS: tuple[str, ...] = ("even", "harsh", "dark")
"""The lights; training and validation clips take turns in this order."""


def synthesize_trimodal(
    out: str | Path,
    *,
    train: int = 1200,
    valid: int = 120,
    test: int = 90,
    seconds: float = 1.92,
    fps: float = 12.5,
    seed: int = 0,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: StageFactory = open_condition_stage,
) -> SetSummary:
    """Write the benchmark, or go on with it; the module docstring shows its layout.

    Parameters
    ----------
    out
        Folder of the set: new, empty, or one begun with the same arguments.
    train, valid
        People, and clips, of these splits; a later call with larger numbers adds to the set.
    test
        People of the test split, three clips each.
    seconds, fps
        Length of every clip, and frames per second.
    seed, jobs, factory
        As in `synthesize_images`.
    progress
        Receives the number of frames done since it was called last; first those that a resumed
        set already has, if any.

    Raises
    ------
    ConfigError
        If an argument is out of range, or differs from those the set was begun with.
    OutputError
        If the folder holds something else or cannot be written to.
    """
    plan = TrimodalSet(train, valid, test, seconds, seed, fps)
    return make_clips(Path(out), plan, plan_clips(Path(out), plan), jobs, progress, factory)


def plan_clips(root: Path, plan: TrimodalSet) -> list[Clip]:
    """All clips of the set, in the order of its manifest."""
    shooting = Shooting(plan.seconds, plan.fps, plan.size_px, plan.modalities, plan.framing)
    clips: list[Clip] = []
    for split, size in zip(SPLITS, (plan.train, plan.valid, plan.test), strict=True):
        for k, person in enumerate(people(plan.seed, split, size)):
            seeds = Seeds.of("trimodal", plan.seed, person, 1)
            if split == "test":
                lights, names = CONDITIONS, [f"{split}-{k:05d}-{light}" for light in CONDITIONS]
            else:
                lights, names = (CONDITIONS[k % len(CONDITIONS)],), [f"{split}-{k:05d}"]
            clips += [
                Clip(root, name, seeds, light, shooting)
                for name, light in zip(names, lights, strict=True)
            ]
    return clips


def people(set_seed: int, split: str, size: int) -> list[int]:
    """Numbers of the first people of a set that are in a split.

    Examples
    --------
    >>> people(0, "test", 3), people(0, "train", 3)
    ([5, 8, 26], [0, 1, 2])
    """
    ours = (k for k in count() if split_of(identity_seed(set_seed, k)) == split)
    return list(islice(ours, size))
