"""Manifests of any length: planned, killed, resumed; inputs and results in stores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("fsspec", reason="no fsspec: pip install 'mien[scale]'")
pytest.importorskip("onnx")
import fsspec

from cluster_work import nothing, stub, write
from fault_detector import picture
from long_manifest import half_and_half
from mien.cli import cli
from mien.demo import write_demo_clip
from mien.errors import ConfigError, DataError, InputError, OutputError
from mien.io import only_run
from mien.jobs.cluster import Engine, Ledger, Manifest
from mien.jobs.cluster.places import find_media, version_of
from mien.jobs.cluster.run import run_rows
from tiny_models import full_affect


def manifest(folder: Path, sources: list[str], versions: list[str] | None = None) -> Manifest:
    path = folder / "manifest.parquet"
    columns = {"source": sources} | ({} if versions is None else {"version": versions})
    pq.write_table(pa.table(columns), path)
    return Manifest.read(str(path), str(folder / "out"))


def run(rows: Manifest, out: Path, identity: str = "a", work=stub, **others) -> Ledger:
    ledger = Ledger(rows, str(out), identity, **others)
    run_rows(rows, ledger, Engine(), work, nothing, lambda _: None)
    return ledger


def told(out: Path) -> list[dict]:
    return pq.read_table(out / "summary.parquet").to_pylist()


def test_a_manifest_says_where_results_go(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,source\n1,a/x.mp4\n2,s3://b/y.z.mov\n")
    rows = Manifest.read(str(tmp_path / "m.csv"), "s3://bucket/out/")
    assert [job.source for job in rows] == ["a/x.mp4", "s3://b/y.z.mov"]
    assert rows[1].target == "s3://bucket/out/0000/0000001-y.z"
    assert Manifest.folder(1_234_567, "") == "1234/1234567-input"
    assert rows[:1] == [rows[0]]


@pytest.mark.parametrize("text", ["", "name\na.mp4\n", "source,x\n,1\n", None])
def test_what_is_no_manifest_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "m.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=r"m\.csv: "):
        Manifest.read(str(path), "out")


def test_what_is_done_is_done_once(tmp_path: Path) -> None:
    rows = manifest(tmp_path, ["a", "wrong b", "c"])
    out = tmp_path / "out"
    out.mkdir()
    ledger = run(rows, out, work=write)
    assert ledger.line() == f"2 of 3 analysed, 1 failed: see {out / 'summary.parquet'}"
    assert [(one["source"], one["status"], one["message"]) for one in told(out)] == [
        ("a", "analysed", None),
        ("wrong b", "failed", "wrong b: is wrong"),
        ("c", "analysed", None),
    ]
    ledger = run(rows, out, work=write)
    assert ledger.skipped == 2 and ledger.count("analysed") == 2
    lines = {path.name: len(path.read_text().splitlines()) for path in out.glob("0000/*")}
    assert lines == {"0000000-a": 1, "0000001-wrong b": 2, "0000002-c": 1}  # failures are retried
    assert run(rows, out, "other settings", write).skipped == 0
    assert run(rows, out, "other settings", write, redo=True).skipped == 0
    (out / "summary.parquet").write_bytes(b"damaged")
    assert run(rows, out, "other settings", write).skipped == 0


def test_a_manifest_may_grow_and_a_version_may_change(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    run(manifest(tmp_path, ["a", "b"], ["1", "1"]), out)
    assert run(manifest(tmp_path, ["a", "b", "c"], ["1", "2", "1"]), out).skipped == 1
    assert run(manifest(tmp_path, ["a", "x"], ["1", "2"]), out).skipped == 1


def test_a_long_manifest_is_resumed_in_little_memory(tmp_path: Path) -> None:
    assert half_and_half(tmp_path, 20_000) < 600e6


# Stores.


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return full_affect(tmp_path / "a.onnx")


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def analyze(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["analyze", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_inputs_and_results_in_a_store(memory, model: Path, tmp_path: Path) -> None:
    for name, doing in (("a/x.png", ""), ("a/b/x.png", ""), ("a/notes.txt", "")):
        memory.pipe_file(f"/in/{name}", picture(tmp_path / "p.png", doing).read_bytes())
    memory.pipe_file("/in/a/bad.png", b"no picture")
    settings = ("--affect", model, "--threads", 1)
    code, text = analyze("memory://in/a", "--out", "memory://out", *settings)
    assert code == 1 and "2 of 3 analysed, 1 failed: see memory://out/summary.parquet" in text
    assert "memory://in/a/bad.png: " in text.replace("/in/a/", "in/a/").replace(":in", "://in")
    names = {name.removeprefix("/out/") for name in memory.find("/out")}
    kinds = ("frames.parquet", "report.html", "video.json")
    assert names == {"summary.parquet"} | {f"{x}/{kind}" for x in ("x", "x_2") for kind in kinds}
    document = json.loads(memory.cat_file("/out/x/video.json"))
    assert document["source"]["path"].endswith("in/a/b/x.png")
    first = {name: memory.cat_file(name) for name in memory.find("/out")}
    memory.pipe_file("/in/a/bad.png", picture(tmp_path / "p.png", seed=4).read_bytes())
    code, text = analyze("memory://in/a", "--out", "memory://out", *settings)
    assert code == 0 and "3 of 3 analysed, 2 of them earlier" in text
    for name in first:
        if "summary" not in name:
            assert memory.cat_file(name) == first[name]


def test_a_manifest_of_the_command_line(model: Path, tmp_path: Path) -> None:
    one, two = picture(tmp_path / "one.png"), picture(tmp_path / "two.png", seed=2)
    (tmp_path / "m.csv").write_text(f"source\n{one}\n{two}\n{tmp_path / 'none.png'}\n")
    out = tmp_path / "out"
    settings = ("--out", out, "--affect", model, "--threads", 1)
    code, text = analyze("--manifest", tmp_path / "m.csv", *settings)
    assert code == 1 and "2 of 3 analysed, 1 failed" in text and "there is no such file" in text
    assert {path.name for path in (out / "0000").iterdir()} == {"0000000-one", "0000001-two"}
    with only_run(out), pytest.raises(OutputError, match="another run of mien writes into it"):
        analyze("--manifest", tmp_path / "m.csv", *settings)


def test_what_is_told_done_but_is_gone_is_done_again(model: Path, tmp_path: Path) -> None:
    one, two = picture(tmp_path / "one.png"), picture(tmp_path / "two.png", seed=2)
    (tmp_path / "m.csv").write_text(f"source\n{one}\n{two}\n")
    out = tmp_path / "out"
    settings = ("--manifest", tmp_path / "m.csv", "--out", out, "--affect", model, "--threads", 1)
    assert analyze(*settings)[0] == 0
    shutil.rmtree(out / "0000" / "0000001-two")
    code, text = analyze(*settings)
    assert code == 0 and "2 of 2 analysed, 1 of them earlier" in text
    assert (out / "0000" / "0000001-two" / "video.json").is_file()


def test_a_summary_of_somebody_else_stays(model: Path, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"source\n{picture(tmp_path / 'one.png')}\n")
    out = tmp_path / "out"
    out.mkdir()
    pq.write_table(pa.table({"mine": [1]}), out / "summary.parquet")
    before = (out / "summary.parquet").read_bytes()
    for words in ((), ("--redo",)):
        with pytest.raises(OutputError, match=r"summary\.parquet: is there already and is not of"):
            analyze("--manifest", tmp_path / "m.csv", "--out", out, "--affect", model, *words)
    assert (out / "summary.parquet").read_bytes() == before


def test_an_empty_folder_is_one_failed_row(memory, model: Path, tmp_path: Path) -> None:
    memory.makedirs("/empty")
    (tmp_path / "nothing").mkdir()
    memory.pipe_file("/in/x.png", picture(tmp_path / "p.png").read_bytes())
    settings = ("--out", tmp_path / "out", "--affect", model, "--threads", 1)
    names = ("memory://empty", tmp_path / "nothing", "memory://in/x.png")
    for earlier in ("", ", 1 of them earlier"):  # a fault is told every time
        code, text = analyze(*names, *settings)
        assert code == 1 and f"1 of 3 analysed{earlier}, 2 failed" in text
        assert "memory://empty: holds no videos or images" in text
        assert "nothing: this folder holds no videos or images" in text


@pytest.mark.parametrize("out", ["memory://out", "out"])
def test_results_of_another_input_stay(memory, model: Path, tmp_path: Path, out: str) -> None:
    place = out if "://" in out else str(tmp_path / out)
    for folder, seed in (("a", 0), ("b", 2)):
        memory.pipe_file(f"/{folder}/x.png", picture(tmp_path / "p.png", seed=seed).read_bytes())
    settings = ("--out", place, "--affect", model, "--threads", 1)
    for folder in ("a", "b", "a"):
        assert analyze(f"memory://{folder}/x.png", *settings)[0] == 0
    files = memory if "://" in out else fsspec.filesystem("file")
    root = "/out" if "://" in out else place
    paths = {
        name: json.loads(files.cat_file(f"{root}/{name}/video.json"))["source"]["path"]
        for name in ("x", "x_2")
    }
    assert paths == {"x": "memory://a/x.png", "x_2": "memory://b/x.png"}
    assert len([name for name in files.find(root) if name.endswith("video.json")]) == 2


def test_what_simulated_numbers_are_worth_is_said(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"source\n{write_demo_clip(tmp_path / 'a.mp4')}\n")
    code, text = analyze(
        "--manifest", tmp_path / "m.csv", "--out", tmp_path / "out", "--simulated-reactions"
    )
    assert code == 0 and "reactions: " in text and "SIMULATED" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'INPUT...'"),
        (("a.mp4", "--manifest", "m.csv"), "leave INPUT out"),
        (("a.mp4", "--address", "x:1"), "add --engine ray"),
        (("a.mp4", "--engine", "ray", "--mran", "--depth", "d.mkv"), "--engine local"),
    ],
)
def test_usage_that_makes_no_sense(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, text = analyze(*arguments, "--out", tmp_path)
    assert code == 2 and said in text


def test_a_store_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="nostore://x: cannot be opened"):
        find_media("nostore://x")
    with pytest.raises(InputError, match="holds no videos or images"):
        fsspec.filesystem("memory").makedirs("/empty")
        find_media("memory://empty")
    assert version_of("memory://nothing/there") == ""


@pytest.fixture
def bucket(monkeypatch):
    """A store like S3 on this machine."""
    pytest.importorskip("s3fs", reason="no s3fs")
    server = pytest.importorskip("moto.server", reason="no moto: pip install 'mien[test]'")
    running = server.ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("faces")
    yield files
    running.stop()


@pytest.mark.filterwarnings("ignore")  # of the server and the client
def test_a_store_like_s3(bucket, model: Path, tmp_path: Path) -> None:
    bucket.pipe_file("faces/in/x.png", picture(tmp_path / "p.png").read_bytes())
    settings = ("--out", "s3://faces/out", "--affect", model, "--threads", 1)
    for line in ("1 of 1 analysed", "1 of 1 analysed, 1 of them earlier"):
        code, text = analyze("s3://faces/in", *settings)
        assert code == 0 and line in text
        bucket.invalidate_cache()
        assert sorted(bucket.find("faces/out")) == [
            *(f"faces/out/{name}" for name in ("summary.parquet", "x/frames.parquet")),
            *("faces/out/x/report.html", "faces/out/x/video.json"),
        ]
    document = json.loads(bucket.cat_file("faces/out/x/video.json"))
    assert document["source"]["path"] == "s3://faces/in/x.png"
