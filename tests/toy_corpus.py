"""A corpus of another package: stripes as images to be prepared, and as faces to train on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mien.data.faces import FaceSet, framed_matrices
from mien.data.formats.annotations import ImageCorpus, annotation_table
from mien.data.registry import Corpus, register_corpus, register_faces
from mien.data.targets.votes import smoothed_labels

MARK = "stripes.txt"


def _labels(folder: Path) -> tuple[list[str], np.ndarray, list[str]]:
    names = sorted(path.name for path in folder.glob("*.png"))
    expressions = np.where(np.arange(len(names)) % 2, 4, 0)
    return names, expressions, ["valid" if k % 3 == 2 else "train" for k in range(len(names))]


@register_corpus(
    Corpus(
        name="toy",
        title="Stripes of another package",
        kind="annotations",
        labels="per image: neutral or happiness",
        access="drawn by a test",
        terms="none",
        layout=(f"{MARK} and 000.png and so on",),
        counts={"annotated": 24},
        counts_source="the test",
    )
)
def load_stripes(root: str | Path) -> ImageCorpus:
    names, expressions, splits = _labels(Path(root))
    table = annotation_table(names, splits, expression=expressions)
    return ImageCorpus("toy", Path(root), table)


@register_faces("toy", recognises=lambda path: (path / MARK).is_file())
def load_toy_faces(folder: str | Path) -> FaceSet:
    names, expressions, splits = _labels(Path(folder))
    images = [cv2.imread(str(Path(folder) / name), cv2.IMREAD_GRAYSCALE) for name in names]
    count = len(names)
    return FaceSet(
        corpus="toy",
        names=np.array(names),
        images=np.stack(images),
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, 48),
        expressions=smoothed_labels(expressions),
        expression_weight=np.ones(count, np.float32),
        majority=expressions,
        valence_arousal=np.full((count, 2), np.nan, np.float32),
        action_units=np.full((count, 17), np.nan, np.float32),
        teacher_scores=np.full((count, 17), np.nan, np.float32),
        split=np.array(splits),
        counted=np.ones(count, bool),
    )
