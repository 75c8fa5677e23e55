"""The losses of the papers, every term masked per sample and per label.

A term without a single label in the batch is exactly zero and sends exactly zero gradient, so
corpora with different labels can be mixed in one batch. All arithmetic is in float32 or better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mien.faces.align import CROP_SIZE_PX
from mien.models.landmark_branch import cell_middles
from mien.models.mma import FaceOutput, MMAOutput

_TINY_VARIANCE = 1e-12
_MAP_DEVIATION = 0.5  # cells: as narrow as a mean place can still be told between two of them


def _float(x: Tensor) -> Tensor:
    """Half precision cannot hold a variance; float64 is kept for reference runs."""
    return x if x.dtype == torch.float64 else x.float()


def concordance(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    r"""Concordance correlation coefficient per column (Lin, Biometrics 45, 1989).

    .. math:: \rho = 2 s_{xy} / (s_x^2 + s_y^2 + (\bar x - \bar y)^2)

    Moments have denominator n (the sum of weights), as in Lin's paper.

    Parameters
    ----------
    prediction, target
        (batch, columns).
    weight
        (batch, columns) or None, >= 0; 0 leaves an entry out (its target may then be NaN).

    Returns
    -------
    (columns,), 0 where fewer than two entries count, or where both sides are constant and equal.
    """
    x, y = _float(prediction), _float(target)
    w = torch.ones_like(x) if weight is None else _float(weight)
    y = torch.where(w > 0, y, torch.zeros_like(y))
    total = w.sum(0).clamp_min(1e-12)
    mean_x, mean_y = (w * x).sum(0) / total, (w * y).sum(0) / total
    dx, dy = x - mean_x, y - mean_y
    covariance = (w * dx * dy).sum(0) / total
    spread = (w * (dx**2 + dy**2)).sum(0) / total + (mean_x - mean_y) ** 2
    usable = ((w > 0).sum(0) >= 2) & (spread > _TINY_VARIANCE)
    return torch.where(usable, 2 * covariance / torch.where(usable, spread, 1.0), 0.0)


def ccc_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    r"""L_CCC = 1 - 0.5 (rho_valence + rho_arousal), over the labelled samples of the batch.

    Parameters
    ----------
    prediction, target
        (batch, 2): valence, arousal. A target that is NaN counts as not labelled, by itself.
    mask
        (batch,), True where the sample has valence-arousal. A dimension of fewer than two labelled
        samples has no correlation and is left out; without any the term is exactly 0.

    Returns
    -------
    Scalar in [0, 2].
    """
    return _concordance_loss(prediction, target, (mask > 0)[:, None] & torch.isfinite(target))


def _concordance_loss(prediction: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Mean of 1 - CCC over the columns that have two known entries or more; 0 without any."""
    usable = known.sum(0) >= 2
    distance = torch.where(usable, 1 - concordance(prediction, target, known), 0.0)
    return distance.sum() / usable.sum().clamp_min(1)


def expression_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    r"""L_CCE: categorical cross entropy against a distribution over the 7 expressions.

    Parameters
    ----------
    logits, target
        (batch, 7); rows of `target` sum to 1 (one-hot for a single label).
    weight
        (batch,), >= 0: 0 for an unlabelled sample (its target may be NaN). The loss is the
        weighted mean over labelled samples.

    Returns
    -------
    Scalar >= 0.
    """
    log_p = _float(logits).log_softmax(dim=1)
    w = _float(weight)
    clean = torch.where(w[:, None] > 0, _float(target), torch.zeros_like(log_p))
    per_sample = -(clean * log_p).sum(dim=1)  # (B,)
    return (w * per_sample).sum() / w.sum().clamp_min(1e-12)


