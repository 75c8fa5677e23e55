"""What MRAN read at its strongest moment: color, depth, thermal, and where it attended."""

from __future__ import annotations

import cv2
import numpy as np

from mien.report.charts.heat import data_uri
from mien.report.text import escape, when
from mien.types import FloatArray, ImageArray, MranView

_SHOWN_PX = 168
_QUALITY = 88
_STRONGEST = 0.75  # opacity where attention is strongest


def streams_figure(view: MranView, who: str) -> str:
    """HTML of up to four pictures side by side."""
    pictures = [("color, as it was", view.color)]
    if view.depth_mm is not None:
        pictures.append(("depth, lit from above", relief(view.depth_mm)))
    if view.thermal_c is not None:
        pictures.append(("thermal, warm is light", scaled(view.thermal_c, cv2.COLORMAP_INFERNO)))
    pictures.append(("attention of the network", attention_over(view)))
    valence, arousal = (float(value) for value in view.affect)
    shown = "".join(
        f'<figure><img class="crop" width="{_SHOWN_PX}" height="{_SHOWN_PX}" '
        f'alt="{who}: {escape(name)}" src="{data_uri("image/jpeg", _jpeg(picture))}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in pictures
    )
    return (
        f'<h3>What MRAN read</h3><div class="streams">{shown}</div>'
        f'<p class="quiet">At <span class="at" data-t="{view.time_s:.3f}">{when(view.time_s)}'
        f"</span>, its strongest moment: valence {valence:+.2f}, arousal {arousal:+.2f}. Attention "
        "is the weight that the network gave to the features of each place, bright for more; it "
        "does not explain the estimate.</p>"
    )


def scaled(values: FloatArray, colors: int) -> ImageArray:
    """RGB uint8 (h, w, 3) of measurements (h, w): 2 to 98 of 100 over the scale, NaN dark grey."""
    known = np.isfinite(values)
    picture = np.full((*values.shape, 3), 60, np.uint8)
    if not known.any():
        return picture
    low, high = np.percentile(values[known], (2, 98))
    level = np.clip((np.nan_to_num(values) - low) / max(float(high - low), 1e-6), 0, 1)
    painted = cv2.applyColorMap(np.rint(255 * level).astype(np.uint8), colors)[:, :, ::-1]
    picture[known] = painted[known]
    return picture


def relief(depth_mm: FloatArray) -> ImageArray:
    """RGB uint8 (h, w, 3) of distances (h, w), lit from the upper left; NaN dark grey."""
    known = np.isfinite(depth_mm)
    filled = np.where(known, depth_mm, np.nanmax(depth_mm) if known.any() else 0)
    smooth = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0)
    down, across = np.gradient(smooth)  # of a pixel, about 1.5 mm
    normal = np.stack([across, down, np.full_like(smooth, 1.5)])
    normal /= np.linalg.norm(normal, axis=0)
    light = np.array([-0.4, -0.6, 0.7]) / np.linalg.norm([-0.4, -0.6, 0.7])
    shade = np.clip(np.tensordot(light, normal, 1), 0, 1)
    grey = np.where(known, np.rint(25 + 225 * shade), 60).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def attention_over(view: MranView) -> ImageArray:
    """RGB uint8 (112, 112, 3): the map over the first stream in which a face can be seen."""
    side = len(view.color)
    ground = view.color.mean(2)
    if view.depth_mm is not None:  # in the dark color shows nothing to lie on
        ground = relief(view.depth_mm)[:, :, 0].astype(np.float64)
    cells = np.asarray(view.attention, np.float32)
    raised = cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC)
    strength = np.clip(raised / max(float(cells.max()), 1e-9), 0, 1)
    warm = cv2.applyColorMap(np.rint(60 + 190 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (_STRONGEST * np.sqrt(strength))[:, :, None]
    mixed = 0.8 * ground[:, :, None] * (1 - alpha) + alpha * warm[:, :, ::-1]
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _jpeg(picture: ImageArray) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    return bytes(cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), options)[1])
