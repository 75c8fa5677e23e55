"""A run folder with the network that a training of deeper networks starts from, before any step.

usage: python recipes/grow_run.py CONFIG RUN OUT

It says what RUN says. The blocks that CONFIG adds are drawn as `mien train mma --config CONFIG
--init RUN` draws them, so its weights and the trained ones have a mean (recipes/mean_of_runs.py).
"""

import sys
from pathlib import Path

import torch

from mien.models.mma import build_mma
from mien.training.checkpoint import load_checkpoint, save_checkpoint, tensor_fingerprint
from mien.training.config import load_config, plain_values
from mien.training.growth import grow
from mien.training.mma import MMATrainConfig


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit((__doc__ or "").strip())
    config = load_config(MMATrainConfig, Path(sys.argv[1]))
    run, out = map(Path, sys.argv[2:])
    torch.manual_seed(config.seed)  # as `train_mma` begins
    model = build_mma(config.preset, **config.model)
    tensors, _ = load_checkpoint(run / "model.safetensors")
    grow(model, tensors)
    identity = {
        "config": plain_values(config),
        "grown_from": tensor_fingerprint(tensors),
    }
    save_checkpoint(out / "model.safetensors", dict(model.state_dict()), {"identity": identity})
    print(f"{out}: {config.model.get('depths')} blocks, grown from {identity['grown_from']}")


if __name__ == "__main__":
    main()
