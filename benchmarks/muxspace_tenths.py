"""How hard each tenth of muxspace's people is to a model that has seen none of them.

usage: python benchmarks/muxspace_tenths.py DATA MODEL.onnx

MODEL is trained without muxspace (configs/mma-ferplus.toml), so that every face is new to it. The
tenth of number 0 is what mien holds out. Printed: accuracy on each tenth, on its grey photographs
and on its film frames, and the same for everybody in film frames. What the held-out tenth would be
worth at the corpus's share of film frames, `muxspace_sources.py` says.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from mien.datasets.muxspace import TENTHS, tenth_of
from mien.evaluation.corpora import load_labelled
from mien.evaluation.mma import predict_faces
from mien.inference.models import AffectModel
from mien.labels import EXPRESSION_SLICE


def main() -> None:
    archive = Path(sys.argv[1]) / "muxspace_faces.zip"
    faces = load_labelled(archive, "all").faces
    faces = faces.select(faces.majority >= 0)
    right = (
        predict_faces(AffectModel(Path(sys.argv[2])), faces)[:, EXPRESSION_SLICE].argmax(axis=1)
        == faces.majority
    )
    with archive.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    film = np.array([rows[name]["grey_source"] == "0" for name in faces.names])
    people = np.array([rows[name]["person"] for name in faces.names])
    tenths = np.array([tenth_of(person) for person in people])
    for tenth in range(TENTHS):
        line(f"tenth {tenth}", right, film, tenths == tenth)
    line("all", right, film, np.ones(len(faces), bool))
    line("all but tenth 0", right, film, tenths != 0)
    for person in np.unique(people[film]):
        these = (people == person) & film
        if these.sum() >= 10:
            line(f"film frames of {person}", right, film, these)


def line(name: str, right: np.ndarray, film: np.ndarray, these: np.ndarray) -> None:
    parts = [(these, ""), (these & ~film, "photographs "), (these & film, "film ")]
    print(f"{name:28s}", end="")
    for chosen, kind in parts:
        if chosen.any():
            print(f"  {kind}{right[chosen].mean():.4f} of {chosen.sum():5d}", end="")
    print()


if __name__ == "__main__":
    main()
