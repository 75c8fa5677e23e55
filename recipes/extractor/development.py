"""The development sets, each split once into halves: A chooses, B reports. No training sees them.

Halves are drawn by a hash of what may not be torn apart: the person (muxspace, synthetic faces,
London), the picture (FER+), the near-copies (eye panel, whose file says it; SFHQ captions).
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.data.corpora.ferplus import load_fer2013_labels
from mien.data.corpora.sfhq import load_sfhq
from mien.datasets import FaceSet, load_ferplus, load_muxspace, load_synthetic
from mien.evaluation.eye_panel import EyePanel, load_eye_panel
from mien.evaluation.models.extractor import evaluation_crops
from mien.faces.align import align
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.labels import EXPRESSIONS
from mien.runtime.models import AffectModel
from mien.training.extractor.corpora import cached_landmarks
from mien.types import FaceDetails

PANEL = Path(__file__).resolve().parents[2] / "tests" / "data" / "eye_panel"


def in_half_a(keys) -> np.ndarray:
    return np.array([hashlib.sha256(f"half {key}".encode()).digest()[0] < 128 for key in keys])


@dataclass
class Read:
    """What an extractor says of the faces of a set."""

    affect: np.ndarray
    details: FaceDetails


@dataclass
class Set:
    crops: np.ndarray  # uint8 (n, 112, 112, 3)
    half_a: np.ndarray
    majority: np.ndarray
    groups: np.ndarray  # whose faces belong together: persons, or pictures
    faces: FaceSet | None = None
    second: np.ndarray | None = None  # FER2013's labels
    rows: list[dict[str, str]] | None = None
    panel: EyePanel | None = None

    def read(self, extractor: AffectModel) -> Read:
        return read_crops(extractor, self.crops)


def read_crops(extractor: AffectModel, crops: np.ndarray) -> Read:
    parts = [extractor.estimate(crops[k : k + 64]) for k in range(0, len(crops), 64)]
    names = ("quality", "pose_deg", "eye_open", "gaze_deg", "au_intensity", "landmarks")
    details = {n: np.concatenate([getattr(p.details, n) for p in parts]) for n in names}
    return Read(np.concatenate([p.affect for p in parts]), FaceDetails(**details))


def _of(faces: FaceSet, keys, **more) -> Set:
    crops = np.concatenate(list(evaluation_crops(faces)))
    return Set(crops, in_half_a(keys), faces.majority, np.asarray(keys), faces, **more)


def load(data: Path, drawn: Path, mesh: Path, cache: Path) -> dict[str, Set]:
    sets: dict[str, Set] = {}
    ferplus = load_ferplus(data / "ferplus_trainval.npz", mesh / "mesh-ferplus.npz")
    second = load_fer2013_labels(data / "ferplus_fer2013_labels.npz", ferplus.names)
    ferplus = ferplus.with_landmarks(cached_landmarks(ferplus, cache / "landmarks-ferplus.npz"))
    held = (ferplus.split == "valid") & ferplus.counted
    sets["ferplus"] = _of(ferplus.select(held), ferplus.names[held], second=second[held])

    archive = data / "muxspace_faces.zip"
    muxspace = load_muxspace(archive, None, mesh / "mesh-muxspace.npz")
    with archive.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        person = {row["file"]: row["person"] for row in csv.DictReader(table)}
    held = muxspace.split == "valid"
    sets["muxspace"] = _of(muxspace.select(held), [person[n] for n in muxspace.names[held]])

    synthetic = load_synthetic(drawn / "synthetic-aligned", "test")
    sets["synthetic"] = _of(synthetic, _people(drawn / "synthetic-aligned"))

    sfhq = load_sfhq(data / "sfhq_faces.zip", mesh / "mesh-sfhq.npz")
    panel = load_eye_panel(PANEL)
    half = dict(zip(panel.names, panel.first_half, strict=True))
    held = sfhq.split == "valid"
    captions = sfhq.select(held)
    sets["captions"] = _of(captions, captions.names)
    sets["captions"].half_a = np.array([half[name] for name in captions.names])

    nobody = np.full(len(panel.names), -1)
    sets["panel"] = Set(panel.crops, panel.first_half, nobody, panel.names, panel=panel)
    sets["london"] = _london(data)
    return sets


def _people(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "manifest.parquet", columns=["person", "split"])
    split = table.column("split").to_pylist()
    return [
        str(person)
        for person, where in zip(table.column("person").to_pylist(), split, strict=True)
        if where == "test"
    ]


def _london(data: Path) -> Set:
    with (data / "london_third.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    detector = RetinaFaceDetector(score_threshold=0.5)
    crops = []
    for row in rows:
        image = cv2.cvtColor(
            cv2.imread(str(data / "london_third" / row["file"])), cv2.COLOR_BGR2RGB
        )
        face = max(detector.detect(image), key=lambda f: float(f.box[2] * f.box[3]))
        crops.append(align(image, face.landmarks))
    majority = np.array([EXPRESSIONS.index(row["expression"]) for row in rows])
    people = np.array([row["person"] for row in rows])
    return Set(np.stack(crops), in_half_a(people), majority, people, rows=rows)


def balanced(truth: np.ndarray, said: np.ndarray, least: int = 5) -> float:
    """Mean recall over the expressions with `least` faces or more; -1 is no label."""
    recalls = [
        (said[truth == k] == k).mean()
        for k in np.unique(truth[truth >= 0])
        if (truth == k).sum() >= least
    ]
    return float(np.mean(recalls))
