"""The page as a whole: sections, style, script and the embedded curves in one HTML file."""

from __future__ import annotations

import base64
import hashlib
from html import unescape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from mien.errors import OutputError
from mien.labels import PAPERS_LABELS, LabelSet
from mien.report import footer, overview
from mien.report.charts.curves import Curve, Interval, make_curve, video_span
from mien.report.charts.registry import FaceView, Page
from mien.report.charts.svg import stack_order
from mien.report.charts.together import player, together
from mien.report.face import section
from mien.report.marks import embed_marks
from mien.report.text import channel, embed_json, escape, further_color, is_number, outside
from mien.types import FaceSummary, Summary

_MEDIA = " media-src 'self' file:;"  # the small video beside the page, and nothing else
_OPEN_FACES = 3
_MAX_POINTS = 2000
_ALL_POINTS = 12000  # shared by all faces, so that thirty do not make a file of fifty megabytes
_MIN_POINTS = 200
_UNKNOWN = -32768


def render_report(summary: Summary) -> str:
    """The report as one HTML document that fetches nothing, the same for the same summary.

    Parameters
    ----------
    summary
        A video or still image with any number of faces. NaN in a timeline (n, 26) is a gap;
        NaN or None elsewhere is shown as a dash with a reason.

    Returns
    -------
    str, to be written as UTF-8.

    Raises
    ------
    ValueError
        If faces and document do not fit each other, or an array has another shape than stated
        in `mien.types`.
    KeyError
        If ``document`` lacks a part that schema version 1 prescribes; what came later may lack.
    """
    document = summary.document
    views = _views(summary)
    source = document["source"]
    is_image = bool(source["is_image"])
    video = _span(document, views)
    if views:
        shared = "" if is_image else together(views, Page(document, video))
        body = overview.overview(views, video, is_image) + shared
        body += _sections(views, document, video)
    else:
        body = overview.nobody(is_image)
    script = _resource("lanes.js") + _resource("script.js") if views else ""
    return Template(_resource("template.html")).substitute(
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        title=overview.page_title(document),
        name=outside(overview.file_name(str(source["path"]))),
        path=outside(source["path"]),
        style=_resource("style.css"),
        facts=overview.facts(document, len(views)),
        warnings=overview.warnings(document.get("warnings") or []),
        body=body,
        media="" if summary.player_start_s is None else _MEDIA,
        player="" if summary.player_start_s is None else player(summary.player_start_s),
        models=footer.models(document),
        settings=footer.settings(document),
        versions=footer.versions(document),
        curves=embed_json(_embedded(views, is_image)),
        marks=embed_marks(summary.marks),
        script=script,
    )


def write_report(summary: Summary, path: Path) -> None:
    """Write `render_report` of `summary` to `path` as UTF-8.

    Raises
    ------
    OutputError
        If the file cannot be written.
    ValueError, KeyError
        As `render_report`; nothing is written then.
    """
    content = render_report(summary).encode("utf-8")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"{path}: the report cannot be written ({error.strerror or error}); "
            "check that the folder exists and has room"
        ) from error


_WORTH = {
    "the pictures at the peaks": '<div class="strip">',
    "what MRAN read": '<div class="streams">',
    "the video": '<section class="player"',
}


def lost(before: str, after: str) -> list[str]:
    """What a report shows that the one in its place would not, in words."""
    return [word for word, part in _WORTH.items() if part in before and part not in after]


def _resource(name: str) -> str:
    return resources.files("mien.report").joinpath(name).read_text(encoding="utf-8")


