"""Things that are chosen by name: detectors, corpora, and whatever else can be added.

A registry knows three sources: files of one of mien's own folders, which register themselves when
they are imported; entry points of other packages, which need no change here; and whatever a
program registers itself. Nothing is imported before it is asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Generic, TypeVar

from mien.errors import ConfigError

Thing = TypeVar("Thing")


class Registry(Generic[Thing]):
    """Named things of one kind.

    Parameters
    ----------
    kind
        What they are called in messages, such as ``"detector"``.
    folder
        Package whose modules register themselves, such as ``"mien.faces.detectors"``.
    group
        Group of entry points of other packages, such as ``"mien.detectors"``. An entry point may
        name the thing itself, or a module that registers it.

    Examples
    --------
    >>> shapes = Registry("shape", None, "mien.nothing")
    >>> @shapes.register("round")
    ... class Circle: ...
    >>> shapes.names(), shapes["round"].__name__
    (['round'], 'Circle')
    """

    def __init__(self, kind: str, folder: str | None, group: str) -> None:
        self._kind, self._folder, self._group = kind, folder, group
        self._things: dict[str, Thing] = {}
        self._own_are_loaded = False

    def register(self, name: str) -> Callable[[Thing], Thing]:
        """Decorator that keeps a thing under `name`.

        Raises
        ------
        ValueError
            If another thing has the name.
        """

        def keep(thing: Thing) -> Thing:
            if self._things.setdefault(name, thing) is not thing:
                raise ValueError(f"there is a {self._kind} named {name!r} already")
            return thing

        return keep

    def names(self) -> list[str]:
        """All names, sorted; those of other packages without importing them."""
        self._load_own()
        return sorted({*self._things, *(point.name for point in self._points())})

    def __getitem__(self, name: str) -> Thing:
        """The thing of that name.

        Raises
        ------
        ConfigError
            If there is none, or another package's cannot be imported.
        """
        self._load_own()
        for point in self._points():
            if point.name == name and name not in self._things:
                try:
                    found = point.load()
                except Exception as error:  # whatever somebody else's module does on import
                    raise ConfigError(
                        f"{self._kind} {name!r} of {point.value}: cannot be loaded ({error})"
                    ) from error
                if not isinstance(found, ModuleType):  # a module registers its things itself
                    self._things.setdefault(name, found)
        if name not in self._things:
            raise ConfigError(
                f"there is no {self._kind} named {name!r}; there are {', '.join(self.names())}"
            )
        return self._things[name]

    def _load_own(self) -> None:
        if self._folder is not None and not self._own_are_loaded:
            folders = import_module(self._folder).__path__
            for module in pkgutil.walk_packages(folders, f"{self._folder}."):
                import_module(module.name)
        self._own_are_loaded = True

    def _points(self) -> list[EntryPoint]:
        return sorted(entry_points(group=self._group))
