"""Reactions of a whole video as bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.errors import ConfigError
from mien.plot.registry import PlotOptions, Seen, register_figure
from mien.plot.series import HEAT, face_of, who
from mien.report.trust import made_up


@register_figure("reactions", "result", "intensities of reactions over the whole video")
def reactions(source: Seen, options: PlotOptions, figure: Any) -> float:
    """Pale, and said so, where the model learnt from made-up sequences."""
    face = face_of(source, options)
    if face.reactions is None:
        raise ConfigError(f"{who(source, face)} has no reactions")
    word = made_up(source.document)
    panel = figure.subplots()
    rows = np.arange(len(face.reaction_names))
    panel.barh(rows, face.reactions, color=HEAT, alpha=0.35 if word else 1.0, height=0.65)
    panel.set_yticks(rows, [name.replace("_", " ") for name in face.reaction_names])
    panel.tick_params(axis="y", length=0)
    panel.invert_yaxis()
    panel.set_xlim(0, 1)
    panel.set_xlabel(f"intensity; {word}: says nothing of a person" if word else "intensity")
    panel.set_title(who(source, face), loc="left")
    return 5.5
