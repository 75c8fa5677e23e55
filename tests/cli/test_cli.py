from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx")
from mien import __version__
from mien.cli import cli, main
from mien.demo import demo_frames, write_demo_clip
from mien.output.schema import FRAME_SCHEMA, frame_schema
from mien.video import VideoReader, write_video
from tiny_models import EVERYDAY, full_affect, tiny_affect, tiny_reactions

RESULT = {"frames.parquet", "video.json", "report.html", "player.mp4"}
SUMMARY = "summary.json"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    affect, reactions = tiny_affect(folder / "a.onnx"), tiny_reactions(folder / "r.onnx")
    return ["--affect", str(affect), "--reactions", str(reactions), "--threads", "1"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_clip(tmp_path_factory.mktemp("clips") / "face.mp4", 0.4)


@pytest.fixture(scope="module")
def empty_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "nobody.mp4"
    write_video(path, (np.full((96, 128, 3), 90, np.uint8) for _ in range(6)), fps=25)
    return path


def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, list[str], list[str]]:
    """`main` as the entry point calls it: exit code, lines of stdout, lines of stderr."""
    monkeypatch.setattr(sys, "argv", ["mien", *map(str, arguments)])
    capfd.readouterr()
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capfd.readouterr()
    code = caught.value.code
    assert code is None or isinstance(code, int)
    return code or 0, out.splitlines(), err.splitlines()


