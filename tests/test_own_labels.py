"""An extractor with AU14 and contempt: loaded, analysed and reported without a change of mien."""

from __future__ import annotations

import base64
import csv
import json
import re
import struct
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("onnx")
import mien
from mien.cli import cli
from mien.data.prepare.videos import describe_stage1
from mien.demo import demo_frames, write_demo_clip
from mien.errors import ConfigError, ModelError
from mien.evaluation.eye_panel import measure_panel
from mien.evaluation.jitter import jitter_table, measure_jitter, noise_document
from mien.labels import FACE_LANDMARK_COLUMNS, LabelSet
from mien.runtime.models import AffectModel
from mien.video import VideoReader
from own_labels import COLUMNS, EXPRESSIONS, INTENSITIES, SAID, UNITS, own_extractor
from tiny_models import tiny_mran, tiny_reactions

LABELS = LabelSet(EXPRESSIONS, UNITS)
NO_REACTIONS = "no reactions: the reaction model reads 7 expressions and 17 action units, and"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_extractor(tmp_path_factory.mktemp("model") / "own.onnx")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_clip(tmp_path_factory.mktemp("clip") / "face.mp4", 0.4)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "face.png"
    cv2.imwrite(str(path), next(iter(demo_frames(0.1)))[:, :, ::-1])
    return path


@pytest.fixture(scope="module", params=["parquet", "csv"])
def analysed(
    model: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory, request: Any
) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("out")
    options = ["--out", out, "--affect", model, "--threads", 1, "--overlay"]
    options += ["--simulated-reactions"]
    options += ["--format", request.param, "--layout", "openface", "--layout", "pyfeat"]
    run = CliRunner().invoke(cli, ["analyze", str(clip), *map(str, options)])
    assert run.exit_code == 0, run.output
    return out / "face", run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_frames_table_has_a_column_for_every_name(analysed: tuple[Path, Result]) -> None:
    folder, _ = analysed
    if (folder / "frames.csv").exists():
        rows: list[dict[str, Any]] = rows_of(folder / "frames.csv")
    else:
        rows = pyarrow.parquet.read_table(folder / "frames.parquet").to_pylist()
    names = list(rows[0])
    start = names.index("valence")
    assert tuple(names[start : start + 28]) == COLUMNS
    details = ["quality", "pose_yaw_deg", "pose_pitch_deg", "pose_roll_deg", "eye_open_left"]
    details += ["eye_open_right", "gaze_yaw_deg", "gaze_pitch_deg"]
    details += [f"au{unit:02d}_intensity" for unit in UNITS]
    assert names[start + 28 :] == [*details, *FACE_LANDMARK_COLUMNS]
    seen = [row for row in rows if row["face_id"] not in (None, "")]
    assert seen
    for row in seen:
        np.testing.assert_allclose([float(row[name]) for name in COLUMNS], SAID, atol=1e-6)
        found = [float(row[f"au{unit:02d}_intensity"]) for unit in UNITS]
        np.testing.assert_allclose(found, INTENSITIES, atol=1e-6)


def test_the_document_names_them_and_says_why_there_are_no_reactions(
    analysed: tuple[Path, Result],
) -> None:
    folder, run = analysed
    document = json.loads((folder / "video.json").read_text())
    face = document["faces"][0]
    assert tuple(face["mean"])[:28] == COLUMNS
    assert face["mean"]["au14"] == pytest.approx(float(SAID[COLUMNS.index("au14")]), abs=1e-5)
    assert face["mean"]["au14_intensity"] == pytest.approx(2.0, abs=1e-5)
    assert face["peak"]["expr_contempt"]["value"] == pytest.approx(0.5, abs=1e-5)
    assert face["peak"]["au14_intensity"]["value"] == pytest.approx(2.0, abs=1e-5)
    assert document["channels"]["au14"] == {"mark": "measured", "figure": "r = 0.50"}
    assert document["channels"]["expr_contempt"]["mark"] == "unknown"
    assert "reactions" not in document["channels"]
    affect = next(m for m in document["models"] if m["role"] == "affect")
    assert affect["au_decisions"]["au14"] == 0.2 and len(affect["au_decisions"]) == 18
    assert [m["role"] for m in document["models"]] == ["detector", "affect"]
    assert document["prior"]["shares"] == dict.fromkeys(EXPRESSIONS, 0.125)
    (warning,) = document["warnings"]
    assert warning == f"{NO_REACTIONS} the extractor 'own' says others"
    assert face["reactions"] == {"video": None, "windows": [], "note": warning}
    assert run.output.count(NO_REACTIONS) == 1