def action_unit_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    r"""L_BCE: binary cross entropy, averaged over the AUs that each sample has, then over samples.

    Parameters
    ----------
    logits, target
        (batch, 17), targets in [0, 1].
    mask
        (batch, 17), True where this AU is labelled in this sample (else its target may be NaN).

    Returns
    -------
    Scalar >= 0; samples without any AU label do not count.
    """
    known = mask > 0
    clean = torch.where(known, _float(target), torch.zeros_like(_float(target)))
    entries = functional.binary_cross_entropy_with_logits(_float(logits), clean, reduction="none")
    count = known.sum(dim=1)  # (B,)
    per_sample = torch.where(known, entries, 0.0).sum(dim=1) / count.clamp_min(1)
    return per_sample.sum() / (count > 0).sum().clamp_min(1)


def distribution_matching_loss(
    expression_logits: Tensor, au_logits: Tensor, relatedness: Tensor, detach: bool = False
) -> Tensor:
    r"""L_DM: the AU head agrees with what the expression head implies (Eq. 1-2).

    .. math::
        p'_{AU} = \sum_{emo} p_{emo}\, p_{AU|emo}, \qquad
        L_{DM} = E \sum_{i=1}^{17} -[p'_i \log p_i + (1 - p'_i) \log (1 - p_i)]

    The paper prints Eq. 2 as :math:`-p' \log p'`, which does not contain the AU head at all; its
    text says that the AU predictions are matched with p' by "binary cross entropy with soft
    targets". The text is what is implemented.

    Parameters
    ----------
    expression_logits, au_logits
        (batch, 7) and (batch, 17). Every sample counts, labelled or not.
    relatedness
        (7, 17) p(AU | expression), see `mien.labels.relatedness`. An expression or a unit of which
        it says nothing (NaN) is left out: units are compared with what the other expressions imply.
    detach
        True: p' is a constant target, so only the AU head learns. False (the paper's reading):
        both heads move towards each other.

    Returns
    -------
    Scalar >= 0, summed over the 17 AUs and averaged over the batch; 0 for an empty batch.
    """
    known = torch.isfinite(relatedness)
    rows, units = known.any(1), known.any(0)
    p_expression = _float(expression_logits[:, rows]).softmax(dim=1)
    table = relatedness[rows][:, units].to(p_expression)
    p_implied = (p_expression @ table).clamp(0, 1)  # (B, 17)
    if detach:
        p_implied = p_implied.detach()
    entries = functional.binary_cross_entropy_with_logits(
        _float(au_logits[:, units]), p_implied, reduction="none"
    )
    return entries.sum() / max(len(entries), 1)


def pearson(prediction: Tensor, target: Tensor) -> Tensor:
    r"""Pearson's correlation coefficient per column, over the batch.

    Parameters
    ----------
    prediction, target
        (batch, columns). An entry whose target is NaN (withheld) is left out.

    Returns
    -------
    (columns,) in [-1, 1]. Where fewer than two entries count or either side has no variance the
    coefficient is undefined; it is 0 there and sends no gradient, so that one constant reaction in
    a batch of four does not spoil the others.
    """
    x, y = _float(prediction), _float(target)
    if len(x) < 2:
        return (x * 0).sum(0)
    known = torch.isfinite(y)
    # Deviations are taken from an entry of the column first: they are exact, however large the
    # entries are, and a mean of small numbers loses nothing.
    first = known.to(torch.uint8).argmax(0, keepdim=True)
    dx, dy = (_deviations(side, known, first) for side in (x, y))
    spreads = [
        (side.detach().square().sum(0) / known.sum(0).clamp_min(1)).sqrt() for side in (dx, dy)
    ]
    # Scaling by the largest deviation keeps squares of tiny or huge values inside float32.
    dx = dx / dx.detach().abs().amax(0).clamp_min(1e-30)
    dy = dy / dy.detach().abs().amax(0).clamp_min(1e-30)
    largest = torch.maximum(x.detach().abs().amax(0), y.nan_to_num().abs().amax(0))
    usable = torch.minimum(*spreads) > torch.finfo(x.dtype).eps * (1 + largest)
    product = (dx**2).sum(0) * (dy**2).sum(0)
    safe = torch.where(usable, product, torch.ones_like(product))
    return torch.where(usable, (dx * dy).sum(0) / safe.sqrt(), torch.zeros_like(product))


