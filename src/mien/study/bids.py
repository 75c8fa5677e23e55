"""Results as a derivative dataset of BIDS (bids.neuroimaging.io): tables, sidecars, episodes.

A video that is named by entities (``sub-01_ses-2_task-story_run-1_video.mp4``) keeps them; of
another the name, letters and digits of it, stands for the subject.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mien._version import __version__
from mien.api import Result, read
from mien.errors import ConfigError, InputError
from mien.io import atomic_path, cannot_write, write_json, write_text
from mien.labels import unit_name

BIDS_VERSION = "1.10.0"
_ENTITIES = ("sub", "ses", "task", "acq", "run", "recording")
_ENTITY = re.compile(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)")
_NOT_SAID = "n/a"
_README = """Facial behaviour, read by mien from the videos that `video` in the sidecars names.

`*_desc-mien_beh.tsv`: one row a frame and face; `*_desc-mien_events.tsv`: episodes of action units.
The numbers describe what a face shows to a model, not what a person feels.
"""


def write_bids(results: Path, out: Path, task: str = "video") -> list[Path]:
    """Write the results in and below a folder as one dataset.

    Parameters
    ----------
    results
        A result folder, or the ``--out`` of ``mien analyze``. ``people.json`` is followed.
    out
        The dataset; a new folder.
    task
        Of videos whose name says none; letters and digits.

    Returns
    -------
    Folders of subjects.

    Raises
    ------
    InputError
        If there is no result.
    ConfigError
        If `task` is no label of BIDS, or two results would have one name.
    OutputError
        If `out` is there already, or cannot be written.
    """
    if not task.isalnum() or not task.isascii():
        raise ConfigError(f"task is {task!r}; labels of BIDS are letters and digits")
    found = (path.parent.relative_to(results) for path in results.rglob("video.json"))
    # What a killed run left is hidden.
    folders = sorted(
        results / path for path in found if not any(p.startswith(".") for p in path.parts)
    )
    if not folders:
        raise InputError(f"{results}: holds no results; give the --out of mien analyze")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise FileExistsError(17, "it is there already")
        with atomic_path(out) as partial:
            partial.mkdir()
            write_json(partial / "dataset_description.json", _description())
            write_text(partial / "README.md", _README)
            _write_participants(partial, [_one(folder, partial, task) for folder in folders])
    except OSError as error:
        raise cannot_write(out, error) from error
    return sorted(path for path in out.glob("sub-*") if path.is_dir())


def entities(name: str, task: str) -> dict[str, str]:
    """Entities of a video's name, in their order.

    Examples
    --------
    >>> entities("sub-01_task-story_run-2_video.mp4", "video")
    {'sub': '01', 'task': 'story', 'run': '2'}
    >>> entities("holiday 3.mp4", "video")
    {'sub': 'holiday3', 'task': 'video'}
    """
    told = dict(_ENTITY.findall(Path(name).stem))
    if "sub" not in told:
        told = {"sub": re.sub(r"[^A-Za-z0-9]", "", Path(name).stem) or "unnamed"}
    told.setdefault("task", task)
    return {key: told[key] for key in _ENTITIES if key in told}


def column_words(name: str) -> dict[str, Any]:
    """What a sidecar says of a column."""
    if name.startswith("expr_"):
        return {"Description": f"Probability of the expression {name[5:]}", "Units": "1"}
    unit = re.fullmatch(r"au(\d+)(_intensity)?", name)
    if unit:
        what = unit_name(int(unit[1]))
        words = f"Intensity of {what}, 0 to 5" if unit[2] else f"Probability of {what}"
        return {"Description": words, "Units": "1"}
    if name.endswith("_deg"):
        return {"Description": f"{name[:-4].replace('_', ' ')}", "Units": "degree"}
    known = {
        "onset": ("Time of the frame, of the video's own clock", "s"),
        "face": ("Number or name of the person in this video", None),
        "face_score": ("Confidence of the face detector, 0 to 1", "1"),
        "valence": ("Valence, -1 to 1", "1"),
        "arousal": ("Arousal, -1 to 1", "1"),
        "quality": ("How far this is a whole, upright, sharp face, 0 to 1", "1"),
    }
    if name in known:
        words, units = known[name]
        return {"Description": words} | ({"Units": units} if units else {})
    units = "pixel" if name.startswith(("box_", "lm_")) or name[-2:] in ("_x", "_y") else None
    return {"Description": name.replace("_", " ")} | ({"Units": units} if units else {})


def _one(folder: Path, dataset: Path, task: str) -> str:
    """Write one result; the label of its subject."""
    result = read(folder, pictures=False)
    source = result.document["source"]
    told = entities(Path(source["path"]).name, task)
    stem = "_".join(f"{key}-{value}" for key, value in told.items())
    place = dataset / f"sub-{told['sub']}"
    if "ses" in told:
        place /= f"ses-{told['ses']}"
    place /= "beh"
    place.mkdir(parents=True, exist_ok=True)
    table = place / f"{stem}_desc-mien_beh.tsv"
    if table.exists():
        raise ConfigError(
            f"{folder}: a second result of {stem}; give videos names with sub-, task- and run-"
        )
    names = _names(result)
    columns = [name for name in result.table.column_names if name not in _LEFT_OUT]
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["onset", "face", *columns])
        rows.writerows(_rows(result.table, columns, names))
    write_json(table.with_suffix(".json"), _sidecar(result, told["task"], columns))
    if not source["is_image"]:
        _write_events(place / f"{stem}_desc-mien_events.tsv", result, names)
    return told["sub"]


_LEFT_OUT = ("frame", "timestamp_s", "face_id", "person")


def _names(result: Result) -> dict[int, str]:
    faces = result.document["faces"]
    return {face["face_id"]: face.get("name") or str(face["face_id"]) for face in faces}


def _rows(table: pa.Table, columns: list[str], names: dict[int, str]) -> Iterator[list[str]]:
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            face = row["face_id"]
            who = _NOT_SAID if face is None else names.get(face, str(face))
            yield [_cell(row["timestamp_s"]), who, *(_cell(row[name]) for name in columns)]


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _NOT_SAID
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _write_events(path: Path, result: Result, names: dict[int, str]) -> None:
    """Episodes of action units, as events; their sidecar."""
    found = [
        (one.onset_s, one.duration_s, unit.upper(), names[face.face_id], one.apex_s, one.peak)
        for face in result.summaries
        for unit, one in face.episodes
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["onset", "duration", "trial_type", "face", "apex", "peak"])
        rows.writerows([_cell(cell) for cell in row] for row in sorted(found))
    words = {
        "onset": {"Description": "Start of the episode", "Units": "s"},
        "duration": {"Description": "How long the unit was active", "Units": "s"},
        "trial_type": {"Description": "Action unit of the Facial Action Coding System"},
        "face": column_words("face"),
        "apex": {"Description": "When it was most probable", "Units": "s"},
        "peak": {"Description": "Its probability there", "Units": "1"},
    }
    write_json(path.with_suffix(".json"), words)


def _sidecar(result: Result, task: str, columns: list[str]) -> dict[str, Any]:
    document = result.document
    source = document["source"]
    return {
        "TaskName": task,
        "video": Path(source["path"]).name,
        "SamplingFrequency": source["nominal_fps"] or _NOT_SAID,
        "VariableFrameRate": source["variable_frame_rate"],
        "MienVersion": document["mien_version"],
        "Models": document["models"],
        "Trust": document.get("channels", {}),
        **{name: column_words(name) for name in ("onset", "face", *columns)},
    }


def _description() -> dict[str, Any]:
    return {
        "Name": "Facial behaviour read by mien",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "mien", "Version": __version__}],
    }


def _write_participants(dataset: Path, subjects: list[str]) -> None:
    rows = "".join(f"sub-{one}\n" for one in sorted({*subjects}))
    write_text(dataset / "participants.tsv", f"participant_id\n{rows}")
