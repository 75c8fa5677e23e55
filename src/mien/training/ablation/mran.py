"""Ablations of MRAN on aligned streams: modalities, attention, recurrence, clip length."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.config import from_dict
from mien.data.formats.streams import StreamSet
from mien.evaluation.affect import without_nan
from mien.evaluation.models.mran import RecordingTraces, score_traces
from mien.models.mran import MRAN
from mien.training.ablation.mran_table import UNIFORM, write_mran_tables
from mien.training.ablation.rows import Table, run_rows
from mien.training.ablation.tables import AblationRow
from mien.training.ablation.write import RowResult
from mien.training.from_onnx.extractor import start_fingerprint
from mien.training.mran.batches import read_recordings
from mien.training.mran.start import read_encoders
from mien.training.mran.train import MRANTrainConfig, clip_reader, train_mran

GROUP_COLUMN = "light"
"""Attribute by whose values test scores are split, where the data have it."""


def _model(id: str, name: str, batch_factor: float = 1.0, **changes: Any) -> AblationRow:
    return AblationRow(id, name, {"model": changes, "batch_factor": batch_factor})


_SPACE: dict[str, Any] = {"convolutions": "space-time", "recognition": (48, 64)}

# A step and an epoch read the same number of frames whatever the clip's length.
MRAN_ROWS: tuple[AblationRow, ...] = (
    _model("color", "color", modalities=("color",)),
    _model("color-depth", "color + depth", modalities=("color", "depth")),
    _model("color-thermal", "color + thermal", modalities=("color", "thermal")),
    _model("full", "color + depth + thermal (guided, attention, 16 frames)"),
    _model("no-attention", "without attention", attention=False),
    _model("concatenated", "concatenated before a ConvLSTM", recurrence="concatenated"),
    _model("framewise", "frame by frame", recurrence="framewise", contrast=False),
    _model("no-contrast", "features without their contrast to the clip's mean", contrast=False),
    _model("lead", "features of color alone read by the recognition", volumes="lead"),
    _model("space", "3-D convolutions behind the attention", **_SPACE),
    _model("space-no-attention", "3-D convolutions, without attention", attention=False, **_SPACE),
    _model("clip-4", "clips of 4 frames", 4.0, clip_frames=4),
    _model("clip-8", "clips of 8 frames", 2.0, clip_frames=8),
    _model("clip-24", "clips of 24 frames", 2 / 3, clip_frames=24),
)
"""Rows in the order of the table; each changes one thing of the row ``full``."""

_FULL: dict[str, Any] = {
    "modalities": ("color", "depth", "thermal"),
    "attention": True,
    "recurrence": "guided",
    "contrast": True,
    "volumes": "all",
    "convolutions": "time",
    "clip_frames": 16,
}


@dataclass(frozen=True)
class StreamSplits:
    """What the table is run on."""

    train: StreamSet
    valid: StreamSet
    test: StreamSet


def mran_row_config(row: AblationRow, recipe: MRANTrainConfig) -> MRANTrainConfig:
    """The recipe with a row's changes; what the rows compare is not the recipe's to say."""
    values = asdict(recipe)
    values["model"] = {**values["model"], **_FULL, **row.changes["model"]}
    factor = row.changes["batch_factor"]
    values["batch"] = max(1, round(recipe.batch * factor))
    if recipe.clips_per_epoch:
        values["clips_per_epoch"] = max(1, round(recipe.clips_per_epoch * factor))
    values["name"] = f"{recipe.name}-{row.id}"
    return from_dict(MRANTrainConfig, values, f"row {row.id}")


def _scores(
    model: MRAN, config: MRANTrainConfig, recordings: StreamSet, fps: float
) -> dict[str, Any]:
    """Pooled scores of all recordings and of each light."""
    reader = clip_reader(config.model, recordings, fps)
    columns = {name for item in recordings.recordings for name in item.attributes}
    by = [GROUP_COLUMN] if GROUP_COLUMN in columns else []
    traces = (RecordingTraces(*read) for read in read_recordings(model, reader, config.batch))
    found = score_traces(traces, recordings, by)
    scores: dict[str, Any] = without_nan({group: said["pooled"] for group, said in found.items()})
    return scores


def _with_uniform_maps(model: MRAN) -> MRAN:
    """The trained network made to look everywhere alike: what its attention is worth to it."""
    changed = copy(model)
    changed._modules = {**model._modules, "attention": None}
    return changed


def run_mran_table(
    recipe: MRANTrainConfig,
    data: StreamSplits,
    out: Path,
    seeds: int = 3,
    report: Callable[[str], object] = print,
    rows: tuple[AblationRow, ...] = MRAN_ROWS,
    encoders: Sequence[Path] = (),
    only: Collection[str] = (),
) -> list[RowResult]:
    """Run the rows that are not finished yet and write the tables after each.

    Parameters
    ----------
    recipe, data
        What all rows have in common, and the three splits; rows are scored on the test split with
        clips that overlap by half.
    out
        Folder: ``mran.md``, ``.csv`` and ``.svg``, and see `run_rows` for the rest.
    seeds, report, only
        See `run_rows`.
    rows, encoders
        Which rows, and what every row's encoders start from, see `train_mran`.

    Raises
    ------
    ConfigError
        If `seeds` is below 1, `only` names an unknown row, or the data lack a modality.
    ModelError
        If `out` holds rows of another recipe or other data.
    """
    splits = {"valid": data.valid, "test": data.test}

    def train(row: AblationRow, config: MRANTrainConfig, folder: Path) -> dict[str, Any]:
        model = train_mran(
            config, data.train, data.valid, folder, lambda _: None, encoders=encoders
        )
        fps = config.fps or data.train.fps
        scores = {split: _scores(model, config, part, fps) for split, part in splits.items()}
        scores[UNIFORM] = scores["test"]
        if model.attention is not None:
            scores[UNIFORM] = _scores(_with_uniform_maps(model), config, data.test, fps)
        text = ", ".join(f"{s} mean CCC {scores[s]['all']['mean_ccc']}" for s in splits)
        report(f"{row.name}, seed {config.seed}: {text}")
        return scores

    table = Table(
        rows,
        {row.id: mran_row_config(row, recipe) for row in rows},
        [part.fingerprint() for part in (data.train, *splits.values())]
        + [str(start_fingerprint(start, read_encoders)) for start in encoders],
        train,
        lambda results: write_mran_tables(data.test.corpus, results, out),
    )
    return run_rows(table, out, seeds, report, only)