def spawn(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for start in range(0, 44100, 1024):
            samples = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def bad_inputs(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bad")
    data = clip.read_bytes()
    files = {
        "empty": b"",
        "text": b"this is a letter and no video\n" * 40,
        "truncated": data[: len(data) * 2 // 3],
        "beheaded": data[len(data) // 3 :],
        "image": b"\xff\xd8\xff\xe0 not a jpeg at all",
    }
    paths = {name: folder / f"{name}.mp4" for name in files}
    for name, content in files.items():
        paths[name].write_bytes(content)
    paths["sound"] = write_sound(folder / "sound.mp4")
    paths["missing"] = folder / "missing.mp4"
    paths["hollow"] = folder / "hollow"
    paths["hollow"].mkdir()
    return paths


BAD = ["empty", "text", "truncated", "beheaded", "image", "sound", "missing", "hollow"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_line_and_no_folder(
    name: str, bad_inputs: dict, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    code, out, err = run(
        monkeypatch, capfd, "analyze", bad_inputs[name], "--out", tmp_path / "out", *models
    )
    assert code == 1
    assert out == []
    assert len(err) == 1
    assert err[0].startswith(f"mien: {bad_inputs[name]}: ")
    assert ";" in err[0]  # what is wrong; what to do
    assert names(tmp_path / "out") == {SUMMARY}


def test_bad_inputs_leave_the_others_whole(
    bad_inputs: dict, clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    bad = [bad_inputs[name] for name in BAD]
    other = tmp_path.with_name(f"{tmp_path.name}-other") / clip.name
    other.parent.mkdir()
    other.write_bytes(clip.read_bytes())
    inputs = [*bad[:3], clip, *bad[3:], other, clip]  # the last is named twice: read once
    code, out, err = run(monkeypatch, capfd, "analyze", *inputs, "--out", tmp_path, *models)
    assert code == 1
    assert [line.split(": ")[1] for line in err] == [str(path) for path in bad]
    assert len(out) == 3
    assert out[-1] == f"2 of 10 analysed, 8 failed: {', '.join(str(path) for path in bad)}"
    assert names(tmp_path) == {"face", "face_2", SUMMARY}
    for name in ("face", "face_2"):
        assert names(tmp_path / name) == RESULT
        assert pa.parquet.read_metadata(tmp_path / name / "frames.parquet").num_rows == 10


def test_a_failure_keeps_the_earlier_result(
    clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    source, out = tmp_path / "clip.mp4", tmp_path / "out"
    source.write_bytes(clip.read_bytes())
    assert run(monkeypatch, capfd, "analyze", source, "--out", out, *models)[0] == 0
    before = {path.name: path.read_bytes() for path in (out / "clip").iterdir()}
    source.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    assert run(monkeypatch, capfd, "analyze", source, "--out", out, *models)[0] == 1
    assert {path.name: path.read_bytes() for path in (out / "clip").iterdir()} == before
    assert names(out) == {"clip", SUMMARY}


def test_a_good_run(clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd) -> None:
    code, out, err = run(
        monkeypatch, capfd, "analyze", clip, "--out", tmp_path, *models,
        "--format", "csv", "--layout", "openface", "--layout", "pyfeat",
    )  # fmt: skip
    assert code == 0
    assert len(err) == 1  # this extractor is one of before
    assert "warning: AU*_r in openface.csv are empty, because the extractor gives no" in err[0]
    assert len(out) == 1
    assert out[0].startswith(f"{clip}: 10 frame(s), 1 face(s), ")
    assert out[0].endswith(f" -> {tmp_path / 'face' / 'report.html'}")
    assert names(tmp_path / "face") == {
        "frames.csv", "video.json", "report.html", "openface.csv", "pyfeat.csv", "player.mp4",
    }  # fmt: skip
    table = pa.csv.read_csv(tmp_path / "face" / "frames.csv")
    assert table.column_names == FRAME_SCHEMA.names
    with VideoReader(clip) as reader:
        expected = [(frame.index, frame.timestamp_s) for frame in reader]
    assert list(zip(*(table[k].to_pylist() for k in ("frame", "timestamp_s")), strict=True)) == (
        expected
    )
    document = json.loads((tmp_path / "face" / "video.json").read_text(encoding="utf-8"))
    assert document["source"]["path"] == str(clip)
    assert document["schema_version"] == 2
    assert document["settings"]["threads"] == 1


@pytest.fixture(scope="module")
def full_models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    affect, reactions = full_affect(folder / "a.onnx"), tiny_reactions(folder / "r.onnx")
    return ["--affect", str(affect), "--reactions", str(reactions), "--threads", "1"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_first_version_of_the_columns(
    kind: str, clip: Path, full_models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    tables = {}
    for columns in ("v1", "v2"):
        code, _, err = run(
            monkeypatch, capfd, "analyze", clip, "--out", tmp_path / columns, *full_models,
            "--format", kind, "--columns", columns, "--overlay",
        )  # fmt: skip
        assert (code, err) == (0, [])
        file = tmp_path / columns / "face" / f"frames.{kind}"
        read = pa.parquet.read_table if kind == "parquet" else pa.csv.read_csv
        tables[columns] = read(file)
        document = json.loads((file.parent / "video.json").read_text(encoding="utf-8"))
        assert document["schema_version"] == int(columns[1])
        assert "overlay.mp4" in names(file.parent)
    assert tables["v1"].column_names == frame_schema("v1").names
    assert tables["v2"].column_names == frame_schema("v2").names
    for name in tables["v1"].column_names:
        assert tables["v1"][name].equals(tables["v2"][name]), name
    assert tables["v2"]["eye_open_left"].to_pylist()[0] == pytest.approx(0.8)


def test_quality_and_prior_are_options(
    clip: Path, full_models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    code, _, err = run(
        monkeypatch, capfd, "analyze", clip, "--out", tmp_path, *full_models,
        "--min-quality", "1", "--prior", "everyday",
    )  # fmt: skip
    assert code == 0
    assert len(err) == 1 and "face 0: 10 of 10 frames lie below quality 1 " in err[0]
    document = json.loads((tmp_path / "face" / "video.json").read_text(encoding="utf-8"))
    assert document["faces"][0]["low_quality_frames"] == 10
    assert list(document["prior"]["shares"].values()) == pytest.approx(EVERYDAY)
    assert document["channels"]["au20"]["mark"] == "synthetic"


def test_a_prior_that_cannot_be_is_one_line(
    clip: Path, models: list[str], full_models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    arguments = ("analyze", clip, "--out", tmp_path / "out")
    code, _, err = run(monkeypatch, capfd, *arguments, *models, "--prior", "balanced")
    assert code == 1
    assert len(err) == 1 and "'tiny' does not say which prior its expressions assume" in err[0]
    file = tmp_path / "prior.toml"
    file.write_text("neutral = 0.4\n")
    code, _, err = run(monkeypatch, capfd, *arguments, *full_models, "--prior", file)
    assert code == 1
    assert len(err) == 1 and f"{file}: holds ['neutral']; give a share for each of" in err[0]
    assert list((tmp_path / "out").iterdir()) == []


def test_no_face_is_a_warning(
    empty_scene: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    code, out, err = run(monkeypatch, capfd, "analyze", empty_scene, "--out", tmp_path, *models)
    assert code == 0
    assert err == [f"mien: {empty_scene}: warning: no face was found in any frame"]
    assert "0 face(s)" in out[0]
    table = pa.parquet.read_table(tmp_path / "nobody" / "frames.parquet")
    assert table["face_id"].null_count == table.num_rows == 6


def test_quiet_is_quiet(clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd) -> None:
    arguments = ("analyze", clip, "--out", tmp_path, *models, "--quiet")
    assert run(monkeypatch, capfd, *arguments) == (0, [], [])
    assert names(tmp_path / "face") == RESULT


def test_a_folder_is_searched_for_videos_and_images(
    clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    import cv2

    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    (source / ".cache").mkdir()
    data = clip.read_bytes()
    for name in ("b.mp4", "deep/b.MP4", ".hidden.mp4", ".cache/x.mp4", "._b.mp4"):
        (source / name).write_bytes(data)
    (source / "notes.txt").write_text("no video")
    cv2.imwrite(str(source / "a.png"), next(demo_frames(0.04)))
    code, out, err = run(monkeypatch, capfd, "analyze", source, "--out", tmp_path / "out", *models)
    assert code == 0
    assert err == [f"mien: {source}: passed over 1 file that is no video or image: notes.txt"]
    assert [line.split(": ")[0] for line in out[:-1]] == [
        str(source / name) for name in ("a.png", "b.mp4", "deep/b.MP4")
    ]
    assert out[-1] == "3 of 3 analysed"
    assert names(tmp_path / "out") == {"a", "b", "b_2", SUMMARY}
    again = run(monkeypatch, capfd, "analyze", source, "--out", tmp_path / "out", *models)
    assert again[0] == 0
    assert again[1][-1] == "0 of 3 analysed, 3 done already"
    assert names(tmp_path / "out") == {"a", "b", "b_2", SUMMARY}


def test_a_folder_is_searched_without_results_and_without_what_guides_color(
    clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    data = clip.read_bytes()
    for name in ("one/color.mp4", "one/depth.mp4", "one/thermal.mp4", "two/depth.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    arguments = ["analyze", tmp_path, "--out", tmp_path / "results", "--overlay", *models]
    for _ in range(2):  # the second time the first one's overlays lie in the folder
        code, out, err = run(monkeypatch, capfd, *arguments)
        assert code == 0
        assert [line.split(": ")[0] for line in out[:-1]] == [
            str(tmp_path / "one/color.mp4"), str(tmp_path / "two/depth.mp4"),
        ]  # fmt: skip
        assert len(err) == 1 and "left out 2 depth and thermal video(s) beside a color.*" in err[0]
        assert names(tmp_path / "results") == {"color", "depth", SUMMARY}
        assert (tmp_path / "results" / "color" / "overlay.mp4").is_file()
    (tmp_path / "results" / "color" / "mine.mp4").write_bytes(
        data
    )  # what a user lays there is a recording
    code, out, _ = run(monkeypatch, capfd, *arguments)
    assert code == 0 and any("mine.mp4: " in line for line in out)


def test_odd_names_stop_nothing(
    clip: Path, models: list[str], tmp_path: Path, monkeypatch, capfd
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    data = clip.read_bytes()
    odd = [b"caf\xe9.mp4", b"two\nlines.mp4", b"take 1: s3:smile.mp4", "顔 <b>&.mp4".encode()]
    for name in odd:
        try:
            Path(os.fsdecode(bytes(source) + b"/" + name)).write_bytes(data)
        except OSError:
            pytest.skip("this file system takes no such names")
    code, out, err = run(
        monkeypatch, capfd, "analyze", source, "--out", tmp_path / "out", *models,
        "--layout", "pyfeat",
    )  # fmt: skip
    assert (code, err) == (0, [])
    assert len(out) == len(odd) + 1
    results = names(tmp_path / "out") - {SUMMARY}
    assert {os.fsencode(name) for name in results} == {n[:-4] for n in odd}
    code, _, err = run(
        monkeypatch, capfd, "analyze", source / "no\nfile.mp4", "--out", tmp_path, *models
    )
    assert code == 1
    assert len(err) == 1


@pytest.mark.parametrize("below", ["", "deeper"])
def test_an_output_that_cannot_be_written(
    below: str, clip: Path, tmp_path: Path, monkeypatch, capfd
) -> None:
    (tmp_path / "out").write_text("a file in the way")
    target = tmp_path / "out" / below
    code, out, err = run(monkeypatch, capfd, "analyze", clip, "--out", target)
    assert (code, out) == (1, [])
    assert len(err) == 1
    assert err[0].startswith(f"mien: {target}: cannot be written to (")
    assert (tmp_path / "out").read_text() == "a file in the way"


@pytest.mark.parametrize("option", ["--affect", "--reactions"])
def test_a_model_that_is_none(option: str, clip: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"rubbish")
    for path, text in ((tmp_path / "none.onnx", "no such model file"), (broken, "not a readable")):
        code, out, err = run(monkeypatch, capfd, "analyze", clip, "--out", tmp_path, option, path)
        assert (code, out) == (1, [])
        assert len(err) == 1
        assert err[0].startswith(f"mien: {path}: {text}")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--nonsense"], "No such option"),
        (["--out"], "requires an argument"),
        (["--faces", "some"], "'some' is not one of 'all', 'largest'"),
        (["--format", "xlsx"], "'xlsx' is not one of"),
        (["--layout", "affdex"], "'affdex' is not one of"),
        (["--min-score", "0"], "not in the range"),
        (["--min-score", "nan"], "min_score must lie in"),
        (["--detect-side", "3"], "not in the range"),
        (["--threads", "-1"], "not in the range"),
    ],
)
def test_wrong_usage_is_code_2(
    arguments: list[str], text: str, clip: Path, tmp_path: Path, monkeypatch, capfd
) -> None:
    out_folder = tmp_path / "out"
    code, out, err = run(monkeypatch, capfd, "analyze", clip, "--out", out_folder, *arguments)
    assert (code, out) == (2, [])
    assert text in "\n".join(err)
    assert not out_folder.exists()


@pytest.mark.parametrize(
    "arguments",
    [["analyze"], ["analyze", "x.mp4"], ["analyse", "x.mp4"], ["evaluate", "extractor"]],
)
def test_missing_arguments_are_code_2(arguments: list[str], monkeypatch, capfd) -> None:
    assert run(monkeypatch, capfd, *arguments)[0] == 2


def test_help_and_version() -> None:
    runner = CliRunner()
    text = runner.invoke(cli, ["-h"]).stdout
    for verb in ("analyze", "demo", "evaluate", "train", "export"):
        assert f"  {verb} " in text
    assert __version__ in runner.invoke(cli, ["--version"]).stdout
    for verb in (["analyze"], ["demo"], ["evaluate", "extractor"]):
        result = runner.invoke(cli, [*verb, "--help"])
        assert result.exit_code == 0
        assert "--" in result.stdout


def test_errors_of_evaluate_are_one_line(tmp_path: Path, monkeypatch, capfd) -> None:
    path = tmp_path / "none.npz"
    code, out, err = run(monkeypatch, capfd, "evaluate", "extractor", "--data", path)
    assert (code, out, err) == (1, [], [f"mien: {path}: no such file"])


def test_as_a_program(bad_inputs: dict, clip: Path, models: list[str], tmp_path: Path) -> None:
    """The exit codes and the one line, with nothing of ours between the shell and the program."""
    bad = bad_inputs["truncated"]
    mixed = spawn("analyze", bad, clip, "--out", tmp_path / "out", *models)
    assert mixed.returncode == 1
    assert len(mixed.stderr.splitlines()) == 1
    assert mixed.stderr.startswith(f"mien: {bad}: it is cut short")
    assert names(tmp_path / "out") == {"face", SUMMARY}
    assert names(tmp_path / "out" / "face") == RESULT
    assert "Traceback" not in mixed.stderr + mixed.stdout


def test_usage_as_a_program() -> None:
    wrong = spawn("analyze", "--nonsense")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Usage: mien ")
    assert spawn("--version").stdout.split()[-1] == __version__


def test_the_demo_as_a_program(tmp_path: Path) -> None:
    done = spawn("demo", "--out", tmp_path / "demo", "--seconds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "25 frames, 1.00 s, 25.00 fps, 640 x 480 px; 1 face(s)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("report: ")
    assert Path(done.stdout.splitlines()[-1].removeprefix("report: ")).is_file()
    assert names(tmp_path / "demo") == {"astronaut.mp4", "astronaut"}
    assert names(tmp_path / "demo" / "astronaut") == RESULT - {"player.mp4"}
