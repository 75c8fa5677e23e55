"""A manifest from first to last row: what is done is passed over, what comes is written down."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import astuple, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mien.io import only_run, sweep
from mien.jobs.cluster.engine import Engine
from mien.jobs.cluster.ledger import LEDGER, Ledger
from mien.jobs.cluster.manifest import Manifest
from mien.jobs.cluster.places import is_there, is_url
from mien.jobs.cluster.split import part_jobs, try_any
from mien.jobs.done import fingerprint
from mien.jobs.job import Outcome
from mien.jobs.parts import own_stamps, sweep_parts
from mien.jobs.run import Batch
from mien.jobs.summary import Caveats
from mien.output.folder import prepare_root, sweep_results
from mien.pipeline.analyzer import Analyzer

_FEW = 64
"""Of more inputs none is split: all workers are busy anyhow, and looking into each takes time."""


def run_manifest(
    manifest: Manifest,
    out: str,
    batch: Batch,
    engine: Engine,
    tell: Callable[[Outcome], object],
    redo: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Ledger:
    """Analyse all inputs of a manifest that are not done yet.

    Every input has one result, whole or not there. A run that is killed goes on where
    ``summary.parquet`` ends, a few seconds before.

    Parameters
    ----------
    manifest
        The inputs, and where their results go.
    out
        Folder or URL for ``summary.parquet``.
    batch
        Settings and what to write.
    engine
        Who does it.
    tell
        Called with what came of each input, as it is done.
    redo
        Whether what is done is done again.
    progress
        Called with the number of inputs done since the last call, first with those done before.

    Raises
    ------
    MienError
        If a model cannot be loaded, a worker cannot make its tools, or `out` cannot be written to.
    """
    analyzer = Analyzer(batch.options)  # what is wrong with a model is said once, and here
    own = own_stamps(analyzer)
    identity = json.dumps([fingerprint(analyzer), astuple(batch.contents), own], sort_keys=True)
    batch = replace(batch, keeps_parts=True)
    with _alone(out, redo), engine.connected():
        ledger = Ledger(manifest, out, hashlib.sha256(identity.encode()).hexdigest(), redo)
        ledger.check(is_there)
        factory = partial(Analyzer, batch.options, threads=engine.threads)
        work = partial(try_any, batch=batch)
        few = list(islice(ledger.waiting(), _FEW + 1))
        if engine.workers != 1 and len(few) <= _FEW:
            parts = list(part_jobs((manifest[row] for row in few), analyzer, engine.size()))
            with closing(engine.outcomes(work, parts, range(len(parts)), factory)) as done:
                deque(done, maxlen=0)
        caveats = Caveats(analyzer)
        del analyzer

        def told(outcome: Outcome) -> None:
            caveats.add(outcome)
            tell(outcome)

        run_rows(manifest, ledger, engine, work, factory, told, progress)
    ledger.caveats = caveats.lines()
    return ledger


def run_rows(
    manifest: Manifest,
    ledger: Ledger,
    engine: Engine,
    work: Callable[[Any, Any], Outcome],
    factory: Callable[[], Any],
    tell: Callable[[Outcome], object],
    progress: Callable[[int], object] | None = None,
) -> None:
    """Do the rows that wait, by `work` with a tool of `factory`; arguments as `run_manifest`."""
    told = progress or (lambda _: None)
    told(ledger.skipped)
    try:
        with closing(engine.outcomes(work, manifest, ledger.waiting(), factory)) as outcomes:
            # Faults first: the workers' rows are counted when the first of them is asked for.
            for row, outcome in chain(_faults(manifest), outcomes):
                ledger.add(row, outcome)
                tell(outcome)
                told(1)
    finally:
        ledger.write()


def _faults(manifest: Manifest) -> Iterator[tuple[int, Outcome]]:
    for row, message in manifest.faults.items():
        yield row, Outcome(manifest[row].source, "failed", message=message)


def _alone(out: str, redo: bool) -> AbstractContextManager[None]:
    if is_url(out):  # stores have no locks: one run at a time is up to who starts it
        return nullcontext()
    return _swept(Path(out), redo)


@contextmanager
def _swept(out: Path, redo: bool) -> Iterator[None]:
    """A folder that is this run's, without what dead workers and runs have left."""
    prepare_root(out)
    with only_run(out):
        for folder in (out, *out.glob("[0-9]*")) if redo else ():
            sweep_parts(folder, None, ())
        try:
            yield
        finally:
            sweep(out, f".{LEDGER}.*.partial")
            for folder in (out, *(path for path in out.glob("[0-9]*") if path.is_dir())):
                sweep_results(folder)
        for folder in (out, *out.glob("[0-9]*")):
            sweep_parts(folder, None, ())  # of other settings: all inputs are done with
