"""The masked RNN (MRNN; "RNN + Mask" in FaceRNET): affect representations in, reactions out.

Source: FaceRNET, section 3.2 and Fig. 1: a 1-layer GRU with 128 units over t = 480 positions, all
outputs concatenated, a Mask layer that keeps the first l, a dense layer of 32 units, 7 outputs.
Open in the paper and settled here: the dense layer's activation is ReLU, the output layer is
linear, and the scores are brought to intensities by a per-reaction line fitted after training
(Eq. 4 leaves scale and offset free, so an untouched score is not an intensity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mien.labels import AFFECT_COLUMNS, REACTIONS
from mien.models.blocks.packing import Packing
from mien.models.blocks.routed_linear import RoutedLinear
from mien.models.kernels.routed_gru import routed_gru
from mien.models.regressor import (
    REPRESENTATION,
    SequenceRegressor,
    check_sequences,
    cleared,
    representation_columns,
)


@dataclass(frozen=True)
class MaskedRNNConfig:
    """Shape of the masked RNN.

    Attributes
    ----------
    positions
        t, the most frames one window can hold.
    hidden, dense
        Units of the recurrent layer and of the routed dense layer.
    reactions
        Names of the outputs; their number is the width of the output layer.
    fps
        Frames per second that a position means; input at another rate is resampled to it.
    cell, layers
        ``"gru"`` or ``"lstm"``, and how many upon each other (Table 3 of FaceRNET).
    routed
        False leaves out Mask & Routing (Table 3): every video is padded to t with zeros and all t
        outputs are read, whatever its length.
    representation
        Parts of the affect representation that are read (Table 2): some of ``va expr au``.
    """

    REMOVED: ClassVar[dict[str, Any]] = {"inputs": len(AFFECT_COLUMNS)}
    """See `mien.config.from_dict`."""

    positions: int = 480
    hidden: int = 128
    dense: int = 32
    reactions: tuple[str, ...] = REACTIONS
    fps: float = 30.0
    cell: str = "gru"
    layers: int = 1
    routed: bool = True
    representation: tuple[str, ...] = REPRESENTATION

    def __post_init__(self) -> None:
        if self.cell not in ("gru", "lstm"):
            raise ValueError(f"cell is 'gru' or 'lstm', not {self.cell!r}")
        if min(self.positions, self.hidden, self.dense, self.layers) < 1:
            raise ValueError("positions, hidden, dense and layers must be 1 or more")
        representation_columns(self.representation)


PRESETS: dict[str, MaskedRNNConfig] = {
    "facernet": MaskedRNNConfig(),
    "mma-mrnnet": MaskedRNNConfig(),
}
"""Both papers describe the same second stage; the names are kept so that configs can say which."""


class MaskedRNN(SequenceRegressor):
    """GRU, Mask, routed dense layer, output layer.

    Shapes: affect (batch, n, 26) float with n <= positions, lengths int (batch,) in 1..n -> scores
    (batch, reactions), unbounded. What lies beyond a length has no influence, so padding further
    changes no bit.

    Examples
    --------
    >>> model = MaskedRNN(MaskedRNNConfig(positions=60)).eval()
    >>> model(torch.zeros(2, 40, 26), torch.tensor([40, 12])).shape
    torch.Size([2, 7])
    """

    def __init__(self, config: MaskedRNNConfig | None = None) -> None:
        self._config = config = config or MaskedRNNConfig()
        super().__init__(config)
        recurrent = nn.GRU if config.cell == "gru" else nn.LSTM
        self.gru = recurrent(
            len(self.columns), config.hidden, num_layers=config.layers, batch_first=True
        )
        self.routed = RoutedLinear(config.positions, config.hidden, config.dense)
        self.output = nn.Linear(config.dense, len(config.reactions))

    @property
    def config(self) -> MaskedRNNConfig:
        """Shape of the network."""
        return self._config

    def forward(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """Scores of each reaction; see the class for shapes."""
        check_sequences(affect, lengths, self.config.positions)
        affect = affect[:, : int(lengths.max())]
        if affect.dtype != self.routed.table.dtype or not self._has_walk(affect.device):
            return self.scores(affect, lengths)
        if not self.config.routed:
            affect, lengths = self._filled(cleared(affect, lengths), lengths)
        packing = Packing.of(lengths.cpu().numpy(), torch.get_num_threads())
        return self.packed_scores(packing.pack(affect), packing)

    @property
    def longest(self) -> int:
        """The most frames one window can hold."""
        return self.config.positions

    def walks(self, device: torch.device) -> bool:
        """Whether `packed_scores` is the way to read sequences on this device."""
        return self.config.routed and self._has_walk(device)

    def _has_walk(self, device: torch.device) -> bool:
        """Whether `mien.models.kernels.routed_gru` knows these layers and this device.

        It needs a processor, full precision and the paper's GRU; torch's own layers do the rest.
        """
        plain = self.config.cell == "gru" and self.config.layers == 1
        return plain and device.type == "cpu" and not torch.is_autocast_enabled("cpu")

    def packed_scores(self, values: Tensor, packing: Packing) -> Tensor:
        """What `forward` computes, from packed rows (rows, 26)."""
        w_ih, w_hh, b_ih, b_hh = self.gru.parameters()
        weights = (w_ih, w_hh, b_ih, b_hh)
        sums = routed_gru(self.selected(values), packing, weights, self.routed.table)
        scores: Tensor = self.output(torch.relu(sums + self.routed.bias))
        return scores

    def scores(self, affect: Tensor, lengths: Tensor) -> Tensor:
        """What `forward` computes, by torch's own layers, without checks or cutting the padding."""
        affect = cleared(self.selected(affect), lengths)
        if not self.config.routed:
            affect, lengths = self._filled(affect, lengths)
        hidden, _ = self.gru(affect)  # (B, n, hidden)
        scores: Tensor = self.output(torch.relu(self.routed(hidden, lengths)))
        return scores

    def _filled(self, affect: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Videos padded to t with zeros that count as frames, for a network without routing."""
        missing = self.config.positions - affect.shape[1]
        affect = nn.functional.pad(affect, (0, 0, 0, missing))
        return affect, torch.full_like(lengths, self.config.positions)
