"""Soft targets: what a trained extractor, or several, says of the training faces.

Ten votes or one name are a noisy sample of what a face shows. A network averaged over mirrored
and rescaled views, and over seeds, is less noisy than any one answer of it; mixing its answer into
the labels teaches a student of the same cost what the average knows (Hinton, Vinyals & Dean 2015).
Only labels that exist are mixed: where a corpus says nothing, nothing is filled in.

A teacher here is an extractor. `FaceSet.teacher_scores`, what a face mesh measured, are another
network's and enter as labels (`mien.data.targets.mesh_units`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mien.data.faces import FaceSet
from mien.errors import ConfigError, ModelError
from mien.io import atomic_path
from mien.labels import VALENCE_AROUSAL_SLICE
from mien.models.mma import MMAExtractor
from mien.training.engine import PRECISIONS
from mien.training.extractor.augment import compose, sample_crops, similarities
from mien.training.extractor.runs import load_extractor_run
from mien.types import FloatArray

_SCALES = (0.95, 1.05)
"""Views are the face as it is aligned at these scales, each as it is and mirrored."""


class Teacher:
    """One or several trained runs whose answers are averaged.

    Parameters
    ----------
    runs
        Run folders with the ``model.safetensors`` of ``mien train extractor``, in any order.
    precision
        ``"float32"`` or ``"bfloat16"``, in which their convolutions calculate.

    Raises
    ------
    ModelError
        If a folder is not that of a finished run, or the runs say different labels.
    """

    def __init__(self, runs: Sequence[Path], precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, not {precision!r}")
        self.precision = precision
        found = sorted((load_extractor_run(run) for run in runs), key=lambda run: run.fingerprint)
        # Channels last, as in training: twice as fast as the layout that a fresh module has.
        self.models = [
            run.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for run in found
        ]
        self.fingerprint = "+".join(run.fingerprint for run in found)
        self.labels = self.models[0].labels
        if any(model.labels != self.labels for model in self.models):
            raise ModelError(f"{runs[0]} and other teachers do not say the same labels")

    @torch.no_grad()
    def predict(self, faces: FaceSet, batch: int = 256) -> FloatArray:
        """Affect representations float32 (n, 26): logits (valence-arousal: values) averaged."""
        if not len(faces):
            return np.empty((0, len(faces.labels.affect_columns)), np.float32)
        aligned, framed = torch.from_numpy(faces.aligned), torch.from_numpy(faces.framed)
        usable = torch.isfinite(aligned).all(dim=(1, 2))[:, None, None]
        to_image = torch.where(usable, aligned, framed)
        views = similarities(
            scale=torch.tensor(_SCALES).repeat(2),
            mirror=torch.tensor([1.0, -1.0]).repeat_interleave(len(_SCALES)),
        )  # (V, 2, 3)
        found = []
        for start in range(0, len(faces), batch):
            part = slice(start, start + batch)
            images = torch.from_numpy(faces.images[part, None]).float() / 255
            crops = {
                side: [
                    sample_crops(
                        images, compose(to_image[part], view.expand(len(images), 2, 3)), side
                    )
                    for view in views
                ]
                for side in {_side(model) for model in self.models}
            }
            found.append(self._answer(crops))
        return torch.cat(found).numpy()

    def _answer(self, views: dict[int, list[Tensor]]) -> Tensor:
        """Mean over runs and the views of each run's side, (batch, 26)."""
        raw = []
        for model in self.models:
            for crops in views[_side(model)]:
                faces = (crops * 2 - 1).expand(-1, 3, -1, -1)
                faces = faces.contiguous(memory_format=torch.channels_last)
                prepared = model.prepared(faces)
                with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
                    convolved = model.convolved(prepared)
                raw.append(torch.cat(model.read(convolved)[:3], dim=1))
        affect = torch.stack(raw).mean(0)
        expressions, units = self.labels.expression_slice, self.labels.action_unit_slice
        affect[:, expressions] = affect[:, expressions].softmax(1)
        affect[:, units] = affect[:, units].sigmoid()
        return affect


