"""A contact sheet: many faces on one picture, to look at before a set is made."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.errors import OutputError
from mien.labels import ACTION_UNITS, EXPRESSIONS
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.generation.arguments import ImageSet
from mien.synthetic.faces.generation.pictures import Picture, channel, draw_picture, write_picture
from mien.synthetic.faces.generation.stage import StageFactory, open_stage
from mien.types import ImageArray

_GAP_PX = 4
_LINE_PX = 14
_FONT_SCALE = 0.36
_DEPTH_RANGE_MM = 250.0  # from the nearest point: the wall behind would leave no relief
_SHOWN_FROM = 0.15  # action units weaker than this are not listed
_MAPS = {"depth": cv2.COLORMAP_VIRIDIS, "thermal": cv2.COLORMAP_INFERNO}


def contact_sheet(
    plan: ImageSet,
    *,
    labels: bool = False,
    progress: Callable[[int], object] | None = None,
    factory: StageFactory = open_stage,
) -> ImageArray:
    """Draw the images of a set in a grid, several modalities side by side.

    Parameters
    ----------
    plan
        Which images; they are those that `synthesize_images` would write.
    labels
        Say expression, valence, arousal and action units under each.
    progress
        Called with 1 after every image.
    factory
        Makes the stage that draws.

    Returns
    -------
    uint8 (height, width, 3), RGB. Depth runs from blue (near) over green to yellow (far) and
    thermal from black over red to yellow, each over the tile's own range (of depth, its nearest
        250 mm).
    """
    stage = factory()
    tiles: list[ImageArray] = []
    picture: Picture | None = None
    for index in range(plan.count):
        picture = draw_picture(stage, plan, index, picture)
        views = [_view(channel(picture.shot, name), name) for name in plan.modalities]
        tile = np.concatenate(views, axis=1)
        tiles.append(_labelled(tile, _lines(picture.moment)) if labels else tile)
        if progress is not None:
            progress(1)
    return _grid(tiles)


def write_sheet(sheet: ImageArray, path: Path) -> None:
    """Write a contact sheet as PNG, or as JPEG where the name ends in ``.jpg``.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(sheet, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another file with --out"
        ) from error


def _view(image: npt.NDArray[Any], modality: str) -> ImageArray:
    """A modality as RGB."""
    if modality == "color":
        return image.astype(np.uint8, copy=False)
    seen = image > 0
    low, high = np.percentile(image[seen], (1, 99)) if seen.any() else (0.0, 1.0)
    if modality == "depth":
        high = min(high, low + _DEPTH_RANGE_MM)
    scaled = (image.astype(np.float64) - low) / max(high - low, 1.0)
    mapped = cv2.applyColorMap((scaled.clip(0, 1) * 255).astype(np.uint8), _MAPS[modality])
    rgb = cv2.cvtColor(mapped, cv2.COLOR_BGR2RGB)
    return np.where(seen[..., None], rgb, 0).astype(np.uint8)


def _lines(moment: Moment) -> list[str]:
    main = int(np.argmax(moment.expressions))
    units = [
        str(unit)
        for unit, a in zip(ACTION_UNITS, moment.action_units, strict=True)
        if a >= _SHOWN_FROM
    ]
    return [
        f"{EXPRESSIONS[main]} {moment.expressions[main]:.2f}",
        f"v {moment.valence:+.2f} a {moment.arousal:+.2f}",
        "AU " + (" ".join(units) or "none"),
    ]


def _labelled(tile: ImageArray, lines: list[str]) -> ImageArray:
    width = tile.shape[1]
    strip = np.full((_LINE_PX * len(lines) + 4, width, 3), 255, np.uint8)
    for k, line in enumerate(lines):
        (needed, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, _FONT_SCALE, 1)
        scale = _FONT_SCALE * min(1.0, (width - 4) / max(needed, 1))
        at = (2, _LINE_PX * (k + 1) - 2)
        black = (0, 0, 0)
        cv2.putText(strip, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, black, 1, cv2.LINE_AA)
    return np.concatenate([tile, strip])


def _grid(tiles: list[ImageArray]) -> ImageArray:
    """Tiles of one shape in rows, on white, about as wide as high."""
    height, width = tiles[0].shape[:2]
    columns = max(1, round(math.sqrt(len(tiles) * height / width)))
    rows = -(-len(tiles) // columns)
    step_y, step_x = height + _GAP_PX, width + _GAP_PX
    sheet = np.full((rows * step_y + _GAP_PX, columns * step_x + _GAP_PX, 3), 255, np.uint8)
    for k, tile in enumerate(tiles):
        y, x = _GAP_PX + k // columns * step_y, _GAP_PX + k % columns * step_x
        sheet[y : y + height, x : x + width] = tile
    return sheet
