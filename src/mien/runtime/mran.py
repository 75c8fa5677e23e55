"""MRAN on ONNX Runtime: clips of aligned color, depth and thermal crops in, affect out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import MissingWeightsError, ModelError
from mien.faces.align import CROP_SIZE_PX
from mien.faces.modalities import STREAMS, normalisation
from mien.labels import VALENCE_AROUSAL
from mien.runtime.clip_stream import ClipEstimate
from mien.runtime.clips import ClipInputs, clip_inputs
from mien.runtime.metadata import MRAN_FORMAT, describe_model
from mien.runtime.models import OpenModel, check_inputs, entry, is_template, open_model
from mien.runtime.session import MOST_FPS, MOST_POSITIONS, check_range
from mien.types import FloatArray, ImageArray
from mien.weights import MRAN_MODEL


@dataclass(frozen=True, slots=True)
class MranFrame:
    """The aligned crops of one face in one frame.

    Attributes
    ----------
    color
        uint8 (112, 112, 3), RGB.
    depth_mm, thermal_c
        float32 (112, 112), millimetres and degrees Celsius, NaN where nothing was measured; None
        where the modality has no frame at this time.
    """

    color: ImageArray
    depth_mm: FloatArray | None = None
    thermal_c: FloatArray | None = None

    @property
    def present(self) -> tuple[bool, bool, bool]:
        """Which of `mien.faces.modalities.STREAMS` are there; color is: it is what finds a face."""
        return True, self.depth_mm is not None, self.thermal_c is not None

    def shows(self, modalities: Collection[str]) -> bool:
        """Whether any of these modalities is there."""
        there = zip(STREAMS, self.present, strict=True)
        return any(present and name in modalities for name, present in there)


class MranModel:
    """Multi-modal recurrent attention: the color clip of a face, guided by depth and thermal.

    Parameters
    ----------
    path
        An exported model; None for the one that ships with mien.
    threads
        ONNX Runtime threads; 0 lets it choose.

    Attributes
    ----------
    modalities
        The modalities that it reads, in the order of `mien.faces.modalities.STREAMS`.
    clip_frames
        Frames in a clip.
    fps
        Frames per second that a clip means.

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another format, or disagrees with this version about
        alignment or normalisation.
    """

    def __init__(self, path: Path | None = None, threads: int = 0) -> None:
        self._session, self.metadata, file = _open(path, threads)
        self._file = file
        if tuple(entry(self.metadata, "outputs", list, file)) != VALENCE_AROUSAL:
            raise ModelError(f"{file}: its outputs are not {list(VALENCE_AROUSAL)}")
        named = entry(self.metadata, "modalities", list, file)
        if not named or not set(named) <= set(STREAMS):
            raise ModelError(f"{file}: reads {named}; expected some of {STREAMS}")
        self.modalities: tuple[str, ...] = tuple(name for name in STREAMS if name in named)
        self.clip_frames = int(entry(self.metadata, "clip_frames", int, file))
        self.fps = float(entry(self.metadata, "fps", (int, float), file))
        if not 1 <= self.clip_frames <= MOST_POSITIONS or not 0 < self.fps <= MOST_FPS:
            raise ModelError(
                f"{file}: a clip of {self.clip_frames} frames at {self.fps} fps is none"
            )
        preprocessing = entry(self.metadata, "preprocessing", dict, file)
        if preprocessing.get("crop_px") != CROP_SIZE_PX or not is_template(
            preprocessing.get("template")
        ):
            raise ModelError(f"{file}: expects another face alignment than this version makes")
        if entry(self.metadata, "normalisation", dict, file) != normalisation():
            raise ModelError(f"{file}: expects other units of depth or thermal than this version's")
        check_inputs(self._session, {*self.modalities, "present"}, file)

    def predict(self, clip: Sequence[MranFrame]) -> ClipEstimate:
        """Read one clip; a short one is padded with frames that are marked as absent.

        Parameters
        ----------
        clip
            1 to ``clip_frames`` frames, ``1 / fps`` seconds apart. Modalities that the model does
            not read are left aside.

        Returns
        -------
        ``affect`` float32 (n, 2) in [-1, 1], and ``attention`` float32 (n, h, w).

        Raises
        ------
        ValueError
            If the clip is empty or too long.
        """
        count = len(clip)
        if not 1 <= count <= self.clip_frames:
            raise ValueError(f"a clip holds 1 to {self.clip_frames} frames, not {count}")
        inputs = clip_inputs(
            np.stack([frame.color for frame in clip]),
            _stacked([frame.depth_mm for frame in clip]),
            _stacked([frame.thermal_c for frame in clip]),
            np.array([frame.present for frame in clip]),
            self.modalities,
            self.clip_frames,
            CROP_SIZE_PX,
        )
        affect, attention = self.read([inputs])
        return ClipEstimate(affect[0, :count], attention[0, :count])

    def read(self, clips: Sequence[ClipInputs]) -> tuple[FloatArray, FloatArray]:
        """Read n clips at once: affect (n, t, 2) and attention (n, t, h, w), padding included."""
        feed = {name: np.stack([clip.streams[name] for clip in clips]) for name in self.modalities}
        feed["present"] = np.stack([clip.present for clip in clips])
        affect, attention = self._session.run(["affect", "attention"], feed)
        if affect.shape != (len(clips), self.clip_frames, len(VALENCE_AROUSAL)):
            raise ModelError(
                f"{self._file}: gives {affect.shape} for {len(clips)} clips of {self.clip_frames} "
                "frames; export it again"
            )
        check_range(affect, -1, 1, self._file, "valence or arousal")
        return affect, attention

    def describe(self) -> dict[str, Any]:
        """The model's entry in ``video.json``."""
        return describe_model("mran", self.metadata)


def _open(path: Path | None, threads: int) -> OpenModel:
    try:
        return open_model(path, MRAN_MODEL, MRAN_FORMAT, threads)
    except MissingWeightsError as error:
        raise ModelError(
            "this installation has no weights of MRAN; give a model of your own "
            "(--mran-model FILE, from 'mien export mran')"
        ) from error


def _stacked(crops: Sequence[FloatArray | None]) -> FloatArray | None:
    """(n, 112, 112), NaN where a frame is missing; None where all are."""
    if all(crop is None for crop in crops):
        return None
    nothing = np.full((CROP_SIZE_PX, CROP_SIZE_PX), np.nan, np.float32)
    return np.stack([nothing if crop is None else crop for crop in crops])
