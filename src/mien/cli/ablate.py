"""``mien ablate``: run the papers' tables again on your data (needs the extra 'train')."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from mien.cli import complain, require_torch

# Written here too, so that --help needs no torch; a test compares them.
TABLE_NAMES = ("facernet-table1", "facernet-table2", "facernet-table3", "baselines")
MRAN_TABLE = "mran"


@click.command("ablate")
@click.argument("table", type=click.Choice((*TABLE_NAMES, MRAN_TABLE)))
@click.option(
    "--data",
    required=True,
    metavar="PREPARED|simulated",
    help="Folder written by 'mien datasets prepare' (aligned streams for mran), or, for the other "
    "tables, the word simulated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for rows, tables and figure; finished rows found there are kept.",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--row",
    "only",
    multiple=True,
    metavar="ID",
    help="Run this row only, repeatable; the table keeps what is finished of the others.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML recipe that all rows share. Default: batch 64, rate 2e-3, 30 epochs; for mran those "
    "of mien.training.mran.train.",
)
@click.option(
    "--encoders",
    type=click.Path(path_type=Path),
    multiple=True,
    help="For mran: what the encoders of every row start from, a run folder of 'mien train mran' "
    "or, compact, of 'mien train extractor', or the .onnx of an exported compact extractor. "
    "Repeatable.",
)
@click.option(
    "--resnet50",
    metavar="PREPARED",
    help="For the row resnet50 of facernet-table3: the same corpus, prepared with an extractor of "
    "preset resnet50 ('mien datasets prepare --model').",
)
@click.option(
    "--crops",
    type=click.Path(path_type=Path),
    help="For the row clip-cnn of baselines: the corpus's face crops ('mien datasets crops').",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Change one setting; repeatable."
)
def command(
    table: str,
    data: str,
    out: Path,
    seeds: int,
    only: tuple[str, ...],
    config: Path | None,
    encoders: tuple[Path, ...],
    resnet50: str | None,
    crops: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Run a table's rows, several seeds each, and write Markdown, CSV and a figure.

    A killed run goes on where it stopped: finished rows are not run again. Published figures
    stand in a column of their own; they were measured on Hume-Reaction. The table mran has
    modalities, attention, recurrence and clip length.
    """
    require_torch()
    for option, value, place in (
        ("--resnet50", resnet50, "facernet-table3"),
        ("--crops", crops, "baselines"),
    ):
        if value is not None and table != place:
            raise click.UsageError(f"{option} belongs to the table {place}")
    if table == MRAN_TABLE:
        _mran(Path(data), out, seeds, only, config, encoders, list(overrides))
        return
    if encoders:
        raise click.UsageError("--encoders belongs to the table mran")
    from mien.config import from_overrides, load_config
    from mien.data.formats.face_crops import load_clip_splits
    from mien.data.reaction_sets import SIMULATED, load_split, splits_of
    from mien.training.ablation.run import AblationData, run_table, usable_test
    from mien.training.reactions.train import ReactionTrainConfig, few_videos

    changes = list(overrides)
    recipe = (
        load_config(ReactionTrainConfig, config, changes)
        if config is not None
        else from_overrides(ReactionTrainConfig, {"name": table}, changes)
    )

    def read(place: str) -> AblationData:
        train, valid = (
            load_split(place, split, recipe.fps, recipe.simulation) for split in ("train", "valid")
        )
        for note in (*train.notes, *valid.notes):
            click.echo(f"note: {note}")
        test = None
        if "test" in splits_of(place):
            test = usable_test(load_split(place, "test", recipe.fps, recipe.simulation))
        name = "simulated reactions" if place == SIMULATED else Path(place).name
        return AblationData(name, train, valid, test)

    found = read(data)
    for warning in few_videos(found.valid):
        complain(warning)
    clips = None if crops is None else load_clip_splits(crops)
    run_table(
        table,
        recipe,
        replace(found, resnet50=None if resnet50 is None else read(resnet50), clips=clips),
        out,
        seeds,
        report=click.echo,
        only=only,
    )
    click.echo(f"table: {out / f'{table}.md'}")


def _mran(
    data: Path,
    out: Path,
    seeds: int,
    only: tuple[str, ...],
    config: Path | None,
    encoders: tuple[Path, ...],
    changes: list[str],
) -> None:
    from mien.config import from_overrides, load_config
    from mien.data.formats.streams import load_streams
    from mien.training.ablation.mran import StreamSplits, run_mran_table
    from mien.training.from_onnx.extractor import start_file
    from mien.training.mran.train import MRANTrainConfig

    recipe = (
        load_config(MRANTrainConfig, config, changes)
        if config is not None
        else from_overrides(MRANTrainConfig, {"name": MRAN_TABLE}, changes)
    )
    splits = StreamSplits(*(load_streams(data, split) for split in ("train", "valid", "test")))
    run_mran_table(
        recipe,
        splits,
        out,
        seeds,
        click.echo,
        encoders=[start_file(start) for start in encoders],
        only=only,
    )
    click.echo(f"table: {out / f'{MRAN_TABLE}.md'}")
