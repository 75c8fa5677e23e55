"""Every corpus that mien knows: one file each, found when the registry is first asked.

A file of a corpus decorates the function that reads it::

    @register_corpus(Corpus(name="smiles", kind="videos", title="Smiles", ...))
    def load_smiles(root: Path) -> VideoCorpus: ...

and, where its faces are trained on as they are, the one that gives them (`register_faces`). The
files of `mien.data.corpora` are imported in alphabetical order. A package of others adds a corpus
by an entry point of the group ``mien.corpora``, which names a module with such a function (or a
`Corpus` with its ``load``)::

    [project.entry-points."mien.corpora"]
    smiles = "smiles_for_mien"

Figures are quotations with their sources, to be printed beside one's own results; none of them was
measured with mien.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mien.errors import ConfigError, MienError

if TYPE_CHECKING:
    from mien.data.faces import FaceSet

GROUP = "mien.corpora"
"""Entry points of packages that bring corpora."""

KINDS = {
    "videos": "videos with one label vector each",
    "annotations": "images or frames with partial labels",
    "streams": "recordings with traces of valence and arousal",
    "faces": "faces, used as they are",
    "tables": "faces and labels in tables, joined once",
}
"""Kinds of corpora, in words."""

ON_REQUEST = "on request from its owners; not redistributable"
COLLECTED = "best published figure that the developers know of"

F = TypeVar("F", bound=Callable[..., Any])


class LoadedCorpus(Protocol):
    """A corpus on disk, read and checked."""

    @property
    def name(self) -> str:
        """As commands call it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing, one sentence each."""

    def counts(self) -> dict[str, int]:
        """What was found."""

    def __len__(self) -> int: ...


class TableCorpus(LoadedCorpus, Protocol):
    """A corpus of kind ``"tables"``."""

    def write(self, folder: Path) -> Path:
        """Write the one file that training reads; its path."""


@dataclass(frozen=True)
class Figure:
    """A published number: what was measured (with the split), of whom, the number, who says so."""

    measure: str
    system: str
    value: str
    source: str


@dataclass(frozen=True)
class Corpus:
    """One corpus, and how it is read.

    Attributes
    ----------
    name
        What commands call it.
    title, labels
        Its own name, and what is annotated.
    kind
        ``"videos"`` (video-level labels; read as a `VideoCorpus`), ``"annotations"`` (labels of
        images or frames; `ImageCorpus`), ``"streams"`` (traces, one or several cameras;
        `StreamCorpus`), ``"tables"`` (faces and labels that are joined into one file by a method
        ``write``) or ``"faces"`` (read by ``mien train mma`` and ``mien evaluate mma`` as it is).
    access, terms, layout
        How to get it, what its owners allow, and what a folder of it must hold.
    counts
        Published sizes, by the names that `VideoCorpus.counts` and `ImageCorpus.counts` use.
    counts_source
        Where the sizes are from.
    figures
        Published results.
    load
        Reads and checks a folder of it; `register_corpus` fills it in.
    """

    name: str
    title: str
    kind: str
    labels: str
    access: str
    terms: str
    layout: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    counts_source: str = ""
    figures: tuple[Figure, ...] = ()
    load: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {list(KINDS)}, not {self.kind!r}")

    @property
    def needs_preparation(self) -> bool:
        """Whether ``mien datasets prepare`` takes it."""
        return self.kind != "faces"


@dataclass(frozen=True)
class FaceReader:
    """How faces are read that a recipe of the extractor names by ``kind``.

    Attributes
    ----------
    kind
        Its name in recipes.
    load
        Takes a path, and the options by their names.
    options
        Keys of a recipe's corpus that `load` takes: ``"mesh"``, ``"second_labels"`` (paths, None
        where empty) and ``"color_weight"``.
    lacks_landmarks
        Faces may come without landmarks; they are looked for then.
    recognises
        Whether a path is one of these; ``mien evaluate mma`` asks it. None: its own rules do.
    """

    kind: str
    load: Callable[..., FaceSet]
    options: tuple[str, ...] = ()
    lacks_landmarks: bool = False
    recognises: Callable[[Path], bool] | None = None


_CORPORA: dict[str, Corpus] = {}
_READERS: dict[str, FaceReader] = {}


def register_corpus(corpus: Corpus) -> Callable[[F], F]:
    """Decorate the function that reads a corpus.

    Raises
    ------
    ValueError
        If another function has registered the name.
    """

    def register(load: F) -> F:
        _add(_CORPORA, corpus.name, replace(corpus, load=load))
        return load

    return register


def register_faces(
    kind: str,
    options: tuple[str, ...] = (),
    *,
    lacks_landmarks: bool = False,
    recognises: Callable[[Path], bool] | None = None,
) -> Callable[[F], F]:
    """Decorate a function that gives the faces of a path, see `FaceReader`.

    Raises
    ------
    ValueError
        If another function has registered the kind.
    """

    def register(load: F) -> F:
        _add(_READERS, kind, FaceReader(kind, load, options, lacks_landmarks, recognises))
        return load

    return register


def _add(registry: dict[str, Any], name: str, entry: Any) -> None:
    earlier = registry.setdefault(name, entry)
    one, other = (f"{e.load.__module__}.{e.load.__qualname__}" for e in (earlier, entry))
    if one != other:
        raise ValueError(f"two corpora are called {name!r}: {one} and {other}")
    registry[name] = entry


@cache
def _scan() -> None:
    """Import all files of corpora, ours and those of other packages."""
    from mien.data import corpora as ours

    for module in sorted(found.name for found in pkgutil.iter_modules(ours.__path__)):
        import_module(f"{ours.__name__}.{module}")
    import_module("mien.data.formats.annotated_faces")
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            found = entry.load()
            if isinstance(found, Corpus) and found.load is not None:
                _add(_CORPORA, found.name, found)
        except MienError:
            raise
        except Exception as error:
            raise ConfigError(
                f"the corpus {entry.name!r} of another package ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error


def corpora() -> dict[str, Corpus]:
    """Every corpus by name, in alphabetical order.

    Raises
    ------
    ConfigError
        If a package that brings one cannot be loaded.
    """
    _scan()
    return dict(sorted(_CORPORA.items()))


def corpora_of(kind: str) -> list[str]:
    """Names of the corpora of a kind."""
    return [name for name, corpus in corpora().items() if corpus.kind == kind]


def corpus_info(name: str) -> Corpus:
    """What is known of a corpus.

    Raises
    ------
    ConfigError
        If there is none of that name.

    Examples
    --------
    >>> corpus_info("crema-d").counts["people"]
    91
    """
    found = corpora()
    if name not in found:
        raise ConfigError(f"there is no corpus {name!r}: choose one of {list(found)}")
    return found[name]


def load_corpus(name: str, root: Path) -> LoadedCorpus:
    """Read and check a corpus that can be prepared.

    Raises
    ------
    ConfigError
        If there is nothing to prepare for this name.
    DataError
        If it is not laid out as expected.
    """
    corpus = corpus_info(name)
    if not corpus.needs_preparation or corpus.load is None:
        raise ConfigError(
            f"{name} needs no preparation: mien train mma and mien evaluate mma read it as it is"
        )
    loaded: LoadedCorpus = corpus.load(root)
    return loaded


def face_readers() -> dict[str, FaceReader]:
    """Every reader of faces by the ``kind`` of recipes, in alphabetical order."""
    _scan()
    return dict(sorted(_READERS.items()))


def describe_corpus(info: Corpus) -> str:
    """The text of ``mien datasets info``."""
    lines = [
        f"{info.name}: {info.title}",
        f"labels    {info.labels}",
        f"access    {info.access}",
        f"terms     {info.terms}",
        "layout    " + "\n          ".join(info.layout),
    ]
    if info.counts:
        sizes = ", ".join(f"{value:,} {name}" for name, value in info.counts.items())
        lines.append(f"published {sizes} ({info.counts_source})")
    elif info.counts_source:
        lines.append(f"published {info.counts_source}")
    groups: dict[str, list[str]] = {}
    for figure in info.figures:
        group = groups.setdefault(f"{figure.measure} ({figure.source})", [])
        group.append(f"          {figure.value:>7}  {figure.system}")
    if groups:
        lines.append("figures   published by others, not measured with mien:")
    for title, rows in groups.items():
        lines += [f"          {title}", *rows]
    use = "no preparation: mien train mma and mien evaluate mma read it as it is"
    if info.needs_preparation:
        use = f"mien datasets prepare {info.name} --root DIR --out DIR"
    lines.append(f"use       {use}")
    return "\n".join(lines)
