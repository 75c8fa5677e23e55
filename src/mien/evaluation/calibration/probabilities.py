"""Whether probabilities mean what they say, and what makes them. Torch-free.

Temperature scaling (Guo, Pleiss, Sun & Weinberger, ICML 2017) divides logits by one number: it
changes how sure a model says it is, never which of two faces shows more of an action unit. A unit's
probability keeps its side of 0.5 as well.

Expressions can get a bias each besides (bias-corrected temperature scaling; Alexandari, Kundaje &
Shrikumar, ICML 2020): training shows rare expressions more often than they occur and weighs them
more, so a network's probabilities are those of another mixture of faces than the one it is used on.
Seven numbers bring them back; which expression leads can change where two are close.

Valence and arousal are no probabilities: `mien.evaluation.calibration.affect_scale`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import ConfigError
from mien.evaluation.calibration.affect_scale import scaled_affect
from mien.evaluation.calibration.golden_section import least
from mien.evaluation.calibration.thresholds import UNDECIDED
from mien.io import write_text
from mien.labels import (
    ACTION_UNIT_COLUMNS,
    EXPRESSIONS,
    PAPERS_LABELS,
    VALENCE_AROUSAL_SLICE,
    LabelSet,
)
from mien.types import FloatArray

Float64Array = npt.NDArray[np.float64]

BINS = 15

LEAST_FACES = 10
"""An expression with fewer labels gets no bias of its own."""

_NEWTON_STEPS = 50

# Temperatures are looked for in this range; log-spaced steps of a golden section need no gradient.
_LOWEST, _HIGHEST = 0.2, 5.0
_TINY = 1e-7  # what float32 probabilities can still tell from 0 and 1


@dataclass(frozen=True)
class Calibration:
    """Scales of the three heads, and what to make of a unit's probability.

    Attributes
    ----------
    expressions
        Temperature of the expression logits, above 0; 1 changes nothing.
    expression_biases
        One number per expression (7), added to the logits behind the temperature; 0 changes
        nothing.
    action_units
        One temperature per action unit (17), in the order of `mien.labels.ACTION_UNITS`.
    decisions
        From which calibrated probability on a unit counts as active (17), above 0 and below 1;
        see `mien.evaluation.calibration.thresholds`.
    affect_gains, affect_offsets
        Of valence and of arousal, before the tanh; gains above 0; 1 and 0 change nothing.
    prior, everyday_prior
        Of an extractor whose logits are free of any prior: the shares of the expressions (7, sum
        1) whose logarithm is added to its logits behind the temperature, and those of the faces
        that it learned from, as they occurred. Empty: its prior is in the network.
    quality_level
        From which quality on a face counts in means, 0 to 1.
    labels
        Of the extractor; the counts above are of the papers'.
    """

    expressions: float = 1.0
    action_units: tuple[float, ...] = (1.0,) * len(ACTION_UNIT_COLUMNS)
    decisions: tuple[float, ...] = (UNDECIDED,) * len(ACTION_UNIT_COLUMNS)
    expression_biases: tuple[float, ...] = (0.0,) * len(EXPRESSIONS)
    affect_gains: tuple[float, float] = (1.0, 1.0)
    affect_offsets: tuple[float, float] = (0.0, 0.0)
    prior: tuple[float, ...] = ()
    everyday_prior: tuple[float, ...] = ()
    quality_level: float = 0.5
    labels: LabelSet = PAPERS_LABELS

    @classmethod
    def neutral(cls, labels: LabelSet) -> Calibration:
        """That of an extractor with these labels which changes nothing."""
        units = len(labels.action_units)
        return cls(
            action_units=(1.0,) * units,
            decisions=(UNDECIDED,) * units,
            expression_biases=(0.0,) * len(labels.expressions),
            labels=labels,
        )

    def __post_init__(self) -> None:
        expressions, units = len(self.labels.expressions), len(self.labels.action_units)
        gains, offsets = self.affect_gains, self.affect_offsets
        if len(gains) != 2 or len(offsets) != 2 or not np.isfinite([*gains, *offsets]).all():
            raise ValueError(
                f"affect_gains and affect_offsets hold two numbers each, not {gains}, {offsets}"
            )
        if min(gains) <= 0:
            raise ValueError(f"affect_gains are above 0, not {gains}")
        if (
            len(self.expression_biases) != expressions
            or not np.isfinite(self.expression_biases).all()
        ):
            raise ValueError(
                f"expression_biases holds {expressions} numbers, not {self.expression_biases}"
            )
        for prior in (self.prior, self.everyday_prior):
            if prior and (len(prior) != expressions or not min(prior) > 0):
                raise ValueError(f"a prior holds {expressions} shares above 0, not {prior}")
        if bool(self.prior) != bool(self.everyday_prior):
            raise ValueError("prior and everyday_prior are both there, or neither is")
        if len(self.action_units) != units:
            raise ValueError(
                f"action_units needs {units} temperatures, got {len(self.action_units)}"
            )
        for value in (self.expressions, *self.action_units):
            if not 0 < value < float("inf"):
                raise ValueError(f"a temperature is a number above 0, not {value}")
        if len(self.decisions) != units or not all(0 < value < 1 for value in self.decisions):
            raise ValueError(
                f"decisions holds {units} numbers between 0 and 1, not {self.decisions}"
            )

    def apply(self, affect: FloatArray) -> FloatArray:
        """Affect representations (n, 26) as the calibrated model would give them."""
        result = affect.copy()
        of_expressions, of_units = self.labels.expression_slice, self.labels.action_unit_slice
        expressions = _logits_of_shares(affect[:, of_expressions]) / self.expressions
        expressions = expressions + np.array(self.expression_biases)
        if self.prior:
            expressions = expressions + np.log(self.prior)
        result[:, of_expressions] = _softmax(expressions)
        result[:, of_units] = _sigmoid(_logits(affect[:, of_units]) / np.array(self.action_units))
        if self.moves_affect:
            result[:, VALENCE_AROUSAL_SLICE] = scaled_affect(
                affect[:, VALENCE_AROUSAL_SLICE], self.affect_gains, self.affect_offsets
            )
        return result

    @property
    def moves_affect(self) -> bool:
        """Whether valence and arousal are anything but what the network says."""
        return self.affect_gains != (1.0, 1.0) or self.affect_offsets != (0.0, 0.0)


def read_calibration(path: Path) -> Calibration:
    """Read what `write_calibration` wrote.

    Raises
    ------
    ConfigError
        If the file cannot be read or does not hold the temperatures.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        stored = document["temperatures"]
        names = document.get("labels", {})
        labels = LabelSet(**{kind: tuple(values) for kind, values in names.items()})
        neutral = Calibration.neutral(labels)
        return Calibration(
            float(stored["expressions"]),
            tuple(map(float, stored["action_units"])),
            tuple(map(float, document.get("decisions", neutral.decisions))),
            tuple(map(float, stored.get("expression_biases", neutral.expression_biases))),
            _two(stored.get("affect_gains", neutral.affect_gains)),
            _two(stored.get("affect_offsets", neutral.affect_offsets)),
            tuple(map(float, document.get("prior", ()))),
            tuple(map(float, document.get("everyday_prior", ()))),
            float(document.get("quality_level", neutral.quality_level)),
            labels,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not a calibration; make one with 'mien calibrate' ({error!r})"
        ) from error


