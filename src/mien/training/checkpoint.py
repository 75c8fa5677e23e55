"""Checkpoints as safetensors plus readable JSON; nothing is ever unpickled.

One checkpoint is one file, written under another name first and then moved, so a kill at any
moment leaves the previous one whole.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mien.config import from_dict, plain_values
from mien.errors import ConfigError, ModelError
from mien.io import atomic_path


def save_checkpoint(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and a JSON-able state into one file, atomically."""
    # Tied or expanded tensors share memory, which the format refuses; clones are cheap here.
    clean = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as partial:
        save_file(clean, str(partial), metadata={"state": json.dumps(state)})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or holds no state.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = (file.metadata() or {}).get("state")
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error})") from error
    if state is None:
        raise ModelError(f"{path}: holds no training state; is it a checkpoint of mien?")
    return tensors, json.loads(state)


def resume_from(
    path: Path, identity: dict[str, Any], kind: type, growing: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The checkpoint of a stopped run, or None where there is none.

    Parameters
    ----------
    path
        The file.
    identity
        What makes the run what it is; ``"config"`` of it is a `kind` as plain values.
    kind
        Dataclass of the configuration. A run from before a setting existed goes on where the
        setting's default is wanted, which does what was done then.
    growing
        Settings that may be larger than when the run was made: it goes on, finished or not.

    Raises
    ------
    ModelError
        If it was made with another configuration or other data than `identity` says.
    """
    if not path.exists():
        return None
    tensors, state = load_checkpoint(path)
    if "progress" not in state:
        raise ModelError(
            f"{path}: written by an older version of mien, which alone can go on with it; choose "
            "another --out, or delete it to start anew"
        )
    if _grown(_completed(state.get("identity"), kind), identity, growing) != identity:
        raise ModelError(
            f"{path}: made with another configuration or other data; "
            "choose another --out, or delete it to start anew"
        )
    return tensors, state


def _completed(identity: Any, kind: type) -> Any:
    """The same, settings that its configuration lacks filled in; as it is where it cannot be."""
    try:
        return {**identity, "config": plain_values(from_dict(kind, identity["config"]))}
    except (ConfigError, KeyError, TypeError):
        return identity


def _grown(made: Any, wanted: dict[str, Any], growing: tuple[str, ...]) -> Any:
    """The identity of a run with what is wanted of the settings that may grow, if they grow."""
    try:
        old, new = made["config"], wanted["config"]
        larger = {name: new[name] for name in growing if new[name] >= old[name]}
        return {**made, "config": {**old, **larger}}
    except (KeyError, TypeError):
        return made


def tensor_fingerprint(tensors: dict[str, Tensor]) -> str:
    """Hash of names and values, the same whatever file they came from."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Optimizer moments as named tensors (``optimizer.<parameter index>.<name>``)."""
    flat: dict[str, Tensor] = {}
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            flat[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    return flat


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `flatten_optimizer` took; learning rates are the schedule's business."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    document = optimizer.state_dict()
    document["state"] = state
    optimizer.load_state_dict(document)


def with_prefix(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """State of a module under a prefix."""
    return {f"{prefix}.{name}": value for name, value in module.state_dict().items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under a prefix, the prefix removed."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}
