"""``mien datasets``: list, describe and prepare corpora of real faces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.cli import complain
from mien.cli.progress import progress_bar

if TYPE_CHECKING:
    from mien.datasets.clips import VideoCorpus
    from mien.datasets.prepare import Corpus
    from mien.datasets.stream_corpus import StreamCorpus


@click.group("datasets")
def command() -> None:
    """List corpora, say how to get them, and prepare them for training.

    Nothing is downloaded: you bring the corpus, under its owners' terms.
    """


@command.command("list")
def list_corpora() -> None:
    """List the corpora that mien reads."""
    from mien.datasets.registry import CORPORA, KINDS

    width = max(len(name) for name in CORPORA)
    for info in CORPORA.values():
        click.echo(f"{info.name:<{width}}  {info.title}: {KINDS[info.kind]}")


@command.command("info")
@click.argument("name")
def info(name: str) -> None:
    """Say how to get a corpus, its terms, layout, and published counts and figures."""
    from mien.datasets.registry import corpus_info, describe_corpus

    click.echo(describe_corpus(corpus_info(name)))


@command.command("prepare")
@click.argument("name")
@click.option(
    "--root", type=click.Path(path_type=Path), required=True, help="Folder of the corpus."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for what training reads; a stopped run goes on from there.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one per core.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="An extractor of your own (exported ONNX). Default: the shipped one.",
)
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    help="Frames per second to keep of recordings with traces. Default: the corpus's.",
)
@click.option("--quiet", is_flag=True, help="No progress bar and no summary; errors stay.")
def prepare(
    name: str,
    root: Path,
    out: Path,
    jobs: int | None,
    model: Path | None,
    fps: float | None,
    quiet: bool,
) -> None:
    """Check a corpus and write what training reads.

    Videos go through stage 1 once; of recordings with traces, the faces are cut out of all
    streams. Exit code: 0 if all is there, 1 if some videos could not be
    read (one line each; the rest is complete), 2 for wrong usage.
    """
    from mien.datasets.clips import VideoCorpus
    from mien.datasets.ferplus_tables import FerPlusTables
    from mien.datasets.prepare import load_corpus, prepare_annotations, prepare_tables
    from mien.datasets.registry import corpus_info
    from mien.datasets.stream_corpus import StreamCorpus

    kind = corpus_info(name).kind  # refuses an unknown name before anything is read
    if kind in ("annotations", "tables") and (jobs or model):
        raise click.UsageError(f"--jobs and --model are for videos; {name} has {kind} only")
    if kind == "streams" and model:
        raise click.UsageError(f"--model is for videos that go through stage 1; {name} does not")
    if kind != "streams" and fps:
        raise click.UsageError(f"--fps is for recordings with traces; {name} has none")
    corpus = load_corpus(name, root)
    if not quiet:
        _report(corpus)
    if isinstance(corpus, VideoCorpus):
        _prepare_videos(corpus, out, jobs, model, quiet)
        return
    if isinstance(corpus, StreamCorpus):
        _prepare_streams(corpus, out, jobs, fps, quiet)
        return
    if isinstance(corpus, FerPlusTables):
        path = prepare_tables(corpus, out)
        if not quiet:
            click.echo(f"{len(corpus)} faces with votes -> {path}")
        return
    prepare_annotations(corpus, out)
    if not quiet:
        click.echo(f"{len(corpus)} annotated images -> {out / 'annotations.parquet'}")


@command.command("crops")
@click.argument("name")
@click.option(
    "--root", type=click.Path(path_type=Path), required=True, help="Folder of the corpus."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the crops; a stopped run goes on from there.",
)
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Crops per second; that of the reaction model to start from.",
)
@click.option(
    "--most",
    type=click.IntRange(1),
    default=480,
    show_default=True,
    help="Most crops of a video; longer ones are left out, and said.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one per core.")
@click.option("--quiet", is_flag=True, help="No progress bar and no summary; errors stay.")
def crops(
    name: str, root: Path, out: Path, fps: float, most: int, jobs: int | None, quiet: bool
) -> None:
    """Cut the face crops of a corpus of videos for 'mien train end-to-end'.

    Exit code: 0 if all is there, 1 if some videos could not be read or are too long (one line
    each; the rest is complete), 2 for wrong usage.
    """
    from mien.datasets.cut_clips import cut_corpus
    from mien.datasets.frame_clips import NO_FACE
    from mien.datasets.prepare import VIDEO_CORPORA
    from mien.datasets.registry import corpus_info

    corpus_info(name)  # refuses an unknown name before anything is read
    if name not in VIDEO_CORPORA:
        raise click.UsageError(
            f"{name} has no whole videos; these have: {', '.join(VIDEO_CORPORA)}"
        )
    corpus = VIDEO_CORPORA[name](root)
    with progress_bar(len(corpus), "video", quiet) as advance:
        cut = cut_corpus(corpus, out, fps, most, jobs, advance)
    paths = {clip.id: clip.path for clip in corpus.clips}
    for clip_name, reason in cut.failed:
        complain(f"{paths[clip_name]}: {reason}")
    if not quiet:
        click.echo(
            f"{cut.counts['cut']} of {cut.counts['videos']} videos cut, {cut.counts['crops']} "
            f"crops at {fps:g} fps -> {out}"
        )
    if any(reason != NO_FACE for _, reason in cut.failed):
        sys.exit(1)


def _prepare_videos(
    corpus: VideoCorpus, out: Path, jobs: int | None, model: Path | None, quiet: bool
) -> None:
    from mien.datasets.frame_clips import NO_FACE
    from mien.datasets.prepare import prepare_videos

    with progress_bar(len(corpus), "video", quiet) as advance:
        document = prepare_videos(corpus, out, model, jobs, advance)
    paths = {clip.id: clip.path for clip in corpus.clips}
    for name, reason in document.failed:
        complain(f"{paths[name]}: {reason}")
    for entry in document.extra["warnings"]:
        complain(f"{paths[entry['id']]}: warning: {entry['warning']}")
    if not quiet:
        counts, stage1 = document.counts, document.stage1
        click.echo(
            f"{counts['prepared']} of {counts['videos']} videos prepared, {counts['frames']} "
            f"usable frames, stage 1 {stage1['name']} {stage1['version']} -> {out}"
        )
    if any(reason != NO_FACE for _, reason in document.failed):
        sys.exit(1)


def _prepare_streams(
    corpus: StreamCorpus, out: Path, jobs: int | None, fps: float | None, quiet: bool
) -> None:
    from mien.datasets.stream_prepare import prepare_streams

    with progress_bar(len(corpus), "recording", quiet) as advance:
        document = prepare_streams(corpus, out, fps, jobs, advance)
    for entry in document["failed"]:
        complain(entry["reason"])
    if not quiet:
        counts = document["counts"]
        there = ", ".join(f"{name} {n}" for name, n in document["present_frames"].items())
        click.echo(
            f"{counts['recordings']} of {len(corpus)} recordings prepared, {counts['frames']} "
            f"frames at {document['fps']:g} fps ({there}; annotated "
            f"{counts['annotated_frames']}) -> {out}"
        )
    if document["failed"]:
        sys.exit(1)


def _report(corpus: Corpus) -> None:
    """Counts found beside the published ones, and what is worth knowing."""
    from mien.datasets.registry import corpus_info

    info = corpus_info(corpus.name)
    found = corpus.counts()
    click.echo(f"{info.title}\n{'':<16}{'found':>12}{'published':>12}")
    for key in {**found, **info.counts}:
        published = f"{info.counts[key]:,}" if key in info.counts else "-"
        here = f"{found[key]:,}" if key in found else "-"
        click.echo(f"{key:<16}{here:>12}{published:>12}")
    if info.counts_source:
        click.echo(f"published: {info.counts_source}")
    for note in corpus.notes:
        click.echo(f"note: {note}")
