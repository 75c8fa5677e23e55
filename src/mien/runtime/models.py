"""Loading exported models and running them in batches on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError
from mien.faces.align import CROP_SIZE_PX, TEMPLATE, to_luminance, to_network
from mien.labels import AFFECT_COLUMNS, LabelSet
from mien.runtime.collection import find_model
from mien.runtime.metadata import (
    AFFECT_FORMAT,
    METADATA_KEY,
    REACTIONS_FORMAT,
    describe_model,
    read_labels,
    read_metadata,
    read_priors,
    read_quality_level,
    read_trust,
)
from mien.runtime.session import MOST_FPS, MOST_POSITIONS, Session, check_range
from mien.sessions import integers_are_faster
from mien.types import FaceEstimates, FloatArray, ImageArray, no_details
from mien.weights import AFFECT_MODEL, EXTRACTORS, REACTION_MODEL, weight_path


def open_model(
    file: Path | None, ships: str, expected: str, threads: int, device: str = "cpu"
) -> OpenModel:
    """An exported model of the expected format.

    Parameters
    ----------
    file
        A model of one's own, or the name of one that was pulled (`mien.runtime.collection`); None
        for the one that ships under the name `ships`.
    ships
        See `mien.weights`.
    expected
        The format.
    threads, device
        As of `mien.sessions.open_session`.
    Raises
    ------
    ModelError
        If the file is missing, damaged, not of mien, or of another format.
    """
    path = weight_path(ships) if file is None else find_model(file).path
    session = Session(path, threads, file is None, device)
    return session, read_metadata(session.metadata(METADATA_KEY), expected, path), path


OpenModel = tuple[Session, dict[str, Any], Path]
"""What runs, what the file says of itself, and the file."""


def entry(
    metadata: dict[str, Any], key: str, kind: type[Any] | tuple[type[Any], ...], file: Path
) -> Any:
    """An entry that a model cannot be run without; `ModelError` if it lacks."""
    value = metadata.get(key)
    if not isinstance(value, kind) or not value:
        raise ModelError(f"{file}: its metadata lacks {key!r}; export it again")
    return value


def is_template(points: Any) -> bool:
    """Whether these are the landmarks that this version aligns to."""
    try:
        return np.shape(points) == TEMPLATE.shape and np.allclose(points, TEMPLATE)
    except (TypeError, ValueError):  # texts, or rows of different lengths
        return False


def check_inputs(session: Any, expected: set[str], file: Path) -> None:
    """`ModelError` unless the graph's inputs have exactly these names."""
    found = {item.name for item in session.get_inputs()}
    if found != expected:
        raise ModelError(f"{file}: its inputs are {sorted(found)}, expected {sorted(expected)}")


def _reads_luma(metadata: dict[str, Any]) -> bool:
    """Whether an extractor makes luminance of what it is given."""
    architecture = metadata.get("architecture")
    return isinstance(architecture, dict) and architecture.get("luminance") is True


def _decisions(metadata: dict[str, Any], count: int, file: Path) -> npt.NDArray[np.float64]:
    """Levels of the action units; files of before there were any decide at 0.5."""
    stored = metadata.get("au_decisions")
    if stored is None:
        return np.full(count, 0.5)
    try:
        levels = np.asarray(stored, np.float64)
    except (TypeError, ValueError):
        levels = np.empty(0)
    if levels.shape != (count,) or not ((levels > 0) & (levels < 1)).all():
        raise ModelError(f"{file}: its metadata's 'au_decisions' is damaged; export it again")
    return levels


DETAIL_OUTPUTS = {
    "quality": "quality",
    "pose": "pose_deg",
    "eye_open": "eye_open",
    "gaze": "gaze_deg",
    "au_intensity": "au_intensity",
    "landmarks": "landmarks",
}
"""Outputs of the graph beside "affect", which a file may lack, and where they belong."""


_AFFECT_LIMITS = (-1, 1)
_REACTION_LIMITS = (-1000, 1000)  # outputs of one's own data may be on any scale that people use
_LIMITS: dict[str, tuple[float, float]] = {
    "quality": (0, 1),
    "pose": (-360, 360),
    "eye_open": (-1, 2),  # learned by regression: a little beyond 0 and 1 is nothing wrong
    "gaze": (-180, 180),
    "au_intensity": (-5, 10),
    "landmarks": (-10 * CROP_SIZE_PX, 10 * CROP_SIZE_PX),
}
"""Between which the details lie in any model that is not damaged."""


