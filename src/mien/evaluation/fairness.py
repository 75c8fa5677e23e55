"""A fairness audit on synthetic faces: one thing about a person changes, all else stays.

Each synthetic person poses the seven expressions, head nearly straight, in plain light, and is
pictured once per skin tone, age and gender. The pictures go the way of any video: detector,
alignment, extractor. The audit can find what a model does with tones and shapes of this generator;
it cannot show that a model is fair to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.faces.align import align
from mien.faces.detectors.retinaface import RetinaFaceDetector
from mien.labels import (
    ACTION_UNIT_SLICE,
    ACTION_UNITS,
    EXPRESSION_SLICE,
    EXPRESSIONS,
    VALENCE_AROUSAL_SLICE,
)
from mien.runtime.metadata import require_papers_labels
from mien.runtime.models import AffectModel
from mien.synthetic.faces.appearance.look import draw_look
from mien.synthetic.faces.behaviour.affect import read_affect
from mien.synthetic.faces.behaviour.compatibility import reconcile
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.behaviour.prototypes import EMOTION_PROTOTYPES
from mien.synthetic.faces.generation.seeds import identity_seed, split_of
from mien.synthetic.faces.geometry.controls import HeadPose
from mien.synthetic.faces.geometry.identity import PHENOTYPE_RANGES, Identity, draw_identity
from mien.synthetic.faces.rendering.actor import Actor
from mien.synthetic.faces.rendering.studio import Studio
from mien.types import FloatArray

GROUPS: dict[str, dict[str, float]] = {
    "skin tone": {
        "very light": 0.05,
        "light": 0.28,
        "medium": 0.5,
        "dark": 0.72,
        "very dark": 0.95,
    },
    "age": {"young adult": 0.05, "middle-aged": 0.5, "old": 0.95},
    "gender": {"male": 0.05, "female": 0.95},
}
"""What is varied, and the levels: tone and age of `Look`, gender of the head's shape."""

MEASURES: tuple[str, ...] = ("missed", "wrong", "au_error", "valence_error", "arousal_error")
"""Share of faces not found; of the found ones: share with another leading expression than posed,
mean absolute error over the 17 units (probability against whether it is shown), over valence and
over arousal."""

_SIZE_PX = 160
_PRESENT = 0.3  # intensity from which a unit counts as shown
_RESAMPLES = 2000


@dataclass(frozen=True)
class _Face:
    factor: str
    level: str
    person: int
    errors: FloatArray  # (5,) in the order of MEASURES, NaN where the face was not found


def audit(
    extractor: AffectModel,
    people: int = 20,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> list[dict[str, Any]]:
    """Run the audit.

    Parameters
    ----------
    extractor
        The model.
    people
        How many synthetic people, all of the test split: no training set shows them.
    seed
        Of the people.
    progress
        Called with 1 after every picture.

    Returns
    -------
    One row per group: ``factor, level, faces`` and for each of `MEASURES` a mean with the limits
    of its 95 % confidence interval over people (percentile bootstrap), and ``..._gap`` with limits:
    the mean of the group less that of all levels of the factor, person by person.
    """
    require_papers_labels(extractor.labels, extractor.metadata.get("name"))
    studio, detector = Studio(), RetinaFaceDetector()
    faces: list[_Face] = []
    for person, (factor, level, actor, moments) in _sitters(studio, people, seed):
        scene = studio.scene(person, "portrait", _SIZE_PX, "even", clean=True)
        for number, moment in enumerate(moments):
            shot = studio.render(actor, scene, moment, ("color",), seed=number)
            assert shot.color is not None
            errors = np.full(len(MEASURES), np.nan, np.float32)
            found = detector.detect(shot.color)
            errors[0] = not found
            if found:
                crop = align(shot.color, max(found, key=lambda face: face.score).landmarks)
                errors[1:] = _errors(extractor.predict(crop[None])[0], moment, number)
            faces.append(_Face(factor, level, person, errors))
            if progress is not None:
                progress(1)
    return [
        row
        for factor, levels in GROUPS.items()
        for row in _summary(factor, levels, [face for face in faces if face.factor == factor], seed)
    ]


def fairness_table(groups: list[dict[str, Any]]) -> str:
    """Markdown table of an audit's result."""
    head = ["", "group", "faces", *(name.replace("_", " ") for name in MEASURES)]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in groups:
        cells = [row["factor"], row["level"], str(row["faces"])]
        for name in MEASURES:
            mean, low, high = row[name]
            apart = row[f"{name}_gap"][1] > 0 or row[f"{name}_gap"][2] < 0
            cells.append(f"{mean:.3f} [{low:.3f}, {high:.3f}]{' *' if apart else ''}")
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "In brackets: 95 % interval over people. *: differs from the mean of its factor."]
    return "\n".join(lines)


