"""What is public is documented and typed, and settings by name are those that there are."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import mien
from mien.demo import demo_frames
from mien.pipeline.document import VideoDocument
from mien.pipeline.options import (
    COLUMN_SETS,
    DETECT_POLICIES,
    DEVICE_NAMES,
    FACE_POLICIES,
    AnalysisOptions,
)
from mien.pipeline.resample import GAP_POLICIES
from mien.pipeline.settings import Settings
from mien.plot import PlotOptions, PlotSettings
from mien.weights import EXTRACTORS

PACKAGE = Path(mien.__file__).parent

Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(body: list[ast.stmt], where: str) -> Iterator[tuple[str, Documented]]:
    """Classes, functions and methods without an underscore, by dotted name."""
    for node in body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield f"{where}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{where}.{node.name}")


def undocumented(tree: ast.Module, where: str) -> tuple[int, list[str]]:
    """How many things a module makes public, itself included, and those without a docstring."""
    there = [(where, tree), *public(tree.body, where)]
    return len(there), [name for name, node in there if not (ast.get_docstring(node) or "").strip()]


def test_what_lacks_a_docstring_is_noticed() -> None:
    text = '"""There."""\nclass A:\n    """ """\n    def b(self): ...\n    def _c(self): ...\n'
    assert undocumented(ast.parse(text), "m") == (3, ["m.A", "m.A.b"])


def test_all_that_is_public_is_documented() -> None:
    count, lacking = 0, []
    for path in sorted(PACKAGE.rglob("*.py")):
        where = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if path.stem.startswith("_") and path.stem != "__init__":
            continue
        more, missing = undocumented(ast.parse(path.read_text(encoding="utf-8")), where)
        count, lacking = count + more, lacking + missing
    assert count > 2000  # all of it was seen
    assert lacking == []


def signatures(thing: object, name: str) -> Iterator[tuple[str, str]]:
    """Names and written types of a function, or of a class' methods, properties and fields."""
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    if inspect.isfunction(thing):
        yield name, " ".join(str(each) for each in thing.__annotations__.values())
    elif inspect.isclass(thing):
        yield name, " ".join(str(each) for each in vars(thing).get("__annotations__", {}).values())
        for part, value in vars(thing).items():
            value = getattr(value, "func", value)  # of a cached property
            if part == "__init__" or not part.startswith("_"):
                yield from signatures(value, f"{name}.{part}")


def with_any(things: dict[str, object]) -> set[str]:
    """Names whose written types hold Any."""
    found = (pair for name, thing in things.items() for pair in signatures(thing, name))
    return {name for name, types in found if re.search(r"\bAny\b", types)}


def test_any_in_a_signature_is_noticed() -> None:
    class Loose:
        field: dict[str, typing.Any]

        def method(self, one: typing.Any) -> None: ...

        @property
        def seen(self) -> typing.Any: ...

        def _own(self) -> typing.Any: ...

    assert with_any({"Loose": Loose}) == {"Loose", "Loose.method", "Loose.seen"}


def test_public_signatures_hold_no_any() -> None:
    import mien.api

    things = {name: getattr(mien, name) for name in mien.__all__}
    own = {
        name: thing
        for name, thing in vars(mien.api).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == "mien.api"
    }
    assert {"analyze", "read_any", "Result"} <= {*own}
    assert with_any(things | own) == set()


def by_name(kind: Callable[..., object]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_settings_by_name_are_all_that_there_are() -> None:
    assert {*typing.get_type_hints(Settings)} == by_name(AnalysisOptions)
    assert {*typing.get_type_hints(PlotSettings)} == by_name(PlotOptions)


def test_words_that_a_setting_takes_are_those_that_are_checked() -> None:
    types = typing.get_type_hints(Settings)
    words = {
        name: typing.get_args(kind)
        for name, kind in types.items()
        if typing.get_origin(kind) is typing.Literal
    }
    assert {name: {*there} for name, there in words.items()} == {
        "faces": {*FACE_POLICIES},
        "extractor": {*EXTRACTORS},
        "gaps": {*GAP_POLICIES},
        "columns": {*COLUMN_SETS},
        "detect": {*DETECT_POLICIES},
        "device": {*DEVICE_NAMES},
    }


def test_the_typed_document_has_the_keys_of_the_real_one() -> None:
    def differences(kind: object, value: object, where: str) -> Iterator[str]:
        if typing.is_typeddict(kind):
            assert isinstance(value, dict)
            required = kind.__required_keys__  # type: ignore[attr-defined]
            optional = kind.__optional_keys__  # type: ignore[attr-defined]
            yield from (f"{where}: lacks {key}" for key in required - {*value})
            yield from (f"{where}: has {key}, too" for key in {*value} - required - optional)
            hints = typing.get_type_hints(kind)
            for key in {*value} & {*hints}:
                yield from differences(hints[key], value[key], f"{where}.{key}")
        elif typing.get_origin(kind) is list:
            for item in value:  # type: ignore[attr-defined]
                yield from differences(typing.get_args(kind)[0], item, f"{where}[]")
        elif typing.get_origin(kind) is dict:
            for key, item in value.items():  # type: ignore[attr-defined]
                yield from differences(typing.get_args(kind)[1], item, f"{where}.{key}")
        elif kind is not object:
            kinds = typing.get_args(kind) or (kind,)
            plain = tuple(typing.get_origin(one) or one for one in kinds)
            if not isinstance(value, (*plain, int) if float in plain else plain):
                yield f"{where}: is {value!r}"

    options = mien.AnalysisOptions(simulated_reactions=True, mran=True, min_reaction_s=0.5)
    result = mien.analyze_frames(list(demo_frames(2)), fps=25, options=options)
    result.document["faces"][0]["mran"]["frames"]  # what is optional is there
    assert list(differences(VideoDocument, result.document, "video")) == []
    wrong = dict(result.document, warnings=[1], extra=0)
    assert sorted(differences(VideoDocument, wrong, "video")) == [
        "video.warnings[]: is 1",
        "video: has extra, too",
    ]
