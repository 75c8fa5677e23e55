"""Every corpus that mien knows: one file each, found when the registry is first asked.

A file of a corpus decorates the function that reads it::

    @register_corpus(Corpus(name="smiles", kind="videos", title="Smiles", ...))
    def load_smiles(root: Path) -> VideoCorpus: ...

and, where its faces are trained on as they are, the one that gives them (`register_faces`). The
files of `mien.data.corpora` are imported in alphabetical order. A package of others adds a corpus,
or a kind of faces for recipes, by entry points that name a module with such functions::

    [project.entry-points."mien.corpora"]
    smiles = "smiles_for_mien"

    [project.entry-points."mien.faces"]
    smiles = "smiles_for_mien"

Figures are quotations with their sources, to be printed beside one's own results; none of them was
measured with mien.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mien.errors import ConfigError
from mien.registry import Registry

if TYPE_CHECKING:
    from mien.data.faces import FaceSet

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
        ``write``) or ``"faces"`` (read as it is by ``mien train extractor`` and ``mien evaluate
        extractor``).
    access, terms, layout
        How to get it, what its owners allow, and what a folder of it must hold.
    counts
        Published sizes, by the names that `VideoCorpus.counts` and `ImageCorpus.counts` use.
    counts_source
        Where the sizes are from.
    figures
        Published results.
    whole_pictures
        Its images show more than one face cropped: ``mien datasets prepare`` looks for the face in
        each of them.
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
    whole_pictures: bool = False
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
    load
        Takes a path, and the options by their names.
    options
        Keys of a recipe's corpus that `load` takes: ``"mesh"``, ``"second_labels"`` (paths, None
        where empty) and ``"weight_color"``.
    lacks_landmarks
        Faces may come without landmarks; they are looked for then.
    recognises
        Whether a path is one of these; ``mien evaluate extractor`` asks it. None: its own rules do.
    """

    load: Callable[..., FaceSet]
    options: tuple[str, ...] = ()
    lacks_landmarks: bool = False
    recognises: Callable[[Path], bool] | None = None


CORPORA: Registry[Corpus] = Registry("corpus", "mien.data.corpora", "mien.corpora")
READERS: Registry[FaceReader] = Registry("kind of faces", "mien.data.corpora", "mien.faces")


def register_corpus(corpus: Corpus) -> Callable[[F], F]:
    """Decorate the function that reads a corpus.

    Raises
    ------
    ValueError
        If another corpus has the name.
    """

    def register(load: F) -> F:
        CORPORA.register(corpus.name)(replace(corpus, load=load))
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
        If another function has the kind.
    """

    def register(load: F) -> F:
        READERS.register(kind)(FaceReader(load, options, lacks_landmarks, recognises))
        return load

    return register


def corpora() -> dict[str, Corpus]:
    """Every corpus by name, in alphabetical order.

    Raises
    ------
    ConfigError
        If a package that brings one cannot be loaded.
    """
    return {name: CORPORA[name] for name in CORPORA.names()}


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
    if name not in CORPORA.names():
        raise ConfigError(f"there is no corpus {name!r}: choose one of {CORPORA.names()}")
    return CORPORA[name]


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
            f"{name} needs no preparation: mien train extractor and mien evaluate extractor "
            "read it as it is"
        )
    loaded: LoadedCorpus = corpus.load(root)
    return loaded


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
    use = "no preparation: mien train extractor and mien evaluate extractor read it as it is"
    if info.needs_preparation:
        use = f"mien datasets prepare {info.name} --root DIR --out DIR"
    lines.append(f"use       {use}")
    return "\n".join(lines)