def _deviations(values: Tensor, known: Tensor, first: Tensor) -> Tensor:
    """Distances (n, columns) from the mean of the known entries; 0 elsewhere."""
    from_first = torch.where(known, values - values.gather(0, first).detach(), 0.0)
    mean = from_first.sum(0) / known.sum(0).clamp_min(1)
    return torch.where(known, from_first - mean, 0.0)


def pearson_loss(prediction: Tensor, target: Tensor) -> Tensor:
    r"""Eq. 4: 1 - the mean over reactions of Pearson's rho over the batch.

    Parameters
    ----------
    prediction, target
        (batch, reactions). An entry whose target is NaN (withheld) is left out.

    Returns
    -------
    Scalar in [0, 2]. A reaction without variance counts as rho = 0 (see `pearson`), so the loss
    of a batch in which nothing varies, or of a single video, is exactly 1 with zero gradient.
    """
    return 1 - pearson(prediction, target).mean()


def unit_correlation_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    r"""1 - Pearson's rho of each unit's probability with its target, averaged over the units.

    Cross entropy with soft targets is content with a flat answer where it is unsure; rho is not,
    and it is what units are judged by (`mien.evaluation.affect`). The form is Eq. 4's.

    Parameters
    ----------
    logits, target, mask
        (batch, 17) each, as for `action_unit_loss`.

    Returns
    -------
    Scalar in [0, 2] over the units whose labels differ within the batch; exactly 0, with zero
    gradient, where there is none.
    """
    known, labels = mask > 0, _float(target)
    lowest = torch.where(known, labels, torch.inf).amin(0)
    usable = torch.where(known, labels, -torch.inf).amax(0) > lowest
    rho = pearson(_float(logits).sigmoid(), torch.where(known, labels, torch.nan))
    return torch.where(usable, 1 - rho, 0.0).sum() / usable.sum().clamp_min(1)


def heatmap_loss(maps: Tensor, target: Tensor) -> Tensor:
    r"""How far the heatmaps of landmarks are from one narrow peak at each landmark.

    .. math:: KL(q \,\|\, \mathrm{softmax}(maps)), \qquad q \propto \exp(-d^2 / 2 s^2)

    d is the distance of a cell's middle from the place, s = 0.5 cells. The mean place under a map
    can be right however the map looks (Nibali et al. 2018); a peak learns quicker, and what is
    looked at under the map is then what is there.

    Parameters
    ----------
    maps
        (batch, maps, h, w), of which the first belong to the landmarks.
    target
        (batch, landmarks, 2), x and y in pixels of a 112-px crop. A place that is NaN is unknown
        and left out.

    Returns
    -------
    Scalar >= 0, averaged over the known places; exactly 0, with zero gradient, where none is known.
    """
    known = torch.isfinite(target).all(dim=2)  # (B, K)
    at = torch.where(known[:, :, None], _float(target), 0.0)
    columns, rows = (
        _around(at[:, :, axis], maps.shape[3 - axis]) for axis in (0, 1)
    )  # (B, K, w), (B, K, h)
    wanted = (rows[:, :, :, None] * columns[:, :, None, :]).flatten(2)  # (B, K, h w)
    said = _float(maps[:, : target.shape[1]]).flatten(2).log_softmax(dim=2)
    apart = functional.kl_div(said, wanted, reduction="none").sum(dim=2)
    return torch.where(known, apart, 0.0).sum() / known.sum().clamp_min(1)


def _around(at: Tensor, cells: int) -> Tensor:
    """Shares of cells along one side, (..., cells), in a normal distribution about places in px."""
    deviation = _MAP_DEVIATION * CROP_SIZE_PX / cells  # px
    far = (at[..., None] - cell_middles(cells, at)) / deviation
    return (-far.square() / 2).softmax(dim=-1)


def squared_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, which Table 3 of FaceRNET sets against Eq. 4.

    Parameters
    ----------
    prediction, target
        (batch, reactions). An entry whose target is NaN (withheld) is left out.

    Returns
    -------
    Scalar >= 0; exactly 0, with zero gradient, where no entry counts.
    """
    return _mean_known(torch.square, prediction, target)


def _mean_known(of: Callable[[Tensor], Tensor], prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of a function of the error over the targets that are known (not NaN); 0 of none."""
    known = torch.isfinite(target)
    error = _float(prediction) - torch.where(known, _float(target), 0.0)
    return torch.where(known, of(error), 0.0).sum() / known.sum().clamp_min(1)


