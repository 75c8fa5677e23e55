"""What a training runs on: one processor by default, or Lightning Fabric for more.

The loop (`mien.training.loop`) is the same for both. Fabric brings graphics cards and several
devices; gradients of several devices are averaged here, in plain sight, because a routed table's
are sparse over positions and every device reaches other ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from mien.errors import ConfigError, install

PRECISIONS = ("float32", "bfloat16")
"""Formats in which a training may calculate; weights are float32 always. Half precision with scaled
losses is none of them: clipping and the optimizer would see scaled gradients."""


@dataclass(frozen=True)
class EngineConfig:
    """What to run on.

    Attributes
    ----------
    kind
        ``"plain"``: one processor. ``"fabric"``: Lightning Fabric (extra ``fabric``).
    accelerator, devices
        As Fabric names them, e.g. ``"cuda"``, 2. The plain engine takes only the defaults.
    """

    kind: str = "plain"
    accelerator: str = "cpu"
    devices: int = 1

    def __post_init__(self) -> None:
        if self.kind not in ("plain", "fabric"):
            raise ValueError(f"engine.kind is 'plain' or 'fabric', not {self.kind!r}")
        if self.devices < 1:
            raise ValueError(f"engine.devices must be 1 or more, not {self.devices}")
        if self.kind == "plain" and (self.accelerator, self.devices) != ("cpu", 1):
            raise ValueError(
                "the plain engine is one processor: set engine.kind to 'fabric' for "
                f"{self.accelerator}, {self.devices} device(s)"
            )


class Engine:
    """One processor."""

    device = torch.device("cpu")
    rank = 0
    world = 1

    def __init__(self, precision: str = "float32") -> None:
        self.bfloat16 = precision == "bfloat16"

    def autocast(self) -> torch.autocast:
        """Context in which convolutions and matrix products calculate in the precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]

    def average(self, model: nn.Module) -> None:
        """Make every device's gradients the mean over devices."""

    def average_statistics(self, model: nn.Module) -> None:
        """Make every device's running statistics the mean over devices."""


class FabricEngine(Engine):
    """Lightning Fabric: launch, device and collective operations are its work."""

    def __init__(self, config: EngineConfig, precision: str) -> None:
        super().__init__(precision)
        if find_spec("lightning_fabric") is None:
            raise ConfigError(
                "engine.kind 'fabric' needs Lightning Fabric, which is not installed: "
                f"{install('fabric')}"
            )
        from lightning_fabric import Fabric

        self._fabric: Any = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            strategy="ddp" if config.devices > 1 else "auto",
        )
        if config.devices > 1:
            self._fabric.launch()
        self.device = self._fabric.device
        self.rank = self._fabric.global_rank
        self.world = self._fabric.world_size

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        self._fabric.backward(loss)

    def average(self, model: nn.Module) -> None:
        """Mean of the gradients over devices; a sparse one names what any device reached."""
        if self.world == 1:
            return
        for parameter in model.parameters():
            grad = parameter.grad
            if grad is None:
                continue
            if not grad.is_sparse:
                parameter.grad = self._mean(grad)
                continue
            blocks = grad.coalesce().values()
            reached = torch.tensor(len(blocks), device=self.device)
            longest = int(self._fabric.all_gather(reached).max())
            dense = blocks.new_zeros(longest, *blocks.shape[1:])
            dense[: len(blocks)] = blocks
            parameter.grad = torch.sparse_coo_tensor(
                torch.arange(longest, device=self.device)[None],
                self._mean(dense),
                parameter.shape,
                is_coalesced=True,
                check_invariants=False,
            )

    def average_statistics(self, model: nn.Module) -> None:
        """Mean of batch normalisations' statistics; else devices would score differently."""
        if self.world > 1:
            for buffer in model.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self._mean(buffer))

    def _mean(self, values: Tensor) -> Tensor:
        mean: Tensor = self._fabric.all_reduce(values, reduce_op="mean")
        return mean


def start_engine(config: EngineConfig, precision: str = "float32") -> Engine:
    """The engine that a configuration names.

    Raises
    ------
    ConfigError
        If it needs Lightning Fabric, which is not installed.
    """
    return Engine(precision) if config.kind == "plain" else FabricEngine(config, precision)
