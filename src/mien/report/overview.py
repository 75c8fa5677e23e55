"""The head of the page: what was read, what to beware of, and every face on one line."""

from __future__ import annotations

from typing import Any

from mien.report.charts.bars import balance, presence_bar
from mien.report.charts.curves import Interval, presence
from mien.report.charts.registry import FaceView
from mien.report.charts.thumbnails import dominant, portrait
from mien.report.text import (
    channel,
    clock,
    count,
    escape,
    is_number,
    key,
    missing,
    number,
    outside,
    plural,
)


def file_name(path: str) -> str:
    """The last part of a path of either kind of system, unescaped."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def facts(document: dict[str, Any], faces: int) -> str:
    """What the file is and how much of it holds a face, as a definition list."""
    source = document["source"]
    items = [("kind", "still image" if source["is_image"] else "video")]
    if not source["is_image"]:
        duration = source.get("duration_s")
        items.append(("duration", clock(duration) if is_number(duration) else _unstated()))
    items.append(("resolution", f"{_size(source['width_px'])} \u00d7 {_size(source['height_px'])}"))
    if not source["is_image"]:
        items.append(("frame rate", _rate(source)))
    items.append(("rotation", _rotation(source.get("rotation_deg"))))
    items.append(("codec", outside(source["codec"]) if source.get("codec") else _unstated()))
    items.append(("faces", count(faces)))
    if not source["is_image"]:
        items += _coverage(source.get("frames"), document.get("frames_without_face"))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in items)
    return f'<dl class="facts">{rows}</dl>'


def _unstated() -> str:
    return missing("not stated in the file")


def _size(pixels: object) -> str:
    return escape(pixels) if is_number(pixels) else _unstated()


def _rate(source: dict[str, Any]) -> str:
    fps = source.get("nominal_fps")
    rate = f"{float(fps):.2f} fps" if is_number(fps) else _unstated()
    kind = "variable" if source.get("variable_frame_rate") else "constant"
    return f"{rate}, {kind}"


def _rotation(degrees: object) -> str:
    if not is_number(degrees):
        return _unstated()
    turned = int(degrees)
    return f"{turned}\u00b0 counter-clockwise" if turned else "none"


def _coverage(frames: object, without: object) -> list[tuple[str, str]]:
    if not (is_number(frames) and is_number(without)):
        return [("frames", count(frames)), ("without a face", count(without))]
    total, empty = int(frames), int(without)
    share = f" ({(total - empty) / total * 100:.0f} %)" if total else ""
    return [
        ("frames", count(total)),
        ("with a face", f"{count(total - empty)}{share}"),
        ("without a face", count(empty)),
    ]


def warnings(texts: list[Any]) -> str:
    """The analysis's warnings, or nothing."""
    if not texts:
        return ""
    rows = "".join(f"<li>{outside(text)}</li>" for text in texts)
    title = "One thing to know" if len(texts) == 1 else f"{count(len(texts))} things to know"
    return f'<section class="warnings"><h2>{title}</h2><ul>{rows}</ul></section>'


def nobody(is_image: bool) -> str:
    """What the page says where no face was found."""
    where = "this image" if is_image else "any frame of this video"
    return (
        f'<section class="nobody"><h2>No face was found</h2><p>mien looked, and saw no face in '
        f"{where}. That is a result, not a failure: nothing is estimated, so there is nothing to "
        "draw.</p><p>If a person is there, these often help:</p><ul><li>a face at least about "
        "40 pixels wide</li><li>a view nearer to frontal, less covered by hands, mask or hair</li>"
        "<li>more light, less motion blur</li></ul></section>"
    )


def overview(views: list[FaceView], video: Interval, is_image: bool) -> str:
    """One row per face with its crop, when it was seen, and what it mostly showed."""
    seen = "" if is_image else '<th scope="col">seen</th><th scope="col">usable frames</th>'
    mean = "" if is_image else "mean "
    rows = "".join(_row(view, video, is_image) for view in views)
    legend = (
        ""
        if is_image
        else f'<p class="quiet">The bars under \u201cseen\u201d span the whole '
        f"video, {clock(video[0], 1)} to {clock(video[1], 1)}.</p>"
    )
    return (
        f"<section><h2>{plural(len(views), 'face', 'faces')} at a glance</h2>"
        f'<table class="overview"><thead><tr><th scope="col">face</th>{seen}'
        f'<th scope="col">dominant expression</th><th scope="col">{mean}valence</th>'
        f'<th scope="col">{mean}arousal</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>{legend}</section>"
    )


def _row(view: FaceView, video: Interval, is_image: bool) -> str:
    face = view.face
    column = dominant(face)
    if column is None:
        mostly = missing("no expressions read" if face.usable_frames else "no usable frame")
    else:
        name = channel(column, face.labels)
        mostly = f"{key(name, face.labels)}{name} {number(face.mean[column])}"
    mean = "" if is_image else "mean "
    seen = ""
    if not is_image:
        bar = presence_bar(presence(face, view.curve), video, view.who)
        span = f"{clock(face.first_s, 1)} to {clock(face.last_s, 1)}"
        seen = (
            f'<td class="seen" data-label="seen">{bar}<small>{span}</small></td>'
            f'<td data-label="usable frames">{count(face.usable_frames)}</td>'
        )
    return (
        f'<tr><th scope="row"><a href="#{view.anchor}">{portrait(view.face, "")}'
        f"<span>{view.who}</span></a></th>{seen}"
        f'<td data-label="dominant expression">{mostly}</td>'
        f'<td data-label="{mean}valence">{_mean(face.mean[0], "valence")}</td>'
        f'<td data-label="{mean}arousal">{_mean(face.mean[1], "arousal")}</td></tr>'
    )


def _mean(value: object, name: str) -> str:
    return f"{number(value, signed=True)} {balance(value, f'k-{name}')}"


def page_title(document: dict[str, Any]) -> str:
    """The file's name, escaped."""
    return escape(file_name(str(document["source"]["path"])))
