"""What ships: size, cards that show the measured figures, metadata, and the bars."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import ModelError
from mien.evaluation.eye_panel import load_eye_panel, measure_panel
from mien.labels import AFFECT_COLUMNS, DETAIL_COLUMNS, REACTIONS
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.runtime.metadata import trust_of
from mien.runtime.models import AffectModel, ReactionModel
from mien.runtime.mran import MranModel
from mien.training.from_onnx.extractor import read_exported
from mien.weights import AFFECT_MODEL, EXTRACTORS, FAST_AFFECT_MODEL, weight_path

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
    assert f"{metrics['expressions']['ferplus']['balanced_accuracy']:.3f}" in card
    assert f"mean F1 {metrics['panel']['mean_f1']:.3f}" in card


def test_the_extractor_carries_what_was_chosen_for_it():
    metrics = json.loads(weight_path(AFFECT_MODEL).with_suffix(".json").read_text("utf-8"))
    model = AffectModel()
    chosen = metrics["calibration"]
    assert model.au_decisions.tolist() == chosen["decisions"]
    assert model.quality_level == chosen["quality_level"]
    np.testing.assert_allclose(model.priors["default"], chosen["prior"], atol=1e-6)
    np.testing.assert_allclose(model.priors["everyday"], chosen["everyday_prior"], atol=1e-6)
    assert set(model.details) == {
        *("quality", "pose", "eye_open", "gaze", "au_intensity", "landmarks"),
    }


def test_every_channel_says_how_far_to_trust_it():
    metrics = json.loads(weight_path(AFFECT_MODEL).with_suffix(".json").read_text("utf-8"))
    model = AffectModel()
    for channel in (*AFFECT_COLUMNS, *DETAIL_COLUMNS):
        told = trust_of(model.trust, channel)
        assert told["mark"] in ("measured", "teacher", "synthetic") and told["figure"]
    row = metrics["panel"]["by_unit"]["AU12"]
    assert f"F1 {row['f1']:.2f}" in trust_of(model.trust, "au12")["figure"]


def test_the_extractor_reads_the_eye_panel():
    report = measure_panel(AffectModel(), load_eye_panel(ROOT / "tests" / "data" / "eye_panel"))
    metrics = json.loads(weight_path(AFFECT_MODEL).with_suffix(".json").read_text("utf-8"))
    assert report["mean_f1"] == pytest.approx(metrics["panel"]["mean_f1"], abs=0.02)
    assert report["mean_f1"] >= 0.70


def test_integers_hold_the_bars_against_float32():
    metrics = json.loads(weight_path(FAST_AFFECT_MODEL).with_suffix(".json").read_text("utf-8"))
    for name, row in metrics.items():
        assert row["mean_difference"] <= 0.02
        precise, fast = row.get("balanced_accuracy", (0, 0))
        assert fast >= precise - 0.005, name
        precise, fast = row.get("mean_f1", (0, 0))
        assert fast >= precise - 0.01, name


def test_integers_say_what_float32_says_on_the_eye_panel():
    panel = load_eye_panel(ROOT / "tests" / "data" / "eye_panel")
    models = [AffectModel(weight_path(name)) for name in (AFFECT_MODEL, FAST_AFFECT_MODEL)]
    precise, fast = (model.predict(panel.crops) for model in models)
    assert np.abs(precise - fast).mean() <= 0.02
    assert models[1].details == models[0].details


def test_training_can_go_on_from_the_extractor():
    network = read_exported(weight_path(AFFECT_MODEL))
    faces = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        pose = network(faces).face.pose_deg.numpy()
    crops = ((faces.numpy().transpose(0, 2, 3, 1) + 1) * 127.5).round().astype(np.uint8)
    np.testing.assert_allclose(AffectModel().estimate(crops).details.pose_deg, pose, atol=1.0)


def test_the_reaction_weights_say_that_they_come_from_simulation():
    model = ReactionModel()
    assert model.reactions == REACTIONS and model.positions == 240 and model.fps == 10
    for text in (model.metadata["caveat"], model.metadata["trained_on"]):
        assert "simulated" in text.lower()
    assert "replace them by training on real ratings" in model.metadata["caveat"]


def test_the_extractor_says_what_it_cannot_do():
    about = AffectModel().describe()
    assert about["license"].startswith("Apache-2.0; the rights in FER2013's pictures")
    assert "are not settled" in about["license"] and "FER+" in about["trained_on"]
    assert "nobody rated them" in about["caveat"] and "no teacher" in about["caveat"]


def test_every_card_says_what_for_what_not_for_and_how_to_cite():
    cards = sorted(weight_path(AFFECT_MODEL).parent.glob("*.md"))
    assert len(cards) == 5
    for card in cards:
        text = card.read_text(encoding="utf-8")
        for part in ("- **Licence**", "## Figures", "## Intended use", "## Not for", "## To cite"):
            assert part in text, f"{card.name}: {part}"
        named = "Article 5(1)(f)" in text or "`extractor` is not for" in text
        assert named, card.name


def test_limits_of_the_extractor_are_those_of_the_file_that_ships():
    path = weight_path(AFFECT_MODEL)
    limits = path.with_suffix(".md").read_text(encoding="utf-8").split("## Limits")[1]
    figures = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    talking = figures["talking, SYNTHETIC"]["mean_change_of_expression"]
    assert f"neutral by {talking['neutral']:.2f}, surprise by {talking['surprise']:.2f}" in limits
    assert f"calibration error {figures['expressions']['ferplus']['ece']:.3f}" in limits


def test_mran_says_that_it_was_taught_by_faces_that_do_not_exist():
    model = MranModel()
    assert model.modalities == ("color", "depth", "thermal")
    about = model.describe()
    assert "SYNTHETIC" in about["trained_on"] and "synthetic faces only" in about["caveat"]


def test_the_clean_extractor_is_another_network_with_the_same_outputs():
    models = [Analyzer(AnalysisOptions(extractor=name)).affect for name in ("default", "clean")]
    default, clean = models
    assert clean.describe()["name"] == "extractor-clean"
    assert clean.describe()["license"] == "Apache-2.0"
    assert "No photograph of a person" in clean.describe()["trained_on"]
    assert clean.labels == default.labels and clean.details == default.details
    assert clean.reads_luma and clean.quality_level is not None
    panel = load_eye_panel(ROOT / "tests" / "data" / "eye_panel")
    assert np.abs(clean.predict(panel.crops) - default.predict(panel.crops)).max() > 0.1
    metrics = json.loads(weight_path("extractor-clean").with_suffix(".json").read_text("utf-8"))
    found = measure_panel(clean, panel)["mean_f1"]
    assert found == pytest.approx(metrics["panel"]["mean_f1"], abs=0.02)


def test_the_clean_recipe_names_no_corpus_whose_rights_are_open():
    recipe = tomllib.loads((ROOT / "recipes" / "extractor" / "clean.toml").read_text("utf-8"))
    assert {one["kind"] for one in recipe["corpora"].values()} == {"synthetic", "sfhq"}
    assert "base" not in recipe


@pytest.mark.parametrize("name", [name for pair in EXTRACTORS.values() for name in pair])
def test_shipped_models_answer_in_range(name: str):
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    affect = AffectModel(weight_path(name)).predict(crops)
    assert affect.shape == (3, 26) and np.isfinite(affect).all()
    np.testing.assert_allclose(affect[:, 2:9].sum(axis=1), 1, atol=1e-5)
    intensities = ReactionModel().predict(np.repeat(affect[:1], 60, axis=0))
    assert intensities.shape == (7,) and (intensities >= 0).all() and (intensities <= 1).all()


def test_a_missing_model_is_named():
    with pytest.raises(ModelError, match="no weights 'large'"):
        weight_path("large")