def _views(summary: Summary) -> list[FaceView]:
    told = summary.document["faces"]
    if len(told) != len(summary.faces):
        raise ValueError(f"the document tells of {len(told)} faces, not {len(summary.faces)}")
    share = _ALL_POINTS // max(len(summary.faces), 1)
    points = min(max(share, _MIN_POINTS), _MAX_POINTS)
    views = []
    for index, (face, entry) in enumerate(zip(summary.faces, told, strict=True)):
        if entry["face_id"] != face.face_id:
            raise ValueError(f"face {face.face_id} is {entry['face_id']} in the document")
        _check_shapes(face)
        views.append(
            FaceView(
                face=face,
                curve=make_curve(
                    face.timeline,
                    points,
                    None if face.mran is None else face.mran.timeline,
                    len(face.labels.affect_columns),
                ),
                index=index,
                who=escape(entry.get("name") or f"Face {face.face_id}"),
                anchor=f"face-{index}",
                note=(entry.get("reactions") or {}).get("note"),
            )
        )
    return views


def _check_shapes(face: FaceSummary) -> None:
    expected = (len(face.labels.affect_columns),)
    for name in ("mean", "peak", "peak_time_s"):
        shape = np.shape(getattr(face, name))
        if shape != expected:
            raise ValueError(f"{name} of face {face.face_id} is {shape}, not {expected}")


def _span(document: dict[str, Any], views: list[FaceView]) -> Interval:
    duration = document["source"].get("duration_s")
    return video_span(
        float(duration) if is_number(duration) else None,
        [view.curve for view in views],
        [view.face for view in views],
    )


def _sections(views: list[FaceView], document: dict[str, Any], video: Interval) -> str:
    few = len(views) <= _OPEN_FACES
    note = (
        ""
        if few
        else (
            f'<p class="quiet folding" data-folding>The first {_OPEN_FACES} faces are unfolded. '
            "Printing shows what is unfolded.</p>"
        )
    )
    page = Page(document, video)
    return note + "".join(section(view, page, opened=view.index < _OPEN_FACES) for view in views)


def _embedded(views: list[FaceView], is_image: bool) -> dict[str, Any]:
    """What the cursor reads: whole milliseconds and thousandths, null in gaps."""
    labels = views[0].face.labels if views else PAPERS_LABELS
    widths = (view.curve.values.shape[1] for view in views)
    channels = max([len(labels.affect_columns), *widths])
    return {
        "names": [channel(column, labels) for column in range(channels)],
        "people": [unescape(view.who) for view in views],  # for files, not for the page
        "plan": _plan(labels),
        "faces": [] if is_image else [_packed(view) or _numbers(view.curve) for view in views],
    }


def _plan(labels: LabelSet) -> dict[str, Any]:
    """Which columns the script draws anew where it zooms: expressions from the bottom up with
    their colors, and from where to where the units are."""
    columns = [(labels.affect_columns.index(f"expr_{n}"), n) for n in stack_order(labels)]
    units = labels.action_unit_slice
    return {
        "stack": [[column, further_color(n, labels) or f"--{n}"] for column, n in columns],
        "units": [units.start, units.stop],
    }


def _packed(view: FaceView) -> dict[str, Any] | None:
    """Curves in detail, in fewer bytes: whole milliseconds and thousandths, little-endian."""
    fine = view.face.fine
    if fine is None:
        return None
    known = np.isfinite(fine.values)
    whole = np.where(known, np.rint(np.nan_to_num(fine.values) * 1000), _UNKNOWN).astype("<i2")
    time = np.rint(fine.time_s * 1000).astype("<i4")
    return {
        "step": round(fine.bin_s * 1000, 3),
        "time": base64.b64encode(time.tobytes()).decode("ascii"),
        "packed": base64.b64encode(np.ascontiguousarray(whole.T).tobytes()).decode("ascii"),
    }


def _numbers(curve: Curve) -> dict[str, Any]:
    found = np.isfinite(curve.values)
    whole = np.rint(np.where(found, curve.values, 0.0) * 1000).astype(np.int64)
    values = [
        [value if there else None for value, there in zip(column, mask, strict=True)]
        for column, mask in zip(whole.T.tolist(), found.T.tolist(), strict=True)
    ]
    left, right, time = (
        np.rint(array * 1000).astype(np.int64).tolist()
        for array in (curve.left_s, curve.right_s, curve.time_s)
    )
    return {"time": time, "left": left, "right": right, "values": values}
