"""Every setting of a training is there because somebody sets it: a recipe, a preset or a row."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import typing
from pathlib import Path

import pytest

from mien import config as training_config
from mien.config import load_config
from mien.models.masked_rnn import MaskedRNNConfig
from mien.models.mma import PRESETS, MMAConfig
from mien.models.sequence_models import SEQUENCE_PRESETS
from mien.training.ablation.mran import MRAN_ROWS
from mien.training.ablation.tables import TABLES
from mien.training.extractor import CorpusConfig, MMATrainConfig
from mien.training.mran.train import MRANTrainConfig
from mien.training.reactions.clip_cnn import ClipCNNTrainConfig
from mien.training.reactions.end_to_end import EndToEndConfig
from mien.training.reactions.train import ReactionTrainConfig

ROOT = Path(__file__).parents[2]
TRAINING = ROOT / "src" / "mien" / "training"
KINDS = {
    "mma": MMATrainConfig,
    "extractor": MMATrainConfig,
    "reactions": ReactionTrainConfig,
    "end": EndToEndConfig,
    "mran": MRANTrainConfig,
    "clip": ClipCNNTrainConfig,
}
NETWORKS = [MMAConfig, *(type(settings) for _, settings in SEQUENCE_PRESETS.values())]

RUN_TIME = "of a run and not of what it learns"
DATA = "follows the data that are read"
SIZE = "the size of a network, which tests make small"
SIMULATED = "how much is simulated; `--set simulation.train=...` is documented for quick tables"
ALLOWED = {
    **dict.fromkeys(["seed", "threads", "engine.kind", "engine.accelerator"], RUN_TIME),
    "engine.devices": RUN_TIME,
    **dict.fromkeys(["reactions", "fps"], DATA),
    **dict.fromkeys(["action_units", "expressions"], DATA),
    **{f"SimulationConfig.{n}": SIMULATED for n in ("train", "valid", "test", "seed", "shortest")},
    **{f"MRANConfig.{name}": SIZE for name in ("color_hidden", "guide_hidden")},
    **{f"FixedLengthConfig.{name}": SIZE for name in ("positions", "hidden", "dense")},
    **{f"FrameLabelConfig.{name}": SIZE for name in ("channels", "kernel", "hidden")},
    **{f"ClipCNNTrainConfig.{name}": SIZE for name in ("widths", "frames")},
    **{f"LSTMRegressorConfig.{name}": SIZE for name in ("hidden", "layers", "dense")},
    "representation": "of baselines: their common interface with the masked RNN",
    "MRANConfig.dropout": "for recordings of one's own, docs/mran.md",
    "CorpusConfig.distill_weight": "for one's own data, docs/training-extractor.md: a teacher",
}
"""Settings that nothing has to set, and why: by name alone, or of one class."""


def kinds_of(kind, found=None):
    """A dataclass and those of its fields, and of theirs."""
    found = {} if found is None else found
    found[kind] = typing.get_type_hints(kind)
    for hint in found[kind].values():
        if dataclasses.is_dataclass(hint) and hint not in found:
            kinds_of(hint, found)
    return found


def declared_by(kind, name):
    """The class of a dataclass's parents that has a field first: its settings are one."""
    owners = [c for c in kind.__mro__ if name in inspect.get_annotations(c)]
    return owners[-1].__name__


def default_of(field):
    if field.default is not dataclasses.MISSING:
        return field.default
    made = field.default_factory is not dataclasses.MISSING
    return field.default_factory() if made else dataclasses.MISSING


def note(used, kind, values):
    """Note whatever values differ from the defaults of a dataclass."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name not in values:
            continue
        value = values[field.name]
        if isinstance(value, list):
            value = tuple(value)
        if dataclasses.is_dataclass(hints[field.name]):
            plain = value if isinstance(value, dict) else vars(value)
            note(used, hints[field.name], plain)
        elif value != default_of(field):
            used.add(f"{declared_by(kind, field.name)}.{field.name}")


def recipes():
    files = [*(ROOT / "configs").glob("*.toml"), *(ROOT / "recipes").rglob("*.toml")]
    return [f for f in files if "about" not in f.name and f.parent.name != "about"]


def used_settings():
    used = set()
    for file in recipes():
        words = file.stem.split("-")
        kind = KINDS.get(words[0], MMATrainConfig)
        recipe = load_config(kind, file)
        note(used, kind, vars(recipe))
        if issubclass(kind, MMATrainConfig):
            note(used, MMAConfig, recipe.model)
            for corpus in recipe.corpus_configs().values():
                note(used, CorpusConfig, vars(corpus))
        if issubclass(kind, ReactionTrainConfig):
            note(used, type(SEQUENCE_PRESETS[recipe.preset][1]), recipe.model)
    for preset in PRESETS.values():
        note(used, MMAConfig, vars(preset))
    for row in [row for table in TABLES.values() for row in table]:
        note(used, ReactionTrainConfig, {k: v for k, v in row.changes.items() if k != "model"})
        note(used, MaskedRNNConfig, row.changes.get("model", {}))
    for row in MRAN_ROWS:
        note(used, MRANTrainConfig, {"model": row.changes["model"]})
    return used


def all_settings():
    found = {}
    for kind in [*KINDS.values(), CorpusConfig, *NETWORKS]:
        for owner, hints in kinds_of(kind).items():
            for field in dataclasses.fields(owner):
                if not dataclasses.is_dataclass(hints[field.name]):
                    required = default_of(field) is dataclasses.MISSING
                    found[f"{declared_by(owner, field.name)}.{field.name}"] = required
    return found


def allowed(setting):
    owner, name = setting.split(".")
    table = {"EngineConfig": "engine"}.get(owner, owner)
    return {f"{table}.{name}", name} & set(ALLOWED)


def test_every_setting_is_set_by_a_recipe_a_preset_or_a_row():
    used = used_settings()
    unused = [s for s, required in all_settings().items() if not required and s not in used]
    assert [s for s in unused if not allowed(s)] == []


def test_what_need_not_be_set_is_there_and_is_not_set():
    used, unused = used_settings(), set()
    for setting in all_settings():
        if setting not in used:
            unused |= allowed(setting)
    assert set(ALLOWED) == unused  # a setting that somebody sets needs no excuse


def test_a_setting_that_nobody_sets_is_found(monkeypatch):
    """The test above can fail: one more field, and it names it."""
    extended = dataclasses.make_dataclass(
        "Extended", [("idle", int, 3)], bases=(ReactionTrainConfig,), frozen=True
    )
    monkeypatch.setitem(KINDS, "reactions", extended)
    settings = [s for s in all_settings() if s not in used_settings() and not allowed(s)]
    assert settings == ["Extended.idle"]


@pytest.mark.parametrize("old", training_config.RENAMED)
def test_no_recipe_uses_a_name_of_before(old):
    table, _, key = old.rpartition(".")
    for file in recipes():
        values = training_config.read_toml(file)
        for name, inner in [("", values), *((n, v) for n, v in values.items() if n == table)]:
            if name == table and isinstance(inner, dict):
                assert key not in inner, file.name


def functions():
    for file in sorted(TRAINING.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{file.relative_to(TRAINING)}: {node.name}", node


def test_functions_are_short_enough_to_be_read_at_once():
    long = {name for name, node in functions() if node.end_lineno - node.lineno + 1 > 60}
    assert long == set() and sum(1 for _ in functions()) > 100


def test_no_function_has_more_than_eight_parameters():
    def count(node):
        given = node.args
        return len([*given.posonlyargs, *given.args, *given.kwonlyargs])

    assert {name: count(node) for name, node in functions() if count(node) > 8} == {}
