"""Reading back what ``mien train extractor`` left in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import ModelError
from mien.labels import ACTION_UNITS, EXPRESSIONS, LabelSet
from mien.models.mma import MMAExtractor, build_mma
from mien.training.checkpoint import load_checkpoint, tensor_fingerprint


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
    config = state.get("identity", {}).get("config", {})
    if "corpora" not in config:
        raise ModelError(f"{run}: is not a run of 'mien train extractor'")
    labels = LabelSet(
        tuple(config.get("expressions", EXPRESSIONS)),
        tuple(config.get("action_units", ACTION_UNITS)),
    )
    model = build_mma(config["preset"], labels, **config["model"])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(
            f"{run}: model.safetensors holds another architecture than it says"
        ) from error
    return ExtractorRun(model.eval(), state, tensor_fingerprint(tensors))
