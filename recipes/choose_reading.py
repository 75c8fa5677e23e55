"""How strongly expressions' reading of the fine network is pulled and held, on validation faces.

usage: python recipes/choose_reading.py CONFIG DATA CACHE RUN PULL:HOLD[,...] CORPUS...

The head is fitted to the expressions of each CORPUS, as by recipes/fit_heads.py, once per pair; a
row says how many validation faces of every corpus are named right (torch, before calibration).
"none": without a reading.
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
from mien.training.refitting import STEPS, look_at, with_reading
from mien.training.runs import load_extractor_run


def main() -> None:
    if len(sys.argv) < 7:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]), [])
    data, cache, run = map(Path, sys.argv[2:5])
    try:
        pairs = [(float(a), float(b)) for a, b in (p.split(":") for p in sys.argv[5].split(","))]
    except ValueError:
        sys.exit(f"{sys.argv[5]}: not pairs of numbers like 12:0,1:100")
    names = list(config.corpora)
    if unknown := sorted(set(sys.argv[6:]) - set(names)):
        sys.exit(f"no corpora {unknown} in the recipe; it has {names}")
    counted = [names.index(name) for name in sys.argv[6:]]
    model = with_reading(load_extractor_run(run).model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = model.fine_expressions
    assert head is not None  # by its shape
    corpora = load_corpora(config, data, cache)
    seen = look_at(model, config, make_feeds(config, corpora), STEPS)
    known = (seen.said, seen.expressions, seen.expression_weight, seen.corpus)
    valid = {
        name: faces_with_majority(model, faces.select((faces.split == "valid") & faces.counted))
        for name, faces in corpora.items()
    }
    print("| pull | hold | " + " | ".join(f"{name}, right" for name in names) + " |")
    print("|---" * (len(names) + 2) + "|")
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    print(f"| none | | {right(model, valid)} |")
    for pull, hold in pairs:
        fit_beside(head, seen.pooled[:, -FEATURE:], *known, counted, pull, hold)
        print(f"| {pull:g} | {hold:g} | {right(model, valid)} |", flush=True)


@torch.no_grad()
def faces_with_majority(model: MMAExtractor, faces: FaceSet) -> tuple[Tensor, Tensor]:
    """What heads read (n, width) of the faces that have a majority, and that majority (n,)."""
    voted = faces.select(faces.majority >= 0)
    pooled = torch.cat([model.features(crops) for crops in evaluation_crops(voted)])
    return pooled, torch.from_numpy(voted.majority)


@torch.no_grad()
def right(model: MMAExtractor, valid: dict[str, tuple[Tensor, Tensor]]) -> str:
    """Of each corpus how many faces are named right, as cells of a table."""
    cells = []
    for pooled, majority in valid.values():
        hits = int((model.read(pooled).expression_logits.argmax(1) == majority).sum())
        cells.append(f"{hits} of {len(majority)} ({hits / len(majority):.4f})")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
