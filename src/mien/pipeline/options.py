"""Settings of an analysis; every one is written to ``video.json``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mien.pipeline.resample import GAP_POLICIES
from mien.sessions import DEVICES
from mien.video.excerpt import Excerpt
from mien.video.opening import MAX_PIXELS
from mien.weights import EXTRACTORS

FACE_POLICIES = ("all", "largest")
COLUMN_SETS = ("v1", "v2")
DETECT_POLICIES = ("auto", "every")
DEVICE_NAMES = ("auto", *DEVICES)


@dataclass(frozen=True)
class AnalysisOptions:
    """How a video is read.

    Attributes
    ----------
    faces
        ``"all"``: every face is estimated and has reactions of its own. ``"largest"``: only the
        largest face of each frame counts.
    gaps
        What the reaction model makes of time in which a face was lost: ``"skip"`` leaves it out,
        ``"interpolate"`` bridges it. Lost frames are visible in the frames table either way.
    min_score
        Least confidence of the detector, 0 to 1.
    min_face_px
        Least longer side of a face's box in pixels of the upright frame.
    detect_side_px
        Frames with a longer side are shrunk to this for detection.
    max_lost_s
        A face that comes back after a longer absence gets a new id.
    min_reaction_s
        Least usable time of a face for which reactions are given.
    steady
        Whether trembling is filtered out: crops follow filtered landmarks (`mien.faces.one_euro`,
        no delay), and estimates are smoothed with a time constant of at most 0.08 s
        (`mien.pipeline.smoothing`). The frames table keeps the landmarks as detected.
    batch
        Faces that the extractor reads at once.
    threads
        Threads of ONNX Runtime; 0 lets it choose.
    extractor
        Which of the extractors that ship: ``"default"``, or ``"clean"``, which learned nothing from
        pictures whose rights are open (`DATASETS.md`) and is worth less on photographs.
    affect_model, reaction_model
        Exported models to use instead of the ones that ship with mien.
    reactions
        False leaves the reaction model out.
    simulated_reactions
        Whether the reaction model that ships is used where `reaction_model` names none. Its
        weights learned from simulated sequences, so it is off by default.
    mran
        Whether MRAN reads valence and arousal from clips, too (`mien.runtime.mran`).
    mran_model
        An exported MRAN to use instead of the one that ships with mien; it implies `mran`.
    attention
        Whether MRAN's attention volumes are kept; it needs `mran`.
    min_quality
        Least quality, 0 to 1, of a face that counts: rows below it keep their numbers, but do not
        enter means, peaks, pictures, curves and reactions. None: what the extractor advises; 0
        keeps all.
    prior
        Which share of each expression the probabilities assume: ``"default"`` (as the extractor
        was made), ``"balanced"`` (all the same), ``"everyday"`` (as the extractor's file has it),
        or the path of a TOML or JSON file with the seven shares (`mien.runtime.prior`).
        Reactions are read at the default prior always.
    columns
        ``"v2"``: all columns of the frames table. ``"v1"``: those of schema version 1.
    detector
        Name of the face detector (`mien.faces.detectors`).
    detect
        ``"auto"``: faces are found once, then followed by the extractor's landmarks, and the
        detector is asked now and then and in doubt (`mien.pipeline.finding.following`).
        ``"every"``: it is asked in every frame.
    stream
        Which of several video streams is read, from 0; None: the default one, else the largest.
    max_pixels
        Larger pictures are refused before they are decoded.
    precise
        Whether the extractor that ships runs in float32; else in integers of 8 bits, where the
        processor is quick with them.
    device
        Where networks run: ``"auto"``, or a key of `mien.sessions.DEVICES`.
    start_s, end_s
        Only frames with ``start_s <= timestamp_s < end_s`` are read; None: from the start, to the
        end. Times stay those of the file.
    every
        Of so many frames one is read, from the first one on.
    fps
        Frames nearer than this rate to the last one that was read are passed over.
    crops
        Whether every picture is one ready-made crop of a face, however small: exactly one face is
        read in each (`mien.faces.detectors.whole`).
    part_s
        Seconds of the source after which all that remembers frames begins anew, so that a long
        video can be read in parts (`mien.pipeline.parts`); faces keep their numbers. Infinity: not
        at all. What MRAN reads, and frames from memory, are one part.
    """

    faces: str = "all"
    gaps: str = "skip"
    min_score: float = 0.9
    min_face_px: float = 20.0
    detect_side_px: int = 640
    max_lost_s: float = 2.0
    min_reaction_s: float = 1.0
    steady: bool = True
    batch: int = 16
    threads: int = 0
    extractor: str = "default"
    affect_model: Path | None = None
    reaction_model: Path | None = None
    reactions: bool = True
    simulated_reactions: bool = False
    mran: bool = False
    mran_model: Path | None = None
    attention: bool = False
    min_quality: float | None = None
    prior: str = "default"
    columns: str = "v2"
    detector: str = "retinaface"
    detect: str = "auto"
    stream: int | None = None
    max_pixels: int = MAX_PIXELS
    precise: bool = False
    device: str = "auto"
    start_s: float | None = None
    end_s: float | None = None
    every: int = 1
    fps: float | None = None
    crops: bool = False
    part_s: float = 300.0

    def __post_init__(self) -> None:
        for name in ("affect_model", "reaction_model", "mran_model"):
            if isinstance(getattr(self, name), str):  # what people pass from Python
                object.__setattr__(self, name, Path(getattr(self, name)))
        object.__setattr__(self, "prior", str(self.prior))
        if self.extractor not in EXTRACTORS:
            raise ValueError(f"extractor is one of {tuple(EXTRACTORS)}, not {self.extractor!r}")
        if self.extractor != "default" and self.affect_model is not None:
            raise ValueError(
                "extractor (--extractor) chooses one that ships, affect_model "
                "(--affect) names one of your own: give one of them"
            )
        if self.mran_model is not None:
            object.__setattr__(self, "mran", True)
        if self.attention and not self.mran:
            raise ValueError("attention is MRAN's: ask for mran (--mran), too")
        if self.faces not in FACE_POLICIES:
            raise ValueError(f"faces is one of {FACE_POLICIES}, not {self.faces!r}")
        if self.gaps not in GAP_POLICIES:
            raise ValueError(f"gaps is one of {GAP_POLICIES}, not {self.gaps!r}")
        if self.columns not in COLUMN_SETS:
            raise ValueError(f"columns is one of {COLUMN_SETS}, not {self.columns!r}")
        if self.detect not in DETECT_POLICIES:
            raise ValueError(f"detect is one of {DETECT_POLICIES}, not {self.detect!r}")
        if not self.prior:
            raise ValueError("prior is a name or the path of a file, not an empty text")
        if self.min_quality is not None and not 0 <= self.min_quality <= 1:
            raise ValueError(f"min_quality must lie in [0, 1], not {self.min_quality}")
        if not 0 < self.min_score <= 1:
            raise ValueError(f"min_score must lie in (0, 1], not {self.min_score}")
        for name in ("min_face_px", "detect_side_px", "max_lost_s", "min_reaction_s", "batch"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not self.part_s > 0:
            raise ValueError(f"part_s must be positive, not {self.part_s}")
        if self.stream is not None and self.stream < 0:
            raise ValueError(f"stream must be 0 or more, not {self.stream}")
        if self.max_pixels < 1:
            raise ValueError(f"max_pixels must be positive, not {self.max_pixels}")
        if self.device not in DEVICE_NAMES:
            raise ValueError(f"device is one of {DEVICE_NAMES}, not {self.device!r}")
        self._check_excerpt()
        if self.threads < 0:
            raise ValueError(f"threads must be 0 or more, not {self.threads}")

    @property
    def excerpt(self) -> Excerpt:
        """Which frames are read."""
        return Excerpt(self.start_s, self.end_s, self.every, self.fps)

    def _check_excerpt(self) -> None:
        start_s = -math.inf if self.start_s is None else self.start_s
        end_s = math.inf if self.end_s is None else self.end_s
        if not start_s < end_s:  # nor where one of them is no number
            raise ValueError(f"end_s must come after start_s, {self.start_s}, not {self.end_s}")
        if self.every < 1:
            raise ValueError(f"every must be 1 or more, not {self.every}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise ValueError(f"fps must be positive, not {self.fps}")
        if self.fps is not None and self.every > 1:
            raise ValueError("every and fps both say which frames are left out: give one of them")
