"""Training of an extractor with AU14 and contempt, from a recipe to an analysed video."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from striped import BRANCHED, recipe, striped_faces, with_details

import mien
from mien.cli import cli
from mien.config import load_config
from mien.data.formats.annotated_faces import load_annotated_faces
from mien.data.formats.annotations import read_annotations
from mien.data.relabel import relabelled
from mien.demo import write_demo_clip
from mien.errors import ConfigError, DataError, ModelError
from mien.evaluation.affect import affect_report
from mien.evaluation.calibration.fit import calibrate
from mien.evaluation.calibration.probabilities import (
    Calibration,
    read_calibration,
    write_calibration,
)
from mien.evaluation.consistency import contradictions
from mien.evaluation.contact_sheets import write_sheets
from mien.evaluation.corpora import LabelledFaces
from mien.evaluation.models.extractor import measure
from mien.export import export_mma
from mien.labels import ACTION_UNITS, EXPRESSIONS, LabelSet, relatedness
from mien.models.mma import build_mma
from mien.runtime.models import AffectModel
from mien.training.extractor import MMATrainConfig, OptimizerConfig, predict, train_mma
from mien.training.extractor.distill import Teacher, distilled
from mien.training.extractor.runs import load_extractor_run
from mien.training.from_onnx.extractor import read_exported, start_for
from mien.training.losses import MMALossWeights, distribution_matching_loss

ABOUT = {"name": "own", "license": "x", "trained_on": "stripes", "caveat": "none"}
OWN = LabelSet((*EXPRESSIONS, "contempt"), (*ACTION_UNITS[:10], 14, *ACTION_UNITS[10:]))
CONTEMPT, AU14 = 7, 10


def scornful_faces(count=96, seed=0):
    """Stripes whose corpus names its labels itself: what was 'happiness' is contempt, with AU14."""
    faces = with_details(striped_faces(count, seed))
    happy = faces.majority == 4
    units = np.full((count, 2), np.nan, np.float32)
    units[:, 0] = happy
    return replace(
        faces,
        labels=LabelSet(("contempt", "neutral"), (14, 12)),
        expressions=np.stack([happy, ~happy], axis=1).astype(np.float32),
        majority=np.where(happy, 0, 1),
        action_units=units,
        teacher_scores=units,
        intensities=4 * units,
    )


def own_recipe(**changes):
    return recipe(
        preset="landmarks",
        model=BRANCHED,
        expressions=OWN.expressions,
        action_units=OWN.action_units,
        loss=MMALossWeights(intensities=0.5, quality=0.5),
        optimizer=replace(recipe().optimizer, epochs=8, small_epochs=0),
        **changes,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train_mma(own_recipe(), {"stripes": scornful_faces()}, out, report=lambda _: None)
    return out


@pytest.fixture(scope="module")
def file(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("file")
    about, path = folder / "about.toml", folder / "own.onnx"
    about.write_text("".join(f'{key} = "{value}"\n' for key, value in ABOUT.items()))
    arguments = ["export", "extractor", "--run", run, "--to", path, "--about", about]
    told = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    assert told.exit_code == 0
    return path


def test_it_learns_what_its_corpus_names_and_is_analysed(run, file, tmp_path):
    faces = relabelled(scornful_faces(), OWN)
    held_out = faces.select(faces.split == "valid")
    said = predict(load_extractor_run(run).model, held_out)
    assert said.shape[1] == 2 + 8 + 18
    scores = affect_report(said, held_out)
    assert scores["recall"]["contempt"] > 0.9 and scores["recall"]["neutral"] > 0.9
    assert scores["au_f1"]["au14"] > 0.9 and np.isnan(scores["au_f1"]["au12"])
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert log[-1]["stripes"]["accuracy"] > 0.9 and log[-1]["bce"] < log[0]["bce"]

    clip = write_demo_clip(tmp_path / "face.mp4", 0.2)
    result = mien.analyze(clip, affect_model=file, threads=1)
    names = [name for name in result.table.column_names if name.startswith(("expr_", "au"))]
    assert tuple(names[:26]) == (*OWN.expression_columns, *OWN.action_unit_columns)
    for name in ("expr_contempt", "au14", "au14_intensity"):
        assert np.isfinite(result.faces[f"mean_{name}"]).all()
    page = (result.save(tmp_path / "out") / "report.html").read_text()
    assert "contempt" in page and "AU14 dimpler" in page


def test_corpora_teach_by_name_what_they_have():
    faces = scornful_faces(6)
    faces.action_units[0, 1] = 0.5
    found = relabelled(faces, OWN)
    assert found.labels == OWN
    np.testing.assert_array_equal(found.action_units[:, AU14], faces.action_units[:, 0])
    assert found.action_units[0, OWN.action_units.index(12)] == 0.5
    assert np.isfinite(found.action_units).sum() == 7
    np.testing.assert_array_equal(found.intensities[:, AU14], faces.intensities[:, 0])
    np.testing.assert_array_equal(found.expressions[:, CONTEMPT], faces.expressions[:, 0])
    np.testing.assert_array_equal(found.expressions.sum(1), 1)
    np.testing.assert_array_equal(found.majority, np.where(faces.majority == 0, CONTEMPT, 0))
    np.testing.assert_array_equal(found.expression_weight, faces.expression_weight)
    plain = striped_faces(6)
    assert relabelled(plain, plain.labels) is plain


def test_an_expression_that_is_left_out_takes_its_share_of_a_face_with_it():
    faces = striped_faces(4)
    faces.expressions[:] = 0
    faces.expressions[:, [0, 4]] = [[1, 0], [0, 1], [0.25, 0.75], [0.25, 0.75]]
    faces.expressions[3] = np.nan
    faces = replace(
        faces,
        expression_weight=np.float32([1, 1, 2, 0]),
        majority=np.array([0, 4, 4, -1]),
    )
    found = relabelled(faces, LabelSet(("anger", "neutral")))
    np.testing.assert_array_equal(found.expression_weight, [1, 0, 0.5, 0])
    np.testing.assert_array_equal(found.expressions[[0, 2]], [[0, 1], [0, 1]])
    assert np.isnan(found.expressions[[1, 3]]).all()
    assert found.majority.tolist() == [1, -1, -1, -1]


def test_a_recipe_names_the_labels(tmp_path):
    lines = ['name = "own"', "action_units = [12, 14]", 'expressions = ["neutral", "contempt"]']
    file = tmp_path / "own.toml"
    file.write_text("\n".join([*lines, "[corpora.a]", 'kind = "images"', 'path = "a"']))
    config = load_config(MMATrainConfig, file)
    assert config.labels == LabelSet(("neutral", "contempt"), (12, 14))
    with pytest.raises(ConfigError, match="different names"):
        load_config(MMATrainConfig, file, ["action_units=[12, 12]"])
    with pytest.raises(ConfigError, match="expected int, got 'dimpler'"):
        load_config(MMATrainConfig, file, ['action_units=["dimpler"]'])


def test_what_the_table_says_nothing_of_is_left_to_the_labels():
    table = torch.from_numpy(relatedness("weighted", OWN))
    generator = torch.Generator().manual_seed(0)
    expressions = torch.randn(5, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    units = torch.randn(5, 18, generator=generator, dtype=torch.float64, requires_grad=True)
    loss = distribution_matching_loss(expressions, units, table)
    loss.backward()
    assert not units.grad[:, AU14].any() and not expressions.grad[:, CONTEMPT].any()
    assert (units.grad != 0).sum() == 5 * 17
    rest = [k for k in range(18) if k != AU14]
    papers = torch.from_numpy(relatedness("weighted"))
    assert (
        loss.item() == distribution_matching_loss(expressions[:, :7], units[:, rest], papers).item()
    )


def test_contradictions_are_of_the_published_table_alone():
    affect = np.zeros((3, 28), np.float32)
    affect[0, 2 + CONTEMPT] = 0.9  # no unit is asked for
    affect[1, 2 + EXPRESSIONS.index("happiness")] = 0.9  # without its units
    affect[2, [2, 10 + OWN.action_units.index(12), 10 + OWN.action_units.index(25)]] = 0.9
    found = contradictions(affect, OWN)
    assert (found["unsupported"], found["denied"]) == (0.5, 1.0)
    without = LabelSet(OWN.expressions[1:], OWN.action_units)
    assert np.isnan(contradictions(np.delete(affect, 2, axis=1), without)["denied"])


def heads(model):
    return {
        "expressions": (model.expressions.weight, model.labels.expressions),
        "action_units": (model.action_units.weight, model.labels.action_units),
        "intensities": (model.intensities.weight, model.labels.action_units),
    }


def assert_begun_by_name(before, after):
    """Every label that both say begins as it was; the others do not."""
    for head, (rows, names) in heads(after).items():
        old, known = heads(before)[head]
        assert set(names) & set(known)
        for name, row in zip(names, rows, strict=True):
            assert (name in known) == any(torch.equal(row, one) for one in old)
            if name in known:
                assert torch.equal(row, old[known.index(name)])


def test_au14_is_added_to_an_extractor_by_name():
    papers, own = (build_mma("landmarks", labels, **BRANCHED) for labels in (LabelSet(), OWN))
    own.load_state_dict(start_for(own, papers))
    assert_begun_by_name(papers, own)
    assert torch.equal(own.stem[0].weight, papers.stem[0].weight)


def test_a_training_starts_from_a_file_of_other_labels(file, tmp_path):
    quiet = OptimizerConfig(epochs=1, small_epochs=0, lr=0.0, weight_decay=0.0, ema=0.0)
    config = replace(
        own_recipe(), expressions=EXPRESSIONS, action_units=ACTION_UNITS, optimizer=quiet
    )
    faces = {"stripes": with_details(striped_faces())}
    model = train_mma(config, faces, tmp_path, lambda _: None, init=file)
    assert_begun_by_name(read_exported(file), model)


def test_an_exported_file_comes_back_with_its_labels(run, file):
    model, read = load_extractor_run(run).model, read_exported(file)
    assert model.labels == read.labels == OWN
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(read(faces).affect(), model(faces).affect(), atol=1e-4, rtol=0)


def test_a_calibration_keeps_its_labels_and_does_not_go_with_others(run, tmp_path):
    own = replace(Calibration.neutral(OWN), expressions=2.0)
    write_calibration(own, {}, tmp_path / "c.json")
    assert read_calibration(tmp_path / "c.json") == own
    model = load_extractor_run(run).model
    with pytest.raises(ModelError, match="extractor with other labels"):
        export_mma(model, tmp_path / "own.onnx", ABOUT, Calibration())
    affect = predict(model, scornful_faces(4))
    np.testing.assert_allclose(Calibration.neutral(OWN).apply(affect), affect, atol=1e-5)


def test_it_is_calibrated_and_measured_by_the_corpora_that_have_its_labels(file):
    labelled = LabelledFaces("stripes", "all", "framed", scornful_faces())
    extractor = AffectModel(file, threads=1)
    fitted, figures = calibrate(extractor, [labelled], biases=True)
    assert fitted.labels == OWN
    assert fitted.action_units[AU14] != 1 and fitted.action_units[0] == 1
    scores = measure(extractor, labelled)
    assert scores["f1"]["contempt"] > 0.9 and scores["au_f1"]["au14"] > 0.9
    after = figures["measured on the other half"]["stripes"]["after"]
    assert after["expression_ece"] <= 0.1 and after["au_decided_mean_f1"] > 0.9


def test_contact_sheets_are_of_its_units(run, tmp_path):
    faces = striped_faces(4)
    said = predict(load_extractor_run(run).model, faces)
    files = write_sheets(faces, said, tmp_path, labels=OWN)
    assert [file.stem for file in files] == list(OWN.action_unit_columns)


def test_a_teacher_of_other_labels_is_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="says other expressions or action units"):
        distilled({"a": striped_faces()}, {"a": 0.5}, Teacher([run]), tmp_path, lambda _: None)


@pytest.fixture
def prepared(tmp_path):
    """A prepared folder with contempt and AU14, as somebody would write one."""
    import cv2
    import pyarrow as pa
    import pyarrow.parquet

    from mien.data.formats.annotations import annotation_table

    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 40), 90, np.uint8))
    table = annotation_table(["a.png", "a.png"], ["train", "valid"], expression=np.array([7, 0]))
    table = table.append_column("au14", pa.array([1.0, None], pa.float32()))
    pyarrow.parquet.write_table(table, tmp_path / "annotations.parquet")
    document = {
        "format": "mien prepared annotations", "version": 1, "corpus": "own",
        "root": str(tmp_path), "expressions": [*EXPRESSIONS, "contempt"], "notes": [],
    }  # fmt: skip
    (tmp_path / "dataset.json").write_text(json.dumps(document))
    return tmp_path


def test_a_prepared_folder_may_have_further_units_and_expressions(prepared):
    faces = load_annotated_faces(prepared)
    assert faces.labels == LabelSet((*EXPRESSIONS, "contempt"), (*ACTION_UNITS, 14))
    assert faces.majority.tolist() == [7, 0] and faces.expressions.shape == (2, 8)
    found = relabelled(faces, OWN)
    assert found.action_units[0, AU14] == 1 and np.isnan(found.action_units[1, AU14])
    assert found.majority.tolist() == [CONTEMPT, 0]
    papers = relabelled(faces, LabelSet())
    assert papers.majority.tolist() == [-1, 0] and papers.action_units.shape == (2, 17)


def test_other_columns_of_a_prepared_folder_are_refused_as_before(prepared):
    import pyarrow.parquet

    file = prepared / "annotations.parquet"
    table = pyarrow.parquet.read_table(file)
    pyarrow.parquet.write_table(table.rename_columns([*table.column_names[:-1], "mood"]), file)
    with pytest.raises(DataError, match="columns are not those of this version"):
        read_annotations(prepared)