def trace_loss(prediction: Tensor, target: Tensor, ccc_share: float = 0.0) -> Tensor:
    r"""Loss of affect traces: mean squared error, 1 - CCC, or a mixture of both.

    .. math:: s\,(1 - \tfrac12(\rho_{valence} + \rho_{arousal})) + (1 - s)\,MSE

    Parameters
    ----------
    prediction, target
        (batch, time, 2), valence and arousal. A target that is NaN is not annotated and left out;
        CCC is taken over all frames of the batch that are.
    ccc_share
        s in [0, 1]; MRAN's own loss is 0, the mean squared error.

    Returns
    -------
    Scalar >= 0; exactly 0, with zero gradient, where nothing is annotated. A dimension of fewer
    than two annotated frames has no CCC: that term is then the other dimension's alone.
    """
    x, y = prediction.flatten(0, 1), target.flatten(0, 1)
    loss = (1 - ccc_share) * squared_loss(x, y)
    return loss + ccc_share * _concordance_loss(x, y, torch.isfinite(y)) if ccc_share else loss


@dataclass(frozen=True)
class MMATargets:
    """Partial labels of a batch.

    Shapes: valence_arousal (batch, 2) with mask (batch,); expressions (batch, 7) with weight
    (batch,); action_units (batch, 17) with mask (batch, 17). Masked entries may be NaN. What only
    networks with a landmark branch learn, NaN where unknown, may be None: log_shares (batch, 7),
    logarithm of the expressions' shares in the corpus that a face is of; blendshapes (batch, 47)
    in [0, 1]; intensities (batch, 17) in 0 to 5; landmarks (batch, 26, 2) in pixels of the 112-px
    crop; pose_deg (batch, 3); eye_open (batch, 2); gaze_deg (batch, 2); quality (batch,).
    """

    valence_arousal: Tensor
    valence_arousal_mask: Tensor
    expressions: Tensor
    expression_weight: Tensor
    action_units: Tensor
    action_unit_mask: Tensor
    log_shares: Tensor | None = None
    blendshapes: Tensor | None = None
    intensities: Tensor | None = None
    landmarks: Tensor | None = None
    pose_deg: Tensor | None = None
    eye_open: Tensor | None = None
    gaze_deg: Tensor | None = None
    quality: Tensor | None = None

    def to(self, device: torch.device) -> MMATargets:
        """The same on a device."""
        moved: dict[str, Any] = {n: v if v is None else v.to(device) for n, v in vars(self).items()}
        return MMATargets(**moved)


DM_REDUCTIONS = ("sum", "mean")

_OF_BRANCH = ("intensities", "landmarks", "heatmaps", "pose", "eyes", "gaze", "quality")


@dataclass(frozen=True)
class MMALossWeights:
    """Factors of the terms; the paper has the first four, at 1.

    The others are ours. ``correlation``: the units' probabilities are to rise and fall with their
    targets over the batch (`unit_correlation_loss`), beside being right one by one.
    ``blendshapes``: an auxiliary head that exists in training alone learns a face mesh's scores
    from the feature that all heads read. Of networks with a landmark branch: ``intensities`` of
    the units, ``landmarks`` in pixels, their ``heatmaps`` (`heatmap_loss`, learned quicker),
    ``pose`` and ``gaze`` in degrees, ``eyes``, how far they are open, and ``quality``.
    """

    ccc: float = 1.0
    cce: float = 1.0
    bce: float = 1.0
    dm: float = 1.0
    correlation: float = 0.0
    blendshapes: float = 0.0
    intensities: float = 0.0
    landmarks: float = 0.0
    heatmaps: float = 0.0
    pose: float = 0.0
    eyes: float = 0.0
    gaze: float = 0.0
    quality: float = 0.0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0:
            raise ValueError(f"factors of the loss are 0 or more, not {self}")

    def of_branch(self) -> list[str]:
        """Names of the factors above 0 that only a network with a landmark branch can follow."""
        return [name for name in _OF_BRANCH if getattr(self, name)]


