"""What the overlay draws of faces: their boxes, and panels of gauges beside them.

Colors are the report's (dark): the same name has the same color in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from mien.labels import PAPERS_LABELS, VALENCE_AROUSAL, LabelSet
from mien.output.drawing import (
    DARK,
    FONT,
    WHITE,
    Rectangle,
    darken,
    label,
    overlap,
    text_scale,
)
from mien.types import ImageArray

_COLORS: dict[str, tuple[int, int, int]] = {
    "valence": (92, 195, 230),
    "arousal": (242, 154, 104),
    "neutral": (123, 128, 136),
    "anger": (232, 118, 43),
    "disgust": (35, 179, 137),
    "fear": (213, 141, 189),
    "happiness": (239, 176, 46),
    "sadness": (61, 150, 209),
    "surprise": (124, 199, 242),
}
_TRACK, _SOFT = (70, 74, 82), (190, 194, 200)
_OTHER_COLORS = ((178, 160, 230), (200, 190, 120), (120, 200, 190))  # of further expressions
_UNIT_LINES = 2
_WIDEST_SHARE = 0.45  # of the picture: where a panel would be wider there is only a line of words


def draw_faces(
    canvas: ImageArray,
    rows: Sequence[Mapping[str, Any]],
    scale: float,
    decisions: Sequence[float],
    labels: LabelSet = PAPERS_LABELS,
) -> None:
    """Boxes of all faces, and gauges where they hide no face; else a line of words.

    Parameters
    ----------
    canvas
        uint8 (h, w, 3), drawn on.
    rows
        Rows of the frames table, each with a face.
    scale
        Pixels of the canvas per pixel of the video.
    decisions
        From which probability on each action unit counts as active (17).
    labels
        Of the extractor.
    """
    boxes = [_box(row, scale) for row in rows]
    for row, box in zip(rows, boxes, strict=True):
        _outline(canvas, box, _leading(row, labels), labels)
    taken = list(boxes)
    places: list[tuple[int, int] | None] = [None] * len(rows)
    # The largest face is the likeliest to be looked at: it chooses first.
    for k in sorted(range(len(rows)), key=lambda k: -rows[k]["box_w"] * rows[k]["box_h"]):
        if _leading(rows[k], labels) is None:
            continue
        wide, high = panel_size(canvas, labels)
        others = [one for one in taken if one != boxes[k]]
        places[k] = place = _place(canvas, boxes[k], others, (wide, high))
        if place is not None:
            taken.append((place[0], place[1], place[0] + wide, place[1] + high))
    for row, box, place in zip(rows, boxes, places, strict=True):
        if place is None:
            others = [one for one in taken if one != box]
            taken.append(label(canvas, _words(row, labels), box[0], box[1], others))
        else:
            _panel(canvas, row, place, decisions, labels)


def _box(row: Mapping[str, Any], scale: float) -> Rectangle:
    left, top = row["box_x"] * scale, row["box_y"] * scale
    return left, top, left + row["box_w"] * scale, top + row["box_h"] * scale


def _leading(row: Mapping[str, Any], labels: LabelSet) -> str | None:
    """The strongest expression; None where the face has no estimate."""
    if not all(np.isfinite(row[name]) for name in labels.expression_columns):
        return None
    return max(labels.expressions, key=lambda name: row[f"expr_{name}"])


def _color(name: str, labels: LabelSet) -> tuple[int, int, int]:
    if name in _COLORS:
        return _COLORS[name]
    return _OTHER_COLORS[labels.expressions.index(name) % len(_OTHER_COLORS)]


def _outline(canvas: ImageArray, box: Rectangle, leading: str | None, labels: LabelSet) -> None:
    left, top, right, bottom = (round(side * 16) for side in box)
    thick = max(1, round(text_scale(canvas) * 3))
    color = _color(leading, labels) if leading else _COLORS["neutral"]
    cv2.rectangle(canvas, (left, top), (right, bottom), DARK, thick + 2, cv2.LINE_AA, 4)
    cv2.rectangle(canvas, (left, top), (right, bottom), color, thick, cv2.LINE_AA, 4)


def _words(row: Mapping[str, Any], labels: LabelSet) -> tuple[str, ...]:
    """What is said of a face without a panel, from the most to the least."""
    number, leading = f"face {row['face_id']}", _leading(row, labels)
    if leading is None:
        return f"{number}: no estimate", number
    share = f"{leading} {row[f'expr_{leading}']:.2f}"
    feeling = f"val {row['valence']:+.2f}  aro {row['arousal']:+.2f}"
    return f"{number}  {share}  {feeling}", f"{number}  {share}", leading


def panel_size(canvas: ImageArray, labels: LabelSet = PAPERS_LABELS) -> tuple[int, int]:
    """Width and height of a panel in a picture of this size."""
    line = _line_px(canvas)
    rows = len(VALENCE_AROUSAL) + len(labels.expressions) + _UNIT_LINES + 2.2
    return round(_names_px(canvas, labels) + 7.5 * line), round(rows * line)


def _names_px(canvas: ImageArray, labels: LabelSet) -> int:
    longest = max(("happiness", *labels.expressions), key=len)
    (words, _), _ = cv2.getTextSize(f"{longest}  ", FONT, text_scale(canvas), 1)
    return words


def _line_px(canvas: ImageArray) -> int:
    (_, high), base = cv2.getTextSize("Ag", FONT, text_scale(canvas), 1)
    return round((high + base) * 1.15)


def _place(
    canvas: ImageArray, box: Rectangle, taken: list[Rectangle], size: tuple[int, int]
) -> tuple[int, int] | None:
    """Upper left corner of the panel: right of the face, else left of it, where it is free."""
    wide, high = size
    height, width = canvas.shape[:2]
    if high > height or wide > _WIDEST_SHARE * width:
        return None
    gap = max(4, _line_px(canvas) // 3)
    y = int(np.clip(box[1], 0, height - high))
    for x in (round(box[2] + gap), round(box[0] - gap - wide)):
        place = (x, y, x + wide, y + high)
        if x >= 0 and x + wide <= width and not any(overlap(place, one) for one in taken):
            return x, y
    return None


def _panel(
    canvas: ImageArray,
    row: Mapping[str, Any],
    place: tuple[int, int],
    decisions: Sequence[float],
    labels: LabelSet,
) -> None:
    x, y = place
    wide, high = panel_size(canvas, labels)
    line, scale = _line_px(canvas), text_scale(canvas)
    pad = max(3, line // 3)
    darken(canvas, x, y, x + wide, y + high)
    words = _names_px(canvas, labels)
    (figure, _), _ = cv2.getTextSize("+0.00", FONT, scale, 1)
    bar_left, bar_right = x + pad + words, x + wide - 2 * pad - figure

    def write(text: str, at: int, base_y: int, color: tuple[int, int, int]) -> None:
        cv2.putText(canvas, text, (at, base_y), FONT, scale, color, 1, cv2.LINE_AA)

    base_y = y + line
    write(f"face {row['face_id']}", x + pad, base_y, WHITE)
    for name in (*VALENCE_AROUSAL, *labels.expressions):
        base_y += line if name != labels.expressions[0] else round(1.3 * line)
        signed = name in VALENCE_AROUSAL
        value = float(row[name if signed else f"expr_{name}"])
        write(name, x + pad, base_y, _SOFT)
        _bar(canvas, (bar_left, bar_right), base_y, line, value, signed, _color(name, labels))
        text = f"{value:+.2f}" if signed else f"{value:.2f}"
        (own, _), _ = cv2.getTextSize(text, FONT, scale, 1)
        write(text, x + wide - pad - own, base_y, WHITE)
    base_y += round(1.3 * line)
    levels = zip(labels.action_unit_columns, decisions, strict=True)
    active = [str(int(name[2:])) for name, level in levels if row[name] >= level]
    for words_of_line in _unit_lines(active, wide - 2 * pad, scale):
        write(words_of_line, x + pad, base_y, WHITE)
        base_y += line


def _bar(
    canvas: ImageArray,
    reach: tuple[int, int],
    base_y: int,
    line: int,
    value: float,
    signed: bool,
    color: tuple[int, int, int],
) -> None:
    """A gauge from 0 (on the left, or in the middle if signed) to the value."""
    left, right = reach
    if right - left < 8:
        return
    top, bottom = base_y - round(0.5 * line), base_y - round(0.12 * line)
    cv2.rectangle(canvas, (left, top), (right, bottom), _TRACK, cv2.FILLED)
    zero = (left + right) / 2 if signed else left
    half = (right - left) / 2 if signed else right - left
    end = zero + float(np.clip(value, -1, 1)) * half
    first, last = sorted((round(zero), round(end)))
    cv2.rectangle(canvas, (first, top), (max(first, last), bottom), color, cv2.FILLED)
    if signed:
        middle = round(zero)
        cv2.line(canvas, (middle, top - 2), (middle, bottom + 2), _SOFT, 1)


def _unit_lines(active: list[str], width: int, scale: float) -> list[str]:
    """Active units in as many lines as there is room for."""
    lines: list[str] = []
    current = "AU"
    for k, unit in enumerate(active or ["-"]):
        (wide, _), _ = cv2.getTextSize(f"{current} {unit} ...", FONT, scale, 1)
        if wide > width:
            if len(lines) == _UNIT_LINES - 1:
                return [*lines, f"{current} ..."]
            lines.append(current)
            current = "   " if k else current
        current = f"{current} {unit}"
    return [*lines, current]
