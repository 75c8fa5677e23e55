"""``mien analyze``: read the faces in videos and images; write tables and reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.cli import complain
from mien.cli.progress import progress_bar
from mien.errors import one_line

if TYPE_CHECKING:
    from mien.jobs import Bar, Batch, Outcome
    from mien.jobs.cluster import Engine
    from mien.pipeline.companions import GuidanceFiles


@click.command("analyze")
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--out",
    type=click.Path(),
    required=True,
    help="Folder for the results; each input gets a folder of its own in it.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="Format of the frames table.",
)
@click.option(
    "--layout",
    "layouts",
    type=click.Choice(["openface", "pyfeat"]),
    multiple=True,
    help="Also write the numbers as a csv with that tool's column names; repeatable.",
)
@click.option(
    "--faces",
    type=click.Choice(["all", "largest"]),
    default="all",
    show_default=True,
    help="Which faces of a frame count.",
)
@click.option(
    "--gaps",
    type=click.Choice(["skip", "interpolate"]),
    default="skip",
    show_default=True,
    help="What reactions make of time in which a face was lost.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="Least confidence of the face detector.",
)
@click.option(
    "--min-quality",
    type=click.FloatRange(0, 1),
    help="Least quality of a face that counts for means, peaks and reactions; by default what the "
    "extractor advises, 0 keeps all.",
)
@click.option(
    "--prior",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="How common each expression is assumed to be: default, balanced, everyday, or a TOML or "
    "JSON file with the seven shares.",
)
@click.option(
    "--columns",
    type=click.Choice(["v1", "v2"]),
    default="v2",
    show_default=True,
    help="Columns of the frames table; v1 leaves out what came after the 26 estimates.",
)
@click.option(
    "--detector",
    default="retinaface",
    show_default=True,
    metavar="NAME",
    help="Face detector; packages can add their own.",
)
@click.option(
    "--detect",
    type=click.Choice(["auto", "every"]),
    default="auto",
    show_default=True,
    help="When faces are searched: now and then, followed in between; or in every frame.",
)
@click.option(
    "--detect-side",
    "detect_side_px",
    type=click.IntRange(64),
    default=640,
    show_default=True,
    help="Longer side, in pixels, at which faces are searched; larger finds smaller faces.",
)
@click.option(
    "--crops",
    is_flag=True,
    help="Every picture is one ready-made crop of a face, however small.",
)
@click.option(
    "--steady/--no-steady",
    default=True,
    show_default=True,
    help="Filter the trembling of landmarks and numbers out; numbers lag by 0.08 s at most.",
)
@click.option(
    "--reactions",
    "reaction_model",
    type=click.Path(path_type=Path),
    help="A reaction model of your own (exported ONNX).",
)
@click.option(
    "--simulated-reactions",
    is_flag=True,
    help="Show reactions of the model that ships. It learned from SIMULATED sequences, not from "
    "people's ratings: they show the method and mean nothing about a person.",
)
@click.option(
    "--extractor",
    type=click.Choice(["default", "clean"]),
    default="default",
    show_default=True,
    help="Of those that ship: 'clean' learned nothing from pictures whose rights are open, and "
    "reads photographs less well.",
)
@click.option(
    "--affect",
    "affect_model",
    type=click.Path(path_type=Path),
    help="An extractor of your own (exported ONNX).",
)
@click.option("--mran", is_flag=True, help="Also read valence and arousal from clips, with MRAN.")
@click.option(
    "--mran-model",
    type=click.Path(path_type=Path),
    help="An MRAN of your own (exported ONNX); implies --mran.",
)
@click.option(
    "--depth",
    type=click.Path(path_type=Path),
    help="Depth video beside the one INPUT, grey, 16-bit in mm; for MRAN.",
)
@click.option(
    "--thermal",
    type=click.Path(path_type=Path),
    help="Thermal video beside the one INPUT, grey, 16-bit in hundredths of a kelvin; for MRAN.",
)
@click.option(
    "--streams",
    type=click.Path(path_type=Path),
    help="Units, homographies and time shifts of depth and thermal: a streams.json.",
)
@click.option(
    "--attention",
    is_flag=True,
    help="Write where MRAN looked: attention.npz and attention.mp4.",
)
@click.option(
    "--overlay",
    is_flag=True,
    help="Write overlay.mp4: the video with boxes and live gauges, its times and sound kept.",
)
@click.option(
    "--player/--no-player",
    default=True,
    show_default=True,
    help="Write player.mp4, a small copy of a video that report.html plays.",
)
@click.option(
    "--stream",
    type=click.IntRange(0),
    metavar="N",
    help="Which of several video streams is read, from 0; by default the usual one of the file.",
)
@click.option(
    "--max-pixels",
    "max_megapixels",
    type=click.FloatRange(0, 1e9, min_open=True),
    default=64,  # mien.video.opening.MAX_PIXELS, which is not imported for --help
    show_default=True,
    metavar="MEGAPIXELS",
    help="Larger pictures are refused before they are decoded.",
)
@click.option(
    "--start",
    "start_s",
    type=float,
    metavar="SECONDS",
    help="Read from this time on; times are those of the file, here and in the results.",
)
@click.option(
    "--end",
    "end_s",
    type=float,
    metavar="SECONDS",
    help="Read up to this time.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Read one of N frames.",
)
@click.option(
    "--fps",
    type=click.FloatRange(0, min_open=True),
    help="Read at most so many frames a second: the first of every interval.",
)
@click.option(
    "--precise",
    is_flag=True,
    help="Run the extractor in 32-bit numbers, not in 8-bit integers: slower, a little more exact.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "coreml", "directml"]),
    default="auto",
    show_default=True,
    help="Where networks run; others than cpu need another wheel of ONNX Runtime.",
)
@click.option("--profile", is_flag=True, help="Say where the time went, by stage.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    show_default="1; with --engine ray as many as the cluster has cores for",
    metavar="N",
    help="Inputs that are read at once. From 2 on they are read in processes of their own: one "
    "that crashes costs the input it was at, and nothing else.",
)
@click.option(
    "--resume/--redo",
    "resume",
    default=True,
    show_default=True,
    help="Pass over inputs whose results are there, with the same settings and versions; or "
    "start over.",
)
@click.option(
    "--threads",
    type=click.IntRange(0),
    default=0,
    help="Threads, of each job; 0: as many as cores, shared by the jobs.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who reads: this machine, or a Ray cluster (extra 'scale'); see docs/scale.md.",
)
@click.option(
    "--address", metavar="HOST:PORT", help="Of a Ray cluster; by default one is started here."
)
@click.option(
    "--manifest",
    type=click.Path(),
    help="Inputs as the column 'source' of a csv or Parquet file, in place of INPUT.",
)
@click.option(
    "--quiet", is_flag=True, help="No progress bar and no summary lines; warnings and errors stay."
)
def command(
    inputs: tuple[str, ...],
    out: str,
    kind: str,
    layouts: tuple[str, ...],
    faces: str,
    gaps: str,
    min_score: float,
    min_quality: float | None,
    prior: str,
    columns: str,
    detector: str,
    detect: str,
    detect_side_px: int,
    crops: bool,
    steady: bool,
    reaction_model: Path | None,
    simulated_reactions: bool,
    extractor: str,
    affect_model: Path | None,
    mran: bool,
    mran_model: Path | None,
    depth: Path | None,
    thermal: Path | None,
    streams: Path | None,
    attention: bool,
    overlay: bool,
    player: bool,
    stream: int | None,
    max_megapixels: float,
    start_s: float | None,
    end_s: float | None,
    every: int,
    fps: float | None,
    precise: bool,
    device: str,
    profile: bool,
    jobs: int | None,
    resume: bool,
    threads: int,
    engine: str,
    address: str | None,
    manifest: str | None,
    quiet: bool,
) -> None:
    """Read the faces in videos and images; write tables and reports.

    INPUT is a video, an image, or a folder that is searched for both. Each input gets
    OUT/NAME/ with the frames table, video.json and report.html; OUT/summary.json says what came
    of each. Exit code: 0 if all inputs are analysed, 1 if some failed (the others are complete),
    2 for wrong usage.
    """
    if not inputs and manifest is None:
        raise click.UsageError("Missing argument 'INPUT...'.")
    if inputs and manifest is not None:
        raise click.UsageError("--manifest names the inputs: leave INPUT out")
    if address is not None and engine != "ray":
        raise click.UsageError("--address is of a Ray cluster: add --engine ray")
    from mien.jobs import Batch, run_all
    from mien.output.results import Contents
    from mien.pipeline.companions import GuidanceFiles
    from mien.pipeline.options import AnalysisOptions

    try:
        options = AnalysisOptions(
            faces=faces,
            gaps=gaps,
            min_score=min_score,
            min_quality=min_quality,
            prior=prior,
            columns=columns,
            detector=detector,
            detect=detect,
            detect_side_px=detect_side_px,
            crops=crops,
            steady=steady,
            threads=threads,
            extractor=extractor,
            affect_model=affect_model,
            reaction_model=reaction_model,
            simulated_reactions=simulated_reactions,
            mran=mran,
            mran_model=mran_model,
            attention=attention,
            stream=stream,
            max_pixels=round(max_megapixels * 1e6),
            start_s=start_s,
            end_s=end_s,
            every=every,
            fps=fps,
            precise=precise,
            device=device,
        )
    except ValueError as error:  # what click's own ranges let pass, such as nan
        raise click.UsageError(str(error)) from error
    guidance = GuidanceFiles(depth, thermal, streams)
    _check_guidance(options.mran, inputs, guidance)
    batch = Batch(options, Contents(kind, layouts, overlay, player), guidance, jobs or 1)
    tell = partial(_tell, quiet=quiet, profile=profile)
    if engine == "ray" or manifest is not None or any("://" in name for name in (out, *inputs)):
        from mien.jobs.cluster import Engine

        if guidance.paths():
            raise click.UsageError("--depth and --thermal go with one file and --engine local")
        by_ray = engine == "ray"
        threads = batch.options.threads or 1 if by_ray else batch.threads
        workers = Engine(engine, jobs or (0 if by_ray else 1), threads, address)
        _run_far(inputs, manifest, out, batch, workers, tell, not resume, quiet)
        return
    summary = run_all(inputs, Path(out), batch, tell, complain, not resume, _make_bar(quiet))
    for caveat in summary.caveats if not quiet else ():
        click.echo(caveat)
    if summary.planned > 1 and (summary.failed or not quiet):
        click.echo(one_line(summary.line()), err=quiet)
    if summary.failed:
        sys.exit(1)


def _run_far(
    inputs: tuple[str, ...],
    manifest: str | None,
    out: str,
    batch: Batch,
    engine: Engine,
    tell: Callable[[Outcome], object],
    redo: bool,
    quiet: bool,
) -> None:
    """Inputs of stores and manifests, and what a cluster reads."""
    from mien.jobs.cluster import Manifest, run_manifest

    rows = Manifest.read(manifest, out) if manifest else Manifest.of(inputs, out, complain)
    with progress_bar(len(rows), "input", quiet) as progress:
        ledger = run_manifest(rows, out, batch, engine, tell, redo, progress)
    for caveat in ledger.caveats if not quiet else ():
        click.echo(caveat)
    if ledger.count("failed") or not quiet:
        click.echo(one_line(ledger.line()), err=quiet)
    if ledger.count("failed"):
        sys.exit(1)


def _check_guidance(mran: bool, inputs: tuple[str, ...], guidance: GuidanceFiles) -> None:
    """Refuse usage that makes no sense."""
    options = " and ".join(f"--{name}" for name in guidance.paths())
    if guidance.calibration is not None and not options:
        raise click.UsageError("--streams says what --depth and --thermal hold; give one of them")
    if options and not mran:
        raise click.UsageError(f"{options}: for MRAN alone; add --mran")
    if options and (len(inputs) != 1 or Path(inputs[0]).is_dir()):
        raise click.UsageError(f"{options}: goes with one INPUT, a video; give them one by one")


def _make_bar(quiet: bool) -> Bar:
    """Progress in frames."""

    @contextmanager
    def bar(total: int | None, words: str) -> Iterator[Callable[[int], object]]:
        with progress_bar(total, "frame", quiet, one_line(words)) as told:
            yield told

    return bar


def _tell(outcome: Outcome, quiet: bool, profile: bool = False) -> None:
    """The lines of one input."""
    from mien.pipeline.summary import source_text

    name = source_text(outcome.source)
    if outcome.trace is not None and os.environ.get("MIEN_DEBUG"):
        click.echo(outcome.trace, err=True)
    if outcome.message is not None:
        complain(outcome.message)
    for text in outcome.warnings:
        complain(f"{name}: warning: {text}")
    if outcome.status == "skipped" and not quiet:
        click.echo(one_line(f"{name}: done already (use --redo to start over)"))
    if outcome.status == "analysed" and outcome.folder is not None and not quiet:
        rate = (outcome.frames or 0) / outcome.seconds
        click.echo(
            one_line(
                f"{name}: {outcome.frames} frame(s), {outcome.faces} face(s), {rate:.0f} frames/s "
                f"-> {source_text(outcome.folder / 'report.html')}"
            )
        )
    if profile and outcome.profile is not None:
        from mien.runtime.stopwatch import table

        click.echo(table(outcome.profile, outcome.frames or 0, outcome.seconds))
