"""The JavaScript package reads faces as Python does, by the same files. Run by Node."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mien.demo import demo_frames, sample_image
from mien.faces.align import align, similarity
from mien.labels import unit_name
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from mien.runtime.models import AffectModel
from mien.weights import AFFECT_MODEL, FAST_AFFECT_MODEL, checksums, weight_path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "js"
RUNTIME = ROOT / "src" / "mien" / "serve" / "page" / "onnxruntime"
PLAYWRIGHT = find_spec("playwright")  # it brings a Node of its own
NODE = shutil.which("node") or (
    PLAYWRIGHT
    and PLAYWRIGHT.origin
    and shutil.which(str(Path(PLAYWRIGHT.origin).with_name("driver") / "node"))
)
WITHOUT = "there is no Node here (apt-get install nodejs, or the extra `browser`)"
needs_node = pytest.mark.skipif(NODE is None, reason=WITHOUT)


def node(*arguments: str | Path) -> Any:
    command = [str(NODE), *map(str, arguments)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def run(script: str) -> Any:
    """What a script puts into `told`."""
    head = 'import { readFileSync, writeFileSync } from "node:fs"; let told;'
    imports = 'import * as mien from "./src/index.js";'
    tail = "writeFileSync(1, JSON.stringify(told));"
    return node("--input-type=module", "-e", f"{head}{imports}{script};{tail}")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from retinaface.weights import WEIGHTS

    path = tmp_path_factory.mktemp("detector") / "detector.onnx"
    path.write_bytes(WEIGHTS)
    return path


def rgba(image: npt.NDArray[np.uint8]) -> bytes:
    return np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]).tobytes()


def read_here(frames: list[Any], times_s: list[float], model: Path, prior: str) -> list[Any]:
    options = AnalysisOptions(batch=1, affect_model=model, prior=prior, threads=1)
    rows: list[Any] = []
    with Analyzer(options).open_frames(zip(times_s, frames, strict=True), "x", 25) as analysis:
        for batch in analysis:
            rows += batch
    return rows


def read_there(
    frames: list[Any], times_s: list[float], model: Path, prior: str, detector: Path, folder: Path
) -> Any:
    height, width = frames[0].shape[:2]
    told = {"width": width, "height": height, "times": times_s, "prior": prior}
    file = folder / "frames"
    file.write_bytes(json.dumps(told).encode() + b"\n" + b"".join(map(rgba, frames)))
    script = PACKAGE / "test" / "read_frames.mjs"
    return node(script, RUNTIME / "ort.wasm.min.mjs", detector, model, file)


def apart(rows: list[Any], told: Any) -> dict[str, npt.NDArray[np.float64]]:
    """How far the two are apart, by what they say, frames first."""
    assert [len(frame["faces"]) for frame in told["frames"]] == [1] * len(rows)
    faces = [frame["faces"][0] for frame in told["frames"]]
    assert {face["id"] for face in faces} == {row.face_id for row in rows} == {0}
    pairs = {
        "affect": [(row.affect, face["affect"]) for row, face in zip(rows, faces, strict=True)],
        "pose": [
            (row.details.pose_deg, face["pose"]) for row, face in zip(rows, faces, strict=True)
        ],
        "place": [
            (row.face.landmarks.ravel(), face["face"]["landmarks"])
            for row, face in zip(rows, faces, strict=True)
        ],
        "box": [(row.face.box, face["face"]["box"]) for row, face in zip(rows, faces, strict=True)],
        "landmarks": [
            (row.details.landmarks.ravel(), face["landmarks"])
            for row, face in zip(rows, faces, strict=True)
        ],
    }
    return {
        name: np.array([np.abs(np.subtract(a, b)) for a, b in both]) for name, both in pairs.items()
    }


@needs_node
@pytest.mark.parametrize("prior", ["default", "everyday"])
def test_a_video_is_read_as_python_reads_it(detector: Path, tmp_path: Path, prior: str) -> None:
    frames = list(demo_frames(4))[:25]
    times_s = [k / 25 for k in range(len(frames))]
    model = weight_path(AFFECT_MODEL)
    rows = read_here(frames, times_s, model, prior)
    told = read_there(frames, times_s, model, prior, detector, tmp_path)
    assert sum(frame["detected"] for frame in told["frames"]) == 4  # at 0, 0.32, 0.64, 0.96 s
    off = apart(rows, told)
    assert off["affect"].max() < 0.005  # the bar is 0.02
    assert off["pose"].max() < 0.1
    assert max(off[name].max() for name in ("place", "box", "landmarks")) < 0.1


@needs_node
@pytest.mark.parametrize("scale", [0.5, 1.6])
def test_the_quick_network_too(detector: Path, tmp_path: Path, scale: float) -> None:
    import cv2

    size = round(640 * scale), round(480 * scale)
    frames = [np.asarray(cv2.resize(f, size), np.uint8) for f in list(demo_frames(4))[:10]]
    times_s = [k / 25 for k in range(len(frames))]
    model = weight_path(FAST_AFFECT_MODEL)
    rows = read_here(frames, times_s, model, "default")
    off = apart(rows, read_there(frames, times_s, model, "default", detector, tmp_path))
    # Integers are rounded otherwise in WebAssembly; what follows a face carries that along.
    assert off["affect"].mean() < 0.002
    assert off["affect"].max() < 0.04


@needs_node
def test_two_faces_in_a_picture_that_is_shrunk_for_the_detector(
    detector: Path, tmp_path: Path
) -> None:
    import cv2

    shown = list(demo_frames(4))[:12]
    halves = [cv2.resize(f, (480, 360), interpolation=cv2.INTER_AREA) for f in shown]
    frames = [np.ascontiguousarray(np.hstack([half, half[:, ::-1]])) for half in halves]
    times_s = [k / 25 for k in range(len(frames))]
    model = weight_path(AFFECT_MODEL)
    rows = {(row.frame, row.face_id): row for row in read_here(frames, times_s, model, "balanced")}
    told = read_there(frames, times_s, model, "balanced", detector, tmp_path)["frames"]
    found = {(k, face["id"]): face for k, frame in enumerate(told) for face in frame["faces"]}
    assert found.keys() == rows.keys() and len(rows) == 2 * len(frames)
    for which, row in rows.items():
        assert np.abs(np.subtract(row.affect, found[which]["affect"])).max() < 0.005
        assert np.abs(row.face.box - np.array(found[which]["face"]["box"])).max() < 0.1


@needs_node
def test_crops_are_those_of_python(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    image = sample_image()
    points, crops, maps = [], [], []
    for _ in range(30):
        middle, size = random.uniform(-40, 552, 2), random.uniform(12, 220)
        face = np.array([[-1, -1], [1, -1], [0, 0.2], [-0.8, 1], [0.8, 1]]) * size / 2
        turn = random.uniform(-0.6, 0.6)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        five = face @ rotation.T + middle + random.normal(0, size / 30, (5, 2))
        landmarks = five.astype(np.float32)
        points.append(landmarks.astype(float).ravel().tolist())
        crops.append(align(image, landmarks) @ np.array([0.299, 0.587, 0.114]))
        maps.append(similarity(landmarks, face))
    (tmp_path / "picture").write_bytes(rgba(image))
    told = run(
        f"const data = readFileSync({json.dumps(str(tmp_path / 'picture'))}), picture = "
        f"{{ data, width: 512, height: 512 }}; told = {json.dumps(points)}.map((p) => "
        "[...mien.align(picture, Float64Array.from(p))].map((v) => Math.round(v * 1000) / 1000))"
    )
    off = np.abs(np.reshape(told, (30, 112, 112)) - np.array(crops))
    assert off.max() <= 2.1  # a pixel that is rounded to the other side
    assert off.mean() < 0.05


@needs_node
def test_the_metadata_is_read_from_the_file() -> None:
    for name in (AFFECT_MODEL, FAST_AFFECT_MODEL):
        path = weight_path(name)
        told = run(f"told = mien.readMetadata(readFileSync({json.dumps(str(path))}))")
        assert told == AffectModel(path).metadata
    damaged = (
        "try { mien.readMetadata(Uint8Array.of(8, 1)); } catch (error) { told = error.message; }"
    )
    assert "mien export" in run(damaged)


@needs_node
def test_a_face_keeps_its_number_and_a_new_one_gets_the_next() -> None:
    """A detector and an extractor made up: the book-keeping alone."""
    told = node(PACKAGE / "test" / "numbers.mjs")
    assert told == [[0, 1], [0, 1], [1], [0, 1, 2], [3]]


@needs_node
def test_types_and_names_are_those_of_the_code() -> None:
    told = run(
        "const units = Object.entries(mien.ACTION_UNIT_NAMES);"
        "told = { exports: Object.keys(mien).sort(), units }"
    )
    types = (PACKAGE / "index.d.ts").read_text(encoding="utf-8")
    named = re.findall(r"^export (?:class|function|const) (\w+)", types, re.MULTILINE)
    assert sorted(named) == told["exports"]
    units = {f"AU{unit} {name}" for unit, name in told["units"]}
    assert units == {name for n in range(1, 100) if (name := unit_name(n)) != f"AU{n}"}


def test_the_runtime_is_the_one_that_ships() -> None:
    sums = checksums(RUNTIME / "SHA256SUMS")
    assert len(sums) == 3
    for name, expected in sums.items():
        assert hashlib.sha256((RUNTIME / name).read_bytes()).hexdigest() == expected
    version = json.loads((PACKAGE / "package.json").read_text())["devDependencies"]
    assert version["onnxruntime-web"] in (RUNTIME / "README.md").read_text(encoding="utf-8")
    assert (RUNTIME / "LICENSE").is_file() and (RUNTIME / "ThirdPartyNotices.txt").is_file()


def test_the_version_is_that_of_mien() -> None:
    from mien import __version__

    assert json.loads((PACKAGE / "package.json").read_text())["version"] == __version__
