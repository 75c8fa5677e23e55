"""Reading back what ``mien train mma`` left in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mien.errors import ModelError
from mien.models.mma import MMAExtractor, build_mma
from mien.training.checkpoint import load_checkpoint, save_checkpoint, tensor_fingerprint


@dataclass(frozen=True)
class ExtractorRun:
    """A trained extractor.

    Attributes
    ----------
    model
        In evaluation mode.
    state
        What stands beside the weights: ``identity`` with configuration and data.
    fingerprint
        Hash of the weights.
    """

    model: MMAExtractor
    state: dict[str, Any]
    fingerprint: str


def load_extractor_run(run: Path) -> ExtractorRun:
    """The extractor of a finished run, from ``model.safetensors`` alone.

    Raises
    ------
    ModelError
        If the folder holds no trained model, or one of another kind.
    """
    tensors, state = load_checkpoint(run / "model.safetensors")
    identity = state.get("identity", {})
    config = identity.get("config", {})
    if "corpora" not in config:
        raise ModelError(f"{run}: is not a run of 'mien train mma'")
    # What was added to the network after its training, if anything.
    shape = {**config["model"], **identity.get("model_since", {})}
    model = build_mma(config["preset"], **shape)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(
            f"{run}: model.safetensors holds another architecture than it says"
        ) from error
    return ExtractorRun(model.eval(), state, tensor_fingerprint(tensors))


def mean_weights(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of networks' states of the same names and shapes, summed in float64."""
    return {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        for name, value in states[0].items()
    }


def mean_of_runs(runs: Sequence[Path], out: Path) -> ExtractorRun:
    """A run folder whose weights are the mean of others' (Wortsman et al., ICML 2022).

    It makes sense for runs that started from the same weights and did not go far apart; score it
    before you use it. It costs what one of them costs, and often says what all of them say
    together.

    Parameters
    ----------
    runs
        Folders of finished runs of one architecture, two or more; their order is all one.
    out
        A folder of its own; receives ``model.safetensors``, with the configuration of one of the
        runs and the fingerprints of all.

    Returns
    -------
    The mean, read back.

    Raises
    ------
    ModelError
        If there are fewer than two, a folder is not that of a finished run or is `out`, or the
        architectures differ.
    """
    if len(runs) < 2:
        raise ModelError(f"a mean needs two runs or more, got {len(runs)}")
    if out.resolve() in {run.resolve() for run in runs}:
        raise ModelError(f"{out}: is one of the runs; choose another folder for their mean")
    found = sorted((load_extractor_run(run) for run in runs), key=lambda run: run.fingerprint)
    first = found[0]
    for run in found[1:]:
        if replace(run.model.config, dropout=0) != replace(first.model.config, dropout=0):
            raise ModelError("the runs have different architectures: there is no mean of them")
    mean = mean_weights([run.model.state_dict() for run in found])
    identity = {**first.state["identity"], "mean_of": [run.fingerprint for run in found]}
    save_checkpoint(out / "model.safetensors", mean, {"identity": identity})
    return load_extractor_run(out)
