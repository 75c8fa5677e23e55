"""All channels of a face as a table: what the charts show, for those who cannot see them."""

from __future__ import annotations

from mien.labels import AFFECT_COLUMNS, VALENCE_AROUSAL
from mien.report.curves import MRAN_COLUMNS
from mien.report.text import channel, number, when
from mien.types import FaceSummary


def table(face: FaceSummary, who: str, *, still: bool) -> str:
    """Mean, peak and time of the peak per channel; a still image has one value per channel."""
    head = (
        '<th scope="col">value</th>'
        if still
        else "".join(f'<th scope="col">{word}</th>' for word in ("mean", "peak", "peak at"))
    )
    rows = []
    for column, name in enumerate(AFFECT_COLUMNS):
        signed = column < 2
        cells = [number(face.mean[column], signed=signed, digits=3)]
        if not still:
            cells.append(number(face.peak[column], signed=signed, digits=3))
            cells.append(when(face.peak_time_s[column]))
        rows.append(
            f'<tr><th scope="row">{channel(column)}</th><td><code>{name}</code></td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    if face.mran is not None and not still:
        said = face.mran
        for k, (name, column) in enumerate(zip(VALENCE_AROUSAL, MRAN_COLUMNS, strict=True)):
            told = (said.mean[k], said.peak[k])
            cells = [number(value, signed=True, digits=3) for value in told]
            rows.append(
                f'<tr><th scope="row">{channel(column)}</th><td><code>mran_{name}</code></td>'
                + "".join(f"<td>{cell}</td>" for cell in (*cells, when(said.peak_time_s[k])))
                + "</tr>"
            )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="All channels of {who}">'
        f'<table class="numbers"><thead><tr><th scope="col">channel</th><th scope="col">column'
        f"</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
