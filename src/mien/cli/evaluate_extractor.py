"""``mien evaluate extractor``: measure an extractor on labelled faces."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from mien.errors import DataError
from mien.evaluation.corpora import FRAMINGS, SPLITS


@click.command("extractor")
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="PATH[@SPLIT]",
    help="FER+ as npz, a zip of faces with its csv beside it (or inside), a folder of synthetic "
    "images, annotations from 'mien datasets prepare', or folders of faces named after "
    "expressions (happy/, angry/, ...). Repeatable: several corpora or models "
    "give one table.",
)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Which faces count, where PATH does not say it. Default: valid where the data declare "
    "splits, test of a synthetic set, else all.",
)
@click.option(
    "--blendshapes",
    type=click.Path(path_type=Path),
    help="What a face mesh saw of the same rows. Default: mesh-NAME.npz or "
    "NAME_blendshapes.npz beside the data.",
)
@click.option(
    "--model",
    "models",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Default: the shipped extractor. Repeatable: mean and spread over models.",
)
@click.option(
    "--framing",
    type=click.Choice(FRAMINGS),
    default="aligned",
    show_default=True,
    help="Align faces by landmarks, as in video, or take the corpus's crops as they are.",
)
@click.option(
    "--sheets",
    type=click.Path(path_type=Path),
    help="Folder for contact sheets: the faces that the first model scores highest per action "
    "unit. They show the people of the corpus: keep them as private as the corpus.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def extractor(
    data: tuple[str, ...],
    split: str | None,
    blendshapes: Path | None,
    models: tuple[Path, ...],
    framing: str,
    sheets: Path | None,
    as_json: bool,
) -> None:
    """Measure the extractor: expressions, valence-arousal and action units, where labelled."""
    from mien.evaluation.affect import without_nan
    from mien.evaluation.contact_sheets import write_sheets
    from mien.evaluation.corpora import load_labelled
    from mien.evaluation.models.extractor import measure, predict_all
    from mien.evaluation.seed_table import spread_table
    from mien.runtime.models import AffectModel

    extractors = [AffectModel(path) for path in models] or [AffectModel()]
    reports = []
    for text in data:
        path, own = path_and_split(text)
        labelled = load_labelled(path, own or split, blendshapes, framing)
        predicted = [predict_all(extractor, labelled.faces) for extractor in extractors]
        reports.append(
            [
                measure(extractor, labelled, affect)
                for extractor, affect in zip(extractors, predicted, strict=True)
            ]
        )
        if sheets is not None:
            for file in write_sheets(
                labelled.faces, predicted[0][0], sheets / path.stem, labels=extractors[0].labels
            ):
                click.echo(f"sheet: {file}", err=True)
    alone = len(reports) == len(extractors) == 1
    if as_json:
        click.echo(json.dumps(without_nan(reports[0][0] if alone else reports), indent=2))
    elif alone:
        click.echo(_text(reports[0][0]))
    else:
        click.echo(spread_table(reports))
        for row in reports:
            for note in row[0]["notes"]:
                click.echo(f"note: {row[0]['data']}: {note}")


def path_and_split(text: str) -> tuple[Path, str | None]:
    """``corpus.npz@valid`` is a path with a split, unless a file of that very name exists.

    Raises
    ------
    DataError
        If what stands behind an existing path is no split.

    Examples
    --------
    >>> path, split = path_and_split("faces.zip@test")
    >>> path.name, split
    ('faces.zip', 'test')
    >>> path_and_split("faces@home.zip")[1] is None
    True
    """
    path, at, split = text.rpartition("@")
    if not at or Path(text).exists():
        return Path(text), None
    if split in SPLITS:
        return Path(path), split
    if Path(path).exists():
        raise DataError(f"{text}: {split!r} is no split; splits are {', '.join(SPLITS)}")
    return Path(text), None


_TARGETS = {
    "truth": "truth",
    "annotation": "annotation",
    "target": "target derived from votes",
}


def _text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['data']}, split {report['split']}, faces {report['framing']}; "
        f"model {report['model']} {report['model_version']}",
        f"n {report['n']}   accuracy {_figure(report['accuracy'], 4)}   "
        f"macro-F1 {_figure(report['macro_f1'], 4)}",
        "",
        f"{'expression':<12}{'n':>6}{'recall':>9}{'F1':>9}",
    ]
    for name, count in report["support"].items():
        recall, f1 = report["recall"][name], report["f1"][name]
        lines.append(f"{name:<12}{count:>6}{_figure(recall):>9}{_figure(f1):>9}")
    if report["valence_arousal_n"]:
        ccc = report["valence_arousal_ccc"]
        target = _TARGETS[report["truth"]]
        lines += [
            "",
            f"CCC with the {target} (n {report['valence_arousal_n']}): "
            f"valence {ccc['valence']:.3f}, arousal {ccc['arousal']:.3f}",
        ]
    units = [name for name, f1 in report["au_f1"].items() if not math.isnan(f1)]
    if units and not report["au_n"]:
        lines += ["", *_units_text(report, units)]
    if report["au_n"]:
        source = "true intensity" if report["synthetic"] else "teacher's blendshapes"
        lines += [
            "",
            f"Pearson with the {source} (n up to {report['au_n']}), "
            "F1 at 0.5 and at the model's decisions:",
        ]
        lines += [
            f"  {name}  {value:6.3f}  {_figure(report['au_f1'][name]):>6}"
            f"  {_figure(report['au_decided_f1'][name]):>6}"
            for name, value in report["au_correlation"].items()
            if not math.isnan(value)
        ]
        figures = report["au_mean_f1"], report["au_decided_mean_f1"]
        lines.append(
            f"  mean  {report['au_mean_correlation']:6.3f}"
            f"  {_figure(figures[0]):>6}  {_figure(figures[1]):>6}"
        )
    found = report["contradictions"]
    lines += [
        "",
        f"expected calibration error: expressions {_figure(report['expression_ece'])}, "
        f"action units {_figure(report['au_ece'])}",
        f"expressions and units contradict each other in {_figure(found['rate'])} of the faces "
        f"(expression unsupported {_figure(found['unsupported'])}, "
        f"neutral denied {_figure(found['denied'])})",
    ]
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join(lines)


def _units_text(report: dict[str, Any], units: list[str]) -> list[str]:
    """Scores of units that people annotated; ICC(3,1) where they said how strong they are."""
    scores = [report[f"au_{name}"] for name in ("f1", "decided_f1", "auc", "icc")]
    means = [report[f"au_{name}"] for name in ("mean_f1", "decided_mean_f1", "mean_auc")]
    strong = not math.isnan(report["au_mean_icc"])
    columns = 4 if strong else 3
    title = "F1 with the annotated action units, at 0.5 and at the model's decisions: columns 1, 2"
    lines = [f"{title}; AUC: 3" + ("; ICC(3,1) of intensities: 4" if strong else "")]
    rows = [(name, [score[name] for score in scores]) for name in units]
    rows.append(("mean", [*means, report["au_mean_icc"]]))
    for name, values in rows:
        lines.append(f"  {name}" + "".join(f"  {_figure(v):>6}" for v in values[:columns]))
    for name, row in report["au_sets"].items():
        icc = f", ICC(3,1) {_figure(row['icc'])}" if strong else ""
        lines.append(
            f"  {name} ({row['units']} of {row['of']} measured): F1 at the decisions "
            f"{_figure(row['f1'])}, AUC {_figure(row['auc'])}{icc}"
        )
    return lines


def _figure(value: float, digits: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
