"""``mien datasets prepare``: checks a corpus once and writes what training reads.

Videos go through stage 1 here, with the analysis that ``mien analyze --faces largest`` runs and
reactions left out. A video leaves its result on disk when it is finished, so a run that is killed
goes on where it was; videos that could not be read are tried again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mien._version import __version__
from mien.datasets.aff_wild2 import load_aff_wild2
from mien.datasets.affectnet import load_affectnet
from mien.datasets.annotations import ImageCorpus, write_annotations
from mien.datasets.claims import cannot_write, claim
from mien.datasets.clips import VideoCorpus
from mien.datasets.crema_d import load_crema_d
from mien.datasets.emotionet import load_emotionet
from mien.datasets.expression_folders import load_expression_folders
from mien.datasets.extraction import (
    VideoTask,
    analysis_settings,
    describe_stage1,
    open_analyzer,
    read_video,
)
from mien.datasets.features import features_path
from mien.datasets.ferplus_tables import FerPlusTables, load_ferplus_tables, write_ferplus
from mien.datasets.frame_clips import NO_FACE
from mien.datasets.hume_reaction import load_hume_reaction
from mien.datasets.prepared import PreparedDocument, write_labels
from mien.datasets.prepared_files import read_footer, write_text
from mien.datasets.stream_corpus import StreamCorpus
from mien.datasets.stream_prepare import STREAM_CORPORA
from mien.errors import ConfigError
from mien.pipeline.analyzer import Analyzer
from mien.workers import run

VIDEO_CORPORA: dict[str, Callable[[str | Path], VideoCorpus]] = {
    "hume-reaction": load_hume_reaction,
    "crema-d": load_crema_d,
}
ANNOTATED_CORPORA: dict[str, Callable[[str | Path], ImageCorpus]] = {
    "aff-wild2": load_aff_wild2,
    "affectnet": load_affectnet,
    "emotionet": load_emotionet,
    "expression-folders": load_expression_folders,
}
"""How corpora are read, by name."""
TABLE_CORPORA: dict[str, Callable[[str | Path], FerPlusTables]] = {"ferplus": load_ferplus_tables}
"""Those whose faces and labels are joined into one file."""

_FAILURES = ".failed"

T = TypeVar("T")


def prepare_annotations(corpus: ImageCorpus, out: Path) -> dict[str, Any]:
    """Write the annotation table of a corpus; the content of its ``dataset.json``.

    Raises
    ------
    OutputError
        If the folder holds something else or cannot be written to.
    """
    return _claimed(out, corpus.name, lambda: write_annotations(corpus, out))


def prepare_videos(
    corpus: VideoCorpus,
    out: Path,
    model: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: Callable[[], Analyzer] | None = None,
) -> PreparedDocument:
    """Run stage 1 over all videos of a corpus and write a prepared set.

    Parameters
    ----------
    corpus
        Its clips; a video that is missing or cannot be read becomes a line of ``failed``.
    out
        The prepared folder; a run that was stopped goes on from there.
    model
        An exported extractor; None for the one that ships with mien.
    jobs
        Processes, one thread each; None: one per core.
    progress
        Called with the number of videos finished since the last call.
    factory
        Makes the analyzer, once per process; None for the usual one.

    Returns
    -------
    The content of ``dataset.json``. Videos without any usable frame are listed as failed, too.

    Raises
    ------
    ModelError
        If the extractor cannot be loaded.
    OutputError
        If the folder holds something else, was begun with another extractor, or cannot be written.
    """
    stage1 = describe_stage1(model)
    identity = {"corpus": corpus.name, "outputs": list(corpus.outputs)}
    claim(out, {**identity, "stage1": stage1, "settings": analysis_settings()})
    failures = out / _FAILURES
    shutil.rmtree(failures, ignore_errors=True)  # what failed may have been mended
    tasks = [
        VideoTask(clip.path, features_path(out, clip.id), failures / clip.id)
        for clip in corpus.clips
        if read_footer(features_path(out, clip.id)) is None
    ]
    if progress is not None:
        progress(len(corpus) - len(tasks))
    run(read_video, tasks, factory or partial(open_analyzer, model), jobs, progress)
    try:
        return _finish(corpus, out, stage1)
    except OSError as error:
        raise cannot_write(out, error) from error


def _finish(corpus: VideoCorpus, out: Path, stage1: dict[str, Any]) -> PreparedDocument:
    """Write labels and document of a set whose videos have all been tried."""
    failed: list[tuple[str, str]] = []
    warnings: list[dict[str, str]] = []
    frames = 0
    for clip in corpus.clips:
        footer = read_footer(features_path(out, clip.id))
        if footer is None:
            reason = (out / _FAILURES / clip.id).read_text(encoding="utf-8")
            failed.append((clip.id, reason))
            continue
        rows, facts = footer
        frames += rows
        if not rows:
            failed.append((clip.id, NO_FACE))
        said = [text for text in facts.get("warnings", ()) if text != NO_FACE]
        warnings += [{"id": clip.id, "warning": text} for text in said]
    write_labels(out, corpus.outputs, [(c.id, c.split, c.person, c.labels) for c in corpus.clips])
    counts = {**corpus.counts(), "prepared": len(corpus) - len(failed), "frames": frames}
    extra = {
        "mien_version": __version__,
        "settings": analysis_settings(),
        "notes": list(corpus.notes),
        "warnings": warnings,
    }
    document = PreparedDocument(corpus.name, corpus.outputs, stage1, counts, tuple(failed), extra)
    write_text(out / "dataset.json", document.as_json())
    shutil.rmtree(out / _FAILURES, ignore_errors=True)
    for left in out.glob("features/*/.*.partial"):  # of runs that were killed while they wrote
        left.unlink(missing_ok=True)
    return document


def prepare_tables(corpus: FerPlusTables, out: Path) -> Path:
    """Write a corpus of faces and votes as one file; its path.

    Raises
    ------
    OutputError
        If the folder holds something else or cannot be written to.
    """
    return _claimed(out, corpus.name, lambda: write_ferplus(corpus, out))


def _claimed(out: Path, name: str, write: Callable[[], T]) -> T:
    """What `write` returns, once the folder is known to be this corpus's."""
    claim(out, {"corpus": name})
    try:
        return write()
    except OSError as error:
        raise cannot_write(out, error) from error


Corpus = VideoCorpus | ImageCorpus | StreamCorpus | FerPlusTables


def load_corpus(name: str, root: Path) -> Corpus:
    """Read and check a corpus that can be prepared.

    Raises
    ------
    ConfigError
        If there is nothing to prepare for this name.
    DataError
        If it is not laid out as expected.
    """
    if name in VIDEO_CORPORA:
        return VIDEO_CORPORA[name](root)
    if name in ANNOTATED_CORPORA:
        return ANNOTATED_CORPORA[name](root)
    if name in STREAM_CORPORA:
        return STREAM_CORPORA[name](root)
    if name in TABLE_CORPORA:
        return TABLE_CORPORA[name](root)
    raise ConfigError(
        f"{name} needs no preparation: mien train mma and mien evaluate mma read it as it is"
    )
