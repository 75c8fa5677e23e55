"""A corpus of stripes that a tiny network learns within seconds, and its recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.data.faces import FaceSet, framed_matrices
from mien.data.targets.blendshapes import BLENDSHAPES, no_scores
from mien.data.targets.votes import valence_arousal_targets
from mien.training.extractor import MMATrainConfig, OptimizerConfig
from mien.training.extractor.augment import AugmentConfig

TINY = {"widths": (8, 16), "depths": (1, 1), "stem_width": 8, "dropout": 0.1, "inner_px": 0}
BRANCHED = {
    "widths": (8, 12, 16), "depths": (1, 1, 1), "stem_width": 8, "branch": (8, 8), "feature": 24,
}  # fmt: skip
CALM = AugmentConfig(
    rotation_deg=2, shift_px=1, log_scale=0.02, slope=0, blur_rate=0, noise=0.01,
    occlusion_rate=0, log_gamma=0.05,
)  # fmt: skip


def striped_faces(count=96, seed=0):
    """'Neutral' has horizontal stripes, 'happiness' vertical ones; AU12 goes with the latter."""
    rng = np.random.default_rng(seed)
    happy = rng.random(count) < 0.5
    y, x = np.mgrid[:48, :48]
    stripes = np.where(happy[:, None, None], np.sin(x * 0.6), np.sin(y * 0.6))
    images = (127 + 90 * stripes + rng.normal(0, 8, stripes.shape)).clip(0, 255).astype(np.uint8)
    expressions = np.zeros((count, 7), np.float32)
    expressions[np.arange(count), np.where(happy, 4, 0)] = 1
    units = np.full((count, 17), np.nan, np.float32)
    units[:, 9] = happy
    return FaceSet(
        corpus="stripes",
        names=np.array([f"f{i}" for i in range(count)]),
        images=images,
        aligned=np.full((count, 2, 3), np.nan, np.float32),
        framed=framed_matrices(count, 48),
        expressions=expressions,
        expression_weight=np.ones(count, np.float32),
        majority=np.where(happy, 4, 0),
        valence_arousal=valence_arousal_targets(expressions, units),
        action_units=units,
        teacher_scores=units,
        split=np.where(np.arange(count) < count * 2 // 3, "train", "valid"),
        counted=np.ones(count, bool),
    )


def with_mesh(faces):
    """A mesh's scores: smiles go with the stripes, left more than right; some are unknown."""
    happy = (faces.majority == 4).astype(np.float32)
    mesh = no_scores(len(faces))
    mesh[:, BLENDSHAPES.index("mouthSmileLeft")] = 0.8 * happy
    mesh[:, BLENDSHAPES.index("mouthSmileRight")] = 0.2 * happy
    mesh[::5] = np.nan
    return replace(faces, blendshapes=mesh)


def with_details(faces):
    """Everything that a network with a landmark branch can learn goes with the stripes."""
    rng = np.random.default_rng(5)
    happy = (faces.majority == 4).astype(np.float32)
    places = np.repeat(rng.uniform(12, 36, (1, 26, 2)), len(faces), 0)
    places[:, :, 1] += np.where(happy, 6, -6)[:, None]
    intensities = np.full((len(faces), 17), np.nan, np.float32)
    intensities[:, 9] = 4 * happy
    pose = np.stack([30 * happy - 15, 10 - 20 * happy, 0 * happy], axis=1)
    return replace(
        with_mesh(faces),
        aligned=faces.framed,
        intensities=intensities,
        face_landmarks=places.astype(np.float32),
        pose_deg=pose.astype(np.float32),
        eye_open=np.stack([happy, 1 - happy], axis=1),
        gaze_deg=np.stack([10 * happy, -10 * happy], axis=1),
    )


def recipe(**changes):
    base = MMATrainConfig(
        name="tiny",
        corpora={"stripes": {"kind": "ferplus", "path": "unused", "per_batch": 16}},
        model=TINY,
        optimizer=OptimizerConfig(epochs=3, small_epochs=2, lr=1e-2, warmup_steps=2, ema=0.8),
        augment=CALM,
        threads=1,
    )
    return replace(base, **changes)