def _outputs(session: Any, labels: LabelSet, file: Path) -> dict[str, tuple[int, ...]]:
    """Outputs of an extractor that are read, with the shape that one face has in them.

    The affect representation is ``affect``, or the first output of a file that names it otherwise.
    """
    found = {item.name: item.shape for item in session.get_outputs()}
    affect = "affect" if "affect" in found else next(iter(found))
    unknown = no_details(units=len(labels.action_units))
    expected: dict[str, tuple[int, ...]] = {affect: (len(labels.affect_columns),)}
    for name, field in DETAIL_OUTPUTS.items():
        if name in found:
            expected[name] = getattr(unknown, field).shape
    for name, shape in expected.items():
        told = found[name][1:]
        if len(told) != len(shape) or any(
            isinstance(size, int) and size != wanted
            for size, wanted in zip(told, shape, strict=True)
        ):
            raise ModelError(
                f"{file}: its output {name!r} is {tuple(found[name])}, expected "
                f"{('n', *shape)}; export it again"
            )
    return expected


def shipped_extractor(precise: bool, device: str, extractor: str = "default") -> str:
    """The name of an extractor that ships: in integers where that is faster and enough.

    Parameters
    ----------
    precise
        Whether 32-bit numbers are asked for.
    device
        One of `mien.sessions.DEVICES`.
    extractor
        A key of `mien.weights.EXTRACTORS`.
    """
    fast = not precise and device == "cpu" and integers_are_faster()
    return EXTRACTORS[extractor][fast]


class AffectModel:
    """The extractor: aligned crops in, affect representations out.

    Attributes
    ----------
    labels
        Which expressions and action units it says; they come from the file, a model of one's own
        may have others than the papers' 7 and 17.
    au_decisions
        float64 (17,): from which probability on an action unit counts as active. They come from
        the file (`mien.evaluation.calibration.thresholds`); 0.5 where it says nothing.
    details
        Names of the graph's outputs beside the 26 numbers, such as ``"pose"``; older files have
        none.
    priors
        Shares of the expressions that the probabilities assume (``default``) and those of other
        mixtures, by name; None where the file says nothing.
    quality_level
        Below which quality a face should not count; None where the file says nothing.
    trust
        Mark and figure by channel, as the file has them (`mien.runtime.metadata.trust_of`).
    reads_luma
        Whether luminance alone is read: it may be given in place of RGB.

    Parameters
    ----------
    path
        An exported extractor; None for the one that ships with mien.
    threads
        ONNX Runtime threads; 0 lets it choose.
    device
        One of `mien.sessions.DEVICES`.
    ships
        Which one that ships, see `mien.weights`.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another format, disagrees with itself about its
        labels, or with this version about alignment.
    """

    def __init__(
        self,
        path: Path | None = None,
        threads: int = 0,
        device: str = "cpu",
        ships: str = AFFECT_MODEL,
    ) -> None:
        self._session, self.metadata, file = open_model(path, ships, AFFECT_FORMAT, threads, device)
        self._file = file
        entry(self.metadata, "outputs", list, file)
        self.labels = read_labels(self.metadata, file)
        preprocessing = entry(self.metadata, "preprocessing", dict, file)
        if preprocessing.get("crop_px") != CROP_SIZE_PX or not is_template(
            preprocessing.get("template")
        ):
            raise ModelError(f"{file}: expects another face alignment than this version makes")
        self.au_decisions = _decisions(self.metadata, len(self.labels.action_units), file)
        self._input = "faces"
        if [item.name for item in self._session.get_inputs()] == ["luminance"]:
            self._input = "luminance"
        check_inputs(self._session, {self._input}, file)
        self._affect, *names = _outputs(self._session, self.labels, file)
        self.details = tuple(names)
        self.priors = read_priors(self.metadata, file, len(self.labels.expressions))
        self.quality_level = read_quality_level(self.metadata, file)
        self.trust = read_trust(self.metadata, file)
        self.reads_luma = _reads_luma(self.metadata)

    def predict(self, crops: ImageArray) -> FloatArray:
        """Affect representations of aligned crops.

        Parameters
        ----------
        crops
            uint8 (n, 112, 112, 3), RGB, from `mien.faces.align.align`; or luminance
            (n, 112, 112), where that is all that is read (`reads_luma`).

        Returns
        -------
        float32 (n, 26), in the order of ``labels.affect_columns``.
        """
        if len(crops) == 0:
            return np.empty((0, len(self.labels.affect_columns)), np.float32)
        affect: FloatArray = self._session.run([self._affect], self._given(crops))[0]
        self._check(self._affect, affect)
        return affect

    def estimate(self, crops: ImageArray) -> FaceEstimates:
        """All that the file has outputs for, in one pass.

        Parameters
        ----------
        crops
            As of `predict`.

        Returns
        -------
        Estimates of n faces. Landmarks are pixels of the crop, the pose is that seen in it.
        """
        details = no_details(len(crops), units=len(self.labels.action_units))
        if len(crops) == 0:
            return FaceEstimates(self.predict(crops), details)
        names = [self._affect, *self.details]
        affect, *told = self._session.run(names, self._given(crops))
        self._check(self._affect, affect)
        for name, values in zip(self.details, told, strict=True):
            self._check(name, values)
            getattr(details, DETAIL_OUTPUTS[name])[:] = np.where(
                np.isfinite(values), values, np.nan
            )
        return FaceEstimates(affect, details)

    def _given(self, crops: ImageArray) -> dict[str, FloatArray]:
        prepare = to_luminance if self._input == "luminance" else to_network
        return {self._input: prepare(crops)}

    def _check(self, name: str, values: FloatArray) -> None:
        low, high = _LIMITS.get(name, _AFFECT_LIMITS)
        check_range(values, low, high, self._file, f"its output {name!r}")

    def describe(self) -> dict[str, Any]:
        """The model's entry in ``video.json``."""
        names = self.labels.action_unit_columns
        decisions = zip(names, self.au_decisions.tolist(), strict=True)
        return {**describe_model("affect", self.metadata), "au_decisions": dict(decisions)}


