"""Who a head is: phenotype and local shape, drawn from a seed.

Adults only. Ranges are those in which MakeHuman's shapes look like ordinary people to us; they are
not population statistics, and the mixture of african, asian and caucasian shapes is a way to vary
heads, not a claim about anyone's origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mien.synthetic.faces.geometry.basis import HeadBasis

PHENOTYPE_RANGES: dict[str, tuple[float, float]] = {
    "gender": (0.0, 1.0),  # male to female, mostly near the ends
    "age": (0.66, 0.97),  # 2/3 young adult, 1 very old
    "muscle": (0.25, 0.75),
    "weight": (0.25, 0.9),
    "height": (0.3, 0.7),
    "proportions": (0.1, 0.9),
}
"""Phenotype -> range drawn from, uniformly except for gender and for age, of which young
adults are drawn more often. Units are anny's, 0 to 1."""

LOCAL_SCALES: dict[str, float] = {
    "cheek": 0.25,
    "chin": 0.25,
    "ear": 0.3,
    "eye": 0.2,
    "eyebrows": 0.1,
    "forehead": 0.3,
    "head": 0.15,
    "mouth": 0.2,
    "neck": 0.2,
    "nose": 0.3,
}
"""Kind of local change -> standard deviation; values are cut at 2.5 deviations."""

# Local changes that would look like an action unit or a grimace at rest, or that shift a whole part
# sideways: drawn with a small deviation, or their label would be wrong.
EXPRESSION_LIKE: tuple[str, ...] = (
    "mouth-angles-up",
    "mouth-dimples-out",
    "mouth-laugh-lines-out",
    "mouth-lowerlip-middle-up",
    "mouth-upperlip-middle-up",
    "mouth-trans-up",
    "eye-height1-incr",
    "eye-height2-incr",
    "eye-height3-incr",
    "eye-push1-out",
    "eye-push2-out",
    "eye-trans-up",
    "eye-trans-out",
    "trans-out",
)
"""Endings of local changes drawn at a quarter of their kind's deviation."""

SIDE_DEVIATION = 0.15
"""Deviation of left from right, relative to the kind's deviation: nobody is symmetric."""


@dataclass(frozen=True)
class Identity:
    """One person's shape.

    Attributes
    ----------
    phenotypes
        gender, age, muscle, weight, height, proportions, african, asian, caucasian -> 0 to 1.
    local_changes
        Name of a local change of the basis -> about -1 to 1; absent ones are 0.
    """

    phenotypes: Mapping[str, float] = field(default_factory=dict)
    local_changes: Mapping[str, float] = field(default_factory=dict)


def mean_identity() -> Identity:
    """The symmetric default head: every phenotype 0.5 but age 0.7, equal mixture, no changes."""
    return Identity({"age": 0.7, "african": 1 / 3, "asian": 1 / 3, "caucasian": 1 / 3})


def draw_identity(basis: HeadBasis, seed: int) -> Identity:
    """Draw an adult.

    Parameters
    ----------
    basis
        Names the local changes there are.
    seed
        Non-negative; the same seed gives the same person.

    Returns
    -------
    Phenotypes within `PHENOTYPE_RANGES`, gender from Beta(0.5, 0.5), the mixture from a Dirichlet
    distribution with all parameters 0.5 (mostly one part, often two), and local changes by
    `LOCAL_SCALES`, nearly the same on both sides.

    Raises
    ------
    ValueError
        If the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"a seed is 0 or greater, not {seed}")
    rng = np.random.default_rng([0x1DE47, seed])
    phenotypes = {
        name: float(rng.beta(0.5, 0.5) if name == "gender" else rng.uniform(low, high))
        for name, (low, high) in PHENOTYPE_RANGES.items()
    }
    low, high = PHENOTYPE_RANGES["age"]
    phenotypes["age"] = low + (phenotypes["age"] - low) ** 1.7 / (high - low) ** 0.7
    mixture = rng.dirichlet([0.5, 0.5, 0.5])
    for name, part in zip(("african", "asian", "caucasian"), mixture, strict=True):
        phenotypes[name] = float(part)
    changes: dict[str, float] = {}
    shared: dict[str, float] = {}
    for label in basis.local_labels:
        one_sided = label.startswith(("l-", "r-"))
        name = label[2:] if one_sided else label
        scale = _scale(name)
        if scale == 0:
            continue
        if name not in shared:
            shared[name] = float(np.clip(rng.normal(), -2.5, 2.5))
        own = shared[name] + (SIDE_DEVIATION * float(rng.normal()) if one_sided else 0.0)
        changes[label] = scale * float(np.clip(own, -2.5, 2.5))
    return Identity(phenotypes, changes)


def _scale(name: str) -> float:
    """Standard deviation of a local change named without its side; 0 where it is not drawn."""
    scale = LOCAL_SCALES.get(name.split("-")[0], 0.0)
    return scale * (0.25 if name.endswith(EXPRESSION_LIKE) else 1.0)
