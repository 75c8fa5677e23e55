"""The training loop; there is no other. Read `Loop.run` from top to bottom.

A run may be killed at any moment. The same command goes on from its last checkpoint and ends with
the same bits, because whatever a step draws at random follows from the number of the step alone.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from mien.config import save_config
from mien.errors import ModelError
from mien.training.checkpoint import (
    flatten_optimizer,
    restore_optimizer,
    resume_from,
    save_checkpoint,
    with_prefix,
    without_prefix,
)
from mien.training.engine import PRECISIONS, Engine
from mien.training.log import TrainingLog
from mien.training.memory import keep_freed_memory
from mien.training.schedule import cosine


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """What every training may say of its steps.

    Attributes
    ----------
    lr
        Highest learning rate. Each training names its schedule (`mien.training.schedule`).
    warmup_steps
        Steps until the full learning rate.
    ema
        Decay per step of the averaged weights, which are what is scored and kept. 0: no average.
    max_grad_norm
        Largest norm of a step's gradient; 0: not limited.
    precision
        ``"bfloat16"``: convolutions and matrix products calculate in that format, weights and
        losses stay float32. Faster on processors that calculate in it, slower on others.
    checkpoint_steps
        A checkpoint is written every so many steps, and at the end of every epoch.
    """

    epochs: int = 30
    lr: float = 2e-3
    weight_decay: float = 0.0
    warmup_steps: int = 0
    ema: float = 0.0
    max_grad_norm: float = 5.0
    precision: str = "float32"
    checkpoint_steps: int = 200

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("checkpoint_steps", 1), ("warmup_steps", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, not {getattr(self, name)}")
        for name in ("lr", "weight_decay", "max_grad_norm"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema lies in 0 to 1, 1 excluded, not {self.ema}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, not {self.precision!r}")


@dataclass(frozen=True, kw_only=True)
class ScoredLoopConfig(LoopConfig):
    """The same for a training of clips or videos that keeps the epoch with the best score.

    ``batch``: clips or videos of a step. ``patience``: so many epochs without a better score end
    the training.
    """

    batch: int = 64
    patience: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1:
            raise ValueError(f"batch must be 1 or more, not {self.batch}")
        if self.patience < 0:
            raise ValueError(f"patience must be 0 or more, not {self.patience}")


class Training(ABC):
    """What one kind of training tells the loop: a batch, its loss, a score.

    Attributes
    ----------
    model
        The network that is scored and kept.
    learned
        Everything that has weights while it trains; the model, unless a part is dropped in the end.
    optimizer
        Its groups hold the highest learning rates.
    batches
        How many batches an epoch has.
    schedule
        One of `mien.training.schedule`.
    """

    model: nn.Module
    learned: nn.Module
    optimizer: torch.optim.Optimizer
    batches: int
    schedule: Callable[[float, int, int, int], float] = staticmethod(cosine)

    @abstractmethod
    def batch(self, epoch: int, index: int, generator: torch.Generator) -> Any:
        """A batch of an epoch, drawn by these alone."""

    @abstractmethod
    def losses(self, batch: Any) -> dict[str, Tensor]:
        """``"loss"``, of which the gradient is taken, and what else the log should know."""

    @abstractmethod
    def score(self, network: nn.Module, epoch: int) -> tuple[float | None, dict[str, Any]]:
        """After an epoch: how good the network is (None: the last one is kept); log figures."""

    def begin(self) -> float | None:
        """Before the first step of a new run: its score, if the start may be the best."""
        return None

    def train(self) -> None:
        """Put everything into training mode."""
        self.learned.train()


@dataclass
class Progress:
    """How far a run is; stands in its checkpoint.

    ``sums``: of the losses since the epoch began. ``rows``: the log so far.
    """

    step: int = 0
    best: float | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """One run of a training.

    Attributes
    ----------
    out
        Folder for ``config.json``, logs and ``checkpoint.safetensors``.
    recipe
        Saved as ``config.json`` once it is known that the folder is this run's.
    identity
        JSON-able; what decides the result. A checkpoint with another one is refused.
    seed
        Of everything that is drawn.
    engine
        What it runs on.
    report
        Receives one line per epoch.
    growing
        Settings of the recipe that a run may be taken up with larger than it was made with. Only
        for a schedule that does not depend on the last step.
    """

    out: Path
    recipe: Any
    identity: dict[str, Any]
    seed: int
    engine: Engine
    report: Callable[[str], object] = print
    growing: tuple[str, ...] = ()

    @property
    def checkpoint(self) -> Path:
        """The file."""
        return self.out / "checkpoint.safetensors"

    def stopped(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """What this run left when it was stopped; `ModelError` if the folder is another's."""
        return resume_from(self.checkpoint, self.identity, type(self.recipe), self.growing)


