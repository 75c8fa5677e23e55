"""Typed configuration from TOML files, with unknown keys refused by name."""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
import typing
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from mien.errors import ConfigError

C = TypeVar("C")

RENAMED = {
    "rate": "lr",
    "matrix_rate": "muon_lr",
    "clip": "max_grad_norm",
    "teacher_share": "distill_weight",
    "class_power": "class_balance",
    "color_weight": "weight_color",
    "blendshapes": "mesh",
    "engine.precision": "precision",
}
"""Settings of before -> what they are called now. They go on working for one release."""

_RENAMED_VALUES = {"32-true": "float32", "bf16-mixed": "bfloat16"}


def load_config(kind: type[C], path: str | Path, overrides: list[str] | None = None) -> C:
    """Read a TOML file into a dataclass.

    Parameters
    ----------
    kind
        A dataclass, its fields plain values, tuples or dataclasses.
    path
        The file. ``base = "other.toml"`` in it, beside it or by a path from its folder, is read
        first: what the file says itself replaces that, setting by setting.
    overrides
        ``"a.b=value"`` with the value in TOML syntax (bare words count as strings).

    Raises
    ------
    ConfigError
        If the file cannot be read, a key is unknown (the nearest known one is named), or a value
        has the wrong type.
    """
    values, files = _with_base(Path(path), [])
    where = str(path) if len(files) == 1 else f"{path} (on {', '.join(f.name for f in files[1:])})"
    return from_overrides(kind, values, overrides or [], where)


def from_overrides(
    kind: type[C], values: dict[str, Any], overrides: list[str], where: str = "--set"
) -> C:
    """A dataclass from plain values, changed by ``"a.b=value"``; see `load_config`."""
    for text in overrides:
        _override(values, text)
    return from_dict(kind, values, where)


def read_toml(path: Path) -> dict[str, Any]:
    """Values of a TOML file.

    Raises
    ------
    ConfigError
        If it cannot be read or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def from_dict(kind: type[C], values: dict[str, Any], where: str = "configuration") -> C:
    """A dataclass from plain values; see `load_config` for what is refused.

    Settings that the dataclass names as ``REMOVED``, with the value that they have in files which
    can still be read, are passed over.

    Examples
    --------
    >>> @dataclasses.dataclass
    ... class Optimiser:
    ...     lr: float = 0.1
    >>> from_dict(Optimiser, {"lr": 1})
    Optimiser(lr=1.0)
    >>> from_dict(Optimiser, {"lrr": 1})
    Traceback (most recent call last):
    mien.errors.ConfigError: configuration: unknown option 'lrr'; did you mean 'lr'?
    """
    hints = typing.get_type_hints(kind)
    removed = getattr(kind, "REMOVED", {})
    fields = {field.name for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    converted = {}
    for key, value in renamed(fields, values, where).items():
        if key in removed:
            if json.loads(json.dumps(value)) != removed[key]:
                raise ConfigError(f"{where}: {key} is no setting any more but {removed[key]!r}")
            continue
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known options: {sorted(fields)}"
            raise ConfigError(f"{where}: unknown option {key!r}; {hint}")
        converted[key] = _convert(hints[key], value, f"{where}: {key}")
    try:
        return kind(**converted)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def renamed(fields: Collection[str], values: dict[str, Any], where: str) -> dict[str, Any]:
    """The same values, those of before under the names that they have now.

    A name is an old one where `fields` has its new name and not itself.
    """
    current: dict[str, Any] = {}
    for key, value in values.items():
        new = RENAMED.get(key, key)
        if key not in fields and new in fields:
            _tell(where, key, new)
            current[new] = value
            continue
        if isinstance(value, dict):
            for inner in [name for name in value if f"{key}.{name}" in RENAMED]:
                new = RENAMED[f"{key}.{inner}"]
                _tell(where, f"{key}.{inner}", new)
                value = dict(value)
                current[new] = value.pop(inner)
                current[new] = _RENAMED_VALUES.get(current[new], current[new])
        current[key] = value
    return current


def _tell(where: str, old: str, new: str) -> None:
    warnings.warn(f"{where}: {old} is called {new} now", FutureWarning, stacklevel=3)


def _with_base(path: Path, above: list[Path]) -> tuple[dict[str, Any], list[Path]]:
    """Values of a file on top of those of its base, and so on down; and the files, top first."""
    if path.resolve() in [file.resolve() for file in above]:
        chain = " on ".join(file.name for file in (*above, path))
        raise ConfigError(f"{path}: is its own base ({chain})")
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values, [path]
    if not isinstance(base, str):
        raise ConfigError(f"{path}: base is the name of a file, not {base!r}")
    below, files = _with_base(path.parent / base, [*above, path])
    return _merged(below, values), [path, *files]


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merged(old, value)
        merged[key] = value
    return merged


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: expected a table, got {value!r}")
        return from_dict(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        return tuple(_convert(typing.get_args(hint)[0], item, where) for item in value)
    if typing.get_origin(hint) is dict:
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (not isinstance(value, hint) or (hint is int and value is True)):
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value


def _override(values: dict[str, Any], text: str) -> None:
    name, separator, raw = text.partition("=")
    if not separator or not name.strip():
        raise ConfigError(f"--set {text!r}: expected NAME=VALUE, as in optimizer.epochs=5")
    *parents, last = name.strip().split(".")
    table = values
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {text!r}: {parent!r} is not a table")
    try:
        table[last] = tomllib.loads(f"value = {raw.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = raw.strip()


def plain_values(config: Any) -> dict[str, Any]:
    """A configuration as JSON gives it back: dicts, lists and values; what runs are known by."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return values


def save_config(config: Any, path: Path) -> None:
    """Write the resolved configuration as JSON beside the weights."""
    path.write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n", encoding="utf-8")
