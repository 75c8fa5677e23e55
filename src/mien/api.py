"""The Python API: ``mien.analyze(path) -> Result``, for frames in memory, and of saved folders."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack, cast

import numpy as np
import pyarrow as pa

from mien.errors import ConfigError, InputError, MienError, OutputError
from mien.io import spooled
from mien.labels import (
    EYE_COLUMNS,
    GAZE_COLUMNS,
    POSE_COLUMNS,
    REACTIONS,
    VALENCE_AROUSAL,
    LabelSet,
)
from mien.output.attention import FaceAttention, Records, by_face, to_records
from mien.output.episodes import add_episodes
from mien.output.kept.marks import MARKS_FILE, read_marks, write_marks
from mien.output.kept.pictures import add_pictures
from mien.output.layouts import UNDECIDED
from mien.output.other_tools.document import FROM_TABLE, read_as_result
from mien.output.people.apply import apply_people
from mien.output.people.file import read_people
from mien.output.proxy import PLAYER_FILE
from mien.output.results import Contents, ResultWriter
from mien.output.saved import (
    cut_pictures,
    face_numbers,
    find_source,
    read_document,
    read_table,
    summaries_of,
)
from mien.output.schema import frame_schema, to_table
from mien.output.sinks import MemorySink
from mien.output.views import add_views
from mien.pipeline.analyzer import Analysis, Analyzer
from mien.pipeline.companions import GuidanceFiles
from mien.pipeline.document import VideoDocument
from mien.pipeline.options import AnalysisOptions
from mien.pipeline.settings import FrameSettings, Settings
from mien.pipeline.summary import file_stamp
from mien.plot import Drawing, PlotOptions, PlotSettings, draw
from mien.plot.series import face_of
from mien.report import exchange_marks, lost, render_report, write_report
from mien.types import FaceSummary, ImageArray, Summary

if TYPE_CHECKING:
    import pandas as pd

    from mien.synthetic.faces.portrait import Portrait

_MOST_AWAY_S = 1.0  # of a moment that is drawn, from the one that was asked for


class Result:
    """What was read from one input.

    Attributes
    ----------
    table
        The frames table as `pyarrow.Table`: one row per frame and face.
    document
        The content of ``video.json``.
    summaries
        A `mien.types.FaceSummary` per face: curves, peaks, thumbnails, reactions.
    profile
        Seconds by stage of the analysis (`mien.stopwatch.STAGES`); stages may overlap. Empty of a
        result that was read.

    `frames`, `faces` and `reactions` are the same numbers as pandas tables.
    """

    def __init__(
        self,
        table: pa.Table,
        summary: Summary,
        attention: Records | None = None,
        source: Path | None = None,
        profile: Mapping[str, float] | None = None,
    ) -> None:
        self.profile = dict(profile or {})
        self.table = table
        self._summary = summary
        self._attention = attention
        self._source = source or Path(summary.document["source"]["path"])

    @property
    def attention(self) -> dict[int, FaceAttention]:
        """Where MRAN looked, by face number; empty unless ``attention`` was asked for."""
        return by_face(self._attention)

    @property
    def document(self) -> VideoDocument:
        """The content of ``video.json``, plain values."""
        return cast(VideoDocument, self._summary.document)

    @property
    def summaries(self) -> list[FaceSummary]:
        """One summary per face, by id."""
        return self._summary.faces

    @property
    def _is_foreign(self) -> bool:
        return bool(self._summary.document["source"]["codec"] == FROM_TABLE)

    @property
    def warnings(self) -> list[str]:
        """What is worth knowing about the input, one sentence each."""
        return list(self._summary.document["warnings"])

    @property
    def channels(self) -> dict[str, dict[str, str | None]]:
        """How far to trust every channel, by column: ``mark`` and, where known, ``figure``."""
        found: dict[str, dict[str, str | None]] = self._summary.document["channels"]
        return found

    @property
    def _labels(self) -> LabelSet:
        return LabelSet.of_columns(self.table.column_names)

    @property
    def frames(self) -> pd.DataFrame:
        """Frames table: one row per frame and face (columns: docs/outputs.md)."""
        pandas = _pandas()
        # Nullable integers keep face_id an integer where a frame has no face.
        mapper = {pa.int32(): pandas.Int32Dtype()}.get
        frames: pd.DataFrame = self.table.to_pandas(types_mapper=mapper)
        return frames

    @property
    def faces(self) -> pd.DataFrame:
        """One row per face, indexed by ``face_id``: times, frames, mean and peak of channels."""
        told = ("first_s", "last_s", "usable_frames")
        affect, details = self._labels.affect_columns, self._labels.detail_columns
        intensities = self._labels.intensity_columns
        rows = [
            {
                **{name: face[name] for name in ("face_id", *told, "low_quality_frames")},
                **({"person": face["name"]} if "name" in face else {}),
                **{f"mean_{name}": face["mean"][name] for name in (*affect, *details)},
                **{f"peak_{name}": face["peak"][name]["value"] for name in (*affect, *intensities)},
            }
            for face in self._summary.document["faces"]
        ]
        columns = ["face_id", *told]
        columns += [f"mean_{name}" for name in affect]
        columns += [f"peak_{name}" for name in affect]
        columns += ["low_quality_frames", *(f"mean_{name}" for name in details)]
        columns += [f"peak_{name}" for name in intensities]
        if (
            self._summary.document["source"]["codec"] == FROM_TABLE
        ):  # what the tool lacks is not there
            lacking = {*affect, *details} - {*self.table.column_names}
            columns = [name for name in columns if name.partition("_")[2] not in lacking]
        columns += ["person"] if rows and "person" in rows[0] else []
        table: pd.DataFrame = _pandas().DataFrame(rows, columns=columns)
        return table.set_index("face_id")

    @property
    def reactions(self) -> pd.DataFrame:
        """Reaction intensities, one row per face and window; the whole video is ``"video"``.

        ``.attrs["caveat"]`` says what the model's weights are worth.
        """
        rows: list[dict[str, Any]] = []
        for face in self._summary.document["faces"]:
            if face["reactions"]["video"] is None:
                continue
            start_s, end_s = face["first_s"], face["last_s"]
            rows.append(
                {
                    "face_id": face["face_id"],
                    "span": "video",
                    "start_s": start_s,
                    "end_s": end_s,
                    **face["reactions"]["video"],
                }
            )
            for window in face["reactions"]["windows"]:
                times = {"start_s": window["start_s"], "end_s": window["end_s"]}
                span = {"face_id": face["face_id"], "span": "window"}
                rows.append({**span, **times, **window["intensities"]})
        columns = ["face_id", "span", "start_s", "end_s", *self._reaction_names()]
        table: pd.DataFrame = _pandas().DataFrame(rows, columns=columns)
        table.attrs["caveat"] = self._reaction_caveat()
        return table

    def _reaction_names(self) -> tuple[str, ...]:
        named = [face.reaction_names for face in self.summaries if face.reaction_names]
        return named[0] if named else REACTIONS

    def _reaction_caveat(self) -> str | None:
        caveats = [
            m["caveat"] for m in self._summary.document["models"] if m["role"] == "reactions"
        ]
        return caveats[0] if caveats else None

    def _unchanged(self) -> Path:
        """The source, for a second reading."""
        source = self._summary.document["source"]
        if file_stamp(self._source) != (source["size_bytes"], source["modified_ns"]):
            raise InputError(
                f"{self._source}: is not there any more, or has changed since it was analysed; "
                "analyse it again"
            )
        return self._source

    def _au_decisions(self) -> tuple[float, ...]:
        """From which probability on each action unit counts as active."""
        found = [m["au_decisions"] for m in self._summary.document["models"] if "au_decisions" in m]
        levels = found[0] if found else {}
        return tuple(levels.get(name, UNDECIDED) for name in self._labels.action_unit_columns)

    def save(
        self,
        folder: str | Path,
        format: str = "parquet",
        layouts: tuple[str, ...] = (),
        overlay: bool = False,
        player: bool = False,
    ) -> Path:
        """Write the outputs of ``mien analyze`` into a folder, which appears whole or not at all.

        With ``attention``, `overlay` or `player` (a small copy that the report plays) the video is
        read once more, from the path that it was given by. Pictures from memory are not kept: there
        is no overlay and no player of them, and of the
        attention only the numbers. A person's own marks (``events.csv``) go along; where there are
        some in the folder already, those stay, and the report shows them.

        Raises
        ------
        InputError
            If the video is needed once more and not there any more, or came from memory.
        OutputError
            If the folder cannot be written.
        """
        final = Path(folder)
        source = self._summary.document["source"]["path"]
        codec = self._summary.document["source"]["codec"]
        # Bytes and file objects have a size and no time of change.
        from_memory = self._summary.document["source"].get("modified_ns") is None
        if from_memory and (overlay or player):
            came = codec if codec == FROM_TABLE else "from memory, and its pictures are not kept"
            raise InputError(f"{source}: came {came}; save it without overlay and player")
        if codec == FROM_TABLE and layouts:
            raise InputError(f"{source}: is a table of another tool; save it without layouts")
        video = None
        if not from_memory and (
            overlay or player or self._summary.document["settings"].get("attention")
        ):
            video = self._unchanged()
        contents = Contents(format, layouts, overlay, player)
        schema, decisions = self.table.schema, self._au_decisions()
        with ResultWriter(final, source, contents, schema, decisions) as writer:
            writer.write(self.table, self._attention)
            writer.finish(self._summary, video)
        if (final / MARKS_FILE).exists():
            exchange_marks(final / "report.html", read_marks(final))
        else:
            write_marks(final, self._summary.marks)
        return final

    def write_report(self, path: str | Path, *, poorer: bool = True) -> Path:
        """Write ``report.html`` alone.

        Parameters
        ----------
        poorer
            Whether a report that is there may be replaced by one that shows less, because the
            source or the small video is gone.

        Raises
        ------
        OutputError
            If it cannot be written, or would show less than what is there and may not.
        """
        if not any(face.episodes for face in self.summaries):
            add_episodes(self.summaries, self.table, self._summary.document)
        if not poorer and Path(path).is_file():
            before = Path(path).read_text(encoding="utf-8", errors="replace")
            gone = lost(before, render_report(self._summary))
            if gone:
                raise OutputError(
                    f"{path}: the new report would lack {' and '.join(gone)}, because the source "
                    "or the small video is gone; allow it with --poorer"
                )
        write_report(self._summary, Path(path))
        return Path(path)

    def plot(self, name: str = "timeline", **options: Unpack[PlotSettings]) -> Drawing:
        """A figure for a paper or a notebook (extra ``plot``).

        Parameters
        ----------
        name
            ``timeline``, ``expressions``, ``units``, ``intensities``, ``plane``, ``everybody``,
            ``seen`` or ``reactions``.
        options
            Of `mien.plot.PlotOptions`: ``face``, ``channels``, ``from_s``, ``to_s`` and sizes.

        Raises
        ------
        ConfigError
            If there is no such figure, face or channel, or matplotlib is missing.
        """
        return draw(self, name, PlotOptions(**options))

    def to_face(
        self,
        row: Mapping[str, object] | int | None = None,
        *,
        at_s: float | None = None,
        face: int | str | None = None,
        portrait: Portrait | None = None,
    ) -> ImageArray:
        """What a row says, shown by a drawn face (extra ``synthetic``).

        Intensities are taken where there are any, else probabilities, which say how likely a
        movement is and not how strong; head pose, gaze and eyes follow where they are known.

        Parameters
        ----------
        row
            A row of `frames`, or its number in the table.
        at_s, face
            In place of `row`: the nearest moment of this face, by number or name, a second away at
            most; None: of the one that is longest in sight.
        portrait
            Whom to draw and how large.

        Returns
        -------
        uint8 (256, 256, 3), RGB, or of the size that `portrait` says.

        Raises
        ------
        ConfigError
            If no face was read in the row or near the time, or there is no such face.
        ModelError
            If the extra is not installed.
        """
        from mien.synthetic.faces.portrait import draw_face, numbers_of_row

        if row is None:
            row = self._nearest(at_s or 0.0, face)
        if isinstance(row, int):
            [told] = self.table.slice(row, 1).to_pylist()
        else:
            told = dict(row)
        return draw_face(numbers_of_row(told), portrait)

    def _nearest(self, at_s: float, face: int | str | None) -> int:
        """Number of the row of a face that is nearest in time."""
        chosen = PlotOptions(face=None if face is None else str(face))
        own = np.flatnonzero(face_numbers(self.table) == face_of(self, chosen).face_id)
        away_s = np.abs(self.table.column("timestamp_s").to_numpy()[own] - at_s)
        nearest = int(own[away_s.argmin()])
        if not away_s.min() <= _MOST_AWAY_S:
            there_s = self.table.column("timestamp_s")[nearest].as_py()
            raise ConfigError(
                f"there is no such face at {at_s:g} s; the nearest is at {there_s:.2f} s"
            )
        return nearest

    def _repr_html_(self) -> str:
        """The report in a frame, for notebooks."""
        if not any(face.episodes for face in self.summaries):
            add_episodes(self.summaries, self.table, self._summary.document)
        page = render_report(replace(self._summary, player_start_s=None))
        name = html.escape(str(self._summary.document["source"]["path"]))
        return (
            f'<iframe title="mien result of {name}" srcdoc="{html.escape(page)}" '
            'style="width:100%;height:40rem;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        source = self._summary.document["source"]
        lines = [
            f"mien result of {source['path']}",
            f"  {_size(source)}; {len(self.summaries)} face(s)",
        ]
        for face in self._summary.document["faces"]:
            means, who = face["mean"], face.get("name") or f"face {face['face_id']}"
            if not face["usable_frames"]:
                lines.append(
                    f"  {who}: {face['first_s']:.2f}-{face['last_s']:.2f} s, no "
                    f"frame of enough quality ({face['low_quality_frames']} below)"
                )
                continue
            parts = [
                f"{face['usable_frames']} frames, {face['first_s']:.2f}-{face['last_s']:.2f} s"
            ]
            plane = [f"{n} {means[n]:+.2f}" for n in VALENCE_AROUSAL if means[n] is not None]
            parts += [f"mean {', '.join(plane)}"] if plane else []
            top = max(self._labels.expressions, key=lambda name: means[f"expr_{name}"] or 0)
            share = means[f"expr_{top}"]
            parts += [] if share is None else [f"mostly {top} ({share:.2f})"]
            lines.append(f"  {who}: {', '.join(parts)}")
        if any(face["reactions"]["video"] for face in self._summary.document["faces"]):
            lines.append(f"  reactions: {self._reaction_caveat()}")
        trust = _trust(self.channels, self._labels)
        lines += [f"  trust: {trust}"] if trust else []
        lines += [f"  warning: {text}" for text in self.warnings]
        lines.append("  .frames .faces .reactions (pandas)   .table (pyarrow)   .save(folder)")
        return "\n".join(lines)


def read(folder: str | Path, *, pictures: bool = True, people: bool = True) -> Result:
    """Read a folder that ``mien analyze`` or `Result.save` wrote.

    Parameters
    ----------
    folder
        With ``video.json`` and ``frames.parquet`` or ``frames.csv``, of any schema version.
    pictures
        Whether the pictures at the peaks are cut from the source again; where it is not there any
        more or has changed, there are those that ``peaks.json`` keeps.
    people
        Whether ``people.json`` is followed, where there is one: ``face_id`` is then the number of
        a person, and the column ``person`` says the name.

    Returns
    -------
    A `Result` as of `analyze`: curves, means and peaks of the table, reactions of the document.
    Of where MRAN looked the strongest moment is read, not ``attention.npz``.

    Raises
    ------
    InputError
        If the folder is no result.
    DataError
        If its table is missing, it, ``mran-views.npz`` or ``peaks.json`` is damaged, or
        ``people.json`` or ``events.csv`` is wrong.
    """
    place = Path(folder)
    document = read_document(place)
    table = read_table(place)
    number = face_numbers(table)
    told = read_people(place, number[number >= 0].tolist()) if people else None
    if told is not None:
        table, document, faces = apply_people(table, document, told)
    else:
        faces = summaries_of(table, document)
    add_episodes(faces, table, document)
    add_views(faces, place, told)
    source = find_source(document, place)
    if pictures and not (source and cut_pictures(faces, table, document, source)):
        add_pictures(faces, place, told)
    start_s = None
    if (place / PLAYER_FILE).is_file() and len(table):
        start_s = float(table.column("timestamp_s")[0].as_py())
    return Result(table, Summary(document, faces, start_s, read_marks(place)), source=source)


def read_any(path: str | Path, *, fps: float | None = None) -> Result:
    """A folder of a result as `read`, or a table of another tool, found out by its header.

    `fps` is the frame rate of the video, for tables that do not say when their frames were.

    Raises
    ------
    InputError, DataError, ConfigError
        As of `read`, `read_openface` and `read_pyfeat`.
    """
    place = Path(path)
    if not place.is_file():
        return read(place)
    table, document, faces = read_as_result(place, fps=fps)
    return Result(table, Summary(document, faces))


def read_openface(path: str | Path) -> Result:
    """A csv of OpenFace 2 as a `Result`: for study, plots and report.

    ``AU*_r`` become ``au*_intensity`` (0 to 5), ``AU*_c`` become ``au*`` (0 or 1, decisions, where
    an analysis of mien has probabilities); angles are in mien's axes and degrees. Valence, arousal
    and expressions are absent, because OpenFace does not say them.

    Parameters
    ----------
    path
        Of ``FeatureExtraction`` or ``FaceLandmarkVidMulti``.

    Raises
    ------
    DataError
        If it is no such table, or damaged.
    """
    return _read_other(path, "openface", None)


def read_pyfeat(path: str | Path, *, fps: float | None = None) -> Result:
    """A csv of py-feat as a `Result`: for study, plots and report.

    ``AU*`` become ``au*`` (0 to 1), emotions ``expr_*``, and head pose up to version 0.6 is in
    mien's axes. Valence, arousal and intensities are absent.

    Parameters
    ----------
    path
        What ``Fex.to_csv`` wrote, of a video.
    fps
        Frames per second of the video. The table itself says times in whole seconds.

    Raises
    ------
    DataError
        If it is no such table, or damaged.
    ConfigError
        If `fps` is needed and not given.
    """
    return _read_other(path, "pyfeat", fps)


def read_imotions(path: str | Path) -> Result:
    """An export of iMotions' AFFDEX sensor as a `Result`: for study, plots and report.

    Numbers of 0 to 100 become 0 to 1, valence -1 to 1. Emotions stand each for itself and do not
    sum to 1; movements become the units that show them (Smile is ``au12``). Arousal, intensities
    and angles are absent.

    Parameters
    ----------
    path
        Of one respondent; facts of the study may stand above the header.

    Raises
    ------
    DataError
        If it is no such table, or damaged.
    """
    return _read_other(path, "imotions", None)


def _read_other(path: str | Path, tool: str, fps: float | None) -> Result:
    table, document, faces = read_as_result(Path(path), tool, fps)
    return Result(table, Summary(document, faces))


def analyze(
    path: str | Path | bytes | BinaryIO,
    *,
    name: str = "bytes",
    options: AnalysisOptions | None = None,
    analyzer: Analyzer | None = None,
    progress: Callable[[int], object] | None = None,
    depth: str | Path | None = None,
    thermal: str | Path | None = None,
    streams: str | Path | None = None,
    **settings: Unpack[Settings],
) -> Result:
    """Read the faces in one video or image.

    Parameters
    ----------
    path
        A video or image file; or its bytes, or a file object opened for reading bytes, which lie
        in a temporary file meanwhile. Of those no overlay and no player can be saved.
    name
        What the results call bytes and file objects.
    options
        Settings as an object; or give single ones by name, as in
        ``analyze(path, faces="largest")``.
    analyzer
        Loaded models to use again, which saves their loading time over many files.
    progress
        Called with the number of frames that have been finished.
    depth, thermal, streams
        Grey videos of the same recording that guide MRAN (``mran=True`` or ``mran_model=PATH``),
        and the calibration that says how: `mien.pipeline.companions.GuidanceFiles`.

    Returns
    -------
    A `Result`. All rows are held in memory; for very long videos use ``mien analyze``, which
    streams to disk.

    Raises
    ------
    InputError
        If the file cannot be read: one line with the file, what is wrong and what to do.
    ModelError
        If a model cannot be loaded, does not read a stream that is given, or does not say what
        another prior would be exchanged for.
    ConfigError
        If the file of a prior is wrong.
    ValueError
        If a setting is outside its range, or settings are given in more than one way.
    """
    analyzer = _analyzer(options, analyzer, settings)
    guidance = GuidanceFiles(*(_path(file) for file in (depth, thermal, streams)))
    if not isinstance(path, str | Path):
        with spooled(path, name) as place:
            return _read_spooled(analyzer, place, name, guidance, progress)
    with analyzer.open(path, guidance) as analysis:
        return _collect(analyzer, analysis, progress, Path(path).absolute())


def analyze_frames(
    frames: Iterable[ImageArray],
    *,
    fps: float | None = None,
    times_s: Iterable[float] | None = None,
    name: str = "frames",
    options: AnalysisOptions | None = None,
    analyzer: Analyzer | None = None,
    progress: Callable[[int], object] | None = None,
    **settings: Unpack[FrameSettings],
) -> Result:
    """Read the faces in frames of a camera or from memory.

    Parameters
    ----------
    frames
        Images, uint8 (height, width, 3), RGB, upright, all of one size; taken one by one. What
        OpenCV reads is BGR: give ``image[..., ::-1]``.
    fps, times_s
        Frames per second, or the time of every frame in seconds, increasing; with both, `times_s`
        says when frames were and `fps` their usual rate.
    name
        What the results call the source.
    options, analyzer, progress, settings
        As in `analyze`.

    Returns
    -------
    A `Result`. For rows while frames still arrive use `mien.Analyzer.open_frames`.

    Raises
    ------
    InputError
        If there is no frame, one is of another kind or size, or times do not increase or are
        fewer or more than frames.
    ModelError, ValueError
        As in `analyze`; also if neither `fps` nor `times_s` is given.

    Examples
    --------
    >>> import numpy as np
    >>> black = np.zeros((120, 160, 3), np.uint8)
    >>> result = analyze_frames([black, black], fps=25)
    >>> result.document["source"]["frames"], result.warnings
    (2, ['no face was found in any frame'])
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps is above 0, not {fps}")
    analyzer = _analyzer(options, analyzer, settings)
    if times_s is not None:
        timed: Iterator[tuple[float, ImageArray]] = _timed(frames, times_s, name)
    elif fps is not None:
        rate = fps
        timed = ((index / rate, image) for index, image in enumerate(frames))
    else:
        raise ValueError("give fps or times_s: when were the frames taken?")
    with analyzer.open_frames(timed, name, fps) as analysis:
        return _collect(analyzer, analysis, progress)