class ReactionModel:
    """The reaction model: affect representations of one window in, reaction intensities out.

    Attributes
    ----------
    reactions
        Names of the outputs; they come from the file, a model of one's own may have others.
    positions
        The most frames a window can hold.
    fps
        Frames per second that a position means; input is resampled to it.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another format, or reads other inputs.
    """

    def __init__(self, path: Path | None = None, threads: int = 0) -> None:
        self._session, self.metadata, file = open_model(
            path, REACTION_MODEL, REACTIONS_FORMAT, threads
        )
        self._file = file
        if tuple(entry(self.metadata, "inputs", list, file)) != AFFECT_COLUMNS:
            raise ModelError(f"{file}: its inputs are not the 26 of this version of mien")
        self.reactions: tuple[str, ...] = tuple(entry(self.metadata, "outputs", list, file))
        self.positions = int(entry(self.metadata, "positions", int, file))
        self.fps = float(entry(self.metadata, "fps", (int, float), file))
        if not 1 <= self.positions <= MOST_POSITIONS or not 0 < self.fps <= MOST_FPS:
            raise ModelError(
                f"{file}: a window of {self.positions} positions at {self.fps} fps is none"
            )
        check_inputs(self._session, {"affect", "lengths"}, file)

    def predict(self, affect: FloatArray) -> FloatArray:
        """Intensities (reactions,) in [0, 1] of one window, affect float32 (n, 26)."""
        if not 1 <= len(affect) <= self.positions:
            raise ValueError(f"a window holds 1 to {self.positions} positions, not {len(affect)}")
        lengths: npt.NDArray[np.int64] = np.array([len(affect)])
        inputs = {"affect": np.ascontiguousarray(affect[None]), "lengths": lengths}
        intensities: FloatArray = self._session.run(None, inputs)[0][0]
        if intensities.shape != (len(self.reactions),):
            raise ModelError(
                f"{self._file}: gives {intensities.shape} for {len(self.reactions)} reactions; "
                "export it again"
            )
        check_range(intensities, *_REACTION_LIMITS, self._file, "a reaction")
        return intensities

    def describe(self) -> dict[str, Any]:
        """The model's entry in ``video.json``."""
        return describe_model("reactions", self.metadata)
