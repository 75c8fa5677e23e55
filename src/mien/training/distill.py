"""Soft targets: what a trained extractor, or several, says of the training faces.

Ten votes or one name are a noisy sample of what a face shows. A network averaged over mirrored
and rescaled views, and over seeds, is less noisy than any one answer of it; mixing its answer into
the labels teaches a student of the same cost what the average knows (Hinton, Vinyals & Dean 2015).
Only labels that exist are mixed: where a corpus says nothing, nothing is filled in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.datasets.base import FaceSet
from mien.errors import ConfigError, ModelError
from mien.labels import ACTION_UNIT_SLICE, EXPRESSION_SLICE, VALENCE_AROUSAL_SLICE
from mien.models.mma import MMAConfig, MMAExtractor, build_mma
from mien.training.augment import compose, sample_crops, similarities
from mien.training.checkpoint import load_checkpoint, tensor_fingerprint
from mien.types import FloatArray

_SCALES = (0.95, 1.05)
"""Views are the face as it is aligned at these scales, each as it is and mirrored."""


class Teacher:
    """One or several trained runs whose raw outputs are averaged.

    Parameters
    ----------
    runs
        Run folders of ``mien train mma``, each with ``config.json`` and ``model.safetensors``.

    Raises
    ------
    ModelError
        If a folder is not that of a finished run.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        found = [_load_run(run) for run in runs]
        self.models = [model for model, _ in found]
        self.fingerprint = "+".join(mark for _, mark in found)

    @torch.no_grad()
    def predict(self, faces: FaceSet, batch: int = 256) -> FloatArray:
        """Affect representations float32 (n, 26), averaged over runs and views before squashing."""
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
            crops = [
                sample_crops(images, compose(to_image[part], view.expand(len(images), 2, 3)), side)
                for side in {_side(model) for model in self.models}
                for view in views
            ]
            found.append(self._answer(crops))
        return torch.cat(found).numpy()

    def _answer(self, views: list[Tensor]) -> Tensor:
        """Mean over views and runs; each run reads the views of its own side."""
        total: list[Tensor] = []
        for model in self.models:
            for crops in views:
                if crops.shape[-1] == _side(model):
                    faces = (crops * 2 - 1).expand(-1, 3, -1, -1)
                    raw = model(faces.contiguous(memory_format=torch.channels_last))
                    total.append(torch.cat(list(raw), dim=1))  # (B, 26), nothing squashed but VA
        mean = torch.stack(total).mean(0)
        affect = mean.clone()
        affect[:, EXPRESSION_SLICE] = mean[:, EXPRESSION_SLICE].softmax(1)
        affect[:, ACTION_UNIT_SLICE] = mean[:, ACTION_UNIT_SLICE].sigmoid()
        return affect


def soften(faces: FaceSet, answers: FloatArray, share: float) -> FaceSet:
    """The same faces, training labels mixed with a teacher's answers.

    Parameters
    ----------
    faces
        All splits; only ``"train"`` is changed, so scores are against the labels as they are.
    answers
        float32 (n, 26) of these faces.
    share
        Weight of the answers, 0..1. Labels that are missing stay missing.

    Returns
    -------
    A set whose expressions, valence-arousal and action units are
    ``(1 - share) * label + share * answer`` on training faces.
    """
    if answers.shape != (len(faces), 26):
        raise ValueError(f"expected answers of shape {(len(faces), 26)}, got {answers.shape}")
    mix = np.where(faces.split == "train", np.float32(share), np.float32(0))[:, None]

    def mixed(labels: FloatArray, columns: slice) -> FloatArray:
        # NaN (no label) stays NaN; an untouched face keeps its label bit for bit.
        return np.where(mix > 0, (1 - mix) * labels + mix * answers[:, columns], labels)

    return replace(
        faces,
        expressions=mixed(faces.expressions, EXPRESSION_SLICE),
        valence_arousal=mixed(faces.valence_arousal, VALENCE_AROUSAL_SLICE),
        action_units=mixed(faces.action_units, ACTION_UNIT_SLICE),
    )


def distilled(
    corpora: dict[str, FaceSet],
    shares: dict[str, float],
    runs: Sequence[Path],
    cache: Path,
    report: Callable[[str], object] = print,
) -> dict[str, FaceSet]:
    """Corpora with softened labels where their share is above zero; answers are kept in `cache`.

    Raises
    ------
    ConfigError
        If there are runs but no share, or a share but no runs.
    ModelError
        If a run cannot be read.
    """
    wanted = [name for name, share in shares.items() if share > 0]
    if bool(wanted) != bool(runs):
        raise ConfigError(
            "--teacher is given, but no corpus has a teacher_share above 0"
            if runs
            else f"teacher_share of {wanted[0]!r} is above 0: say who teaches with --teacher RUN"
        )
    if not wanted:
        return corpora
    teacher = Teacher(runs)
    softened = dict(corpora)
    for name in wanted:
        answers = _cached(teacher, corpora[name], cache / f"teacher-{name}.npz", report)
        softened[name] = soften(corpora[name], answers, shares[name])
    return softened


def _cached(
    teacher: Teacher, faces: FaceSet, file: Path, report: Callable[[str], object]
) -> FloatArray:
    """Answers of a teacher to the training faces; rows of other splits are zero."""
    places = hashlib.sha256(faces.aligned.tobytes()).hexdigest()[:16]
    key = f"{teacher.fingerprint} {faces.fingerprint()} {places}"
    if file.is_file():
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["key"]) == key:
                return np.asarray(stored["answers"], np.float32)
    train = faces.split == "train"
    report(f"the teacher looks at {int(train.sum())} faces of {faces.corpus}")
    answers = np.zeros((len(faces), 26), np.float32)
    answers[train] = teacher.predict(faces.select(train))
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, answers=answers, key=np.array(key))
    partial.replace(file)
    return answers


def _load_run(run: Path) -> tuple[MMAExtractor, str]:
    """Model in evaluation mode and fingerprint of its weights."""
    try:
        recipe: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))
        model = build_mma(recipe["preset"], **recipe["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{run}: not the folder of a finished `mien train mma`: {error}"
        ) from error
    tensors, _ = load_checkpoint(run / "model.safetensors")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"{run}: model.safetensors is not what config.json describes") from error
    # Channels last, as in training: twice as fast as the layout that a fresh module has.
    fast = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return fast, tensor_fingerprint(tensors)


def _side(model: MMAExtractor) -> int:
    """Pixels of the side that a run was trained at."""
    config: MMAConfig = model.config
    return config.inner_px or 112
