import json
import re
from dataclasses import replace

import pytest

from mien.data.formats.streams import load_streams
from mien.errors import ConfigError, ModelError
from mien.models.mran import MRANConfig
from mien.training.ablation.mran import (
    MRAN_ROWS,
    StreamSplits,
    mran_row_config,
    run_mran_table,
)
from mien.training.ablation.mran_table import UNIFORM
from mien.training.checkpoint import load_checkpoint, save_checkpoint
from mien.training.mran.train import MRANTrainConfig
from stream_replica import write_replica

TINY = MRANTrainConfig(
    "tiny",
    MRANConfig(
        color_hidden=(2, 2),
        guide_hidden=(2, 2),
        recognition=(4, 4),
    ),
    epochs=1,
    batch=2,
    threads=1,
    clips_per_epoch=2,
)


def test_each_row_changes_one_thing_of_the_full_network():
    recipe = replace(TINY, batch=6, clips_per_epoch=60)
    configs = {row.id: mran_row_config(row, recipe) for row in MRAN_ROWS}
    full = configs["full"]
    assert full.model.modalities == ("color", "depth", "thermal") and full.model.attention
    assert configs["color"].model.modalities == ("color",)
    assert not configs["no-attention"].model.attention
    assert {configs[k].model.recurrence for k in ("concatenated", "framewise", "full")} == {
        "concatenated",
        "framewise",
        "guided",
    }
    for config in configs.values():  # frames of a step and of an epoch
        assert config.batch * config.model.clip_frames == 96
        assert config.clips_per_epoch * config.model.clip_frames == 960
        same = config.model.convolutions == "time"
        assert config.model.recognition == (TINY.model.recognition if same else (48, 64))
    changed = mran_row_config(MRAN_ROWS[0], replace(TINY, lr=1e-3))
    assert changed.lr == 1e-3 and changed.name == "tiny-color"


def changed(weights):
    """The same weights, one of them changed."""
    tensors, state = load_checkpoint(weights)
    next(value for name, value in tensors.items() if name.startswith("encoders.")).add_(1)
    save_checkpoint(weights.with_name("changed.safetensors"), tensors, state)
    return weights.with_name("changed.safetensors")


def test_a_table_goes_on_where_it_stopped(tmp_path):
    folder = write_replica(tmp_path / "data", {"train": 1, "valid": 1, "test": 2}, frames=16)
    data = StreamSplits(*(load_streams(folder, split) for split in ("train", "valid", "test")))
    rows = tuple(row for row in MRAN_ROWS if row.id in ("color", "framewise"))
    lines = []
    out = tmp_path / "out"
    run_mran_table(TINY, data, out, 1, lines.append, rows=rows, only=["color"])
    assert "| frame by frame | 0 | - | - |" in (out / "mran.md").read_text()
    assert re.search(r"\n\| color \| 1 \| -?0\.", (out / "mran.md").read_text())
    kept = (out / "rows" / "color.json").read_text()
    results = run_mran_table(TINY, data, out, 1, lines.append, rows=rows)
    assert "color: finished before" in lines and (out / "rows" / "color.json").read_text() == kept
    scores = json.loads(kept)["scores"][0]
    assert set(scores["test"]) == {"all", "light=dark", "light=even"} and scores["seed"] == 0
    assert [result.row.id for result in results] == ["color", "framewise"]
    again = run_mran_table(TINY, data, out, 1, lines.append, rows=rows, only=["color"])
    assert [len(result.scores) for result in again] == [1, 1]  # the others keep what they have
    with pytest.raises(ConfigError, match="no row 'colour' to run: choose of color, framewise"):
        run_mran_table(TINY, data, out, 1, lines.append, rows=rows, only=["colour"])
    table = (out / "mran.md").read_text()
    assert (
        "| row | seeds | validation | test | test, valence | test, arousal | test, light=dark"
        in table
    )
    assert "| test, its maps made uniform |" in table and scores["test"] != scores[UNIFORM]
    assert table.count("\n| color |") == 1 and "frame by frame" in table
    assert (out / "mran.csv").read_text().count("\n") == 3
    assert "<svg" in (out / "mran.svg").read_text()
    with pytest.raises(ModelError, match="made with another recipe"):
        run_mran_table(replace(TINY, lr=1e-3), data, out, 1, lines.append, rows=rows)
    encoders = out / "runs" / "framewise" / "seed-0" / "model.safetensors"
    frozen, other = replace(TINY, train_encoders=False), tmp_path / "frozen"
    run_mran_table(frozen, data, other, 1, lines.append, rows=rows[:1], encoders=[encoders])
    with pytest.raises(ModelError, match="made with another recipe"):  # it counts who gave them
        run_mran_table(
            frozen, data, other, 1, lines.append, rows=rows[:1], encoders=[changed(encoders)]
        )
    with pytest.raises(ConfigError, match="seeds must be 1 or more, not 0"):
        run_mran_table(TINY, data, out, 0, lines.append, rows=rows)
