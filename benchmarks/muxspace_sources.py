"""Accuracy on muxspace by where a picture comes from: grey news photographs or film frames.

usage: python benchmarks/muxspace_sources.py DATA [MODEL.onnx]
The held-out people of `mien evaluate mma --split valid` include the actresses of many film
frames, whose labels follow the scene more than the face. Last comes what both accuracies make of
all of muxspace, whose share of film frames is smaller.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from mien.evaluation.corpora import load_labelled
from mien.evaluation.mma import predict_faces
from mien.inference.models import AffectModel
from mien.labels import EXPRESSION_SLICE, EXPRESSIONS
from mien.metrics import Confusion


def main() -> None:
    archive = Path(sys.argv[1]) / "muxspace_faces.zip"
    faces = load_labelled(archive, "valid").faces
    extractor = AffectModel(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    leading = predict_faces(extractor, faces)[:, EXPRESSION_SLICE].argmax(axis=1)
    with archive.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    grey = np.array([rows[name]["grey_source"] == "1" for name in faces.names])
    people = np.array([rows[name]["person"] for name in faces.names])
    film = np.mean([r["grey_source"] == "0" for r in rows.values() if r["label"] in EXPRESSIONS])
    weighed = 0.0
    for kind, chosen in (("grey photographs", grey), ("film frames in color", ~grey)):
        confusion = Confusion(len(EXPRESSIONS))
        confusion.update(faces.majority[chosen], leading[chosen])
        recall = dict(zip(EXPRESSIONS, confusion.recall().round(3).tolist(), strict=True))
        count = int(confusion.matrix.sum())
        print(f"{kind}: {count} faces of {len(np.unique(people[chosen]))} people, ", end="")
        print(f"accuracy {confusion.accuracy():.4f}, recall {recall}")
        weighed += (1 - film if chosen is grey else film) * confusion.accuracy()
    print(f"film frames: {film:.4f} of muxspace, {(~grey).mean():.4f} of these people")
    print(f"accuracy at muxspace's share of film frames: {weighed:.4f}")


if __name__ == "__main__":
    main()
