"""``mien datasets``: list, describe and prepare corpora of real faces."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mien.cli import complain
from mien.cli.progress import progress_bar

if TYPE_CHECKING:
    from mien.data.formats.annotations import ImageCorpus
    from mien.data.recordings import StreamCorpus
    from mien.data.registry import LoadedCorpus, TableCorpus
    from mien.data.videos import VideoCorpus


_root = click.option(
    "--root", type=click.Path(path_type=Path), required=True, help="Folder of the corpus."
)
_jobs = click.option("--jobs", type=click.IntRange(1), help="Processes. Default: one per core.")
_quiet = click.option("--quiet", is_flag=True, help="No progress bar and no summary; errors stay.")


@click.group("datasets")
def command() -> None:
    """List corpora, say how to get them, and prepare them for training.

    Nothing is downloaded: you bring the corpus, under its owners' terms.
    """


@command.command("list")
def list_corpora() -> None:
    """List the corpora that mien reads."""
    from mien.data.registry import KINDS, corpora

    found = corpora()
    width = max(len(name) for name in found)
    for info in found.values():
        click.echo(f"{info.name:<{width}}  {info.title}: {KINDS[info.kind]}")


@command.command("info")
@click.argument("name")
def info(name: str) -> None:
    """Say how to get a corpus, its terms, layout, and published counts and figures."""
    from mien.data.registry import corpus_info, describe_corpus

    click.echo(describe_corpus(corpus_info(name)))


@command.command("prepare")
@click.argument("name")
@_root
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for what training reads; a stopped run goes on from there.",
)
@_jobs
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
@click.option(
    "--cropped",
    is_flag=True,
    help="Images are cropped to one face already: look for none. For DISFA, BP4D, EmotioNet.",
)
@_quiet
def prepare(
    name: str,
    root: Path,
    out: Path,
    jobs: int | None,
    model: Path | None,
    fps: float | None,
    cropped: bool,
    quiet: bool,
) -> None:
    """Check a corpus and write what training reads.

    Videos go through the extractor once; of recordings with traces, the faces are cut out of all
    streams. Exit code: 0 if all is there, 1 if some videos could not be
    read (one line each; the rest is complete), 2 for wrong usage.
    """
    from mien.data.formats.annotations import write_annotations
    from mien.data.prepare.job import write_once
    from mien.data.registry import corpus_info, load_corpus

    kind = corpus_info(name).kind  # refuses an unknown name before anything is read
    looked_at = corpus_info(name).whole_pictures and not cropped
    if kind in ("annotations", "tables") and ((jobs and not looked_at) or model):
        raise click.UsageError(f"--jobs and --model are for videos; {name} has {kind} only")
    if kind == "streams" and model:
        raise click.UsageError(
            f"--model is for videos that go through the extractor; {name} does not"
        )
    whole = corpus_info(name).whole_pictures
    if cropped and not whole:
        raise click.UsageError(f"--cropped is for corpora of whole pictures; {name} is none")
    if kind != "streams" and fps:
        raise click.UsageError(f"--fps is for recordings with traces; {name} has none")
    corpus = load_corpus(name, root)
    if not quiet:
        _report(corpus)
    if kind == "videos":
        _prepare_videos(cast("VideoCorpus", corpus), out, jobs, model, quiet)
    elif kind == "streams":
        _prepare_streams(cast("StreamCorpus", corpus), out, jobs, fps, quiet)
    elif kind == "tables":
        tables = cast("TableCorpus", corpus)
        path = write_once(out, name, lambda: tables.write(out))
        if not quiet:
            click.echo(f"{len(corpus)} faces with votes -> {path}")
    else:
        images, failed = cast("ImageCorpus", corpus), False
        if looked_at:
            failed = _prepare_whole_pictures(images, out, jobs, quiet)
        else:
            write_once(out, name, lambda: write_annotations(images, out))
        if not quiet:
            click.echo(f"{len(corpus)} annotated images -> {out / 'annotations.parquet'}")
        if failed:
            sys.exit(1)


@command.command("crops")
@click.argument("name")
@_root
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
@_jobs
@_quiet
def crops(
    name: str, root: Path, out: Path, fps: float, most: int, jobs: int | None, quiet: bool
) -> None:
    """Cut the face crops of a corpus of videos for 'mien train end-to-end'.

    Exit code: 0 if all is there, 1 if some videos could not be read or are too long (one line
    each; the rest is complete), 2 for wrong usage.
    """
    from mien.data.prepare.crops import cut_corpus
    from mien.data.registry import corpora, corpus_info, load_corpus

    if corpus_info(name).kind != "videos":  # refuses an unknown name before anything is read
        videos = ", ".join(n for n, corpus in corpora().items() if corpus.kind == "videos")
        raise click.UsageError(f"{name} has no whole videos; these have: {videos}")
    corpus = cast("VideoCorpus", load_corpus(name, root))
    with progress_bar(len(corpus), "video", quiet) as advance:
        cut = cut_corpus(corpus, out, fps, most, jobs, advance)
    failed = _complain_of(corpus, cut.failed)
    if not quiet:
        click.echo(
            f"{cut.counts['cut']} of {cut.counts['videos']} videos cut, {cut.counts['crops']} "
            f"crops at {fps:g} fps -> {out}"
        )
    if failed:
        sys.exit(1)


def _prepare_videos(
    corpus: VideoCorpus, out: Path, jobs: int | None, model: Path | None, quiet: bool
) -> None:
    from mien.data.prepare.videos import prepare_videos

    with progress_bar(len(corpus), "video", quiet) as advance:
        document = prepare_videos(corpus, out, model, jobs, advance)
    failed = _complain_of(corpus, document.failed)
    warnings = document.extra["warnings"]
    _complain_of(corpus, [(one["id"], f"warning: {one['warning']}") for one in warnings])
    if not quiet:
        counts, stage1 = document.counts, document.stage1
        click.echo(
            f"{counts['prepared']} of {counts['videos']} videos prepared, {counts['frames']} "
            f"usable frames, extractor {stage1['name']} {stage1['version']} -> {out}"
        )
    if failed:
        sys.exit(1)


def _prepare_whole_pictures(corpus: ImageCorpus, out: Path, jobs: int | None, quiet: bool) -> bool:
    """Find faces and write; whether some images could not be read."""
    from mien.data.prepare.whole_pictures import prepare_whole_pictures

    there = corpus.counts()["image files"]
    with progress_bar(there, "image", quiet) as advance:
        done = prepare_whole_pictures(corpus, out, jobs, advance)
    for fault in done.failed:
        complain(fault)
    if not quiet:
        for note in done.corpus.notes[len(corpus.notes) :]:
            click.echo(f"note: {note}")
    return bool(done.failed)


def _complain_of(corpus: VideoCorpus, faults: Sequence[tuple[str, str]]) -> bool:
    """A line for each fault of a clip; whether one is worse than that no face is seen."""
    from mien.data.prepare.job import NO_FACE

    paths = {clip.id: clip.path for clip in corpus.clips}
    for name, reason in faults:
        complain(f"{paths[name]}: {reason}")
    return any(reason != NO_FACE for _, reason in faults)


def _prepare_streams(
    corpus: StreamCorpus, out: Path, jobs: int | None, fps: float | None, quiet: bool
) -> None:
    from mien.data.prepare.streams import prepare_streams

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


def _report(corpus: LoadedCorpus) -> None:
    """Counts found beside the published ones, and what is worth knowing."""
    from mien.data.registry import corpus_info

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