def _analyzer(
    options: AnalysisOptions | None, analyzer: Analyzer | None, settings: FrameSettings
) -> Analyzer:
    if sum((options is not None, analyzer is not None, bool(settings))) > 1:
        raise ValueError("give options, an analyzer, or single settings: not several of them")
    return analyzer or Analyzer(options or AnalysisOptions(**cast(dict[str, Any], settings)))


def _collect(
    analyzer: Analyzer,
    analysis: Analysis,
    progress: Callable[[int], object] | None,
    source: Path | None = None,
) -> Result:
    """All rows of an analysis in memory."""
    mran, columns, labels = analyzer.mran is not None, analyzer.options.columns, analyzer.labels
    sink = MemorySink(frame_schema(columns, mran, labels))
    volumes: list[Records] = []
    for rows in analysis.rows(progress):
        with analysis.watch("write"):
            sink.write(to_table(rows, mran, columns, labels))
            found = to_records(rows)
        volumes += [] if found is None else [found]
    attention = np.concatenate(volumes) if volumes else None
    return Result(sink.table(), analysis.summary(), attention, source, analysis.watch.seconds)


def _read_spooled(
    analyzer: Analyzer,
    place: Path,
    name: str,
    guidance: GuidanceFiles,
    progress: Callable[[int], object] | None,
) -> Result:
    """Bytes that lie in a file for a moment: nothing that is said of them names it."""
    try:
        with analyzer.open(place, guidance) as analysis:
            result = _collect(analyzer, analysis, progress, Path(name))
    except MienError as error:
        raise type(error)(str(error).replace(str(place), name)) from error
    source = result.document["source"]
    source["path"], source["modified_ns"] = name, None
    return result


