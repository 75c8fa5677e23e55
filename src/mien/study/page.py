"""``study.html``: one self-contained page of a study."""

from __future__ import annotations

from html import escape

import pandas as pd

from mien.study.charts import dots, effects, plain_name
from mien.study.recordings import UNDECIDED, Recording

_MOST_ROWS = 400  # of the summary, on the page; the csv has all
_STYLE = """
:root{--ink:#1d232b;--soft:#5d6975;--line:#d8dde3;--paper:#fff;--hue:#2563a8;--tint:#eef3f9}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa7b4;--line:#333c46;
--paper:#14181d;--hue:#74a9e4;--tint:#1c242d}}
*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:1.5rem 1rem 4rem;
font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}p{max-width:46rem}
.soft,.mark{color:var(--soft)}.mark{font-size:.8rem}
.grid-of{display:flex;flex-wrap:wrap;gap:1rem 1.6rem}
figure{margin:0}figcaption{font-weight:600;font-size:.95rem}svg{max-width:100%;height:auto}
.grid{stroke:var(--line)}.tick{font-size:11px;fill:var(--soft)}.name{font-size:12px;fill:var(--ink)}
path.person{stroke:var(--soft);opacity:.45;fill:none}circle.person{fill:var(--hue);opacity:.75}
.mean{stroke:var(--ink);stroke-width:3}.zero{stroke:var(--soft);stroke-dasharray:3 3}
.interval{stroke:var(--hue);stroke-width:2}.sure{fill:var(--hue)}
.open{fill:var(--paper);stroke:var(--hue);stroke-width:2}
.scroll{overflow-x:auto}.effects{min-width:640px;max-width:860px}table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line)}
th{position:sticky;top:0;background:var(--paper)}td:first-child,th:first-child{text-align:left}
.methods{background:var(--tint);padding:1rem 1.2rem;border-radius:.5rem}
@media print{body{max-width:none}.scroll{overflow:visible}}
"""


def study_page(
    summary: pd.DataFrame,
    comparison: pd.DataFrame,
    measures: list[str],
    condition: str | None,
    recordings: list[Recording],
    methods: str,
    notes: list[str],
) -> str:
    """The page as HTML.

    Parameters
    ----------
    summary, comparison
        As `mien.study.summaries.summarise` and `mien.study.compare.compare_conditions` give them.
    measures
        Columns of the summary that are charted.
    condition
        The column of the conditions; None: there are none.
    recordings
        What was read: marks of the channels stand beside their charts.
    methods
        A paragraph for a paper.
    notes
        What was left out, and warnings.
    """
    persons = summary["person"].nunique()
    head = f"{persons} person{'s' * (persons != 1)}, {len(recordings)} videos"
    if condition is not None:
        head += f", conditions: {', '.join(map(str, sorted(summary[condition].unique())))}"
    group = condition or "video"
    charts = "".join(
        dots(summary, name, group, plain_name(name), _mark(recordings, name)) for name in measures
    )
    parts = [f"<h1>Study</h1><p class='soft'>{escape(head)}</p>"]
    if notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>")
    if not comparison.empty:
        parts.append(
            "<h2>Differences between conditions</h2><p class='soft'>Mean difference with its 95 % "
            "interval over persons. A filled dot: p below 0.05 after Holm's correction for "
            f"{len(comparison)} tests.</p>{effects(comparison)}"
        )
    parts.append(f"<h2>By {escape(group)}</h2><div class='grid-of'>{charts}</div>")
    parts.append(f"<h2>Methods</h2><p class='methods'>{escape(methods)}</p>")
    shown = [
        name
        for name in map(str, summary)
        if not name.endswith(("_sd", "_active_share", "_per_min"))
    ]
    parts.append(f"<h2>Summary</h2><div class='scroll'>{_table(summary[shown])}</div>")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'><title>Study</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def methods_text(
    recordings: list[Recording], persons: int, baseline: str | None, comparison: pd.DataFrame
) -> str:
    """A paragraph on how the numbers came about, with versions and what each is worth."""
    made = recordings[0].made_by()
    marks: dict[str, list[str]] = {}
    for name, told in (recordings[0].document.get("channels") or {}).items():
        marks.setdefault(told["mark"], []).append(name)
    worth = "; ".join(f"{mark}: {', '.join(names)}" for mark, names in marks.items())
    base = {
        None: "",
        "rest": " Of every channel the person's own median over the video was taken off.",
    }.get(baseline, f" Of every channel its mean during {baseline!r} was taken off.")
    read = (
        f"were read with mien {made['mien']} (extractor {made['extractor']}, expression prior "
        f"{made['prior']!r}).{_left_out(recordings)} Action units count as active from the "
        "extractor's thresholds on"
    )
    if any(recording.is_foreign for recording in recordings):
        tools = sorted({one.made_by()["extractor"] for one in recordings if one.is_foreign})
        read = (
            f"were read by {' and '.join(tools)}, whose tables mien {made['mien']} summed up. "
            f"Action units count as active from {UNDECIDED} on"
        )
    text = (
        f"Faces of {_counted(persons, 'person')} in {_counted(len(recordings), 'video')} {read}; "
        f"episodes last "
        f"0.2 s or longer, and interruptions under 0.2 s are bridged.{base}"
    )
    if not comparison.empty:
        text += (
            " Conditions were compared on the means of persons; intervals (95 %) and p-values are "
            "of the studentised bootstrap over persons (4,999 resamples), p-values corrected by "
            f"Holm for {len(comparison)} tests."
        )
    if worth:
        text += f" How each channel was checked by its developers: {worth}."
    return text + " The numbers describe what a face shows to a model, not what a person feels."


def _mark(recordings: list[Recording], measure: str) -> str:
    channels = recordings[0].document.get("channels") or {}
    names = [name for name in channels if measure.startswith(f"{name}_")]
    return channels[max(names, key=len)]["mark"] if names else ""


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in table)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in table.head(_MOST_ROWS).itertuples(index=False)
    )
    more = len(table) - _MOST_ROWS
    rest = f"<p class='soft'>{more} more rows in summary.csv</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cell(value: object) -> str:
    # Rounded first: a mean of -0.0001 is no "-0.000".
    return f"{round(value, 3) + 0.0:.3f}" if isinstance(value, float) else escape(str(value))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _left_out(recordings: list[Recording]) -> str:
    """Which frames did not count; a sentence with a space before it."""
    least = {recording.document.get("min_quality") or 0 for recording in recordings}
    if least == {0}:
        return " Frames of every quality were counted."
    levels = " or ".join(f"{level:g}" for level in sorted(least))
    return f" Frames of a quality below {levels} were left out."