class Loop:
    """A training, its settings, its run, and how far it is.

    ``kept`` is the network that is scored and saved: the averaged one where there is an average.
    """

    def __init__(self, training: Training, config: LoopConfig, run: Run) -> None:
        self.training, self.config, self.place = training, config, run
        self.engine = run.engine
        self.per_epoch = -(-training.batches // run.engine.world)
        self.total = self.per_epoch * config.epochs
        self.average = averaged(training.model, config.ema) if config.ema else None
        self.kept: nn.Module = self.average.module if self.average else training.model
        for group in training.optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        self.progress = Progress()
        self.best_weights: dict[str, Tensor] = {}

    def run(self, stop_after_steps: int | None = None) -> bool:
        """Run what is left, and load the best weights into the network to keep.

        Parameters
        ----------
        stop_after_steps
            Stop (with a checkpoint) after so many steps of this call; for tests of resuming.

        Returns
        -------
        Whether the training is at its end.

        Raises
        ------
        ModelError
            If the folder holds a run of another identity, or a loss is not finite.
        """
        keep_freed_memory()
        self._resume()
        progress, ran = self.progress, 0
        log = TrainingLog(self.place.out, progress.rows)
        started = time.perf_counter() - progress.seconds
        with self._bar() as bar:
            while not self.ended and (ran == 0 or ran != stop_after_steps):
                epoch, number = divmod(progress.step, self.per_epoch)
                loss = self.step(epoch, number)
                ran += 1
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                progress.seconds = time.perf_counter() - started
                if progress.step % self.per_epoch == 0:
                    row = self._end_epoch(epoch)
                    if self.engine.rank == 0:
                        log.add(row)
                        self.place.report(json.dumps(row))
                        self._save()
                elif ran == stop_after_steps or progress.step % self.config.checkpoint_steps == 0:
                    self._save()
        log.close()
        if self.ended and self.best_weights:
            self.kept.load_state_dict(self.best_weights)
        self.kept.eval()
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether all epochs are over, or too many of them brought no better score."""
        progress, patience = self.progress, getattr(self.config, "patience", None)
        done = progress.step / self.per_epoch
        waited = patience is not None and done >= 1 and done - progress.best_epoch >= patience
        return progress.step >= self.total or waited

    def step(self, epoch: int, number: int) -> float:
        """One step of the optimizer; each device takes a batch of its own. Returns the loss."""
        training, config, engine, progress = (
            self.training, self.config, self.engine, self.progress
        )  # fmt: skip
        drawn = progress.step * engine.world + engine.rank
        seed = step_seed(self.place.seed, drawn)
        torch.manual_seed(seed)  # dropout
        index = (number * engine.world + engine.rank) % training.batches
        batch = training.batch(epoch, index, torch.Generator().manual_seed(seed))
        for group in training.optimizer.param_groups:
            peak = group["initial_lr"]
            group["lr"] = training.schedule(peak, config.warmup_steps, progress.step, self.total)
        training.train()
        losses = training.losses(batch)
        loss = losses["loss"]
        if not torch.isfinite(loss):
            raise ModelError(f"the loss is {loss.item()} in epoch {epoch + 1}; lower lr")
        training.optimizer.zero_grad()
        engine.backward(loss)
        engine.average(training.learned)
        if config.max_grad_norm:
            clip_gradients(training.learned, config.max_grad_norm)
        training.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(training.model)
        for name, value in losses.items():
            progress.sums[name] = progress.sums.get(name, 0.0) + value.item()
        progress.step += 1
        return loss.item()

    def _end_epoch(self, epoch: int) -> dict[str, Any]:
        """Score the network, keep it if it is the best; the epoch's row of the log."""
        progress = self.progress
        self.engine.average_statistics(self.kept)
        score, figures = self.training.score(self.kept, epoch)
        if score is not None and (progress.best is None or score > progress.best):
            progress.best, progress.best_epoch = score, epoch + 1
            self.best_weights = copied(self.kept)
        means = {n: round(value / self.per_epoch, 4) for n, value in progress.sums.items()}
        progress.sums = {}
        row = {"epoch": epoch + 1, "seconds": round(progress.seconds, 1), **means, **figures}
        progress.rows.append(row)
        return row

    def _bar(self) -> tqdm[Any]:
        """A bar where someone looks: not on a pipe, and once for several devices."""
        return tqdm(
            desc=str(self.place.out.name),
            total=self.total,
            initial=self.progress.step,
            disable=None if self.engine.rank == 0 else True,
            leave=False,
            unit="step",
        )

    def _resume(self) -> None:
        """Take up what a stopped run left, or begin."""
        place, training = self.place, self.training
        place.out.mkdir(parents=True, exist_ok=True)
        stopped = place.stopped()
        if stopped is None:
            self.progress.best = training.begin()
            if self.average is not None:
                self.average.module.load_state_dict(training.model.state_dict())
            if self.progress.best is not None:
                self.best_weights = copied(self.kept)
        else:
            tensors, state = stopped
            training.learned.load_state_dict(without_prefix("learned", tensors))
            if self.average is not None:
                self.average.load_state_dict(without_prefix("average", tensors))
            self.best_weights = without_prefix("best", tensors)
            restore_optimizer(training.optimizer, tensors)
            self.progress = Progress(**state["progress"])
            place.report(f"resuming at step {self.progress.step} of {self.total}")
        if self.engine.rank == 0:
            save_config(place.recipe, place.out / "config.json")

    def _save(self) -> None:
        """Write the checkpoint."""
        if self.engine.rank > 0:
            return
        tensors = with_prefix("learned", self.training.learned)
        if self.average is not None:
            tensors |= with_prefix("average", self.average)
        tensors |= {f"best.{name}": value for name, value in self.best_weights.items()}
        tensors |= flatten_optimizer(self.training.optimizer)
        state = {"identity": self.place.identity, "progress": asdict(self.progress)}
        save_checkpoint(self.place.checkpoint, tensors, state)


def step_seed(seed: int, step: int) -> int:
    """One seed a step: a resumed run draws what an uninterrupted one would have drawn."""
    return seed * 1_000_003 + step


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A copy whose weights and running statistics follow the model's, slower with every step.

    The decay of step n is at most n / (9 + n): the first steps, far from the rest, soon count for
    nothing.
    """

    def follow(kept: Any, new: Any, steps: Tensor | int) -> None:
        weight = 1 - min(decay, int(steps) / (9 + int(steps)))
        for old, value in zip(kept, new, strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(value, weight)
            else:  # counts
                old.copy_(value)

    average = AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
    average.n_averaged.fill_(1)  # the start counts, or the first step would replace it
    return average


def copied(network: nn.Module) -> dict[str, Tensor]:
    """Weights that training does not change."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def clip_gradients(model: nn.Module, limit: float) -> None:
    """As ``torch.nn.utils.clip_grad_norm_``, which does not know sparse gradients."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    values = [grad.coalesce().values() if grad.is_sparse else grad for grad in grads]
    norm = torch.nn.utils.get_total_norm(values)
    scale = (limit / (norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(scale)