def test_the_layouts_have_them(analysed: tuple[Path, Result]) -> None:
    folder, _ = analysed
    row = rows_of(folder / "openface.csv")[0]
    assert list(row)[-36:] == [f"AU{unit:02d}_{kind}" for kind in "rc" for unit in UNITS]
    assert float(row["AU14_r"]) == pytest.approx(2.0, abs=1e-5)
    # 0.53 lies above the level of AU14 in the file, 0.2; 0.48 of AU12 below its own, 0.5.
    assert (row["AU14_c"], row["AU12_c"]) == ("1", "0")
    row = rows_of(folder / "pyfeat.csv")[0]
    assert float(row["AU14"]) == pytest.approx(0.53, abs=1e-5)
    assert list(row)[-8:] == [
        *("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt"),
    ]
    assert float(row["contempt"]) == pytest.approx(0.5, abs=1e-5)


def test_the_report_shows_them(analysed: tuple[Path, Result]) -> None:
    folder, _ = analysed
    page = (folder / "report.html").read_text()
    assert "mostly contempt" in page and "AU14 dimpler" in page
    assert "<b>AU14</b> <span>dimpler</span>" in page
    assert re.search(r'<path class="e-contempt" style="fill:#[0-9a-f]{6}"', page)
    assert re.search(
        r'<i class="key k-contempt" style="background:#[0-9a-f]{6}"></i>contempt', page
    )
    embedded = re.search(r'id="curves">(.*?)</script>', page)
    assert embedded is not None
    curves = json.loads(embedded[1])
    assert len(curves["names"]) == len(curves["faces"][0]["values"]) == 28
    assert curves["names"][9:11] == ["contempt", "AU1 inner brow raiser"]
    heat = re.search(r'class="heat"[^>]*base64,([^"]+)"', page)
    assert heat is not None
    height = struct.unpack(">I", base64.b64decode(heat[1])[20:24])[0]
    assert height % 18 == 0 and "height:calc(18 * 1.05rem)" in page
    assert f"{NO_REACTIONS}" in page


def test_the_overlay_draws_them(analysed: tuple[Path, Result], clip: Path) -> None:
    folder, _ = analysed
    with VideoReader(folder / "overlay.mp4") as drawn, VideoReader(clip) as source:
        assert len(list(drawn)) == len(list(source))


def test_a_still_image_and_the_python_api(model: Path, picture: Path, tmp_path: Path) -> None:
    result = mien.analyze(picture, affect_model=model, threads=1)
    faces = result.faces
    assert faces["mean_expr_contempt"].iloc[0] == pytest.approx(0.5, abs=1e-5)
    assert faces["peak_au14_intensity"].iloc[0] == pytest.approx(2.0, abs=1e-5)
    assert "mostly contempt (0.50)" in repr(result) and "1 measured" in repr(result)
    assert result.warnings == []  # an image has no reactions anyway
    folder = result.save(tmp_path / "out", layouts=("openface",), overlay=True)
    page = (folder / "report.html").read_text()
    assert "AU14 dimpler" in page
    assert re.search(r'class="k-contempt" style="width:50.0%;background:#[0-9a-f]{6}"', page)
    assert rows_of(folder / "openface.csv")[0]["AU14_c"] == "1"
    assert (folder / "overlay.png").is_file()


