"""A cluster of two workers on this machine: one result each, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

pytest.importorskip("ray", reason="no Ray: pip install 'mien[scale]'")
pytest.importorskip("fsspec", reason="no fsspec: pip install 'mien[scale]'")
pytest.importorskip("onnx")
from hypothesis import given
from hypothesis import strategies as st

from cluster_work import no_model, nothing, write
from fault_detector import picture
from killed_runs import contents
from mien.cli import cli
from mien.demo import write_demo_clip
from mien.errors import ConfigError, ModelError
from mien.jobs import Batch, run_all
from mien.jobs.cluster import Engine, Ledger, Manifest, RemoteJob, run_manifest
from mien.jobs.cluster.engine import _open_ray
from mien.jobs.cluster.run import run_rows
from mien.jobs.cluster.split import PartJob, part_jobs, stretches, try_any
from mien.output.results import Contents
from mien.pipeline.analyzer import Analyzer
from mien.pipeline.options import AnalysisOptions
from tiny_models import full_affect

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

ENGINE = Engine("ray", workers=2)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One for all tests; its processes find the modules of tests."""
    import ray

    tests = str(Path(__file__).parents[1])
    paths = [tests, *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join(paths))
        patched.setenv("RAY_DISABLE_IMPORT_WARNING", "1")
        try:
            ray.init(
                num_cpus=2,
                object_store_memory=80_000_000,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
        except Exception as error:  # noqa: BLE001  such as a machine without shared memory
            pytest.skip(f"no Ray cluster can be started here: {error}")
        yield
        ray.shutdown()


def manifest(folder: Path, sources: list[str]) -> Manifest:
    pq.write_table(pa.table({"source": sources}), folder / "m.parquet")
    (folder / "out").mkdir(exist_ok=True)
    return Manifest.read(str(folder / "m.parquet"), str(folder / "out"))


def run(rows: Manifest, out: Path, factory=nothing, work=write) -> tuple[Ledger, list[str]]:
    ledger, told = Ledger(rows, str(out), "a"), []
    run_rows(rows, ledger, ENGINE, work, factory, lambda outcome: told.append(outcome.source))
    return ledger, told


def lines(out: Path) -> dict[str, list[str]]:
    return {path.name[8:]: path.read_text().split() for path in sorted(out.glob("0000/*"))}


def test_every_input_is_done_once_by_workers_that_stay(tmp_path: Path) -> None:
    rows = manifest(tmp_path, [f"slow{k}" for k in range(11)] + ["wrong"])
    ledger, told = run(rows, tmp_path / "out")
    assert sorted(told) == sorted(job.source for job in rows)
    assert (ledger.count("analysed"), ledger.count("failed")) == (11, 1)
    found = lines(tmp_path / "out")
    assert {len(words) for words in found.values()} == {2}
    assert len({process for process, _ in found.values()}) == 2
    assert {threads for _, threads in found.values()} == {"1"}  # as many as it was given


def test_a_task_whose_worker_dies_is_done_by_another(tmp_path: Path) -> None:
    rows = manifest(tmp_path, ["a", "once b", "c", "always d", "e", "f"])
    ledger, told = run(rows, tmp_path / "out")
    assert Counter(told) == Counter(job.source for job in rows)
    status = {
        one["source"]: one for one in pq.read_table(tmp_path / "out/summary.parquet").to_pylist()
    }
    assert status["once b"]["status"] == "analysed"
    assert status["always d"]["message"].startswith(
        "always d: the worker that read it died 3 times"
    )
    assert ledger.count("analysed") == 5
    ledger, told = run(manifest(tmp_path, ["a", "once b", "c"]), tmp_path / "out")
    assert told == [] and ledger.skipped == 3


def test_workers_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    rows, out = manifest(tmp_path, [f"slow{k}" for k in range(30)]), tmp_path / "out"
    killed: set[int] = set()

    def kill() -> None:
        while len(killed) < 3:
            time.sleep(0.5)
            for words in lines(out).values():
                process = int(words[-2]) if len(words) > 1 else 0
                if process and process not in killed:
                    killed.add(process)
                    os.kill(process, signal.SIGKILL)
                    break

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        ledger, told = run(rows, out)
    finally:
        while len(killed) < 3:
            killed.add(-len(killed))
        thread.join()
    assert sorted(told) == sorted(job.source for job in rows)
    assert ledger.count("analysed") == 30
    assert max(killed) > 0


def test_a_model_that_lacks_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a\.onnx: there is no such file"):
        run(manifest(tmp_path, ["a"]), tmp_path / "out", no_model)


def test_results_are_those_of_one_process(tmp_path: Path) -> None:
    model = full_affect(tmp_path / "a.onnx")
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(3):
        picture(folder / f"{k}.png", seed=k)
    (folder / "x").mkdir()
    picture(folder / "x" / "2.png", seed=9)
    results = []
    for name, engine in (("one", ()), ("ray", ("--engine", "ray", "--jobs", 2))):
        command = ["analyze", folder, "--out", tmp_path / name, "--affect", model, *engine]
        done = CliRunner().invoke(cli, [*map(str, command)])
        assert done.exit_code == 0 and "4 of 4 analysed" in done.output, done.output
        found = contents(tmp_path / name)
        found.pop("summary.parquet", None)
        results.append(found)
    assert results[0] == results[1]
    assert {Path(name).parent.name for name in results[0]} == {"0", "1", "2", "2_2"}


def test_a_long_video_is_read_by_several(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mien.jobs.cluster.split._LEAST_BYTES", 0)
    write_demo_clip(tmp_path / "clip.mp4", 3.0)
    write_demo_clip(tmp_path / "short.mp4", 0.5)
    options = AnalysisOptions(part_s=0.7, max_lost_s=0.1, threads=1, simulated_reactions=True)
    batch, told = Batch(options, Contents(layouts=("pyfeat",))), []
    names = [str(tmp_path / "clip.mp4"), str(tmp_path / "short.mp4")]
    analyzer = Analyzer(options)
    rows = Manifest.of(names, str(tmp_path / "ray"))
    # Of 3 s in parts of 0.7 s: 1.4 s and 1.6 + 0.2 x 1.4, where one part more would be 2.1 s.
    told_parts = [(one.first, one.last, one.to_end) for one in part_jobs(rows, analyzer, 2)]
    assert told_parts == [(0, 1, False), (2, 4, True)]
    assert list(part_jobs([rows[0]] * 4, analyzer, 2)) == []  # both are busy anyhow
    run_manifest(rows, str(tmp_path / "ray"), batch, ENGINE, told.append)
    assert [outcome.status for outcome in told] == ["analysed"] * 2
    run_all(names, tmp_path / "one", batch, told.append, print)
    found, expected = contents(tmp_path / "ray"), contents(tmp_path / "one")
    found.pop("summary.parquet")
    assert found == expected


def test_a_part_that_cannot_be_read_is_told_of_the_input(tmp_path: Path) -> None:
    options = AnalysisOptions(part_s=0.7, threads=1)
    analyzer, job = Analyzer(options), RemoteJob(str(tmp_path / "none.mp4"), str(tmp_path / "out"))
    assert list(part_jobs([job], analyzer, 2)) == []
    outcome = try_any(analyzer, PartJob(job, 1, 2, False), Batch(options))
    assert outcome.status == "failed" and "none.mp4, part 1 to 2: " in (outcome.message or "")
    whole = AnalysisOptions(threads=1, end_s=3.0)
    assert list(part_jobs([job], Analyzer(whole), 2)) == []


def slowest_s(lengths_s: list[float], found: list[tuple[int, int]]) -> float:
    """When the last worker is done, if passing over takes a fifth of reading."""
    return max(0.2 * sum(lengths_s[:a]) + sum(lengths_s[a : b + 1]) for a, b in found)


@given(st.lists(st.floats(1, 600), min_size=1, max_size=8), st.integers(1, 4))
def test_no_other_stretches_would_be_done_earlier(lengths_s: list[float], count: int) -> None:
    found = stretches(lengths_s, count)
    last = len(lengths_s) - 1
    assert [k for a, b in found for k in range(a, b + 1)] == [*range(last + 1)]
    others = [
        [*zip((0, *cuts), (*(cut - 1 for cut in cuts), last), strict=True)]
        for more in range(min(count, last + 1))
        for cuts in combinations(range(1, last + 1), more)
    ]
    best_s = min(slowest_s(lengths_s, one) for one in others)
    assert slowest_s(lengths_s, found) == pytest.approx(best_s, rel=1e-4)


def test_a_cluster_that_does_not_answer_is_told(monkeypatch) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", partial(_fail, ConnectionError("nobody there")))
    with pytest.raises(ConfigError, match="--address x:1: no Ray cluster answers"):
        _open_ray(Engine("ray", address="x:1"))


def _fail(error: Exception, **_: object) -> None:
    raise error
