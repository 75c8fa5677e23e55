"""Where a training of MRAN starts: another run, an exported network, encoders of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from mien.config import from_dict
from mien.errors import ConfigError, ModelError
from mien.models.mma import MMAExtractor
from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.other_streams import (
    start_from_other_streams,
    streams_of,
    with_units_as_in,
)
from mien.runtime.metadata import MRAN_FORMAT
from mien.training.checkpoint import load_checkpoint
from mien.training.from_onnx.extractor import (
    exported_format,
    is_exported,
    open_exported,
    read_exported,
    settle_normalisation,
)
from mien.training.from_onnx.mran import read_exported_mran, settle_encoders, settle_recognition
from mien.training.mran.batches import ClipBatch

TypicalClips = Callable[[MRANConfig, int], ClipBatch]
"""So many clips of the training data, as a network of this shape takes them."""

_SETTLING_CLIPS = 32
"""For an extractor, of 4 to 16 frames: some hundred faces."""

_SETTLING_FRAMES = 128

_FREE = ("modalities", "clip_frames", "units", "dropout")
"""Settings in which a network may differ from where it starts."""


class _Start(NamedTuple):
    """Weights, and what is known of the network that they are of."""

    weights: dict[str, Tensor]
    shape: MRANConfig | None
    fps: float | None
    exported: bool


def start_network(
    model: MRAN,
    init: Path | None,
    encoders: Sequence[Path],
    typical: TypicalClips,
    fps: float,
    train_encoders: bool,
    report: Callable[[str], object],
) -> None:
    """Give a freshly built network the weights that it starts from.

    Parameters
    ----------
    model
        Filled in place, in evaluation mode afterwards.
    init, encoders
        As of `mien.training.mran.train.train_mran`.
    typical
        Reads training data for batch normalisations that come from exported files.
    fps, train_encoders
        Of the training.
    report
        Is told if `init` reads clips of another frame rate.

    Raises
    ------
    ConfigError
        If an encoder that is not trained has nothing to start from, or `encoders` nothing to start.
    ModelError
        If weights are not those of such a network, or of one with other settings.
    """
    known: tuple[str, ...] = ()
    start = None if init is None else _read(init)
    if init is not None and start is not None:
        _take(model, start, init)
        known = streams_of(start.weights)
        if start.fps not in (None, fps):
            report(f"note: {init} reads {start.fps:g} frames per second, this training {fps:g}")
    lacking = [name for name in model.config.modalities if name not in known]
    if encoders:
        if not lacking:
            raise ConfigError(f"--encoders has nothing to start: {init} has every modality")
        kept = {  # copies: an extractor is tried in every encoder
            name: value.clone()
            for name, value in model.state_dict().items()
            if name.startswith("encoders.") and name.split(".")[1] in known
        }
        sources = [_encoder_weights(path, model.config, typical) for path in encoders]
        model.start_encoders(*sources, *([kept] if kept else []))
    elif lacking and not train_encoders:
        raise ConfigError(
            f"train_encoders is false, but the encoder of {' and of '.join(lacking)} starts from "
            "nothing: give --encoders, too"
        )
    model.eval()
    if start is not None and start.exported:
        clips = typical(model.config, _settling_clips(model.config))
        shared = [name for name in model.config.modalities if name in known]
        settle_encoders(model, shared, clips.streams, clips.present)
        settle_recognition(model, clips.streams, clips.present)


def _settling_clips(config: MRANConfig) -> int:
    return max(1, _SETTLING_FRAMES // config.clip_frames)


def read_encoders(path: Path) -> MMAExtractor | MRAN:
    """The network in an exported file, an extractor or an MRAN, of which the encoders are wanted.

    What an MRAN has behind its encoders may be of another architecture, and is not read.

    Raises
    ------
    ModelError
        As of `read_exported` and `read_exported_mran`.
    """
    if exported_format(path) == MRAN_FORMAT:
        return read_exported_mran(path, "encoders.")
    return read_exported(path)


def _read(init: Path) -> _Start:
    if is_exported(init):
        network = read_exported_mran(init)
        fps = open_exported(init, MRAN_FORMAT).metadata.get("fps")
        return _Start(network.state_dict(), network.config, fps, True)
    weights, state = load_checkpoint(init)
    shape = from_dict(MRANConfig, state["mran"], str(init)) if "mran" in state else None
    return _Start(weights, shape, state.get("fps"), False)


def _take(model: MRAN, start: _Start, init: Path) -> None:
    """Load the weights of another network."""
    theirs = streams_of(start.weights)
    differing = _differing(model.config, start.shape) if start.shape else {}
    try:
        if not theirs:
            raise ModelError("these are not the weights of an MRAN")
        weights = with_units_as_in(model, start.weights)
        if {*theirs} == {*model.config.modalities}:
            _load_equal(model, weights)
        else:
            start_from_other_streams(model, weights)
    except ModelError as error:
        others = [text for text in differing.values() if text not in str(error)]
        reasons = "; ".join([str(error), *others])
        raise ModelError(f"{init}: is no start for this network: {reasons}") from error


def _differing(own: MRANConfig, theirs: MRANConfig) -> dict[str, str]:
    """Settings that differ, each with what to say of it."""
    pairs = {name: (value, asdict(theirs)[name]) for name, value in asdict(own).items()}
    return {
        name: f"model.{name} is {_toml(mine)}, there {_toml(other)}"
        for name, (mine, other) in pairs.items()
        if name not in _FREE and mine != other
    }


def _toml(value: object) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)


def _load_equal(model: MRAN, weights: dict[str, Tensor]) -> None:
    """Load weights that have all this network's names and shapes."""
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if own != found:
        names = sorted(name for name in {*own, *found} if own.get(name) != found.get(name))
        raise ModelError(
            f"{len(names)} weight(s) differ in shape or are missing, the first is {names[0]}"
        )
    model.load_state_dict(weights)


def _encoder_weights(start: Path, config: MRANConfig, typical: TypicalClips) -> dict[str, Tensor]:
    """Weights of a run, or of an exported network that has looked at some training data."""
    if not is_exported(start):
        return load_checkpoint(start)[0]
    network = read_encoders(start)
    if isinstance(network, MRAN):
        shared = tuple(name for name in config.modalities if name in network.config.modalities)
        if shared:
            clips = typical(replace(config, modalities=shared), _settling_clips(config))
            settle_encoders(network, shared, clips.streams, clips.present)
        return network.state_dict()
    # In color, whatever the network reads: it is what an extractor has learned from.
    clips = typical(replace(config, modalities=("color",)), _SETTLING_CLIPS)
    settle_normalisation(network, clips.streams["color"][clips.present[:, :, 0] > 0])
    return network.state_dict()
