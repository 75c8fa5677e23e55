"""Which share of each expression the probabilities assume, and how to assume another.

A network that was trained on many smiles says "happiness" sooner than one that was trained on few.
Where the shares that its probabilities assume are known, they can be exchanged (Saerens, Latinne &
Decaestecker, Neural Computation 14(1), 2002): ``p'`` is in proportion to ``p * new / assumed``.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import ConfigError, ModelError
from mien.labels import EXPRESSIONS, PAPERS_LABELS, LabelSet
from mien.types import FloatArray

NAMED_PRIORS = ("default", "balanced", "everyday")
"""What may be asked for by name; anything else is the path of a file."""

_SUM_TOLERANCE = 0.01


@dataclass(frozen=True)
class Prior:
    """Shares of the expressions that an analysis assumes.

    Attributes
    ----------
    name
        One of `NAMED_PRIORS`, or the path of the file.
    shares
        (7,) in the order of `mien.labels.EXPRESSIONS`; None where the model does not say.
    assumed
        (7,) what the model's own probabilities assume; None where nothing is to be exchanged.
    labels
        Of the model.
    """

    name: str
    shares: tuple[float, ...] | None = None
    assumed: tuple[float, ...] | None = None
    labels: LabelSet = PAPERS_LABELS

    def apply(self, affect: FloatArray) -> FloatArray:
        """The 26 numbers with the expressions' probabilities under this prior; a copy.

        Examples
        --------
        >>> even, rare = (1 / 7,) * 7, (0.4, *(0.1,) * 6)
        >>> affect = np.full(26, 1 / 7, np.float32)
        >>> Prior("mine", rare, even).apply(affect)[2:5].round(3).tolist()
        [0.4000000059604645, 0.10000000149011612, 0.10000000149011612]
        """
        if self.shares is None or self.assumed is None:
            return affect
        told, own = affect.copy(), self.labels.expression_slice
        weighted = affect[own].astype(np.float64) * np.divide(self.shares, self.assumed)
        if weighted.sum() > 0:
            told[own] = weighted / weighted.sum()
        return told

    def describe(self) -> dict[str, Any]:
        """The entry in ``video.json``."""
        if self.shares is None:
            return {"name": self.name, "shares": None}
        names = self.labels.expressions
        return {"name": self.name, "shares": dict(zip(names, self.shares, strict=True))}


def choose_prior(
    asked: str,
    priors: Mapping[str, tuple[float, ...]] | None,
    model: object,
    labels: LabelSet = PAPERS_LABELS,
) -> Prior:
    """The prior that is asked for.

    Parameters
    ----------
    asked
        One of `NAMED_PRIORS` or the path of a file, see `read_prior`.
    priors
        What the extractor says: ``default`` and others, by name; None: nothing.
    model
        The extractor's name, for messages.
    labels
        Those of the extractor.

    Raises
    ------
    ModelError
        If the model does not say what its probabilities assume and another prior is asked for.
    ConfigError
        If the file is wrong.
    """
    if asked == "default":
        return Prior(asked, None if priors is None else priors["default"], labels=labels)
    named = asked in NAMED_PRIORS
    shares = None if named else read_prior(Path(asked), labels.expressions)
    if priors is None:
        raise ModelError(
            f"the extractor {model!r} does not say which prior its expressions assume, so it "
            f"cannot be exchanged for {asked!r}; leave --prior out"
        )
    if asked == "balanced":
        shares = (1 / len(labels.expressions),) * len(labels.expressions)
    elif shares is None:
        if asked not in priors:
            raise ModelError(
                f"the extractor {model!r} knows no {asked!r} prior; give a file with the seven "
                "shares instead"
            )
        shares = priors[asked]
    return Prior(asked, shares, priors["default"], labels)


def read_prior(path: Path, expressions: tuple[str, ...] = EXPRESSIONS) -> tuple[float, ...]:
    """Shares (7,) from a TOML or JSON file with a number above 0 per expression, 1 in sum.

    They are in the order of `expressions`.

    Raises
    ------
    ConfigError
        If it cannot be read or holds anything else; the text says what, where and what to do.
    """
    names = ", ".join(expressions)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"{path}: the prior cannot be read ({reason}); give "
            f"{', '.join(NAMED_PRIORS)} or a TOML or JSON file with the shares of {names}"
        ) from error
    try:
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"{path}: not valid TOML or JSON ({error}); write lines such as neutral = 0.4"
        ) from error
    if not isinstance(values, dict) or set(values) != set(expressions):
        found = sorted(map(str, values)) if isinstance(values, dict) else type(values).__name__
        raise ConfigError(f"{path}: holds {found}; give a share for each of {names}")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
            raise ConfigError(
                f"{path}: the share of {name} is {value!r}; give a number above 0 and below 1"
            )
    total = math.fsum(values.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise ConfigError(f"{path}: the shares sum to {total:.3g}; make them sum to 1")
    return tuple(float(values[name]) / total for name in expressions)
