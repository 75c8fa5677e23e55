"""How strongly expressions' reading of the fine network is pulled and held, on validation faces.

usage: python recipes/choose_reading.py CONFIG DATA CACHE RUN PULL:HOLD[,...] CORPUS...

RUN: a finished run, its heads not fitted yet. The head is fitted to the expressions of each CORPUS,
as by recipes/fit_heads.py, once per pair; a row says how many validation faces of every corpus are
named right (torch, before calibration). "none": without a reading.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from mien.datasets.base import FaceSet
from mien.models.fine import FEATURE
from mien.models.mma import MMAExtractor
from mien.training.config import load_config
from mien.training.corpora import load_corpora
from mien.training.expressions_head import fit_beside
from mien.training.mma import MMATrainConfig, evaluation_crops, make_feeds
from mien.training.refitting import look_at
from mien.training.runs import load_extractor_run

STEPS = 220
Answers = tuple[Tensor, Tensor, Tensor]


def main() -> None:
    if len(sys.argv) < 7:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run = map(Path, sys.argv[2:5])
    try:
        pairs = [(float(a), float(b)) for a, b in (p.split(":") for p in sys.argv[5].split(","))]
    except ValueError:
        sys.exit(f"{sys.argv[5]}: not pairs of numbers like 12:0,1:100")
    corpora = load_corpora(config, data, cache)
    names = list(corpora)
    if unknown := sorted(set(sys.argv[6:]) - set(names)):
        sys.exit(f"no corpora {unknown} in the recipe; it has {names}")
    counted = [names.index(name) for name in sys.argv[6:]]
    held = [index for index in range(len(names)) if index not in counted]
    model = load_extractor_run(run).model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if model.fine is None:
        sys.exit(f"{run}: has no fine network that expressions could read (model.fine)")
    seen = look_at(model, config, make_feeds(config, corpora), STEPS)
    features = seen.pooled[:, -FEATURE:]
    known = (seen.said, seen.expressions, seen.expression_weight, seen.corpus)
    valid = {
        name: answers(model, faces.select((faces.split == "valid") & faces.counted))
        for name, faces in corpora.items()
    }
    print("| pull | hold | " + " | ".join(f"{name}, right" for name in names) + " |")
    print("|---" * (len(names) + 2) + "|")
    nothing = nn.Linear(FEATURE, 7)
    nn.init.zeros_(nothing.weight)
    nn.init.zeros_(nothing.bias)
    print(f"| none | | {right(nothing, valid)} |")
    for pull, hold in pairs:
        head = nn.Linear(FEATURE, 7)
        fit_beside(head, features, *known, counted, held, pull, hold)
        print(f"| {pull:g} | {hold:g} | {right(head, valid)} |", flush=True)


@torch.no_grad()
def answers(model: MMAExtractor, faces: FaceSet) -> Answers:
    """Of the faces with a majority: what the fine network sees, logits, the majority."""
    pooled = torch.cat([model.features(crops) for crops in evaluation_crops(faces)])
    said = model.expressions(pooled[:, : model.expressions.in_features])
    majority = torch.from_numpy(faces.majority)
    has = majority >= 0
    return pooled[has, -FEATURE:], said[has], majority[has]


@torch.no_grad()
def right(head: nn.Linear, valid: dict[str, Answers]) -> str:
    """Of each corpus how many faces are named right with this reading, as cells of a table."""
    cells = []
    for features, said, majority in valid.values():
        hits = int(((said + head(features)).argmax(1) == majority).sum())
        cells.append(f"{hits} of {len(majority)} ({hits / len(majority):.4f})")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
