"""The whole network: encoders, decoders, attention, recognition."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mien.errors import ModelError
from mien.faces.modalities import CHANNELS, STREAMS
from mien.models.mran.attention import AttentionInference, uniform_attention
from mien.models.mran.config import MRANConfig
from mien.models.mran.contrast import with_contrast
from mien.models.mran.decoders import Decoded, TemporalDecoder
from mien.models.mran.encoders import ExtractorEncoder, Features
from mien.models.mran.recognition import EmotionRecognition

_BOTTOM = {"color": 32, "depth": 24, "thermal": 24}
"""Channels of each encoder at 1/16 of the side."""

MAP_PX = ExtractorEncoder.INNER_PX // 8
"""Side of features and attention maps."""


class MRANOutput(NamedTuple):
    """What a clip says.

    Shapes: affect (batch, time, 2), valence and arousal in [-1, 1]; attention (batch, time, 1,
    side / 8, side / 8), each frame's map >= 0 and of sum 1; unit_logits (batch, time, 17) of the
    action units, None for a network that does not say them.
    """

    affect: Tensor
    attention: Tensor
    unit_logits: Tensor | None = None


class MRAN(nn.Module):
    """Multi-modal recurrent attention network.

    Shapes: streams, each (batch, time, channels, side, side) in [-1, 1] with 3 channels for color
    and 1 for depth and thermal; present (batch, time, 3) of 0 and 1 in the order color, depth,
    thermal -> `MRANOutput`. Values of a frame that is not present have no influence. A frame
    without any modality, such as padding, has no influence on frames before it, and behind the last
    real frame none at all.

    Examples
    --------
    >>> model = MRAN(MRANConfig(modalities=("color",), clip_frames=2)).eval()
    >>> output = model({"color": torch.zeros(1, 2, 3, 112, 112)}, torch.ones(1, 2, 3))
    >>> output.affect.shape, output.attention.shape
    (torch.Size([1, 2, 2]), torch.Size([1, 2, 1, 12, 12]))
    """

    def __init__(self, config: MRANConfig) -> None:
        super().__init__()
        self.config = config
        recurrent = config.recurrence != "framewise"
        widths = {name: self.feature_widths(name) for name in config.modalities}
        lead = widths[config.lead]
        self.encoders = nn.ModuleDict(
            {
                name: ExtractorEncoder(CHANNELS[name], _BOTTOM[name], name == "depth")
                for name in config.modalities
            }
        )
        self.decoders = nn.ModuleDict()
        count = len(config.guides)
        hidden = config.color_hidden
        if config.recurrence == "concatenated":
            volume, bottom = (sum(each) for each in zip(*widths.values(), strict=True))
            self.decoders[config.lead] = TemporalDecoder(volume, bottom, hidden)
            states = hidden[1]
        else:
            for name in config.guides:
                self.decoders[name] = TemporalDecoder(
                    *widths[name], config.guide_hidden, recurrent=recurrent
                )
            guidance = count * config.guide_hidden[0], count * config.guide_hidden[1]
            self.decoders[config.lead] = TemporalDecoder(*lead, hidden, guidance, recurrent)
            states = hidden[1] + guidance[1]
        self.attention: AttentionInference | None = None
        if config.attention:
            self.attention = AttentionInference(states)
        self.recognition = EmotionRecognition(
            sum(widths[name][0] for name in config.read),
            config.recognition,
            3 if recurrent else 1,
            config.convolutions == "space-time",
            config.dropout,
            config.head,
            config.units,
        )

    def forward(self, streams: dict[str, Tensor], present: Tensor) -> MRANOutput:
        """Affect and attention of clips; see the class for shapes."""
        own = [STREAMS.index(name) for name in self.config.modalities]
        contrast = self.config.contrast
        there = present.to(streams[self.config.lead].dtype)
        features: dict[str, Features] = {}
        for name, index in zip(self.config.modalities, own, strict=True):
            part = self.encoders[name](streams[name], there[:, :, index])
            features[name] = with_contrast(part, there[:, :, index].T) if contrast else part
        decoded = self._decode(features, there)
        states = [part.upper for part in decoded]
        if self.attention is not None:
            attention = self.attention(states)  # (T, B, 1, h, w)
        else:
            attention = uniform_attention(states[0])
        mask = there[:, :, own].amax(2).T  # (T, B): any modality of the network
        volume = torch.cat([features[name].volume for name in self.config.read], 2)
        affect, unit_logits = self.recognition(volume, attention, mask)
        return MRANOutput(affect, attention.transpose(0, 1), unit_logits)

    def feature_widths(self, name: str) -> tuple[int, int]:
        """Channels of a modality's volume and bottom features, as what is behind them sees them."""
        volume, bottom = ExtractorEncoder.VOLUME, _BOTTOM[name]
        return (2 * volume, 2 * bottom) if self.config.contrast else (volume, bottom)

    def encode_in_bfloat16(self, on: bool) -> None:
        """For training: whether the encoders' convolutions calculate in bfloat16.

        Weights, what stands before and behind these convolutions, and what is exported are
        float32 in any case.
        """
        for encoder in self.encoders.values():
            encoder.in_bfloat16 = on  # type: ignore[assignment]

    def _decode(self, features: dict[str, Features], there: Tensor) -> list[Decoded]:
        """States of the leading modality first, then of the modalities that guide it.

        Where a modality is missing it does not guide: its states are zero.
        """
        lead = self.config.lead
        if self.config.recurrence == "concatenated":
            parts = list(features.values())
            joined = Features(
                torch.cat([part.volume for part in parts], 2),
                torch.cat([part.bottom for part in parts], 2),
            )
            return [self.decoders[lead](joined, [])]
        guides = []
        for name in self.config.guides:
            seen = there[:, :, STREAMS.index(name)].T[:, :, None, None, None]
            states = self.decoders[name](features[name], [])
            guides.append(Decoded(*(part * seen for part in states)))
        return [self.decoders[lead](features[lead], guides), *guides]

    def start_encoders(self, *sources: dict[str, Tensor]) -> None:
        """Start every modality's encoder from weights of compact extractors or of other MRANs.

        An extractor is a start for every modality, an MRAN for those that it has. Of several
        sources of a modality the last counts: networks of one modality each make the encoders of
        one of all.

        Raises
        ------
        ModelError
            If weights do not fit, or a modality of this network is in no source.
        """
        own = tuple(f"encoders.{stream}." for stream in self.config.modalities)
        taken: dict[str, Tensor] = {}
        for weights in sources:
            if any(name.startswith("encoders.") for name in weights):
                taken.update({n: v for n, v in weights.items() if n.startswith(own)})
                continue
            for stream, encoder in self.encoders.items():
                assert isinstance(encoder, ExtractorEncoder)
                encoder.start_from(weights)
                taken.update({f"encoders.{stream}.{n}": v for n, v in encoder.state_dict().items()})
        self._take_encoders(taken)

    def _take_encoders(self, weights: dict[str, Tensor]) -> None:
        """Weights of all encoders, by the names they have here."""
        own = {name: v for name, v in self.state_dict().items() if name.startswith("encoders.")}
        unfit = [n for n, v in own.items() if n not in weights or weights[n].shape != v.shape]
        if unfit:
            raise ModelError(
                f"{len(unfit)} of {len(own)} weights of the encoders are not there or have another "
                f"shape, the first is {unfit[0]}; "
                "start from a run with the same modalities and widths"
            )
        left_out = [name for name in weights if name not in own]
        if left_out:
            raise ModelError(
                f"{len(left_out)} weights of the given encoders have no place, the first is "
                f"{left_out[0]}"
            )
        self.load_state_dict({**self.state_dict(), **{name: weights[name] for name in own}})

    def describe(self) -> dict[str, Any]:
        """Configuration as plain values, for checkpoints and exported metadata."""
        return asdict(self.config)