def test_mran_stands_behind_them(model: Path, clip: Path, tmp_path: Path) -> None:
    clips = tiny_mran(tmp_path / "m.onnx")
    result = mien.analyze(clip, affect_model=model, mran_model=clips, threads=1)
    assert result.table.column_names[-2:] == ["mran_valence", "mran_arousal"]
    page = (result.save(tmp_path / "out") / "report.html").read_text()
    embedded = re.search(r'id="curves">(.*?)</script>', page)
    assert embedded is not None
    assert json.loads(embedded[1])["names"][-2:] == ["valence, MRAN", "arousal, MRAN"]


def test_a_reaction_model_that_was_chosen_is_refused(model: Path, tmp_path: Path) -> None:
    reactions = tiny_reactions(tmp_path / "r.onnx")
    with pytest.raises(ModelError, match=rf"r.onnx: {NO_REACTIONS} the extractor 'own' says"):
        mien.Analyzer(mien.AnalysisOptions(affect_model=model, reaction_model=reactions))


def test_a_prior_has_a_share_for_each_of_its_expressions(
    model: Path, picture: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prior.json"
    shares = dict.fromkeys(EXPRESSIONS, 0.1) | {"contempt": 0.3}
    file.write_text(json.dumps(shares))
    result = mien.analyze(picture, affect_model=model, prior=str(file), threads=1)
    assert result.document["prior"]["shares"] == pytest.approx(shares)
    weighted = SAID[2:10] * np.array(list(shares.values()))
    found = [result.document["faces"][0]["mean"][f"expr_{name}"] for name in EXPRESSIONS]
    np.testing.assert_allclose(found, weighted / weighted.sum(), atol=1e-5)
    del shares["contempt"]
    file.write_text(json.dumps(shares))
    with pytest.raises(ConfigError, match=r"give a share for each of neutral, .*, contempt"):
        mien.analyze(picture, affect_model=model, prior=str(file), threads=1)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"action_units": list(UNITS[:-1])}, "outputs are not the 27 of its labels"),
        ({"expressions": [*EXPRESSIONS[:-1], "fear"]}, "labels are damaged .*different names"),
        ({"expressions": [*EXPRESSIONS[:-1], "<b>"]}, "labels are damaged .*not '<b>'"),
        ({"action_units": [*UNITS[:-1], 100]}, "labels are damaged .*not 100"),
        ({"action_units": "many"}, "labels are damaged"),
        ({"action_units": None}, "labels are damaged"),
        ({"au_decisions": [0.5] * 17}, "'au_decisions' is damaged"),
        ({"prior": {"default": [1 / 7] * 7}}, "'prior' is damaged"),
    ],
)
def test_a_file_that_disagrees_with_itself_is_refused(
    entries: dict[str, Any], words: str, tmp_path: Path
) -> None:
    file = own_extractor(tmp_path / "own.onnx", **entries)
    with pytest.raises(ModelError, match=words):
        mien.Analyzer(mien.AnalysisOptions(affect_model=file))


def test_what_works_with_the_papers_labels_alone_says_so(model: Path) -> None:
    extractor, words = AffectModel(model, threads=1), "says other labels; this works with"
    with pytest.raises(ModelError, match=f"the extractor own {words}"):
        measure_panel(extractor, cast(Any, None))
    with pytest.raises(ModelError, match=rf"own.onnx {words} the papers' 7 expressions"):
        describe_stage1(model)


def test_trembling_is_told_of_its_own_labels(model: Path, tmp_path: Path) -> None:
    clip = write_demo_clip(tmp_path / "rest.mp4", 2.4)
    measured = measure_jitter(clip, model)
    rows = jitter_table(measured).splitlines()
    noise = noise_document(measured, clip)
    assert noise["source"] == "rest.mp4" and noise["model"] == "own"
    assert list(noise["deviation"]) == list(noise["correlation"]) == list(COLUMNS)
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[4:]] == [*COLUMNS, "mean"]


def test_columns_follow_from_the_names_and_the_names_from_columns() -> None:
    labels = LABELS
    assert labels.affect_columns == COLUMNS
    assert labels.affect_columns[labels.expression_slice] == labels.expression_columns
    assert labels.affect_columns[labels.action_unit_slice] == labels.action_unit_columns
    assert LabelSet.of_columns(["frame", *labels.affect_columns, *labels.detail_columns]) == labels
