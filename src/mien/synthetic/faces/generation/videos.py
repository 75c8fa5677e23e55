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

``mien.video.companions.gray16.read_gray16`` reads depth and thermal. A clip's folder has its name
only when everything is in it, so a run may be killed at any time. Matroska keeps times in whole
milliseconds; ``truth.parquet`` has them exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mien.synthetic.faces.generation.arguments import AnySet, VideoSet, ordered_modalities
from mien.synthetic.faces.generation.clips import Clip, Shooting, make_clip
from mien.synthetic.faces.generation.folder import (
    MANIFEST,
    SetSummary,
    count_splits,
    finish_set,
    open_set,
)
from mien.synthetic.faces.generation.pictures import Seeds
from mien.synthetic.faces.generation.stage import StageFactory, open_stage
from mien.synthetic.faces.rendering.shot import MODALITIES
from mien.workers import run


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
    shooting = Shooting(plan.seconds, plan.fps, plan.size_px, plan.modalities, plan.framing)
    folder = Path(out)
    clips = [
        Clip(
            folder,
            f"{index:06d}",
            Seeds.of("video", plan.seed, index, plan.per_person),
            plan.light,
            shooting,
        )
        for index in range(count)
    ]
    return make_clips(folder, plan, clips, jobs, progress, factory)


def make_clips(
    folder: Path,
    plan: AnySet,
    clips: Sequence[Clip],
    jobs: int | None,
    progress: Callable[[int], object] | None,
    factory: StageFactory,
) -> SetSummary:
    """Make the clips of a set that are not there yet, and its manifest.

    Raises
    ------
    ConfigError
        If the folder holds a set begun with other arguments.
    OutputError
        If it holds something else or cannot be written to.
    """
    started = time.perf_counter()
    with open_set(folder, plan):
        missing = [clip for clip in clips if not clip.folder.is_dir()]
        waiting = {clip.id for clip in missing}
        kept = sum(clip.frames() for clip in clips if clip.id not in waiting)
        if progress is not None and kept:
            progress(kept)
        run(make_clip, missing, factory, jobs, progress, go_on=True)
        manifest = finish_set(folder, [clip.row_file for clip in clips])
        splits = count_splits(manifest.column("split").to_pylist())
        made = sum(manifest.column("frames").to_pylist()) - kept
        elapsed_s = time.perf_counter() - started
        return SetSummary(folder / MANIFEST, len(clips), made, kept, elapsed_s, splits)
