"""The loop over epochs that can be killed at any moment and ends with the same bits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mien.training.checkpoint import (
    flatten_optimizer,
    restore_optimizer,
    resume_from,
    save_checkpoint,
    with_prefix,
    without_prefix,
)
from mien.training.config import save_config
from mien.training.log import TrainingLog


@dataclass(frozen=True)
class EpochLoop:
    """A training by epochs, of which the best is kept.

    Attributes
    ----------
    out
        Folder for ``log.jsonl``, ``log.csv`` and ``checkpoint.safetensors``.
    config
        Saved as ``config.json`` once it is known that the folder is this run's.
    identity
        JSON-able; what decides the result. A checkpoint with another one is refused.
    networks
        All that is trained or averaged, by the names they have in the checkpoint.
    judged
        Name of the network whose score counts and whose best weights are kept.
    optimizer
        Its moments are kept too; rates are the epochs' own business.
    epochs, patience
        The most epochs; so many without a better score end the training.
    report
        Receives one line per epoch.
    writes
        False in all processes but one, where several train together: nothing is written then.
    before
        Score of the judged network as it is before the first epoch, if that may be the best.
    """

    out: Path
    config: Any
    identity: dict[str, Any]
    networks: dict[str, nn.Module]
    judged: str
    optimizer: torch.optim.Optimizer
    epochs: int
    patience: int
    report: Callable[[str], object] = print
    writes: bool = True
    before: Callable[[], float] | None = None

    def run(
        self,
        epoch: Callable[[int, float], tuple[float, dict[str, Any]]],
        stop_after_epochs: int | None = None,
    ) -> int:
        """Run what is left and load the best weights into the judged network.

        Parameters
        ----------
        epoch
            Trains epoch k (from 0) and returns its score, higher is better, and figures for the
            log. What it draws at random must follow from k alone. It is told the best score so
            far.
        stop_after_epochs
            Stop after so many epochs of this call; for tests of resuming.

        Returns
        -------
        The best epoch, from 1; 0 if none was run.

        Raises
        ------
        ModelError
            If the folder holds a run of another identity.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        checkpoint = self.out / "checkpoint.safetensors"
        network = self.networks[self.judged]
        done, best_epoch, best, seconds = 0, 0, float("-inf"), 0.0
        rows: list[dict[str, Any]] = []
        best_weights = {k: v.clone() for k, v in network.state_dict().items()}
        stopped = resume_from(checkpoint, self.identity, type(self.config))
        if stopped is not None:
            tensors, state = stopped
            for name, module in self.networks.items():
                module.load_state_dict(without_prefix(name, tensors))
            best_weights = without_prefix("best", tensors)
            restore_optimizer(self.optimizer, tensors)
            done, best_epoch, rows = state["epoch"], state["best_epoch"], state["rows"]
            best = float("-inf") if state["best"] is None else state["best"]
            seconds = state["seconds"]
            self.report(f"resuming after epoch {done} of {self.epochs}")
        elif self.before is not None:
            best = self.before()
        save_config(self.config, self.out / "config.json")
        log = TrainingLog(self.out, rows)
        ran = 0
        while done < self.epochs and (done == 0 or done - best_epoch < self.patience):
            if stop_after_epochs is not None and ran >= stop_after_epochs:
                break
            started = time.perf_counter()
            score, figures = epoch(done, best)
            seconds += time.perf_counter() - started
            done += 1
            ran += 1
            if score > best:
                best, best_epoch = score, done
                best_weights = {k: v.clone() for k, v in network.state_dict().items()}
            if not self.writes:
                continue
            log.add({"epoch": done, "seconds": round(seconds, 1), **figures})
            self.report(json.dumps(log.rows[-1]))
            tensors = {f"best.{name}": value for name, value in best_weights.items()}
            for name, module in self.networks.items():
                tensors |= with_prefix(name, module)
            state = {"identity": self.identity, "epoch": done, "best_epoch": best_epoch}
            state["best"] = best if best > float("-inf") else None
            state |= {"seconds": seconds, "rows": log.rows}
            save_checkpoint(checkpoint, tensors | flatten_optimizer(self.optimizer), state)
        log.close()
        network.load_state_dict(best_weights)
        return best_epoch
