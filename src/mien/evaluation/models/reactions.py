"""How well an exported reaction model agrees with ratings: the challenge's metric, and its file.

Torch-free: the model is the ONNX file that `mien analyze --reactions` takes, and long videos are
read by the same windows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.data.sequences import SequenceSet
from mien.data.windows import cut_windows
from mien.errors import DataError
from mien.evaluation.affect import without_nan
from mien.evaluation.bootstrap import bootstrap_pearson
from mien.evaluation.figures import scatter_grid
from mien.evaluation.metrics import PairMoments
from mien.runtime.models import ReactionModel


@dataclass(frozen=True)
class ReactionEvaluation:
    """What was measured.

    Attributes
    ----------
    report
        JSON-able summary; NaN where a correlation is undefined.
    intensities
        float32 (n, outputs), what the model said, columns in the order of ``data.reactions``.
    data
        The videos and their labels.
    """

    report: dict[str, Any]
    intensities: npt.NDArray[np.float32]
    data: SequenceSet

    def write(self, out: Path) -> None:
        """Write ``metrics.json``, ``predictions.csv`` and ``scatter.svg`` into a folder."""
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(without_nan(self.report), indent=2)
        (out / "metrics.json").write_text(text + "\n", encoding="utf-8")
        names = self.data.reactions
        with (out / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", *(f"{name}_predicted" for name in names), *names])
            for row, (said, rated) in enumerate(
                zip(self.intensities.tolist(), self.data.labels.tolist(), strict=True)
            ):
                identifier = str(row) if self.data.ids is None else self.data.ids[row]
                numbers = [f"{v:.6f}" if np.isfinite(v) else "" for v in (*said, *rated)]
                writer.writerow([identifier, *numbers])
        picture = scatter_grid(
            names,
            self.data.labels,
            self.intensities,
            [self.report["pearson"][name] for name in names],
        )
        (out / "scatter.svg").write_text(picture, encoding="utf-8")


def evaluate_reactions(
    model: ReactionModel,
    data: SequenceSet,
    source: str,
    split: str,
    draws: int = 1000,
    update: Callable[[], object] | None = None,
) -> ReactionEvaluation:
    """Run a model on labelled (or withheld) videos.

    Parameters
    ----------
    model, data
        The model and the videos, at the model's frame rate, with the model's outputs in any order.
    source, split
        What the data are, for the report.
    draws
        Resamples of the bootstrap; whole persons are drawn where the data name them.
    update
        Called after every video.

    Returns
    -------
    Pearson's rho per reaction and their mean, each with a 95 % interval, and the intensities. Where
    the labels are withheld every figure is NaN and only the intensities are of use.

    Raises
    ------
    DataError
        If frame rate or outputs of model and data differ.
    """
    if model.fps != data.fps:
        raise DataError(f"the model reads {model.fps} fps, these sequences have {data.fps}")
    if set(model.reactions) != set(data.reactions):
        raise DataError(
            f"the model's outputs are {list(model.reactions)}, the data's {list(data.reactions)}; "
            "evaluate it on data with its own labels"
        )
    windows = cut_windows(data, model.positions)
    said = np.empty((len(windows.data), len(model.reactions)), np.float32)
    last = -1
    for row in range(len(windows.data)):
        said[row] = model.predict(windows.data.sequence(row))
        if update is not None and windows.owner[row] != last:
            update()
        last = int(windows.owner[row])
    order = [model.reactions.index(name) for name in data.reactions]
    intensities = windows.combine(said, len(data))[:, order]
    moments = PairMoments(len(data.reactions))
    moments.update(intensities, data.labels)
    rho = moments.pearson()
    columns, mean = bootstrap_pearson(intensities, data.labels, data.persons, draws)
    persons = {person for person in data.persons or () if person}
    report = {
        "data": source,
        "split": split,
        "model": model.metadata.get("name"),
        "model_version": model.metadata.get("version"),
        "n": len(data),
        "labelled": [int(count) for count in moments.count],
        "mean_pearson": float(rho.mean()),
        "mean_interval": [mean.low, mean.high],
        "pearson": {n: float(r) for n, r in zip(data.reactions, rho, strict=True)},
        "interval": {n: [i.low, i.high] for n, i in zip(data.reactions, columns, strict=True)},
        "bootstrap": {
            "draws": draws,
            "level": 0.95,
            "unit": "person" if persons else "video",
            "units": len(persons) + (data.persons or ("",) * len(data)).count(""),
        },
        "notes": list(data.notes),
        "caveat": model.metadata.get("caveat"),
    }
    return ReactionEvaluation(report, intensities, data)


def challenge_column(name: str) -> str:
    """A reaction's name as the challenge's files write it.

    Examples
    --------
    >>> challenge_column("empathic_pain")
    'Empathic-Pain'
    """
    return "-".join(part.capitalize() for part in name.split("_"))


def write_submission(
    evaluation: ReactionEvaluation, path: Path, missing: Sequence[str] = (), fill: bool = False
) -> None:
    """Write the challenge's file: ``File_ID`` and one column per reaction, in its order.

    Parameters
    ----------
    evaluation
        What was estimated.
    path
        The csv file.
    missing
        Videos of the split that have no estimate, as no face was found in them.
    fill
        Give those the means of the others; otherwise they are refused.

    Raises
    ------
    DataError
        If the data do not say what their videos are called, or videos are missing.
    """
    data = evaluation.data
    if data.ids is None:
        raise DataError("a submission names every video, and these data name none")
    if missing and not fill:
        raise DataError(
            f"{len(missing)} videos of the split could not be prepared (first: {missing[0]}), and "
            "a submission names every video; prepare them again, or give them the means of the "
            "others with --fill"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["File_ID", *(challenge_column(name) for name in data.reactions)])
        for identifier, values in zip(data.ids, evaluation.intensities.tolist(), strict=True):
            writer.writerow([identifier, *(f"{value:.6f}" for value in values)])
        means = evaluation.intensities.mean(axis=0).tolist()
        for identifier in missing:
            writer.writerow([identifier, *(f"{value:.6f}" for value in means)])
