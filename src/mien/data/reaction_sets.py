"""Sequences with reaction labels, by the name that commands take: simulated, or a prepared folder.

Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mien.data.sequences import SequenceSet
from mien.errors import DataError

SIMULATED = "simulated"
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class SimulationConfig:
    """Which simulated videos to draw.

    Attributes
    ----------
    train, valid, test
        How many; each split has a seed of its own.
    seed
        Of the first split.
    shortest, longest
        Lengths in positions, both included, drawn uniformly.
    """

    train: int = 8000
    valid: int = 1000
    test: int = 1000
    seed: int = 20230
    shortest: int = 30
    longest: int = 480

    def __post_init__(self) -> None:
        if min(self.train, self.valid, self.test, self.shortest) < 1 or self.seed < 0:
            raise ValueError("train, valid, test and shortest must be 1 or more, seed 0 or more")
        if self.longest < self.shortest:
            raise ValueError(f"longest ({self.longest}) is below shortest ({self.shortest})")


def load_split(
    source: str, split: str, fps: float, simulation: SimulationConfig | None = None
) -> SequenceSet:
    """One split of ``"simulated"`` or of a folder that ``mien datasets prepare`` wrote.

    Parameters
    ----------
    source
        ``"simulated"`` or the folder.
    split
        One of `SPLITS`.
    fps
        Frames per second of the sequences.
    simulation
        What to simulate; None: the default `SimulationConfig`.

    Raises
    ------
    DataError
        If the folder is none, or has no video of this split.
    """
    if split not in SPLITS:
        raise DataError(f"split is one of {list(SPLITS)}, not {split!r}")
    if source == SIMULATED:
        from mien.synthetic.reactions import simulate

        counts = simulation or SimulationConfig()
        return simulate(
            getattr(counts, split),
            counts.seed + SPLITS.index(split),
            fps,
            min_length=counts.shortest,
            max_length=counts.longest,
        )
    folder = Path(source)
    if not (folder / "dataset.json").is_file():
        raise DataError(
            f"{folder}: holds no dataset.json; name a folder written by 'mien datasets prepare', "
            f"or {SIMULATED!r}"
        )
    from mien.data.formats.prepared_videos import load_prepared

    return load_prepared(folder, split, fps)


def splits_of(source: str) -> tuple[str, ...]:
    """Which splits a source has videos of, in the order of `SPLITS`.

    Videos that could not be prepared do not count.

    Raises
    ------
    DataError
        If the folder's ``labels.parquet`` or ``dataset.json`` cannot be read.
    """
    if source == SIMULATED:
        return SPLITS
    found = {split for _, split, failed in _videos(Path(source)) if not failed}
    return tuple(split for split in SPLITS if split in found)


def failed_videos(source: str, split: str) -> list[str]:
    """Ids of a split's videos that could not be prepared; none of simulated ones.

    Raises
    ------
    DataError
        As `splits_of`.
    """
    if source == SIMULATED:
        return []
    return [name for name, own, failed in _videos(Path(source)) if own == split and failed]


def _videos(folder: Path) -> list[tuple[str, str, bool]]:
    """Id, split and whether it could not be prepared, of every video."""
    from mien.data.formats.prepared_videos import read_document, read_labels

    document = read_document(folder)
    table = read_labels(folder, document.outputs)
    failed = {name for name, _ in document.failed}
    ids, splits = (table.column(name).to_pylist() for name in ("id", "split"))
    return [(name, split, name in failed) for name, split in zip(ids, splits, strict=True)]
