"""Models from and to a hub or a folder: pulled ones are checked, then known by name.

Of a repository only ONNX files, cards and checksums are taken; nothing is ever unpickled or run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mien.errors import ConfigError, ModelError, install
from mien.io import atomic_path, cannot_write, write_text
from mien.runtime.collection import ModelFile, find_model, models_folder
from mien.weights import SUMS

_TAKEN = ("*.onnx", "*.md", "*.json", "LICENSE*", SUMS)
CARD = "README.md"
"""What a hub shows of a repository."""


def pull(source: str, revision: str | None = None) -> list[ModelFile]:
    """Fetch the models of a repository or a folder, and keep them under its name.

    Parameters
    ----------
    source
        ``owner/name`` on the hub, or a folder.
    revision
        Of the repository: a branch, a tag or a commit; None for the newest.

    Returns
    -------
    The models; what was there under this name is replaced.

    Raises
    ------
    ModelError
        If it cannot be had, holds no model of mien, or one that its checksums do not know.
    ConfigError
        If the extra ``hub`` is missing.
    OutputError
        If the folder of models cannot be written.
    """
    folder = Path(source)
    name = folder.resolve().name if folder.is_dir() else source
    place = models_folder() / name
    if folder.is_dir() and any(place.glob("*/*.onnx")):
        raise ModelError(f"{source}: {place} holds models of an owner of that name; rename it")
    try:
        with atomic_path(place) as partial:
            partial.mkdir()
            if folder.is_dir():
                for pattern in _TAKEN:
                    for file in folder.glob(pattern):
                        shutil.copyfile(file, partial / file.name)
            else:
                _download(source, revision, partial)
            found = sorted(partial.rglob("*.onnx"))
            if not found:
                raise ModelError(f"{source}: holds no model (*.onnx)")
            for file in found:
                fault = ModelFile(file.stem, file, False).fault()
                if fault is not None:
                    raise ModelError(f"{source}: {file.name}: {fault.replace(str(file), 'it')}")
    except OSError as error:
        raise cannot_write(place, error) from error
    return [find_model(file) for file in sorted(place.rglob("*.onnx"))]


def push(model: str | Path, target: str, private: bool = False) -> str:
    """Put a model with its card and checksum into a repository or a folder.

    Parameters
    ----------
    model
        Name or file.
    target
        ``owner/name`` on the hub; a folder where it starts with ``.`` or ``/``.
    private
        Whether a repository that is made for it is shown to nobody else.

    Returns
    -------
    Where it is.

    Raises
    ------
    ModelError
        If it is no model of mien, or the hub refuses it.
    ConfigError
        If the extra ``hub`` is missing.
    OutputError
        If the folder cannot be written.
    """
    one = find_model(model)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shutil.copyfile(one.path, folder / one.path.name)
        write_text(folder / SUMS, f"{one.sha256}  {one.path.name}\n")
        write_text(folder / CARD, card(one))
        if target.startswith((".", "/")) or Path(target).is_absolute():
            place = Path(target)
            try:
                place.mkdir(parents=True, exist_ok=True)
                for file in folder.iterdir():
                    with atomic_path(place / file.name) as partial:
                        shutil.copyfile(file, partial)
            except OSError as error:
                raise cannot_write(place, error) from error
            return str(place)
        hub = _hub()
        with _told(target):
            api = hub.HfApi()
            api.create_repo(target, private=private, exist_ok=True)
            return str(api.upload_folder(repo_id=target, folder_path=str(folder)))


def card(model: ModelFile) -> str:
    """A model's card for a hub: what the file says of itself, and the card beside it if any."""
    told = model.metadata()
    own = model.path.with_suffix(".md")
    lines = ["---", "library_name: mien", "license: other", f"tags: [mien, {told['role']}]", "---"]
    lines += ["", f"# {told.get('name') or model.name}", ""]
    lines += ["```", f"mien models pull OWNER/NAME   # then: --affect OWNER/NAME ({told['role']})"]
    lines += ["```", ""]
    for key in ("version", "license", "trained_on", "caveat"):
        lines += [f"- **{key.replace('_', ' ')}**: {told.get(key) or 'not said'}"]
    if own.is_file():
        lines += ["", own.read_text(encoding="utf-8").strip()]
    return "\n".join(lines) + "\n"


def _download(name: str, revision: str | None, to: Path) -> None:
    hub = _hub()
    with _told(name):
        hub.snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(_TAKEN),
            local_dir=str(to),
            endpoint=os.environ.get("HF_ENDPOINT"),  # also where it was set after the import
        )
    shutil.rmtree(to / ".cache", ignore_errors=True)  # the library's notes


def _hub() -> Any:
    if find_spec("huggingface_hub") is None:
        raise ConfigError(f"the hub needs huggingface_hub: {install('hub')}")
    import huggingface_hub

    return huggingface_hub


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Errors of the hub's library on one line."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{name}: the hub does not give or take it ({reason}); check the name, the connection "
            "and, for what is not public, your token (huggingface_hub's 'hf auth login')"
        ) from error
