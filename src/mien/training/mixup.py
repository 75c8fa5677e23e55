"""Blending faces with others of their corpus, targets alike (mixup; Zhang et al., ICLR 2018).

A network of two million weights learns the votes of its 26,000 training faces by heart; a face that
is never seen twice in the same company is harder to remember.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mien.losses import MMATargets


def mixed(
    crops: Tensor, targets: MMATargets, rate: float, strength: float, generator: torch.Generator
) -> tuple[Tensor, MMATargets]:
    """Blend some faces of a batch with others of it.

    Parameters
    ----------
    crops
        (n, 1, size, size).
    targets
        Theirs. Only faces that have labels of the same kinds are blended: a label that one of two
        lacks is not known for the mixture.
    rate
        Share of faces to blend, of those whose partner (drawn at random) has labels of the same
        kinds; 0: nothing is drawn.
    strength
        Both parameters of the beta distribution; the face itself keeps the larger weight.

    Returns
    -------
    Crops and targets of the same shapes.
    """
    count = len(crops)
    if rate == 0 or count == 0:
        return crops, targets
    other = torch.randperm(count, generator=generator)
    gammas = torch._standard_gamma(torch.full((2, count), strength), generator=generator)
    own = (gammas.amax(0) / gammas.sum(0)).clamp_min(0.5)
    chosen = torch.rand(count, generator=generator) < rate
    labelled = targets.expression_weight > 0
    alike = labelled == labelled[other]
    alike &= targets.valence_arousal_mask == targets.valence_arousal_mask[other]
    alike &= (targets.action_unit_mask == targets.action_unit_mask[other]).all(1)
    mesh = targets.blendshapes
    if mesh is not None:
        alike &= (mesh.isfinite() == mesh[other].isfinite()).all(1)
    share = torch.where(chosen & alike, own, 1.0)

    def unblended(places: Tensor | None) -> Tensor | None:
        if places is None:
            return None
        # Of two faces in one picture nobody can say where the mouth is.
        return torch.where((share < 1)[:, None, None], torch.nan, places)

    def blend(values: Tensor) -> Tensor:
        weight = share.view(-1, *[1] * (values.ndim - 1))
        # Where nothing is blended nothing changes, not even a label that is missing.
        return torch.where(weight < 1, values * weight + values[other] * (1 - weight), values)

    return blend(crops), replace(
        targets,
        valence_arousal=blend(targets.valence_arousal),
        expressions=blend(targets.expressions),
        expression_weight=blend(targets.expression_weight),
        action_units=blend(targets.action_units),
        blendshapes=None if mesh is None else blend(mesh),
        landmarks=unblended(targets.landmarks),
        places=unblended(targets.places),
    )
