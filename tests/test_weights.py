"""What ships: size, cards that show the measured figures, metadata, and the bars."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ModelError
from mien.inference.models import AffectModel, ReactionModel
from mien.inference.mran import MranModel
from mien.labels import REACTIONS
from mien.weights import AFFECT_MODEL, weight_path

ROOT = Path(__file__).parents[1]


def test_sizes_are_within_the_budget():
    assert weight_path(AFFECT_MODEL).stat().st_size <= 8e6
    total = sum(path.stat().st_size for path in weight_path(AFFECT_MODEL).parent.glob("*.onnx"))
    assert total < 20e6


def test_cards_show_the_measured_figures():
    check = subprocess.run(
        [sys.executable, str(ROOT / "recipes" / "write_cards.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout
    card = weight_path(AFFECT_MODEL).with_suffix(".md").read_text(encoding="utf-8")
    metrics = json.loads(weight_path(AFFECT_MODEL).with_suffix(".json").read_text("utf-8"))
    assert f"{metrics['reports']['ferplus valid, aligned']['accuracy']:.4f}" in card


def test_the_reaction_weights_say_that_they_come_from_simulation():
    model = ReactionModel()
    assert model.reactions == REACTIONS and model.positions == 240 and model.fps == 10
    for text in (model.metadata["caveat"], model.metadata["trained_on"]):
        assert "simulated" in text.lower()
    assert "replace them by training on real ratings" in model.metadata["caveat"]


def test_the_extractor_says_what_it_cannot_do():
    about = AffectModel().describe()
    assert about["license"] == "Apache-2.0" and "FER+" in about["trained_on"]
    assert "no ratings" in about["caveat"] and "no teacher" in about["caveat"]


def test_mran_says_that_it_was_taught_by_faces_that_do_not_exist():
    model = MranModel()
    assert model.modalities == ("color", "depth", "thermal")
    about = model.describe()
    assert "SYNTHETIC" in about["trained_on"] and "synthetic faces only" in about["caveat"]


def test_shipped_models_answer_in_range():
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    affect = AffectModel().predict(crops)
    assert affect.shape == (3, 26) and np.isfinite(affect).all()
    np.testing.assert_allclose(affect[:, 2:9].sum(axis=1), 1, atol=1e-5)
    intensities = ReactionModel().predict(np.repeat(affect[:1], 60, axis=0))
    assert intensities.shape == (7,) and (intensities >= 0).all() and (intensities <= 1).all()


def test_a_missing_model_is_named():
    with pytest.raises(ModelError, match="no weights 'large'"):
        weight_path("large")
