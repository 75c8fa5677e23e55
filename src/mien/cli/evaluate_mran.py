"""``mien evaluate mran``: measure MRAN models on traces of valence and arousal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from mien.cli.progress import progress_bar
from mien.evaluation.models.mran import RecordingTraces

_EACH_MISSING = (("thermal",), ("depth",), ("depth", "thermal"), ("color",))


@click.command("mran")
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Exported model. Repeatable: seeds of one recipe, as mean and spread. Default: the "
    "shipped one.",
)
@click.option(
    "--data",
    required=True,
    metavar="PREPARED[@SPLIT]",
    help="Folder of aligned streams; its test split unless another is named.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Score the recordings of each value of this column by themselves too, e.g. light or "
    "skin_tone (many numbers: in fifths); repeatable.",
)
@click.option(
    "--drop", multiple=True, metavar="STREAM", help="Declare a modality missing; repeatable."
)
@click.option(
    "--each-missing",
    is_flag=True,
    help="Also score without thermal, depth, both of them, and color.",
)
@click.option(
    "--after",
    "after_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Show and score only what comes after so many seconds of each recording: a face that was "
    "not seen at rest before.",
)
@click.option("--stage1", is_flag=True, help="Also score the extractor's valence-arousal on color.")
@click.option(
    "--stage1-model",
    type=click.Path(path_type=Path),
    help="The extractor of --stage1. Default: the shipped one.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the scores as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def mran(
    models: tuple[Path, ...],
    data: str,
    by: tuple[str, ...],
    drop: tuple[str, ...],
    each_missing: bool,
    after_s: float,
    stage1: bool,
    stage1_model: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure MRAN: RMSE, CC and CCC of valence and arousal, pooled and per recording.

    Clips overlap by half, and a frame's estimates are averaged. CCC has denominator n.
    """
    from mien.cli.evaluate_extractor import path_and_split
    from mien.data.formats.streams import load_streams
    from mien.evaluation.affect import without_nan
    from mien.evaluation.models.mran import check_dropped, mran_traces, score_traces, stage1_traces
    from mien.evaluation.trace_table import trace_table
    from mien.runtime.models import AffectModel
    from mien.runtime.mran import MranModel

    path, named = path_and_split(data)
    split = named or "test"
    recordings = load_streams(path, split)
    networks = [MranModel(file) for file in models] or [MranModel()]
    missing = [drop, *(_EACH_MISSING if each_missing else ())]
    read = [check_dropped(network, recordings, drop) for network in networks]
    if len(set(read)) > 1:
        click.echo(f"note: the models read other modalities: {[list(names) for names in read]}")

    total = len(recordings) * (len(networks) * len(missing) + stage1)
    with progress_bar(total, "video") as advance:

        def score(traces: Iterator[RecordingTraces]) -> dict[str, object]:
            return score_traces(traces, recordings, by, lambda: advance(1))

        rows = [
            (
                f"MRAN ({' + '.join(check_dropped(networks[0], recordings, names))})",
                [score(mran_traces(network, recordings, names, after_s)) for network in networks],
            )
            for names in missing
        ]
        if stage1:
            traces = stage1_traces(AffectModel(stage1_model), recordings, networks[0].fps, after_s)
            rows.append(("stage 1 (color)", [score(traces)]))
    document = {
        "data": recordings.corpus,
        "split": split,
        "models": [network.describe() for network in networks],
        "streams": [list(names) for names in read],
        "dropped": list(drop),
        "after_s": after_s,
        "scores": dict(rows),
    }
    text = json.dumps(without_nan(document), indent=2)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        click.echo(text)
        return
    click.echo(f"{recordings.corpus}, {split} split, {len(networks)} model(s)\n")
    click.echo(trace_table(rows))
