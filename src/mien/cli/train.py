"""``mien train``: train a model (needs the extra 'train')."""

from __future__ import annotations

import math
from pathlib import Path

import click

from mien.cli import NeedsTorch, complain
from mien.errors import ConfigError


@click.group("train", cls=NeedsTorch)
def command() -> None:
    """Train a model. Needs the extra 'train'."""


_config = click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="TOML file of the recipe."
)
_out = click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for checkpoints and logs; a stopped run goes on from there.",
)
_set = click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Change one setting; repeatable."
)


@command.command("extractor")
@_config
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder that holds the corpora."
)
@_out
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help="Run folder of an earlier training to start from, or the .onnx file of an exported "
    "extractor, the shipped one for example.",
)
@click.option(
    "--teacher",
    "teachers",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Run folder whose answers are mixed into the labels of corpora with a distill_weight; "
    "repeatable, the answers of several are averaged.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for landmarks that are found once. Default: the --out folder.",
)
@_set
def extractor(
    config: Path,
    data: Path,
    out: Path,
    init: Path | None,
    teachers: tuple[Path, ...],
    cache: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Train the extractor (valence-arousal, expressions, action units)."""
    from mien.config import load_config
    from mien.training.extractor import MMATrainConfig, train_mma
    from mien.training.extractor.corpora import load_corpora
    from mien.training.from_onnx.extractor import start_file

    recipe = load_config(MMATrainConfig, config, list(overrides))
    corpora = load_corpora(recipe, data, cache or out)
    train_mma(
        recipe,
        corpora,
        out,
        report=click.echo,
        init=start_file(init) if init else None,
        teachers=teachers,
    )
    click.echo(f"trained model: {out / 'model.safetensors'}")


@command.command("reactions")
@_config
@click.option(
    "--data",
    default="simulated",
    show_default=True,
    metavar="PREPARED|simulated",
    help="Folder written by 'mien datasets prepare', or the word simulated.",
)
@_out
@_set
def reactions(config: Path, data: str, out: Path, overrides: tuple[str, ...]) -> None:
    """Train the reaction model, or another network over affect representations.

    Outputs are those of the data: their number and names are set nowhere else. A finished run goes
    on with more epochs (--set epochs=200; also patience=..., if that ended it).
    """
    import json

    import numpy as np

    from mien.config import load_config
    from mien.data.reaction_sets import SIMULATED, load_split, splits_of
    from mien.evaluation.affect import without_nan
    from mien.training.reactions.train import (
        ReactionTrainConfig,
        few_videos,
        predict_scores,
        reaction_report,
        train_reactions,
    )

    recipe = load_config(ReactionTrainConfig, config, list(overrides))
    train, valid = (
        load_split(data, split, recipe.fps, recipe.simulation) for split in ("train", "valid")
    )
    for note in (*train.notes, *valid.notes):
        click.echo(f"note: {note}")
    for warning in few_videos(valid):
        complain(warning)
    split, held_out = "valid", valid
    if "test" in splits_of(data):  # before the training: what cannot be read is said at once
        test = load_split(data, "test", recipe.fps, recipe.simulation)
        if np.isfinite(test.labels).any():
            split, held_out = "test", test
    model = train_reactions(recipe, train, valid, out, report=click.echo)
    scores = reaction_report(predict_scores(model, held_out).numpy(), held_out)
    if data == SIMULATED and not math.isfinite(scores["mean_pearson"]):
        raise ConfigError("the test set is too small for a correlation: raise simulation.test")
    name = "simulated reactions" if data == SIMULATED else data
    scores = {"data": f"{name}, {split} split", **without_nan(scores)}
    (out / "metrics.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(scores))
    click.echo(f"trained model: {out / 'model.safetensors'}")


@command.command("mran")
@_config
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PREPARED",
    help="Folder of aligned streams, written by 'mien datasets prepare'.",
)
@_out
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help="What everything starts from: a run folder of 'mien train mran', or the .onnx of an "
    "exported network, the shipped one for example. It may have been trained on shorter clips or "
    "read other modalities.",
)
@click.option(
    "--encoders",
    type=click.Path(path_type=Path),
    multiple=True,
    help="What the encoders start from: the .onnx of an exported compact extractor, the shipped "
    "one for example, or the run folder of 'mien train extractor' or of 'mien train mran'. "
    "Repeatable, for runs of one modality each; of several for a modality the last counts.",
)
@_set
def mran(
    config: Path,
    data: Path,
    out: Path,
    init: Path | None,
    encoders: tuple[Path, ...],
    overrides: tuple[str, ...],
) -> None:
    """Train the multi-modal recurrent attention network on color, depth and thermal clips."""
    from mien.config import load_config
    from mien.data.formats.streams import load_streams
    from mien.training.from_onnx.extractor import start_file
    from mien.training.mran.train import MRANTrainConfig, train_mran

    recipe = load_config(MRANTrainConfig, config, list(overrides))
    train, valid = (load_streams(data, split) for split in ("train", "valid"))
    train_mran(
        recipe,
        train,
        valid,
        out,
        click.echo,
        init=start_file(init) if init else None,
        encoders=[start_file(start) for start in encoders],
    )
    click.echo(f"trained model: {out / 'model.safetensors'}")


@command.command("clip-cnn")
@click.option("--config", type=click.Path(path_type=Path), help="TOML recipe. Default: none.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of frame clips, written by 'mien datasets crops'.",
)
@_out
@_set
def clip_cnn(config: Path | None, data: Path, out: Path, overrides: tuple[str, ...]) -> None:
    """Train the 3-D CNN on clips of face crops, a baseline of the papers."""
    import json

    from mien.config import from_overrides, load_config
    from mien.data.formats.face_crops import load_clip_splits
    from mien.evaluation.affect import without_nan
    from mien.training.reactions.clip_cnn import ClipCNNTrainConfig, clip_report, train_clip_cnn

    recipe = (
        from_overrides(ClipCNNTrainConfig, {"name": "clip-cnn"}, list(overrides))
        if config is None
        else load_config(ClipCNNTrainConfig, config, list(overrides))
    )
    clips = load_clip_splits(data)
    model = train_clip_cnn(recipe, clips["train"], clips["valid"], out, click.echo)
    split = "test" if "test" in clips else "valid"
    report = without_nan(clip_report(model, clips[split], recipe.frames))
    scores = {"data": f"{data}, {split} split", **report}
    (out / "metrics.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    click.echo(json.dumps(scores))
    click.echo(f"trained model: {out / 'model.safetensors'}")


@command.command("end-to-end")
@_config
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of frame clips, see mien.data.formats.face_crops.",
)
@click.option(
    "--affect",
    type=click.Path(path_type=Path),
    required=True,
    help="Run folder of 'mien train extractor' to start from.",
)
@click.option(
    "--reactions",
    type=click.Path(path_type=Path),
    required=True,
    help="Run folder of 'mien train reactions' to start from.",
)
@_out
@_set
def end_to_end(
    config: Path,
    data: Path,
    affect: Path,
    reactions: Path,
    out: Path,
    overrides: tuple[str, ...],
) -> None:
    """Train both stages together at a small rate, each from its own training."""
    from mien.config import load_config
    from mien.data.formats.face_crops import load_frame_clips
    from mien.training.reactions.end_to_end import EndToEndConfig, load_parts, train_end_to_end

    recipe = load_config(EndToEndConfig, config, list(overrides))
    train, valid = (load_frame_clips(data, split) for split in ("train", "valid"))
    train_end_to_end(recipe, load_parts(affect, reactions), train, valid, out, click.echo)
    click.echo(f"trained runs: {out / 'affect'}, {out / 'reactions'}")
