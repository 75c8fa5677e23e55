"""Folders of color, depth and thermal videos with traces, as of MAVFER. The layout is ours.

MAVFER (Lee et al., IEEE TIP 29, 2020) has no public layout; bring it, or recordings of your own,
into this one::

    <clip>/color.mp4             any container that FFmpeg reads
    <clip>/depth.mkv             optional; 8- or 16-bit grey
    <clip>/thermal.mkv           optional; 8- or 16-bit grey
    <clip>/annotation.csv        time_s,arousal,valence; seconds of the color stream, -1 to 1,
                                 an empty cell is not annotated
    streams.json                 optional; also <clip>/streams.json, whose entries go first
    manifest.csv                 optional; clip, then any of split, person and free columns

``streams.json`` says what depth and thermal mean and how they lie to color::

    {"depth":   {"scale": 1.0, "offset": 0.0, "missing": 0},
     "thermal": {"scale": 0.01, "offset": -273.15,
                 "homography": [[2.1, 0.0, 14.0], [0.0, 2.1, -8.5], [0.0, 0.0, 1.0]],
                 "time_offset_s": -0.021, "tolerance_s": 0.06}}

* ``scale``, ``offset``: stored number times scale plus offset is millimetres or degrees Celsius.
  16-bit pictures without them are whole millimetres and hundredths of a kelvin, as `mien synthesize
  videos` writes them; 8-bit ones need them.
* ``missing``: the stored number that is no measurement (0); null: every number is one.
* ``homography``: from pixels of the stream to pixels of color; without it both must coincide.
* ``time_offset_s``: added to the stream's times. ``tolerance_s``: how far a frame may be from the
  color frame that it belongs to; without it half a frame of the color stream. A color frame with
  none so near has that stream marked missing.

Splits are the manifest's; where it names none, that of the person's other clips, or by a hash of
the person or else of the clip. A person in two splits is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mien.data.formats.stream_files import FIXED_COLUMNS
from mien.data.formats.text_tables import Row, as_number, read_rows
from mien.data.formats.traces import read_trace_table
from mien.data.recordings import StreamCorpus, StreamSource, check_id, split_by_hash
from mien.data.registry import ON_REQUEST, Corpus, register_corpus
from mien.data.videos import SPLITS
from mien.errors import DataError
from mien.faces.modalities import STREAMS
from mien.video.companions.calibration import read_calibration
from mien.video.companions.streams import StreamFile

_FIXED = ("clip", "split", "person")
ANNOTATION = "annotation.csv"
CALIBRATION = "streams.json"
MANIFEST = "manifest.csv"

_NOT_STREAMS = (".csv", ".json", ".txt", ".parquet")


@register_corpus(
    Corpus(
        name="mavfer",
        title="MAVFER, and any folder of color, depth and thermal videos with traces",
        kind="streams",
        labels="traces of valence and arousal",
        access="from its authors (Lee et al., IEEE TIP 29, 2020); the layout below is ours",
        terms=ON_REQUEST,
        layout=(
            "<clip>/color.mp4, and depth.mkv and thermal.mkv where there are (any container)",
            "<clip>/annotation.csv: time_s,arousal,valence",
            "streams.json, also <clip>/streams.json: scale, offset, homography, time_offset_s, "
            "tolerance_s of depth and thermal",
            "manifest.csv: clip,split,person and free columns",
        ),
    )
)
def load_mavfer(root: str | Path) -> StreamCorpus:
    """The clips of a folder.

    Raises
    ------
    DataError
        If it is not laid out as expected; the message names file, line and expectation.
    """
    folder = Path(root)
    clips = sorted(path.parent for path in folder.glob(f"*/{ANNOTATION}"))
    if not clips:
        raise DataError(f"{folder}: looked for <clip>/{ANNOTATION}, found none")
    rows = _read_manifest(folder, [clip.name for clip in clips])
    shared = read_calibration(folder / CALIBRATION)
    splits = _person_splits(rows)
    recordings = tuple(_source(clip, rows.get(clip.name), shared, splits) for clip in clips)
    notes = []
    for name in ("depth", "thermal"):
        lacking = [one.id for one in recordings if name not in one.streams]
        if 0 < len(lacking) < len(recordings):
            notes.append(
                f"{len(lacking)} of {len(recordings)} clips have no {name}: marked missing "
                f"(first: {lacking[0]})"
            )
    if any(
        row is None or not row.cells.get("split") for row in map(rows.get, (c.name for c in clips))
    ):
        notes.append(f"clips without a split in {MANIFEST} are split by a hash (ours)")
    return StreamCorpus("mavfer", None, recordings, notes=tuple(notes))


def _person_splits(rows: dict[str, Row]) -> dict[str, str]:
    """The split that the manifest names for each person; nobody is in two."""
    splits: dict[str, str] = {}
    for row in rows.values():
        person, split = row.cells.get("person"), row.cells.get("split")
        if person and split and splits.setdefault(person, split) != split:
            raise row.error(
                f"{person!r} is in the split {split!r}, and in {splits[person]!r} before; expected "
                "a person's clips in one split"
            )
    return splits


def _source(
    clip: Path, row: Row | None, shared: dict[str, dict[str, Any]], splits: dict[str, str]
) -> StreamSource:
    own = read_calibration(check_id(clip, clip.name) / CALIBRATION)
    streams = {}
    for name in STREAMS:
        found = [p for p in sorted(clip.glob(f"{name}.*")) if p.suffix.lower() not in _NOT_STREAMS]
        if len(found) > 1:
            raise DataError(f"{clip}: {found[0].name} and {found[1].name} are there; expected one")
        if found:
            facts = {**shared.get(name, {}), **own.get(name, {})}
            streams[name] = StreamFile(found[0], **facts)
    if "color" not in streams:
        raise DataError(f"{clip}: looked for color.mp4 (or another suffix), found none")
    cells = row.cells if row is not None else {}
    person = cells.get("person") or None
    split = cells.get("split") or splits.get(person or "") or split_by_hash(person or clip.name)
    if row is not None and split not in SPLITS:
        raise row.error(f"'split' is {split!r}; expected one of {', '.join(SPLITS)}")
    attributes = {name: _attribute(text) for name, text in cells.items() if name not in _FIXED}
    traces = read_trace_table(clip / ANNOTATION)
    return StreamSource(clip.name, split, person, streams, traces, attributes)


def _attribute(text: str) -> str | float | None:
    number = as_number(text)
    return (text or None) if number is None else number


def _read_manifest(folder: Path, names: list[str]) -> dict[str, Row]:
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    rows: dict[str, Row] = {}
    for row in read_rows(path, ("clip",)):
        if taken := sorted(set(row.cells) & (set(FIXED_COLUMNS) - set(_FIXED))):
            raise DataError(
                f"{path}, line 1: a column cannot be called {taken[0]!r}, which mien writes "
                "itself; give it another name"
            )
        name = row.text("clip")
        if name in rows:
            raise row.error(f"the clip {name!r} is there again (line {rows[name].line})")
        if name not in names:
            raise row.error(f"looked for {name}/{ANNOTATION}, found none")
        rows[name] = row
    return rows
