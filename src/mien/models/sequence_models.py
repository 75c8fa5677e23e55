"""Every network that `mien train reactions` can train, by the name of its preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mien.config import from_dict
from mien.errors import ConfigError
from mien.models.baselines.fixed_length import FixedLengthConfig, FixedLengthRNN
from mien.models.baselines.frame_label import FrameLabelConfig, FrameLabelRNN
from mien.models.baselines.lstm import LSTMRegressor, LSTMRegressorConfig
from mien.models.masked_rnn import PRESETS, MaskedRNN
from mien.models.regressor import SequenceRegressor

_Builder = Callable[[Any], SequenceRegressor]

SEQUENCE_PRESETS: dict[str, tuple[_Builder, Any]] = {
    **{name: (MaskedRNN, config) for name, config in PRESETS.items()},
    "fixed-length": (FixedLengthRNN, FixedLengthConfig()),
    "frame-label": (FrameLabelRNN, FrameLabelConfig()),
    "lstm-regressor": (LSTMRegressor, LSTMRegressorConfig()),
}
"""Preset -> (network, its settings)."""


def build_sequence_model(preset: str, settings: dict[str, Any]) -> SequenceRegressor:
    """A network from a preset and what differs from it.

    Raises
    ------
    ConfigError
        If the preset or a setting is unknown, or a value is out of range.
    """
    if preset not in SEQUENCE_PRESETS:
        raise ConfigError(f"unknown preset {preset!r}: choose one of {sorted(SEQUENCE_PRESETS)}")
    build, base = SEQUENCE_PRESETS[preset]
    return build(from_dict(type(base), {**asdict(base), **settings}, "model"))