def soften(faces: FaceSet, answers: FloatArray, share: float) -> FaceSet:
    """The same faces, training labels mixed with a teacher's answers.

    Parameters
    ----------
    faces
        All splits; only ``"train"`` is changed, so scores are against the labels as they are.
    answers
        float32 (n, 26) of these faces; rows of other splits are not read.
    share
        Weight of the answers, 0..1. Labels that are missing stay missing.

    Returns
    -------
    A set whose expressions, valence-arousal and action units are
    ``(1 - share) * label + share * answer`` on training faces.

    Raises
    ------
    ValueError
        If answers have another shape or a training face has none.
    """
    expected = (len(faces), len(faces.labels.affect_columns))
    if answers.shape != expected:
        raise ValueError(f"expected answers of shape {expected}, got {answers.shape}")
    train = faces.split == "train"
    if not np.isfinite(answers[train]).all():
        raise ValueError("a training face has no answer of the teacher")

    def mixed(labels: FloatArray, columns: slice) -> FloatArray:
        result = labels.copy()
        # NaN (no label) stays NaN; faces of other splits keep their labels bit for bit.
        soft = (1 - share) * labels[train] + share * answers[train, columns]
        result[train] = soft.astype(labels.dtype)
        return result

    return replace(
        faces,
        expressions=mixed(faces.expressions, faces.labels.expression_slice),
        valence_arousal=mixed(faces.valence_arousal, VALENCE_AROUSAL_SLICE),
        action_units=mixed(faces.action_units, faces.labels.action_unit_slice),
    )


def distilled(
    corpora: dict[str, FaceSet],
    shares: dict[str, float],
    teacher: Teacher | None,
    cache: Path,
    report: Callable[[str], object] = print,
) -> dict[str, FaceSet]:
    """Corpora with softened labels where their share is above zero.

    Parameters
    ----------
    corpora, shares
        By name.
    teacher
        None: nobody, and no share may be above zero.
    cache
        Folder in which answers are kept, so that a run that is started again need not ask again.
    report
        Receives a line per corpus that the teacher is asked about.

    Raises
    ------
    ConfigError
        If there is a teacher but no share, or a share but no teacher.
    """
    wanted = [name for name, share in shares.items() if share > 0]
    if wanted and teacher is None:
        raise ConfigError(
            f"distill_weight of {wanted[0]!r} is above 0: say who teaches with --teacher RUN"
        )
    if teacher is None:
        return corpora
    if not wanted:
        raise ConfigError("--teacher is given, but no corpus has a distill_weight above 0")
    softened = dict(corpora)
    for name in wanted:
        if corpora[name].labels != teacher.labels:
            raise ConfigError(
                "--teacher says other expressions or action units than the recipe: leave one out"
            )
        answers = _asked_once(teacher, corpora[name], cache, name, report)
        softened[name] = soften(corpora[name], answers, shares[name])
    return softened


def _asked_once(
    teacher: Teacher, faces: FaceSet, cache: Path, name: str, report: Callable[[str], object]
) -> FloatArray:
    """Answers of a teacher to the training faces; rows of other splits are NaN."""
    asked = f"{teacher.fingerprint} {teacher.precision} {_SCALES} {faces.fingerprint()}"
    key = hashlib.sha256(asked.encode())
    # The key is in the name: another teacher's answers are not overwritten by a slip.
    file = cache / f"teacher-{name}-{key.hexdigest()[:16]}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as stored:
            return np.asarray(stored["answers"], np.float32)
    train = faces.split == "train"
    report(f"the teacher looks at {int(train.sum())} faces of {faces.corpus}")
    answers = np.full((len(faces), len(faces.labels.affect_columns)), np.nan, np.float32)
    answers[train] = teacher.predict(faces.select(train))
    with atomic_path(file) as partial, partial.open("wb") as opened:
        np.savez(opened, answers=answers)
    return answers


def _side(model: MMAExtractor) -> int:
    """Pixels of the side that a run was trained at."""
    return model.config.full_px
