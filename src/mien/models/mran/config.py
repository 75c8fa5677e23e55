"""Shape of a multi-modal recurrent attention network."""

from __future__ import annotations

from dataclasses import dataclass

from mien.faces.modalities import STREAMS
from mien.models.mma import PRESETS
from mien.models.mran.encoders import ExtractorEncoder

RECURRENCES: tuple[str, ...] = ("guided", "concatenated", "framewise")

ENCODERS: tuple[str, ...] = ("small", "extractor")

DEPTHS: tuple[str, ...] = ("distance", "relief")


@dataclass(frozen=True)
class MRANConfig:
    """What a network reads and how large it is; widths and depths are ours.

    Attributes
    ----------
    modalities
        Streams that the network has, in the order of `STREAMS`. The first leads: its features
        are what attention selects from, the others guide it. The paper's networks all have color.
    clip_frames, size_px
        T, and the side of the crops.
    encoder
        ``"small"``: encoders of their own. ``"extractor"``: the first stages of the compact MMA
        extractor, which can start from its weights; of the widths only the last counts then.
    encoder_depths
        Of extractor encoders: the extractor's blocks in its first two stages.
    depth
        What the encoder of depth reads: ``"distance"``, or ``"relief"``, the light that the surface
        would return (`mien.models.blocks.relief`).
    stem
        Of extractor encoders: ``"half"``, or ``"wide"`` as in the extractor that ships now.
    color_widths, guide_widths
        Channels of an encoder at 1/2, 1/4, 1/8 and 1/16 of the side, for color and for each of
        depth and thermal.
    color_hidden, guide_hidden
        Channels of the decoders' states at 1/16 and at 1/8 of the side.
    recognition
        Channels of the two 3-D convolutions.
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
        Whose features the recognition reads beside the decoded states: ``"lead"``, those of the
        first stream (the paper's), or ``"all"``.
    attention
        False: the attention is uniform, so color features pass as they are.
    recurrence
        ``"guided"``: a ConvLSTM for depth and for thermal, a GA-LSTM for color (the paper's).
        ``"concatenated"``: features of all streams are concatenated before one ConvLSTM.
        ``"framewise"``: as guided, but nothing passes from a frame to another: states are not
        carried on, and the 3-D convolutions see one frame.
    temperature
        Of the softmax over space; higher means flatter maps.
    standardize
        True: each color frame is brought to zero mean and unit deviation first, which takes
        exposure and contrast out of the problem.
    dropout
        Rate before the regression.
    """

    modalities: tuple[str, ...] = STREAMS
    clip_frames: int = 16
    size_px: int = 112
    encoder: str = "small"
    stem: str = "half"
    encoder_depths: tuple[int, ...] = PRESETS["compact"].depths[:2]
    depth: str = "distance"
    color_widths: tuple[int, ...] = (16, 24, 48, 32)
    guide_widths: tuple[int, ...] = (8, 16, 32, 24)
    color_hidden: tuple[int, ...] = (24, 24)
    guide_hidden: tuple[int, ...] = (16, 16)
    recognition: tuple[int, ...] = (48, 64)
    head: int = 0
    units: bool = False
    contrast: bool = False
    volumes: str = "lead"
    attention: bool = True
    recurrence: str = "guided"
    temperature: float = 1.0
    standardize: bool = True
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
        if self.volumes not in ("lead", "all"):
            raise ValueError(f"volumes is 'lead' or 'all', not {self.volumes!r}")
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder is one of {list(ENCODERS)}, not {self.encoder!r}")
        if self.stem not in ("half", "wide"):
            raise ValueError(f"stem is 'half' or 'wide', not {self.stem!r}")
        if self.depth not in DEPTHS:
            raise ValueError(f"depth is one of {list(DEPTHS)}, not {self.depth!r}")
        if self.clip_frames < 1:
            raise ValueError(f"clip_frames must be 1 or more, not {self.clip_frames}")
        if self.size_px < 16 or self.size_px % 16:
            raise ValueError(f"size_px must be a multiple of 16, not {self.size_px}")
        lengths = {"color_widths": 4, "guide_widths": 4, "color_hidden": 2, "guide_hidden": 2}
        for name, count in {**lengths, "recognition": 2, "encoder_depths": 2}.items():
            widths = getattr(self, name)
            if len(widths) != count or min(widths) < 1:
                raise ValueError(f"{name} holds {count} positive numbers, not {list(widths)}")
        if self.head < 0:
            raise ValueError(f"head must be 0 or more, not {self.head}")
        if self.temperature <= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"out of range: temperature {self.temperature}, dropout {self.dropout}"
            )

    @property
    def lead(self) -> str:
        """The stream whose features attention selects from."""
        return self.modalities[0]

    @property
    def guides(self) -> tuple[str, ...]:
        """The streams that guide it."""
        return self.modalities[1:]

    def widths(self, name: str) -> tuple[int, ...]:
        """Channels of a stream's encoder at 1/2, 1/4, 1/8 and 1/16 of the side."""
        return self.color_widths if name == "color" else self.guide_widths

    @property
    def read(self) -> tuple[str, ...]:
        """The streams whose features the recognition reads."""
        return self.modalities if self.volumes == "all" else (self.lead,)

    @property
    def map_px(self) -> int:
        """Side of features and attention maps: 1/8 of what the encoders read."""
        return (self.size_px if self.encoder == "small" else ExtractorEncoder.INNER_PX) // 8
