"""What expressions read of a fine network, fitted on the features it already has.

A fine network (`mien.models.fine`) learns beside the expressions, which do not change meanwhile.
What it has learned says something of them too: where a part of a face has moved. The head that
reads it is added to theirs (`MMAConfig.fine_expressions`), is linear and fitted in a minute;
nothing else of the network changes, and a strong pull to zero leaves expressions much as they were
where the fine network has little to add.

Faces from whose expressions the fine network has learned already (valence and arousal of FER+ are
made of its votes) do not belong to what the head is fitted on: of them the feature says more than
it can say of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from mien.datasets.base import FaceSet
from mien.errors import ConfigError, ModelError
from mien.losses import expression_loss
from mien.models.fine import FEATURE
from mien.models.mma import MMAConfig, MMAExtractor
from mien.training.checkpoint import save_checkpoint
from mien.training.config import from_dict, plain_values
from mien.training.growth import grow
from mien.training.mma import CorpusFeed, MMATrainConfig, make_feeds, plain_batches
from mien.training.runs import ExtractorRun, load_extractor_run

PULL = 4.0
"""Factor of the squared weights, those of features brought to a deviation of 1."""


def fit_fine_expressions(
    run: Path,
    out: Path,
    config: MMATrainConfig,
    corpora: dict[str, FaceSet],
    steps: int = 200,
    fitted_on: Sequence[str] = (),
) -> ExtractorRun:
    """A run folder of a network that differs from another's in this head alone.

    Parameters
    ----------
    run
        Folder of a finished run with `MMAConfig.fine`; a head that it has is fitted anew.
    out
        A folder of its own; receives ``model.safetensors``.
    config
        Says how training faces are drawn and augmented; none are blended here, and no teacher's
        answers are mixed in.
    corpora
        By the names of `config`; their training faces are read.
    steps
        How many training batches are looked at.
    fitted_on
        Names of the corpora whose expressions count; empty: all.

    Returns
    -------
    The run, read back.

    Raises
    ------
    ModelError
        If `run` is not that of a finished run with a fine network, or is `out`.
    ConfigError
        If a name of `fitted_on` is not in the recipe, or no face has an expression.
    """
    names = list(config.corpora)
    unknown = sorted(set(fitted_on) - set(names))
    if unknown:
        raise ConfigError(f"no corpora {unknown} in the recipe; it has {names}")
    counted = [names.index(name) for name in fitted_on or names]
    if out.resolve() == run.resolve():
        raise ModelError(f"{out}: is the run itself; choose another folder")
    found = load_extractor_run(run)
    if found.model.fine is None:
        raise ModelError(f"{run}: has no fine network that expressions could read (model.fine)")
    shape = {**asdict(found.model.config), "fine_expressions": True}
    model = MMAExtractor(from_dict(MMAConfig, shape, "model")).eval()
    grow(model, found.model.state_dict())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert model.fine_expressions is not None  # by its shape
    found_in = _features(model, config, make_feeds(config, corpora), steps)
    fit_beside(model.fine_expressions, *found_in, counted)
    identity = {
        **found.state["identity"],
        "model_since": {"fine_expressions": True},
        "expressions_fitted_from": found.fingerprint,
        "expressions_fitted_by": {
            "config": plain_values(config),
            "steps": steps,
            "pull": PULL,
            "fitted_on": [names[index] for index in counted],
        },
    }
    save_checkpoint(out / "model.safetensors", dict(model.state_dict()), {"identity": identity})
    return load_extractor_run(out)


def fit_beside(
    head: nn.Linear, features: Tensor, said: Tensor, expressions: Tensor, weight: Tensor,
    corpus: Tensor, counted: Sequence[int],
) -> None:  # fmt: skip
    """Fit a head in place, whose answer is added to what is said: each corpus alike, by L-BFGS.

    Over the faces of the first corpus nothing is added in the mean to any logit.

    Parameters
    ----------
    head
        (width -> 7).
    features
        (n, width).
    said
        (n, 7) logits without it.
    expressions, weight
        (n, 7) and (n,) as of `mien.losses.expression_loss`.
    corpus
        int (n,).
    counted
        Which corpora are fitted on.

    Raises
    ------
    ConfigError
        If no face has an expression.
    """
    parts = [corpus == index for index in counted]
    if not any((weight[of] > 0).any() for of in parts):
        raise ConfigError("no training face has an expression: nothing to fit")
    middle, spread = features[corpus == corpus.min()].mean(0), features.std(0) + 1e-3
    even = (features - middle) / spread
    reading = torch.zeros_like(head.weight, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [reading], max_iter=60, history_size=15, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = said + even @ reading.T
        loss = PULL * reading.square().sum()
        for of in parts:
            loss = loss + expression_loss(logits[of], expressions[of], weight[of])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        head.weight.copy_(reading / spread)
        head.bias.copy_(-head.weight @ middle)


@torch.no_grad()
def _features(
    model: MMAExtractor, config: MMATrainConfig, feeds: dict[str, CorpusFeed], steps: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Fine features, logits without them, expressions, their weight, corpus: of so many batches."""
    found = []
    for crops, targets, corpus in plain_batches(
        config, feeds, model.config.full_px, steps, config.seed
    ):
        pooled = model.features(crops)
        said = model.expressions(pooled[:, : model.expressions.in_features])
        known = (pooled[:, -FEATURE:], said, targets.expressions, targets.expression_weight, corpus)
        found.append(known)
    features, said, expressions, weight, corpora = zip(*found, strict=True)
    return (
        torch.cat(features),
        torch.cat(said),
        torch.cat(expressions),
        torch.cat(weight),
        torch.cat(corpora),
    )
