"""SFHQ faces: photorealistic synthetic people in color, without labels (MIT, SelfishGene).

Layout: as `mien.data.corpora.muxspace`, a zip of JPEG files and its csv, with the columns ``use``
and ``caption`` instead of ``label``. Rows of ``use`` ``eval`` carry the words that found them in a
search; they are split ``"valid"``, and four of the words are expressions. `PANEL_EXTRA` of the
others, drawn by `PANEL_SEED`, are split ``"test"``: with those of ``eval`` they are the faces that
people coded action units of (``tests/data/eye_panel``), so nothing may learn from them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.data.corpora.muxspace import read_face_zip, read_points
from mien.data.faces import FaceSet, aligned_matrices, framed_matrices
from mien.data.registry import Corpus, register_corpus, register_faces
from mien.data.targets.mesh import load_mesh, no_mesh
from mien.data.targets.mesh_units import mesh_labels, mesh_units
from mien.data.targets.votes import smiles, smoothed_labels
from mien.errors import DataError
from mien.labels import EXPRESSIONS

PANEL_SEED = 28
PANEL_EXTRA = 31


@register_corpus(
    Corpus(
        name="sfhq",
        title="SFHQ: photorealistic synthetic people",
        kind="faces",
        labels="per image: none; the words that found some of them in a search",
        access="github.com/SelfishGene/SFHQ-dataset, cropped to faces",
        terms="MIT",
        layout=(
            "a zip of equal square face crops and a csv with file,use,caption,lx0,ly0..lx4,ly4",
            "beside it, if there: mesh-<name>.npz, what a face mesh saw",
        ),
    )
)
@register_faces("sfhq", ("mesh",))
def load_sfhq(archive: str | Path, mesh: str | Path | None = None) -> FaceSet:
    """Load the zip with its csv.

    Parameters
    ----------
    archive
        The zip; its csv lies beside it under the same name.
    mesh
        What a face mesh saw of the same rows (`mien.data.targets.mesh`): action units, and which of
        the faces without a caption smile or rest (`mien.data.targets.votes.smiles`). None: neither.

    Raises
    ------
    DataError
        As `mien.data.corpora.muxspace.load_muxspace`.
    """
    rows, images, source = read_face_zip(Path(archive), None, ("file", "use", "caption"))
    count = len(rows)
    names = np.array([row["file"] for row in rows])
    captions = [row["caption"] if row["use"] == "eval" else "" for row in rows]
    majority = np.array([EXPRESSIONS.index(c) if c in EXPRESSIONS else -1 for c in captions])
    seen = load_mesh(mesh, names) if mesh is not None else no_mesh(count)
    units = mesh_units(seen)
    labels, weight = smiles(units)
    captioned = np.array([row["use"] == "eval" for row in rows])
    labels[captioned], weight[captioned] = smoothed_labels(majority[captioned]), 0
    weight[majority >= 0] = 1
    framed = framed_matrices(count, images.shape[1])
    return FaceSet(
        corpus="sfhq",
        names=names,
        images=images,
        aligned=aligned_matrices(read_points(rows, source), framed),
        framed=framed,
        expressions=labels,
        expression_weight=weight,
        majority=majority,
        valence_arousal=np.full((count, 2), np.nan, np.float32),
        action_units=units,
        **mesh_labels(seen),
        split=_splits(names, np.array([row["use"] for row in rows])),
        counted=np.ones(count, bool),
    )


def is_sfhq(archive: Path) -> bool:
    """Whether the csv beside a zip has SFHQ's columns."""
    table = archive.with_suffix(".csv")
    if not table.is_file():
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as lines:
        return {"use", "caption"} <= {*lines.readline().strip().split(",")}


def _splits(names: npt.NDArray[np.str_], use: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    unknown = sorted({*use.tolist()} - {"train", "eval"})
    if unknown:
        raise DataError(f"SFHQ's column use is train or eval, found {unknown[0]!r}")
    free = np.sort(names[use == "train"])
    drawn = min(PANEL_EXTRA, len(free))
    panel = np.random.default_rng(PANEL_SEED).choice(free, drawn, replace=False)
    return np.where(use == "eval", "valid", np.where(np.isin(names, panel), "test", "train"))
