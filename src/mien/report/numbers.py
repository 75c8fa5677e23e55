"""All channels of a face as a table: what the charts show, for those who cannot see them."""

from __future__ import annotations

from collections.abc import Iterator

from mien.labels import VALENCE_AROUSAL, LabelSet
from mien.report.charts.curves import mran_columns
from mien.report.text import channel, is_number, number, when
from mien.report.trust import Trust
from mien.types import DetailsSummary, FaceSummary


def table(face: FaceSummary, who: str, trust: Trust, *, still: bool) -> str:
    """Mean, peak and time of the peak per channel; a still image has one value per channel."""
    head = (
        '<th scope="col">value</th>'
        if still
        else "".join(f'<th scope="col">{word}</th>' for word in ("mean", "peak", "peak at"))
    )
    if trust.known:
        head += '<th scope="col">how far to trust it</th>'

    def trusted(name: str) -> str:
        return f"<td>{trust.cell(name)}</td>" if trust.known else ""

    rows, labels = [], face.labels
    for column, name in enumerate(labels.affect_columns):
        if trust.lacks([name]):
            continue
        signed = column < 2
        cells = [number(face.mean[column], signed=signed, digits=3)]
        if not still:
            cells.append(number(face.peak[column], signed=signed, digits=3))
            cells.append(when(face.peak_time_s[column]))
        rows.append(
            f'<tr><th scope="row">{channel(column, labels)}</th><td><code>{name}</code></td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f"{trusted(name)}</tr>"
        )
    if face.mran is not None and not still:
        said = face.mran
        for k, (name, column) in enumerate(zip(VALENCE_AROUSAL, mran_columns(labels), strict=True)):
            told = (said.mean[k], said.peak[k])
            cells = [number(value, signed=True, digits=3) for value in told]
            rows.append(
                f'<tr><th scope="row">{channel(column, labels)}</th>'
                f"<td><code>mran_{name}</code></td>"
                + "".join(f"<td>{cell}</td>" for cell in (*cells, when(said.peak_time_s[k])))
                + f"{trusted(f'mran_{name}')}</tr>"
            )
    if face.details is not None:
        rows += [
            f'<tr><th scope="row">{_WORDS[kind]}</th><td><code>{name}</code></td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f"{trusted(name)}</tr>"
            for name, kind, cells in _details(face.details, labels, still)
        ]
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="All channels of {who}">'
        f'<table class="numbers"><thead><tr><th scope="col">channel</th><th scope="col">column'
        f"</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


_WORDS = {
    "quality": "quality of the picture of the face",
    "pose": "head pose, degrees",
    "eye": "openness of an eye",
    "gaze": "gaze against the head, degrees",
    "intensity": "intensity, 0 to 5",
}


def _details(
    details: DetailsSummary, labels: LabelSet, still: bool
) -> Iterator[tuple[str, str, list[str]]]:
    """Name, kind and cells of what the extractor says beside the 26; peaks of intensities only."""
    for column, name in enumerate(labels.detail_columns):
        mean = details.mean[column]
        if not is_number(float(mean)):
            continue
        intensity = name.endswith("_intensity")
        cells = [number(mean, signed=name.endswith("_deg"), digits=1 if "_deg" in name else 3)]
        if not still:
            unit = labels.intensity_columns.index(name) if intensity else 0
            cells.append(number(details.peak[unit], digits=3) if intensity else "")
            cells.append(when(details.peak_time_s[unit]) if intensity else "")
        yield name, "intensity" if intensity else name.split("_")[0], cells
