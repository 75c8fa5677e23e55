"""Linear heads of a trained extractor, fitted anew on the features it already has.

The head of action units: a mean of weights shifts what features look like, and blended faces or a
teacher's mean answer leave a head flatter than its features deserve. And what expressions read of a
fine network (`mien.models.fine`), which learns beside them while they do not change: what it has
learned, where a part of a face has moved, says something of them too.

The heads are linear, so the best ones are a minute's work once the faces have been looked at;
nothing else of the network changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from mien.datasets.base import FaceSet
from mien.errors import ConfigError, ModelError
from mien.models.fine import FEATURE
from mien.models.mma import MMAConfig, MMAExtractor
from mien.training.checkpoint import save_checkpoint
from mien.training.config import from_dict, plain_values
from mien.training.expressions_head import HOLD, PULL, fit_beside
from mien.training.growth import grow
from mien.training.mma import CorpusFeed, MMATrainConfig, make_feeds, plain_batches
from mien.training.runs import ExtractorRun, load_extractor_run
from mien.training.units_head import fit_units

STEPS = 220
"""Training batches that are looked at."""


def refit_heads(
    run: Path,
    out: Path,
    config: MMATrainConfig,
    corpora: dict[str, FaceSet],
    steps: int = STEPS,
    expressions_of: Sequence[str] = (),
) -> ExtractorRun:
    """A run folder of a network that differs from another's in these heads alone.

    Parameters
    ----------
    run
        Folder of a finished run.
    out
        A folder of its own; receives ``model.safetensors``.
    config
        Says how training faces are drawn and augmented; none are blended here, and no teacher's
        answers are mixed in.
    corpora
        By the names of `config`; their training faces are read.
    steps
        How many training batches are looked at.
    expressions_of
        Names of the corpora from whose expressions their reading of the fine network is fitted
        (`MMAConfig.fine_expressions`; one that the run has is fitted anew). Empty: it stays as it
        is. Faces from whose expressions the fine network has learned already (valence and arousal
        of FER+ are made of its votes) do not belong here: of them the feature says more than it can
        say of others. Of all that is not named here what is said is held as it was.

    Returns
    -------
    The run, read back.

    Raises
    ------
    ModelError
        If `run` is not that of a finished run, or is `out`, or has no fine network that expressions
        could read.
    ConfigError
        If a name of `expressions_of` is not in the recipe, or no face there has an expression.
    """
    names = list(config.corpora)
    unknown = sorted(set(expressions_of) - set(names))
    if unknown:
        raise ConfigError(f"no corpora {unknown} in the recipe; it has {names}")
    if out.resolve() == run.resolve():
        raise ModelError(f"{out}: is the run itself; choose another folder")
    found = load_extractor_run(run)
    model = found.model
    if expressions_of:
        if model.fine is None:
            raise ModelError(f"{run}: has no fine network that expressions could read (model.fine)")
        model = with_reading(model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen = look_at(model, config, make_feeds(config, corpora), steps)
    fit_units(model.action_units, seen.pooled, seen.units, seen.corpus)
    identity = {
        **found.state["identity"],
        "heads_fitted_from": found.fingerprint,
        "heads_fitted_by": {"config": plain_values(config), "steps": steps},
    }
    if expressions_of:
        assert model.fine_expressions is not None  # by its shape
        counted = [names.index(name) for name in expressions_of]
        known = (seen.said, seen.expressions, seen.expression_weight, seen.corpus)
        fit_beside(model.fine_expressions, seen.pooled[:, -FEATURE:], *known, counted)
        identity["model_since"] = {"fine_expressions": True}
        identity["heads_fitted_by"] |= {
            "expressions_of": list(expressions_of),
            "expressions_pull": PULL,
            "expressions_hold": HOLD,
        }
    save_checkpoint(out / "model.safetensors", dict(model.state_dict()), {"identity": identity})
    return load_extractor_run(out)


def with_reading(model: MMAExtractor) -> MMAExtractor:
    """The same network, whose expressions read its fine network; nothing yet, or what they did.

    Raises
    ------
    ConfigError
        If it has no fine network.
    """
    shape = {**asdict(model.config), "fine_expressions": True}
    wider = MMAExtractor(from_dict(MMAConfig, shape, "model")).eval()
    grow(wider, model.state_dict())
    return wider


@dataclass(frozen=True)
class Seen:
    """What training faces look like to a network, and what is known of them, face by face.

    Attributes
    ----------
    pooled
        (n, width) what the heads read.
    said
        (n, 7) expression logits without a reading of the fine network.
    units
        (n, 17), NaN where unknown.
    expressions, expression_weight
        (n, 7) and (n,) as of `mien.losses.expression_loss`.
    corpus
        int (n,), by the order of the recipe.
    """

    pooled: Tensor
    said: Tensor
    units: Tensor
    expressions: Tensor
    expression_weight: Tensor
    corpus: Tensor


@torch.no_grad()
def look_at(
    model: MMAExtractor, config: MMATrainConfig, feeds: dict[str, CorpusFeed], steps: int
) -> Seen:
    """What `steps` training batches look like, `feeds` by `mien.training.mma.make_feeds`.

    No face is blended with another; the model is used in the mode it is in.
    """
    found = []
    side = model.config.full_px
    for crops, targets, corpus in plain_batches(config, feeds, side, steps, config.seed):
        pooled = model.features(crops)
        said = model.first_said(pooled)
        known = (targets.action_units, targets.expressions, targets.expression_weight, corpus)
        found.append((pooled, said, *known))
    return Seen(*(torch.cat(parts) for parts in zip(*found, strict=True)))
