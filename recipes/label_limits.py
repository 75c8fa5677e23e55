"""What the labels of stage 1 allow: accuracy by the votes' margin, and what AU targets keep.

usage: python recipes/label_limits.py DATA CACHE [--model FILE.onnx]

By margin (votes of the first expression less those of the second, of ten): accuracy of the
extractor on FER+ training and valid faces; far apart, it knows its training faces by heart. Then
faces whose unique majority is one of the seven among these alone, but not of all ten columns. Then,
on muxspace's held-out people, the correlation that a perfect reader of the targets would have with
the teacher's raw scores, and with targets cut off at `low` and `high`.
"""

import argparse
from pathlib import Path

import numpy as np

from mien.datasets import load_ferplus, load_muxspace
from mien.datasets.ferplus import VOTE_COLUMNS
from mien.datasets.targets import TEACHER_SCORES, action_unit_targets
from mien.evaluation.mma import predict_faces
from mien.inference.models import AffectModel
from mien.labels import ACTION_UNITS, EXPRESSION_SLICE, EXPRESSIONS
from mien.training.corpora import cached_landmarks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    votes_of(arguments.data / "ferplus_trainval.npz", arguments.cache, AffectModel(arguments.model))
    units_of(arguments.data)


def votes_of(path: Path, cache: Path, extractor: AffectModel) -> None:
    faces = load_ferplus(path)
    faces = faces.with_landmarks(cached_landmarks(faces, cache / "landmarks-ferplus.npz"))
    votes = np.load(path)["votes"].astype(float)
    seven = votes[:, [VOTE_COLUMNS.index(name) for name in EXPRESSIONS]]
    order = np.sort(seven, 1)
    margin = order[:, -1] - order[:, -2]
    counted = faces.counted & (margin > 0)
    right = np.zeros(len(faces), bool)
    rows = np.flatnonzero(counted)
    found = predict_faces(extractor, faces.select(rows))[:, EXPRESSION_SLICE].argmax(1)
    right[rows] = found == seven[rows].argmax(1)
    print("margin  " + "  ".join(f"{m:>5}" for m in range(1, 11)))
    for split in ("train", "valid"):
        own = counted & (faces.split == split) & (faces.majority >= 0)
        cells = [right[own & (margin == m)] for m in range(1, 11)]
        print(f"{split:<8}" + "  ".join(f"{c.mean() if len(c) else np.nan:.3f}" for c in cells))
    more = counted & (faces.split == "valid") & (faces.majority < 0)
    print(f"valid, majority among the seven only: {more.sum()} faces, {right[more].mean():.3f}")


def units_of(data: Path) -> None:
    faces = load_muxspace(data / "muxspace_faces.zip", None, data / "muxspace_blendshapes.npz")
    scores = faces.teacher_scores[faces.split == "valid"]
    targets = action_unit_targets(scores)
    kept = []
    for unit, teacher in TEACHER_SCORES.items():
        column = ACTION_UNITS.index(unit)
        known = np.isfinite(scores[:, column])
        raw = scores[known, column]
        cut = np.clip((raw - teacher.low) / (teacher.high - teacher.low), 0, 1)
        kept.append([np.corrcoef(raw, line)[0, 1] for line in (targets[known, column], cut)])
        print(f"AU{unit:<3} targets {kept[-1][0]:.3f}, cut off {kept[-1][1]:.3f}")
    whole, cut_off = np.mean(kept, 0)
    print(f"mean  targets {whole:.3f}, cut off {cut_off:.3f}")


if __name__ == "__main__":
    main()