def mma_loss(
    output: MMAOutput,
    targets: MMATargets,
    relatedness: Tensor,
    weights: MMALossWeights | None = None,
    detach_dm: bool = False,
    dm_reduction: str = "sum",
    blendshape_logits: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L = L_CCC + L_CCE + L_BCE + L_DM (Eq. 3), and the terms of ours that have a factor.

    Parameters
    ----------
    output, targets
        Of a batch. Where targets have ``log_shares``, these are added to the expressions' logits:
        what the network says is then free of the corpus's prior (`MMATrainConfig.prior_free`).
    relatedness
        (7, 17), see `mien.labels.relatedness`.
    weights, detach_dm
        Factors; see `distribution_matching_loss`.
    dm_reduction
        ``"sum"`` over the units, as the paper's Eq. 2, or ``"mean"``, as L_BCE.
    blendshape_logits
        (batch, 47) of the auxiliary head, or None.

    Returns
    -------
    The weighted sum, and the unweighted terms by the names of `MMALossWeights`.
    """
    factor = weights or MMALossWeights()
    logits = output.expression_logits
    if targets.log_shares is not None:
        logits = logits + targets.log_shares
    units = max(int(torch.isfinite(relatedness).any(0).sum()), 1)
    matching = distribution_matching_loss(logits, output.au_logits, relatedness, detach_dm)
    terms = {
        "ccc": ccc_loss(
            output.valence_arousal, targets.valence_arousal, targets.valence_arousal_mask
        ),
        "cce": expression_loss(logits, targets.expressions, targets.expression_weight),
        "bce": action_unit_loss(output.au_logits, targets.action_units, targets.action_unit_mask),
        "dm": matching / units if dm_reduction == "mean" else matching,
    }
    if factor.correlation:
        terms["correlation"] = unit_correlation_loss(
            output.au_logits, targets.action_units, targets.action_unit_mask
        )
    if blendshape_logits is not None and targets.blendshapes is not None:
        terms["blendshapes"] = action_unit_loss(
            blendshape_logits, targets.blendshapes, torch.isfinite(targets.blendshapes)
        )
    if output.face is not None:
        terms |= _face_terms(output.face, targets, factor)
    total = sum((getattr(factor, name) * term for name, term in terms.items()), torch.zeros(()))
    return total, terms


def _face_terms(face: FaceOutput, targets: MMATargets, factor: MMALossWeights) -> dict[str, Tensor]:
    """Terms of what a network with a landmark branch says besides; angles per 10 degrees.

    Intensities and eyes are mostly at one end (nothing moves, eyes are open): the least absolute
    error would be that end for all that is unsure, so theirs is squared.
    """
    distances = {
        "intensities": (torch.square, face.intensities, targets.intensities, 1.0),
        "landmarks": (torch.abs, face.landmarks, targets.landmarks, 1.0),
        "pose": (torch.abs, face.pose_deg, targets.pose_deg, 10.0),
        "eyes": (torch.square, face.eye_open, targets.eye_open, 1.0),
        "gaze": (torch.abs, face.gaze_deg, targets.gaze_deg, 10.0),
    }
    terms = {
        name: _mean_known(of, said, target) / unit
        for name, (of, said, target, unit) in distances.items()
        if getattr(factor, name) and target is not None
    }
    if factor.heatmaps and targets.landmarks is not None:
        terms["heatmaps"] = heatmap_loss(face.heatmaps, targets.landmarks)
    if factor.quality and targets.quality is not None:
        known = torch.isfinite(targets.quality)
        wanted = torch.where(known, targets.quality, 0.0)
        said = face.quality.clamp(1e-6, 1 - 1e-6)
        entries = functional.binary_cross_entropy(said, wanted, reduction="none")
        terms["quality"] = torch.where(known, entries, 0.0).sum() / known.sum().clamp_min(1)
    return terms
