"""Image sets: PNG files and one table of truth.

Layout of the folder::

    dataset.json                  arguments, units, label names, licence
    manifest.parquet              one row per image: files, seeds, split, truth, attributes
    color/00/00000012.png         uint8 RGB
    depth/00/00000012.png         uint16, mm
    thermal/00/00000012.png       uint16, hundredths of a kelvin
    parts/part-00003.parquet      the rows of one part; there once all its images are

The work goes in parts of about 64 images. A part without its table is done again, so a run may be
killed at any time; parts do not depend on the size of the set, so a set can grow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.parquet import write_whole
from mien.synthetic.faces.generation.arguments import ImageSet, ordered_modalities
from mien.synthetic.faces.generation.folder import (
    MANIFEST,
    SetSummary,
    count_splits,
    finish_set,
    open_set,
)
from mien.synthetic.faces.generation.pictures import Picture, channel, draw_picture, write_picture
from mien.synthetic.faces.generation.seeds import split_of
from mien.synthetic.faces.generation.stage import Stage, StageFactory, open_stage
from mien.synthetic.faces.generation.tables import (
    attribute_columns,
    number_columns,
    numbers,
    row_count,
)
from mien.synthetic.faces.generation.truth import TRUTH_COLUMNS, truth_row
from mien.synthetic.faces.rendering.shot import MODALITIES
from mien.workers import Tick, run

_PART_IMAGES = 64
_FOLDER_IMAGES = 10_000  # images in one folder: more make file managers slow


def synthesize_images(
    out: str | Path,
    count: int,
    seed: int,
    *,
    size_px: int = 112,
    modalities: Iterable[str] = MODALITIES,
    framing: str = "portrait",
    images_per_person: int = 8,
    light: str = "any",
    frontal: bool = False,
    speech: float = 0.0,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: StageFactory = open_stage,
) -> SetSummary:
    """Write an image set, or go on with one; the module docstring shows its layout.

    Parameters
    ----------
    out
        Folder of the set: new, empty, or a set begun with the same arguments.
    count
        Images; a later call with a larger number adds to the set.
    seed
        Same seed, same arguments: same bytes, whatever `jobs` and however often interrupted.
    size_px
        Side of the pictures, 32 to 1024.
    modalities
        Any of ``"color"``, ``"depth"``, ``"thermal"``.
    framing
        ``"portrait"``: head and shoulders, as a camera on a desk sees them. ``"aligned"``: the
        face as the models' aligned crop shows it.
    images_per_person
        Images that follow each other with the same person; scene and behaviour differ.
    light
        ``"any"``, ``"even"``, ``"harsh"`` or ``"dark"``.
    frontal
        Keep heads straight.
    speech
        Share of faces that talk without its changing what they express
        (`mien.synthetic.faces.behaviour.stills`).
    jobs
        Processes; None: one per core. 1 works in this process. More than 1 needs the usual
        ``if __name__ == "__main__":`` in a script that calls this.
    progress
        Receives the number of images done since it was called last; first those that a resumed
        set already has, if any.
    factory
        Makes the stage that draws.

    Raises
    ------
    ConfigError
        If an argument is out of range, or differs from those the set was begun with.
    OutputError
        If the folder holds something else or cannot be written to.
    """
    plan = ImageSet(
        count,
        seed,
        size_px,
        ordered_modalities(modalities),
        framing,
        images_per_person,
        light,
        frontal,
        speech,
    )
    started = time.perf_counter()
    folder = Path(out)
    with open_set(folder, plan):
        parts = _parts(folder, plan)
        missing = [part for part in parts if not part.is_done()]
        made = sum(len(part.indices) for part in missing)
        if progress is not None and made < count:
            progress(count - made)
        run(_make_part, missing, factory, jobs, progress, go_on=True)
        manifest = finish_set(folder, [part.table_file for part in parts])
        splits = count_splits(manifest.column("split").to_pylist())
        seconds = time.perf_counter() - started
        return SetSummary(folder / MANIFEST, count, made, count - made, seconds, splits)


def image_file(modality: str, index: int) -> str:
    """Path of an image below the folder of the set."""
    return f"{modality}/{index // _FOLDER_IMAGES:02d}/{index:08d}.png"


@dataclass(frozen=True)
class ImagePart:
    """Whole people, about 64 images; the last part of a set may be shorter."""

    folder: Path
    plan: ImageSet
    number: int
    indices: range

    def __str__(self) -> str:
        return f"images {self.indices.start} to {self.indices.stop - 1}"

    @property
    def table_file(self) -> Path:
        """Its rows, there once its images are."""
        return self.folder / "parts" / f"part-{self.number:05d}.parquet"

    def is_done(self) -> bool:
        """Whether all its images are there; the last part of a set that grows is not."""
        return row_count(self.table_file) == len(self.indices)


def _parts(folder: Path, plan: ImageSet) -> list[ImagePart]:
    size = max(1, _PART_IMAGES // plan.per_person) * plan.per_person
    return [
        ImagePart(folder, plan, first // size, range(first, min(first + size, plan.count)))
        for first in range(0, plan.count, size)
    ]


def _make_part(stage: Stage, part: ImagePart, tick: Tick) -> None:
    """Write the images of a part and then its table."""
    for modality in part.plan.modalities:
        for index in (part.indices[0], part.indices[-1]):
            (part.folder / image_file(modality, index)).parent.mkdir(parents=True, exist_ok=True)
    part.table_file.parent.mkdir(exist_ok=True)
    pictures: list[Picture] = []
    for index in part.indices:
        picture = draw_picture(stage, part.plan, index, pictures[-1] if pictures else None)
        for modality in part.plan.modalities:
            write_picture(
                channel(picture.shot, modality), part.folder / image_file(modality, index)
            )
        pictures.append(picture)
        tick()
    write_whole(part.table_file, _table(part, pictures))


def _table(part: ImagePart, pictures: list[Picture]) -> pa.Table:
    files: dict[str, pa.Array] = {}
    for modality in MODALITIES:
        made = modality in part.plan.modalities
        names = [image_file(modality, index) if made else None for index in part.indices]
        files[modality] = pa.array(names, pa.string())
    seeds = [picture.seeds for picture in pictures]
    truths = [truth_row(picture.moment, picture.shot) for picture in pictures]
    return pa.table(
        {
            "index": numbers(np.array(part.indices, np.int64)),
            **files,
            "person": numbers(np.array([s.person for s in seeds], np.int64)),
            "identity_seed": numbers(np.array([s.identity for s in seeds], np.int64)),
            "scene_seed": numbers(np.array([s.scene for s in seeds], np.int64)),
            "behaviour_seed": numbers(np.array([s.behaviour for s in seeds], np.int64)),
            "split": pa.array([split_of(s.identity) for s in seeds], pa.string()),
            **number_columns(TRUTH_COLUMNS, truths),
            **attribute_columns("actor", [picture.actor.attributes for picture in pictures]),
            **attribute_columns("scene", [picture.scene.attributes for picture in pictures]),
        }
    )
