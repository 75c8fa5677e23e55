"""Batches of one corpus: seeded, augmented, with whatever labels there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.data.faces import FaceSet
from mien.data.targets.blendshapes import BLENDSHAPES, MIRRORED
from mien.data.targets.priors import expression_shares
from mien.errors import ConfigError
from mien.faces.pose import turned_pose
from mien.labels import FACE_LANDMARKS
from mien.training.extractor import spoil
from mien.training.extractor.augment import (
    AugmentConfig,
    compose,
    degrade,
    random_similarities,
    sample_crops,
)
from mien.training.extractor.config import CorpusConfig, MMATrainConfig
from mien.training.extractor.landmarks import crop_landmarks, other_sides
from mien.training.losses import MMATargets


def _known(values: np.ndarray[Any, Any] | None, count: int, *shape: int) -> Tensor:
    """Labels as a tensor; NaN where the corpus comes without."""
    if values is None:
        return torch.full((count, *shape), torch.nan)
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


class CorpusFeed:
    """Endless, seeded, stateless batches of one corpus: step k is the same whenever it is asked."""

    def __init__(self, faces: FaceSet, config: CorpusConfig, class_weights: Tensor) -> None:
        count = len(faces)
        self.config = config
        self.images = torch.from_numpy(faces.images)
        self.framed = torch.from_numpy(faces.framed)
        aligned = torch.from_numpy(faces.aligned)
        has_alignment = torch.isfinite(aligned).all(dim=(1, 2))
        self.aligned = torch.where(has_alignment[:, None, None], aligned, self.framed)
        self.expressions = torch.from_numpy(faces.expressions)
        # A rare class counts for more, softly: its few faces should not drown.
        weight = torch.from_numpy(faces.expression_weight)
        self.expression_weight = weight * (self.expressions.nan_to_num() @ class_weights)
        self.valence_arousal = torch.from_numpy(faces.valence_arousal)
        self.action_units = torch.from_numpy(faces.action_units)
        self.blendshapes = _known(faces.blendshapes, count, len(BLENDSHAPES))
        self.intensities = _known(faces.intensities, count, len(faces.labels.action_units))
        self.landmarks = _known(faces.face_landmarks, count, len(FACE_LANDMARKS), 2)
        self.pose_deg = _known(faces.pose_deg, count, 3)
        self.eye_open = _known(faces.eye_open, count, 2)
        self.gaze_deg = _known(faces.gaze_deg, count, 2)
        counts = np.bincount(faces.majority + 1, minlength=len(faces.labels.expressions) + 1)
        draw = counts[faces.majority + 1].astype(np.float64) ** -config.class_balance
        self.draw = draw / draw.sum()
        self.uniform = config.class_balance == 0
        shown = torch.from_numpy(expression_shares(faces, self.draw))
        self.log_shares = shown.clamp_min(1e-4).log().float()

    def __len__(self) -> int:
        return len(self.images)

    def indices(self, seed: int, step: int) -> Tensor:
        """Rows of the batch at a step; every face once per pass where draws are uniform."""
        size = self.config.per_batch
        if not self.uniform:
            rng = np.random.default_rng([seed, step])
            return torch.from_numpy(rng.choice(len(self), size, p=self.draw))
        first = step * size
        order: list[np.ndarray[Any, Any]] = []
        for lap in range(first // len(self), (first + size - 1) // len(self) + 1):
            order.append(np.random.default_rng([seed, lap]).permutation(len(self)))
        start = first % len(self)
        return torch.from_numpy(np.concatenate(order)[start : start + size])

    def batch(
        self, seed: int, step: int, augment: AugmentConfig, size_px: int, generator: torch.Generator
    ) -> tuple[Tensor, MMATargets]:
        """Augmented grey crops (n, 1, size, size) in [0, 1] and their targets."""
        rows = self.indices(seed, step)
        count = len(rows)
        own = torch.rand(count, generator=generator) < self.config.framed_share
        to_image = torch.where(own[:, None, None], self.framed[rows], self.aligned[rows])
        moves = random_similarities(count, augment, generator)
        to_image = compose(to_image, moves)
        mirrored = torch.linalg.det(moves[:, :, :2]) < 0
        kinds = spoil.draw_kinds(count, augment.spoiled_rate, generator)
        seen = spoil.moved_views(to_image, kinds, generator) if augment.spoiled_rate else to_image
        crops = sample_crops(self.images[rows, None].float() / 255, seen, size_px)
        crops, uncovered = degrade(crops, augment, generator)
        if augment.spoiled_rate:
            crops = spoil.changed_pictures(crops, kinds, generator)
        whole = kinds < 0

        def of_whole(values: Tensor) -> Tensor:
            mask = whole.view(-1, *[1] * (values.ndim - 1))
            return torch.where(mask, values, torch.nan)

        va, units = of_whole(self.valence_arousal[rows]), of_whole(self.action_units[rows])
        mesh = self.blendshapes[rows]
        mesh = torch.where(mirrored[:, None], mesh[:, list(MIRRORED)], mesh)
        landmarks = crop_landmarks(self.landmarks[rows], to_image)
        return crops, MMATargets(
            va,
            torch.isfinite(va).all(dim=1),
            self.expressions[rows],
            torch.where(whole, self.expression_weight[rows], 0.0),
            units,
            torch.isfinite(units),
            log_shares=self.log_shares.expand(count, -1),
            blendshapes=of_whole(mesh),
            intensities=of_whole(self.intensities[rows]),
            landmarks=of_whole(other_sides(landmarks, mirrored)),
            pose_deg=of_whole(seen_pose(self.pose_deg[rows], to_image, mirrored)),
            eye_open=of_whole(mirrored_eyes(self.eye_open[rows], mirrored)),
            gaze_deg=of_whole(mirrored_yaw(self.gaze_deg[rows], mirrored)),
            quality=torch.where(whole, 1 - (2 * (1 - uncovered)).clamp(0, 1), 0.0),
        )


def seen_pose(pose_deg: Tensor, to_image: Tensor, mirrored: Tensor) -> Tensor:
    """Pose (n, 3) as crops show it that were cut, and perhaps mirrored, by `to_image` (n, 2, 3).

    The second column of the matrix is where the crop's down points in the image, mirrored or not.
    """
    turned = torch.rad2deg(torch.atan2(-to_image[:, 0, 1], to_image[:, 1, 1]))
    seen = torch.from_numpy(turned_pose(pose_deg.numpy(), turned.numpy())).float()
    flipped = seen * torch.tensor([-1.0, 1.0, -1.0])
    return torch.where(mirrored[:, None], flipped, seen)


def mirrored_eyes(eyes: Tensor, mirrored: Tensor) -> Tensor:
    """Left and right (n, 2) as a mirror shows them."""
    return torch.where(mirrored[:, None], eyes.flip(1), eyes)


def mirrored_yaw(angles: Tensor, mirrored: Tensor) -> Tensor:
    """Yaw and pitch (n, 2) as a mirror shows them."""
    return torch.where(mirrored[:, None], angles * torch.tensor([-1.0, 1.0]), angles)


def class_weights(faces: FaceSet, power: float) -> Tensor:
    """Loss weight per expression, (share of the class) ** -power, mean 1 over the faces."""
    known = faces.expression_weight > 0
    if not known.any():  # a corpus of other labels: nothing to weigh
        return torch.ones(faces.expressions.shape[1])
    share = torch.from_numpy(faces.expressions[known]).mean(0)
    weight = share.clamp_min(1e-4) ** -power
    return weight / (weight * share).sum()


def join(batches: list[tuple[Tensor, MMATargets]]) -> tuple[Tensor, MMATargets]:
    """Concatenate the parts of a batch; grey becomes three equal channels in [-1, 1]."""
    crops = torch.cat([part for part, _ in batches]) * 2 - 1
    joined = {
        name: torch.cat([getattr(targets, name) for _, targets in batches])
        for name in MMATargets.__dataclass_fields__
    }
    return crops.expand(-1, 3, -1, -1), MMATargets(**joined)


def evaluation_crops(faces: FaceSet, size_px: int = 112, batch: int = 256) -> Any:
    """Network input (n, 3, size, size) without augmentation, aligned where there are landmarks."""
    aligned, framed = torch.from_numpy(faces.aligned), torch.from_numpy(faces.framed)
    usable = torch.isfinite(aligned).all(dim=(1, 2))[:, None, None]
    to_image = torch.where(usable, aligned, framed)
    for start in range(0, len(faces), batch):
        images = torch.from_numpy(faces.images[start : start + batch, None]).float() / 255
        crops = sample_crops(images, to_image[start : start + batch], size_px)
        yield (crops * 2 - 1).expand(-1, 3, -1, -1)


def make_feeds(config: MMATrainConfig, corpora: dict[str, FaceSet]) -> dict[str, CorpusFeed]:
    """A feed of training faces for each corpus; class weights come from the first."""
    configs = config.corpus_configs()
    if set(configs) != set(corpora) or not configs:
        raise ConfigError(f"corpora configured: {sorted(configs)}, given: {sorted(corpora)}")
    train = {name: corpora[name].select(corpora[name].split == "train") for name in configs}
    for name, faces in train.items():
        if not len(faces):
            splits = ", ".join(sorted(set(corpora[name].split.tolist())))
            raise ConfigError(
                f"corpora.{name}: no face is in the split train (there is: {splits}); folders "
                "named after expressions need train/ and valid/ around them"
            )
    weights = class_weights(next(iter(train.values())), config.class_weight_power)
    return {name: CorpusFeed(train[name], configs[name], weights) for name in configs}