def _two(values: list[float]) -> tuple[float, float]:
    first, second = map(float, values)
    return first, second


def write_calibration(calibration: Calibration, figures: dict[str, Any], path: Path) -> None:
    """Write temperatures and the figures that go with them as JSON."""
    temperatures = asdict(calibration)
    labels = temperatures.pop("labels")
    apart = {
        name: temperatures.pop(name)
        for name in ("decisions", "prior", "everyday_prior", "quality_level")
    }
    if calibration.labels != PAPERS_LABELS:
        apart["labels"] = labels
    document = {"temperatures": temperatures, **apart, **figures}
    write_text(path, json.dumps(document, indent=2) + "\n")


def calibration_error(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = BINS) -> float:
    r"""Expected calibration error (ECE) over equally wide bins.

    .. math:: ECE = \sum_b \frac{n_b}{n} | acc(b) - conf(b) |

    Parameters
    ----------
    confidence
        (n,) probabilities in [0, 1]. For classes: that of the predicted one.
    correct
        (n,) 0 or 1: whether it was right, or, for a yes-no question, the answer.
    bins
        How many, 1 or more.

    Returns
    -------
    0 to 1; NaN without any pair. Pairs with a NaN are left out.

    Examples
    --------
    >>> round(calibration_error([0.9, 0.9, 0.6, 0.6], [1, 1, 1, 0]), 3)
    0.1
    """
    p, hit = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    known = np.isfinite(p) & np.isfinite(hit)
    p, hit = p[known], hit[known]
    if not len(p):
        return float("nan")
    index = np.minimum((p * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=hit - p, minlength=bins)
    return float(np.abs(gap).sum() / len(p))


def fit_expressions(
    probabilities: FloatArray, majority: npt.NDArray[np.int64], biases: bool = True
) -> tuple[float, tuple[float, ...]]:
    """Temperature and biases with the least negative log-likelihood of the labels.

    Parameters
    ----------
    probabilities
        (n, 7) of the model as it is.
    majority
        (n,) index of the right expression, -1 where there is none.
    biases
        False: the temperature alone.

    Returns
    -------
    Temperature, 0.2 to 5, and seven biases of mean 0 over the expressions that have them. An
    expression with fewer than `LEAST_FACES` labels has none (0). (1, zeros) without any label.
    """
    known = majority >= 0
    logits, truth = _logits_of_shares(probabilities[known]), majority[known]
    if not len(truth):
        return 1.0, (0.0,) * probabilities.shape[1]

    def loss(scale: float, added: Float64Array) -> float:
        shares = _softmax(scale * logits + added)
        return -float(np.log(shares[np.arange(len(truth)), truth] + 1e-12).mean())

    added = np.zeros(logits.shape[1])
    scale = 1 / _least(lambda temperature: loss(1 / temperature, added))
    free = np.bincount(truth, minlength=len(added)) >= LEAST_FACES
    if not biases or not free.any():
        return 1 / scale, tuple(added.tolist())
    hot = np.eye(len(added))[truth]
    own = np.broadcast_to(np.diag(free.astype(np.float64)), (len(truth), *2 * free.shape))
    features = np.concatenate([logits[:, :, None], own], axis=2)  # (n, 7, 8)
    # Newton's method from the best temperature alone, on a convex function of eight numbers; the
    # ridge only fixes what is free anyway: a number added to all biases changes nothing.
    for _ in range(_NEWTON_STEPS):
        shares = _softmax(scale * logits + added)
        gradient = np.einsum("nk,nkp->p", shares - hot, features) / len(truth)  # (8,)
        weighted = shares[:, :, None] * features
        mean = weighted.sum(1)  # (n, 8)
        curvature = np.einsum("nkp,nkq->pq", weighted, features) - mean.T @ mean
        step = np.linalg.solve(curvature / len(truth) + 1e-6 * np.eye(len(gradient)), gradient)
        before, length = loss(scale, added), 1.0
        while length > _TINY:  # half a step where a whole one leads uphill
            tried = float(np.clip(scale - length * step[0], 1 / _HIGHEST, 1 / _LOWEST))
            moved = added - length * step[1:]
            if loss(tried, moved) <= before:
                break
            length /= 2
        else:
            break  # nothing is left to gain
        scale, added = tried, moved
        if np.abs(step).max() < 1e-9:
            break
    added = (added - added[free].mean()) * free
    return 1 / scale, tuple(added.tolist())


def fit_unit_temperatures(
    probabilities: FloatArray, targets: FloatArray, weights: npt.ArrayLike | None = None
) -> tuple[float, ...]:
    """One temperature per action unit, by binary cross entropy with (soft) targets.

    Parameters
    ----------
    probabilities, targets
        (n, 17); targets in [0, 1], NaN where unknown.
    weights
        (n,), how much a face counts; None: all alike.

    Returns
    -------
    17 numbers from 0.2 to 5; 1 for a unit without any target.
    """
    logits = _logits(probabilities)
    share = np.ones(len(logits)) if weights is None else np.asarray(weights, np.float64)
    temperatures = []
    for unit in range(logits.shape[1]):
        known = np.isfinite(targets[:, unit])
        x, y, w = logits[known, unit], targets[known, unit], share[known]

        def loss(temperature: float, x=x, y=y, w=w) -> float:  # type: ignore[no-untyped-def]
            scaled = x / temperature
            return float((w * (np.logaddexp(0, scaled) - y * scaled)).sum() / w.sum())

        temperatures.append(_least(loss) if w.sum() > 0 else 1.0)
    return tuple(temperatures)


def _least(loss) -> float:  # type: ignore[no-untyped-def]
    """The temperature with the least loss, looked for over its logarithm."""
    low, high = float(np.log(_LOWEST)), float(np.log(_HIGHEST))
    return float(np.exp(least(lambda x: loss(float(np.exp(x))), low, high)))


def _logits(p: npt.ArrayLike) -> Float64Array:
    clipped = np.clip(np.asarray(p, np.float64), _TINY, 1 - _TINY)
    return np.log(clipped) - np.log1p(-clipped)


def _logits_of_shares(p: npt.ArrayLike) -> Float64Array:
    return np.log(np.clip(np.asarray(p, np.float64), _TINY, 1.0))


def _softmax(x: Float64Array) -> Float64Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    shares: Float64Array = e / e.sum(axis=1, keepdims=True)
    return shares


def _sigmoid(x: Float64Array) -> Float64Array:
    return np.exp(-np.logaddexp(0, -x))
