"""Which rows the tables have, and what FaceRNET printed for each.

Source of every published figure: FaceRNET, Tables 1 (test split), 2 and 3 (validation split): mean
Pearson's rho on Hume-Reaction. They are quoted in a column of their own and never compared by
machine: other data have other figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PAPER = "paper, Hume-Reaction validation"
"""Head of the column of published figures."""
PAPER_TEST = "paper, Hume-Reaction test"
"""The same of Table 1, whose labels the owners keep."""
PUBLISHED = "a system that others measured"
RESNET50 = (
    "reads what an extractor of preset resnet50 says: give the same corpus prepared with one "
    "(--resnet50)"
)
CLIPS = "reads frames: give the corpus's crops (--crops)"


@dataclass(frozen=True)
class AblationRow:
    """One row of a table.

    Attributes
    ----------
    id
        Name of its folder and its file.
    name
        What the table calls it.
    changes
        What differs from the recipe: entries of `ReactionTrainConfig`; ``model`` is merged.
    paper
        The published figure; None where there is none.
    not_run
        Why the row is not run on the affect representations alone; None where it is.
    """

    id: str
    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    paper: float | None = None
    not_run: str | None = None


def _read(id: str, name: str, parts: tuple[str, ...], paper: float) -> AblationRow:
    return AblationRow(id, name, {"model": {"representation": parts}}, paper)


def _shape(id: str, name: str, paper: float, **settings: Any) -> AblationRow:
    return AblationRow(id, name, {"model": settings}, paper)


def _published(id: str, name: str, paper: float) -> AblationRow:
    return AblationRow(id, name, paper=paper, not_run=PUBLISHED)


_FULL = AblationRow("full", "FaceRNET (GRU 128, FC 32)", paper=0.494)

TABLES: dict[str, tuple[AblationRow, ...]] = {
    "facernet-table1": (
        _published("hfut-cvers", "HFUT-CVers", 0.473),
        _published("ustc-iat-united", "USTC-IAT-United", 0.438),
        _published("ustc-ac", "USTC-AC", 0.373),
        _published("nisl-2023", "NISL-2023", 0.367),
        _published("viper", "ViPER", 0.297),
        _published("fau-baseline", "FAU-Baseline", 0.2801),
        _published("vggface2-baseline", "VGGface 2-Baseline", 0.183),
        _published("fusion-baseline", "Fusion-Baseline", 0.203),
        AblationRow("full", "FaceRNET (GRU 128, FC 32)", paper=0.499),
    ),
    "facernet-table2": (
        _read("va", "VA", ("va",), 0.461),
        _read("expr", "EXPR", ("expr",), 0.476),
        _read("au", "AU", ("au",), 0.480),
        _read("va-expr", "VA+EXPR", ("va", "expr"), 0.485),
        _read("va-au", "VA+AU", ("va", "au"), 0.491),
        _read("au-expr", "AU+EXPR", ("expr", "au"), 0.491),
        AblationRow("full", "VA+EXPR+AU", paper=0.494),
    ),
    "facernet-table3": (
        _shape("fc64", "REC+GRU+FC(64)", 0.480, dense=64),
        _shape("fc16", "REC+GRU+FC(16)", 0.485, dense=16),
        _shape("fc8", "REC+GRU+FC(8)", 0.478, dense=8),
        _shape("gru2", "REC+2xGRU+FC(32)", 0.492, layers=2),
        AblationRow(
            "resnet50",
            "ResNet50+GRU+FC(32)",
            paper=0.465,
            not_run=RESNET50,
        ),
        _shape("lstm", "REC+LSTM+FC(32)", 0.482, cell="lstm"),
        _shape("gru256", "REC+GRU(256)+FC(32)", 0.484, hidden=256),
        _shape("gru64", "REC+GRU(64)+FC(32)", 0.488, hidden=64),
        _shape("no-mask", "without Mask & Routing", 0.469, routed=False),
        AblationRow("mse", "with MSE", {"loss": "mse"}, 0.481),
        _FULL,
    ),
    "baselines": (
        AblationRow(
            "fixed-length", "fixed length, frames dropped or repeated", {"preset": "fixed-length"}
        ),
        AblationRow(
            "frame-label", "label given to every frame, CNN-RNN", {"preset": "frame-label"}
        ),
        AblationRow("lstm-regressor", "LSTM regressor", {"preset": "lstm-regressor"}),
        AblationRow(
            "clip-cnn",
            "3-D CNN on clips",
            not_run=CLIPS,
        ),
        _FULL,
    ),
}
"""Name of a table -> its rows, in the paper's order."""
