"""What a training runs on: one processor by default, or Lightning Fabric for more.

The loop in `mien.training.reactions` is the same for both. Fabric brings mixed precision, graphics
cards and several devices; gradients of several devices are averaged here, in plain sight, because
the routed table's are sparse over positions and every device reaches other ones.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from mien.errors import ConfigError

T = TypeVar("T")


PRECISIONS: tuple[str, ...] = ("32-true", "bf16-mixed")


@dataclass(frozen=True)
class EngineConfig:
    """What to run on.

    Attributes
    ----------
    kind
        ``"plain"``: one processor in float32. ``"fabric"``: Lightning Fabric (extra ``fabric``).
    accelerator, devices
        As Fabric names them, e.g. ``"cuda"``, 2.
    precision
        ``"32-true"`` or ``"bf16-mixed"``. Half precision with scaled losses is refused: clipping
        and the optimizer would see scaled gradients.

    The plain engine takes only the defaults of these three.
    """

    kind: str = "plain"
    accelerator: str = "cpu"
    devices: int = 1
    precision: str = "32-true"

    def __post_init__(self) -> None:
        if self.kind not in ("plain", "fabric"):
            raise ValueError(f"engine.kind is 'plain' or 'fabric', not {self.kind!r}")
        if self.devices < 1:
            raise ValueError(f"engine.devices must be 1 or more, not {self.devices}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"engine.precision is one of {PRECISIONS}, not {self.precision!r}")
        usual = ("cpu", 1, "32-true")
        if self.kind == "plain" and (self.accelerator, self.devices, self.precision) != usual:
            raise ValueError(
                "the plain engine is one processor in 32-true: set engine.kind to 'fabric' for "
                f"{self.accelerator}, {self.devices} device(s), {self.precision}"
            )


class Engine(Protocol):
    """What the loop asks of the thing it runs on."""

    device: torch.device
    rank: int
    world: int

    def autocast(self) -> AbstractContextManager[Any]:
        """Context in which scores and losses are computed."""

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""

    def average(self, model: nn.Module) -> None:
        """Make every device's gradients the mean over devices."""


class PlainEngine:
    """One processor, float32."""

    device = torch.device("cpu")
    rank = 0
    world = 1

    def autocast(self) -> AbstractContextManager[Any]:
        """Nothing to set."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]

    def average(self, model: nn.Module) -> None:
        """Nothing to do for one device."""


class FabricEngine:
    """Lightning Fabric: launch, device, precision and collective operations are its work."""

    def __init__(self, config: EngineConfig) -> None:
        if find_spec("lightning_fabric") is None:
            raise ConfigError(
                "engine.kind 'fabric' needs Lightning Fabric, which is not installed: "
                "pip install '.[fabric]'"
            )
        from lightning_fabric import Fabric

        precision: Any = config.precision  # Fabric checks the names itself, and gains new ones
        self._fabric: Any = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            precision=precision,
            strategy="ddp" if config.devices > 1 else "auto",
        )
        if config.devices > 1:
            self._fabric.launch()
        self.device: torch.device = self._fabric.device
        self.rank: int = self._fabric.global_rank
        self.world: int = self._fabric.world_size

    def autocast(self) -> AbstractContextManager[Any]:
        """Fabric's precision."""
        context: AbstractContextManager[Any] = self._fabric.autocast()
        return context

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
                parameter.grad = self._fabric.all_reduce(grad, reduce_op="mean")
                continue
            blocks = grad.coalesce().values()
            reached = torch.tensor(len(blocks), device=self.device)
            longest = int(self._fabric.all_gather(reached).max())
            dense = blocks.new_zeros(longest, *blocks.shape[1:])
            dense[: len(blocks)] = blocks
            parameter.grad = torch.sparse_coo_tensor(
                torch.arange(longest, device=self.device)[None],
                self._fabric.all_reduce(dense, reduce_op="mean"),
                parameter.shape,
                is_coalesced=True,
                check_invariants=False,
            )


def start_engine(config: EngineConfig) -> Engine:
    """The engine that a configuration names.

    Raises
    ------
    ConfigError
        If it needs Lightning Fabric, which is not installed.
    """
    return PlainEngine() if config.kind == "plain" else FabricEngine(config)


def share(batches: list[T], engine: Engine) -> list[T]:
    """The batches of this device: dealt out in turn, as many for each as for every other."""
    steps = -(-len(batches) // engine.world)
    filled = batches + batches[: steps * engine.world - len(batches)]
    return filled[engine.rank :: engine.world]
