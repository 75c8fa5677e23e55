"""The commands of docs/corpora.md and docs/training.md, one after the other, on a tiny CREMA-D."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("onnx")
import torch
from click.testing import CliRunner

from corpus_replicas import crema_row, write_crema
from mien.cli import cli
from mien.demo import demo_frames, write_demo_clip
from mien.models.mma import build_mma
from mien.training.checkpoint import save_checkpoint
from mien.video import write_video

ROOT = Path(__file__).parents[2]
# What makes the documented commands small; nothing else of them is changed.
SMALLER = {
    "train reactions": "--set model.hidden=6 --set model.dense=4 --set model.positions=16 "
    "--set epochs=1 --set batch=4 --set threads=1",
    "train end-to-end": "--set epochs=1 --set threads=1",
    "evaluate reactions": "--draws 20",
}
TINY = {"widths": [4, 8], "depths": [1, 1], "stem_width": 4}


def documented(*pages: str) -> list[str]:
    """Command lines of pages that stand by themselves, without comments, each once."""
    lines = [line for page in pages for line in (ROOT / "docs" / page).read_text().splitlines()]
    found = [re.sub(r"\s+#.*", "", line).strip() for line in lines if re.match(r"\s*mien ", line)]
    return list(dict.fromkeys(found))


def actors(share_of: range) -> Iterator[str]:
    """Numbers whose hash puts them into a split."""
    for number in range(1001, 1092):
        if int(hashlib.sha256(str(number).encode()).hexdigest(), 16) % 100 in share_of:
            yield str(number)


def write_corpus(root: Path) -> None:
    """A few clips in each split; each looks and is rated a little different."""
    rows = []
    for share, count in ((range(30, 100), 4), (range(15, 30), 3), (range(15), 3)):
        for actor in islice(actors(share), count):
            name, k = f"{actor}_DFA_ANG_XX", len(rows)
            votes = [1 + (k * j) % 7 for j in range(1, 7)]
            rows.append(crema_row(f"2{k:05d}", name, votes, [30 + 5 * v for v in votes]))
            frames = (
                (f * (1 - 0.05 * k)).astype("uint8") for f in islice(demo_frames(1.0), k, k + 3)
            )
            folder = root / "VideoFlash"
            folder.mkdir(parents=True, exist_ok=True)
            write_video(folder / f"{name}.mp4", frames, fps=30)
            (folder / f"{name}.mp4").rename(folder / f"{name}.flv")
    write_crema(root, rows, videos=())


@pytest.mark.slow
def test_the_documented_commands_train_both_stages_on_crema_d(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_corpus(Path("CREMA-D"))
    write_demo_clip(Path("clip.mp4"), 0.3)
    shutil.copytree(ROOT / "configs", "configs")
    shutil.copy("configs/reactions-simulated.about.toml", "about.toml")
    torch.manual_seed(0)
    run = {"corpora": {}, "preset": "compact", "model": TINY}  # in the place of a long training
    save_checkpoint(
        Path("runs/mma/model.safetensors"),
        dict(build_mma("compact", **TINY).state_dict()),
        {"identity": {"config": run}},
    )
    done = []
    for line in documented("corpora.md", "training.md"):
        if "crema-d" not in line.lower() or "ablate" in line or "..." in line:
            continue
        words = shlex.split(line.replace("--jobs 8", "--jobs 1"))[1:]
        verb = " ".join(words[:2])
        words += shlex.split(SMALLER.get(verb, ""))
        result = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        done.append(verb)
    assert list(dict.fromkeys(done)) == [
        "datasets info", "datasets prepare", "datasets crops", "train reactions",
        "export reactions", "analyze clip.mp4", "evaluate reactions", "train end-to-end",
    ]  # fmt: skip
    for part in ("affect", "reactions"):
        assert Path(f"runs/both/{part}/model.safetensors").is_file()
    assert Path("results/clip/report.html").is_file()