def _sitters(
    studio: Studio, people: int, seed: int
) -> Iterator[tuple[int, tuple[str, str, Actor, list[Moment]]]]:
    """Every person in every group, with the moments that the person poses in all of them."""
    taken = 0
    for number in range(1_000_000):
        person = identity_seed(seed, number)
        if split_of(person) != "test":
            continue
        identity = draw_identity(studio.head.basis, person)
        moments = _poses(np.random.default_rng([0xFA1E, person]))
        for factor, levels in GROUPS.items():
            for level, value in levels.items():
                yield (
                    person,
                    (factor, level, _actor(studio, identity, person, factor, value), moments),
                )
        taken += 1
        if taken == people:
            return


def _actor(studio: Studio, identity: Identity, person: int, factor: str, value: float) -> Actor:
    """The person with one thing changed; what depends on it (beard, wrinkles) changes along."""
    low, high = PHENOTYPE_RANGES["age"]
    phenotypes = dict(identity.phenotypes)
    if factor == "age":
        phenotypes["age"] = low + (high - low) * value
    elif factor == "gender":
        phenotypes["gender"] = value
    identity = replace(identity, phenotypes=phenotypes)
    look = replace(draw_look(identity, person), glasses="none", headwear="none")
    if factor == "skin tone":
        look = replace(look, tone=value)
    return studio.dressed(identity, look)


def _poses(rng: np.random.Generator) -> list[Moment]:
    """The seven expressions as this person poses them, in the order of `EXPRESSIONS`."""
    moments = []
    for name in EXPRESSIONS:
        units = np.zeros(len(ACTION_UNITS))
        for unit, (share, strength) in EMOTION_PROTOTYPES.get(name, {}).items():
            if share >= 0.5:
                units[ACTION_UNITS.index(unit)] = strength
        shown = reconcile(units).astype(np.float32)
        affect = read_affect(shown)
        yaw, pitch, roll = rng.normal(0, 4, 3)
        moments.append(
            Moment(
                shown,
                expressions=affect.expressions,
                valence=float(affect.valence),
                arousal=float(affect.arousal),
                pose=HeadPose(float(yaw), float(pitch), float(roll)),
            )
        )
    return moments


def _errors(affect: FloatArray, moment: Moment, posed: int) -> list[float]:
    valence, arousal = affect[VALENCE_AROUSAL_SLICE]
    return [
        float(affect[EXPRESSION_SLICE].argmax() != posed),
        float(np.abs(affect[ACTION_UNIT_SLICE] - (moment.action_units >= _PRESENT)).mean()),
        abs(float(valence) - moment.valence),
        abs(float(arousal) - moment.arousal),
    ]


def _summary(
    factor: str, levels: dict[str, float], faces: list[_Face], seed: int
) -> list[dict[str, Any]]:
    people = sorted({face.person for face in faces})
    # Mean of every person in every level: the seven pictures of a person are no seven witnesses.
    means = np.array(
        [
            [_mean([f.errors for f in faces if (f.level, f.person) == (level, p)]) for p in people]
            for level in levels
        ]
    )  # (levels, people, measures)
    picks = np.random.default_rng([0xB007, seed]).integers(
        0, len(people), (_RESAMPLES, len(people))
    )
    gaps = means - _mean(means)[None]
    rows = []
    for k, level in enumerate(levels):
        row: dict[str, Any] = {"factor": factor, "level": level}
        row["faces"] = sum(face.level == level for face in faces)
        for m, name in enumerate(MEASURES):
            row[name] = _interval(means[k, :, m], picks)
            row[f"{name}_gap"] = _interval(gaps[k, :, m], picks)
        rows.append(row)
    return rows


def _mean(values: Any) -> npt.NDArray[np.float64]:
    """Mean over the first axis without NaN; NaN where there is nothing else."""
    stacked = np.asarray(values, np.float64)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0).sum(axis=0)
    mean = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _interval(
    values: npt.NDArray[np.float64], picks: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    """Mean over people and the limits of its 95 % percentile bootstrap interval."""
    resampled = _mean(values[picks].T)
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return float(_mean(values)), float(low), float(high)
