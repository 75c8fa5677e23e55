"""Video sets: clips of several modalities with the truth of every frame.

Layout of the folder::

    dataset.json                  arguments, units, label names, licence
    manifest.parquet              one row per clip: files, seeds, split, reactions, attributes
    clips/000012/color.mp4        H.264
    clips/000012/depth.mkv        FFV1, lossless, 16 bit, mm
    clips/000012/thermal.mkv      FFV1, lossless, 16 bit, hundredths of a kelvin
    clips/000012/annotation.csv   time_s,arousal,valence
    clips/000012/truth.parquet    one row per frame: all that is known
    clips/000012/clip.parquet     the clip's row of the manifest

``mien.video.gray16.read_gray16`` reads depth and thermal. A clip's folder has its name only when
everything is in it, so a run may be killed at any time. Matroska keeps times in whole
milliseconds; ``truth.parquet`` has them exactly.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from mien.labels import REACTIONS
from mien.synthetic.faces.generation.arguments import VideoSet, ordered_modalities
from mien.synthetic.faces.generation.folder import (
    MANIFEST,
    SetSummary,
    count_splits,
    finish_set,
    open_set,
)
from mien.synthetic.faces.generation.pictures import Seeds, channel
from mien.synthetic.faces.generation.seeds import derive, split_of
from mien.synthetic.faces.generation.stage import (
    Actor,
    Performance,
    Scene,
    Stage,
    StageFactory,
    open_stage,
)
from mien.synthetic.faces.generation.tables import (
    attribute_columns,
    number_columns,
    numbers,
    read_table,
    write_table,
)
from mien.synthetic.faces.generation.truth import TRUTH_COLUMNS, truth_row
from mien.synthetic.faces.rendering.shot import MODALITIES
from mien.types import FloatArray
from mien.video.writer import VideoWriter
from mien.workers import Tick, run

_FILES = {"color": "color.mp4", "depth": "depth.mkv", "thermal": "thermal.mkv"}
_CRF = 12  # of the color video: nothing to see at 1:1, a tenth of the lossless size


def synthesize_videos(
    out: str | Path,
    count: int,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: int = 112,
    modalities: Iterable[str] = MODALITIES,
    framing: str = "portrait",
    light: str = "any",
    videos_per_person: int = 1,
    jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
    factory: StageFactory = open_stage,
) -> SetSummary:
    """Write a video set, or go on with one; the module docstring shows its layout.

    Parameters
    ----------
    out
        Folder of the set: new, empty, or a set begun with the same arguments.
    count
        Videos; a later call with a larger number adds to the set.
    seconds, fps
        Length of every video, and frames per second.
    seed, size_px, modalities, framing, light, jobs, factory
        As in `synthesize_images`.
    videos_per_person
        Videos that follow each other with the same person; scene and behaviour differ.
    progress
        Receives the number of frames done since it was called last; first those that a resumed
        set already has, if any.

    Raises
    ------
    ConfigError
        If an argument is out of range, or differs from those the set was begun with.
    OutputError
        If the folder holds something else or cannot be written to.
    """
    plan = VideoSet(
        count,
        seconds,
        seed,
        fps,
        size_px,
        ordered_modalities(modalities),
        framing,
        light,
        videos_per_person,
    )
    started = time.perf_counter()
    folder = Path(out)
    open_set(folder, plan)
    clips = [Clip(folder, plan, index) for index in range(count)]
    missing = [clip for clip in clips if not clip.folder.is_dir()]
    waiting = {clip.index for clip in missing}
    kept = sum(clip.frames() for clip in clips if clip.index not in waiting)
    if progress is not None and kept:
        progress(kept)
    run(_make_clip, missing, factory, jobs, progress)
    manifest = finish_set(folder, [clip.row_file for clip in clips])
    splits = count_splits(manifest.column("split").to_pylist())
    made = sum(manifest.column("frames").to_pylist()) - kept
    elapsed_s = time.perf_counter() - started
    return SetSummary(folder / MANIFEST, count, made, kept, elapsed_s, splits)


@dataclass(frozen=True)
class Clip:
    """One video of a set."""

    root: Path
    plan: VideoSet
    index: int

    def __str__(self) -> str:
        return f"video {self.index}"

    @property
    def name(self) -> str:
        """Its folder below the set's."""
        return f"clips/{self.index:06d}"

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
        return int(read_table(self.row_file).column("frames")[0].as_py())


def _make_clip(stage: Stage, clip: Clip, tick: Tick) -> None:
    """Fill a hidden folder beside the clip's and give it its name."""
    partial = clip.folder.with_name(f".{clip.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(stage, clip, partial, tick)
        partial.replace(clip.folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(stage: Stage, clip: Clip, folder: Path, tick: Tick) -> None:
    plan = clip.plan
    seeds = Seeds.of("video", plan.seed, clip.index, plan.per_person)
    actor = stage.actor(seeds.identity)
    scene = stage.scene(seeds.scene, plan.framing, plan.size_px, plan.light)
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
    write_table(pa.table(truth), folder / "truth.parquet")
    write_table(_row(clip, seeds, actor, scene, performance), folder / "clip.parquet")


def _write_annotation(path: Path, times_s: np.ndarray, truths: list[FloatArray]) -> None:
    valence, arousal = TRUTH_COLUMNS.index("valence"), TRUTH_COLUMNS.index("arousal")
    lines = [
        f"{time_s:.6f},{row[arousal]:.6f},{row[valence]:.6f}"
        for time_s, row in zip(times_s, truths, strict=True)
    ]
    text = "\n".join(["time_s,arousal,valence", *lines, ""])
    path.write_text(text, encoding="utf-8", newline="\n")


def _row(
    clip: Clip, seeds: Seeds, actor: Actor, scene: Scene, performance: Performance
) -> pa.Table:
    """The clip's row of the manifest."""
    plan, frames = clip.plan, len(performance)

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
            "light": text(str(scene.attributes.get("light", plan.light))),
            **number_columns(
                [f"reaction_{name}" for name in REACTIONS],
                [np.asarray(performance.reactions, np.float32)],
            ),
            **attribute_columns("actor", [actor.attributes]),
            **attribute_columns("scene", [scene.attributes]),
        }
    )