def _timed(
    frames: Iterable[ImageArray], times_s: Iterable[float], name: str
) -> Iterator[tuple[float, ImageArray]]:
    """Frames with their times; a time without a frame, or the reverse, is an error."""
    times, missing = iter(times_s), object()
    for index, image in enumerate(frames):
        time_s = next(times, missing)
        if time_s is missing:
            raise InputError(f"{name}: frame {index} has no time; give one for every frame")
        yield cast(float, time_s), image
    if next(times, missing) is not missing:
        raise InputError(f"{name}: there are more times than frames; give one for every frame")


def _path(file: str | Path | None) -> Path | None:
    return None if file is None else Path(file)


def _trust(channels: dict[str, dict[str, str | None]], labels: LabelSet) -> str:
    """The marks of all channels in a line; those of which nothing is said are left out."""
    groups = {
        "valence, arousal": VALENCE_AROUSAL,
        "expressions": labels.expression_columns,
        "action units": labels.action_unit_columns,
        "intensities": labels.intensity_columns,
        "pose": POSE_COLUMNS,
        "eyes": EYE_COLUMNS,
        "gaze": GAZE_COLUMNS,
        "quality": ("quality",),
        "landmarks": ("landmarks",),
    }
    parts = []
    for group, names in groups.items():
        marks = Counter(channels[name]["mark"] for name in names if name in channels)
        if {*marks} <= {"unknown"}:
            continue
        if len(marks) == 1:
            parts.append(f"{group} {next(iter(marks))}")
        else:
            parts.append(f"{group} " + ", ".join(f"{n} {mark}" for mark, n in marks.most_common()))
    return "; ".join(parts)


def _size(source: dict[str, Any]) -> str:
    size = f"{source['width_px']} x {source['height_px']} px"
    if source["is_image"]:
        return f"image, {size}"
    fps, lasts_s = source["nominal_fps"], source["duration_s"]
    if not fps and lasts_s and source["frames"] > 1:  # frames from memory need not have said it
        fps = source["frames"] / lasts_s
    rate = f"{fps:.2f} fps" if fps else "rate unknown"
    if source["variable_frame_rate"]:
        rate = "variable rate"
    return f"{source['frames']} frames, {source['duration_s']:.2f} s, {rate}, {size}"


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as missing:
        raise MienError(
            "pandas is not installed: pip install pandas, or use .table (pyarrow)"
        ) from missing
    return pandas
