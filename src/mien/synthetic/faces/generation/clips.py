"""One clip of a video set: its files, and how they are filled."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.data.formats.parquet import read_parquet, write_whole
from mien.io import atomic_path, sweep
from mien.labels import REACTIONS
from mien.synthetic.faces.generation.pictures import Seeds, channel
from mien.synthetic.faces.generation.seeds import derive, split_of
from mien.synthetic.faces.generation.stage import Actor, Performance, Scene, Stage
from mien.synthetic.faces.generation.tables import (
    attribute_columns,
    number_columns,
    numbers,
)
from mien.synthetic.faces.generation.truth import TRUTH_COLUMNS, truth_row
from mien.synthetic.faces.rendering.shot import MODALITIES
from mien.types import FloatArray
from mien.video.writer import VideoWriter
from mien.workers import Tick

_FILES = {"color": "color.mp4", "depth": "depth.mkv", "thermal": "thermal.mkv"}
_CRF = 12  # of the color video: nothing to see at 1:1, a tenth of the lossless size


@dataclass(frozen=True)
class Shooting:
    """What all clips of a set have in common; `VideoSet` documents it."""

    seconds: float
    fps: float
    size_px: int
    modalities: tuple[str, ...]
    framing: str


@dataclass(frozen=True)
class Clip:
    """One video of a set.

    Attributes
    ----------
    root
        Folder of the set.
    id
        Name of its folder there.
    seeds, light, shooting
        Who and what, under which light, filmed how.
    """

    root: Path
    id: str
    seeds: Seeds
    light: str
    shooting: Shooting

    def __str__(self) -> str:
        return f"video {self.id}"

    @property
    def name(self) -> str:
        """Its folder below the set's."""
        return f"clips/{self.id}"

    @property
    def folder(self) -> Path:
        """Its folder, which is there once everything is in it."""
        return self.root / self.name

    @property
    def row_file(self) -> Path:
        """Its row of the manifest."""
        return self.folder / "clip.parquet"

    def frames(self) -> int:
        """Frames of a finished clip."""
        return int(read_parquet(self.row_file).column("frames")[0].as_py())


def make_clip(stage: Stage, clip: Clip, tick: Tick) -> None:
    """Fill a hidden folder beside the clip's and give it its name."""
    sweep(clip.folder.parent, f".{clip.id}.*partial")
    with atomic_path(clip.folder) as partial:
        partial.mkdir()
        _fill(stage, clip, partial, tick)


def _fill(stage: Stage, clip: Clip, folder: Path, tick: Tick) -> None:
    plan, seeds = clip.shooting, clip.seeds
    actor = stage.actor(seeds.identity)
    scene = stage.scene(seeds.scene, plan.framing, plan.size_px, clip.light)
    performance = stage.performance(seeds.behaviour, plan.seconds, plan.fps)
    truths: list[FloatArray] = []
    with ExitStack() as stack:
        writers = {
            modality: stack.enter_context(
                VideoWriter(
                    folder / _FILES[modality],
                    codec="h264" if modality == "color" else "ffv1-gray16",
                    fps=plan.fps,
                    crf=_CRF,
                    reproducible=True,
                )
            )
            for modality in plan.modalities
        }
        for k in range(len(performance)):
            moment, time_s = performance.moment(k), float(performance.timestamps_s[k])
            sensors = derive(seeds.sensors, k)
            shot = stage.render(actor, scene, moment, plan.modalities, time_s, sensors)
            for modality, writer in writers.items():
                writer.write(channel(shot, modality), time_s)
            truths.append(truth_row(moment, shot))
            tick()
    times_s = np.asarray(performance.timestamps_s, np.float64)
    _write_annotation(folder / "annotation.csv", times_s, truths)
    truth = {
        "frame": numbers(np.arange(len(truths), dtype=np.int64)),
        "timestamp_s": numbers(times_s),
        **number_columns(TRUTH_COLUMNS, truths),
    }
    write_whole(folder / "truth.parquet", pa.table(truth))
    write_whole(folder / "clip.parquet", _row(clip, actor, scene, performance))


def _write_annotation(path: Path, times_s: np.ndarray, truths: list[FloatArray]) -> None:
    valence, arousal = TRUTH_COLUMNS.index("valence"), TRUTH_COLUMNS.index("arousal")
    lines = [
        f"{time_s:.6f},{row[arousal]:.6f},{row[valence]:.6f}"
        for time_s, row in zip(times_s, truths, strict=True)
    ]
    text = "\n".join(["time_s,arousal,valence", *lines, ""])
    path.write_text(text, encoding="utf-8", newline="\n")


def _row(clip: Clip, actor: Actor, scene: Scene, performance: Performance) -> pa.Table:
    """The clip's row of the manifest."""
    plan, seeds, frames = clip.shooting, clip.seeds, len(performance)

    def whole(value: int) -> pa.Array:
        return numbers(np.array([value], np.int64))

    def text(value: str | None) -> pa.Array:
        return pa.array([value], pa.string())

    files = {
        modality: text(f"{clip.name}/{_FILES[modality]}" if modality in plan.modalities else None)
        for modality in MODALITIES
    }
    return pa.table(
        {
            "id": text(clip.folder.name),
            "path": text(clip.name),
            **files,
            "person": whole(seeds.person),
            "identity_seed": whole(seeds.identity),
            "scene_seed": whole(seeds.scene),
            "behaviour_seed": whole(seeds.behaviour),
            "split": text(split_of(seeds.identity)),
            "frames": whole(frames),
            "seconds": numbers(np.array([frames / plan.fps])),
            "fps": numbers(np.array([plan.fps], np.float64)),
            "light": text(str(scene.attributes.get("light", clip.light))),
            **number_columns(
                [f"reaction_{name}" for name in REACTIONS],
                [np.asarray(performance.reactions, np.float32)],
            ),
            **attribute_columns("actor", [actor.attributes]),
            **attribute_columns("scene", [scene.attributes]),
        }
    )
