"""Shape of a multi-modal recurrent attention network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mien.faces.modalities import STREAMS

RECURRENCES: tuple[str, ...] = ("guided", "concatenated", "framewise")


@dataclass(frozen=True)
class MRANConfig:
    """What a network reads and how large it is; widths and depths are ours.

    Attributes
    ----------
    modalities
        Modalities that the network has, in the order of `STREAMS`. The first leads: its features
        are what attention selects from, the others guide it. The paper's networks all have color.
    clip_frames
        T.
    color_hidden, guide_hidden
        Channels of the decoders' states at 1/16 and at 1/8 of the side.
    recognition
        Channels of the two convolutions.
    convolutions
        ``"space-time"``: the recognition's convolutions run over space and time, and features are
        averaged over space behind them (the paper's). ``"time"``: the attention sums features up
        over space first, and convolutions run over time.
    head
        Channels of a hidden layer between the features of the whole face and valence-arousal; 0:
        they are a linear function of these, before the tanh.
    units
        Whether the same features also say the 17 action units, through a linear layer of their
        own: a second target for training, see `MRANTrainConfig.unit_weight`.
    contrast
        Whether features stand beside their difference from the clip's mean
        (`mien.models.mran.contrast`): a face read against itself.
    volumes
        Whose features the recognition reads, all through the one map: ``"lead"``, those of the
        first modality (the paper's), or ``"all"``.
    attention
        False: the attention is uniform, so every place counts the same.
    recurrence
        ``"guided"``: a ConvLSTM for depth and for thermal, a GA-LSTM for color (the paper's).
        ``"concatenated"``: features of all modalities are concatenated before one ConvLSTM.
        ``"framewise"``: as guided, but nothing passes from a frame to another: states are not
        carried on, and the 3-D convolutions see one frame.
    dropout
        Rate before the regression.
    """

    REMOVED: ClassVar[dict[str, Any]] = {
        "size_px": 112,
        "encoder": "extractor",
        "stem": "wide",
        "encoder_depths": [2, 3],
        "depth": "relief",
        "color_widths": [16, 24, 48, 32],
        "guide_widths": [8, 16, 32, 24],
        "temperature": 1.0,
        "standardize": True,
    }
    """What files of before say of settings that are none any more (`mien.config`)."""

    modalities: tuple[str, ...] = STREAMS
    clip_frames: int = 16
    color_hidden: tuple[int, ...] = (24, 24)
    guide_hidden: tuple[int, ...] = (16, 16)
    recognition: tuple[int, ...] = (48, 64)
    convolutions: str = "space-time"
    head: int = 0
    units: bool = False
    contrast: bool = False
    volumes: str = "lead"
    attention: bool = True
    recurrence: str = "guided"
    dropout: float = 0.2

    def __post_init__(self) -> None:
        known = tuple(name for name in STREAMS if name in self.modalities)
        if self.modalities != known or not known:
            raise ValueError(
                f"modalities are some of {list(STREAMS)}, in this order, not "
                f"{list(self.modalities)}"
            )
        if self.recurrence not in RECURRENCES:
            raise ValueError(f"recurrence is one of {list(RECURRENCES)}, not {self.recurrence!r}")
        if self.contrast and self.recurrence == "framewise":
            raise ValueError("contrast reads the whole clip: not with recurrence 'framewise'")
        if self.convolutions not in ("time", "space-time"):
            raise ValueError(f"convolutions is 'time' or 'space-time', not {self.convolutions!r}")
        if self.volumes not in ("lead", "all"):
            raise ValueError(f"volumes is 'lead' or 'all', not {self.volumes!r}")
        if self.clip_frames < 1:
            raise ValueError(f"clip_frames must be 1 or more, not {self.clip_frames}")
        for name in ("color_hidden", "guide_hidden", "recognition"):
            widths = getattr(self, name)
            if len(widths) != 2 or min(widths) < 1:
                raise ValueError(f"{name} holds 2 positive numbers, not {list(widths)}")
        if self.head < 0:
            raise ValueError(f"head must be 0 or more, not {self.head}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout lies in 0 to 1, 1 excluded, not {self.dropout}")

    @property
    def lead(self) -> str:
        """The modality whose features attention selects from."""
        return self.modalities[0]

    @property
    def guides(self) -> tuple[str, ...]:
        """The modalities that guide it."""
        return self.modalities[1:]

    @property
    def read(self) -> tuple[str, ...]:
        """The modalities whose features the recognition reads."""
        return self.modalities if self.volumes == "all" else (self.lead,)
