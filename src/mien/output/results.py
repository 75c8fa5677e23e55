"""The one writer of results: all files of one input, in a folder that appears whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from mien.errors import InputError, OutputError
from mien.output.attention import ATTENTION_FILE, AttentionFile, Records, write_attention
from mien.output.attention_video import write_attention_files
from mien.output.episodes import add_episodes, read_unit_columns
from mien.output.folder import whole_folder, write_document
from mien.output.kept.pictures import write_pictures
from mien.output.layouts import layout_warnings
from mien.output.overlay import read_frames_table, write_overlay
from mien.output.proxy import write_player
from mien.output.sinks import FrameSink, open_sinks
from mien.output.views import write_views
from mien.report import write_report
from mien.types import Summary
from mien.video.reader import opening_of

NO_PLAYER = "report.html plays no video"
"""How a warning begins where the small copy could not be made."""


@dataclass(frozen=True)
class Contents:
    """What is written beside ``video.json`` and ``report.html``.

    Attributes
    ----------
    format
        Of the frames table: ``"parquet"`` or ``"csv"``.
    layouts
        Other tools' layouts (`mien.output.layouts`).
    overlay
        Whether the video is drawn with what was found in it.
    player
        Whether a small copy of the video lies beside the report, which plays it.
    pictures
        Whether the report's pictures are kept for when it is written again without the input.
    """

    format: str = "parquet"
    layouts: tuple[str, ...] = ()
    overlay: bool = False
    player: bool = False
    pictures: bool = False

    @property
    def videos(self) -> list[str]:
        """What is written by reading the input once more."""
        return ["overlay"] * self.overlay + ["player"] * self.player


class ResultWriter:
    """Takes the rows of one input as they come, then its summary; a context manager.

    The folder takes its place when the block ends, and is not there if the block raises.

    Parameters
    ----------
    folder
        Where the results go.
    source
        What the results call the input.
    contents
        What to write.
    schema
        Columns of the frames table.
    decisions
        From which probability on each action unit counts as active.

    Raises
    ------
    OutputError
        If the folder cannot be written, or holds something else.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        contents: Contents,
        schema: pa.Schema,
        decisions: Sequence[float],
    ) -> None:
        self._folder, self._source, self._contents = folder, source, contents
        self._schema, self._decisions = schema, decisions
        self._names = list(schema.names)
        self._sinks: list[FrameSink] = []
        self._stack = ExitStack()

    def __enter__(self) -> ResultWriter:
        with self._stack as stack:
            self._partial = stack.enter_context(whole_folder(self._folder))
            self._attention = stack.enter_context(AttentionFile(self._partial))
            self._sinks = open_sinks(
                self._partial,
                self._contents.format,
                self._contents.layouts,
                self._source,
                self._schema,
                self._decisions,
            )
            stack.callback(self._close_sinks)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]

    def write(self, table: pa.Table, attention: Records | None = None) -> None:
        """Add rows, and of those that have it where MRAN looked."""
        for sink in self._sinks:
            sink.write(table)
        self._attention.write(attention)

    def finish(
        self,
        summary: Summary,
        video: str | Path | None,
        progress: Callable[[int], object] | None = None,
    ) -> Summary:
        """Write what needs all rows.

        Parameters
        ----------
        summary
            Of all rows.
        video
            The input, which overlay and attention read once more; None where it came from memory.
        progress
            Called with the number of frames that were drawn or copied since the last call.

        Returns
        -------
        The summary as written: with what is worth knowing of the files themselves.
        """
        self._close_sinks()
        document = summary.document
        warnings = [
            *document["warnings"],
            *layout_warnings(document, self._contents.layouts),
        ]
        settings = document["settings"]
        opening = opening_of(settings)
        if settings.get("attention"):
            records = self._attention.records()
            if video is None:
                write_attention(records, self._partial / ATTENTION_FILE)
            else:
                write_attention_files(video, records, self._partial, opening)
        if self._contents.overlay and video is not None:
            with closing(read_frames_table(self._partial, self._contents.format)) as batches:
                warnings += write_overlay(
                    video, batches, self._partial, self._decisions, progress, opening
                )
        start_s = None
        if self._contents.player and video is not None:
            try:
                frames = document["source"]["frames"]
                start_s = write_player(video, self._partial, frames, opening, progress)
            except (InputError, OutputError) as error:
                # The numbers are worth more than a picture to them; a full disk ends the rest, too.
                reason = str(error).replace(str(self._partial), str(self._folder))
                warnings.append(f"{NO_PLAYER}: {reason}")
        columns = read_unit_columns(self._partial, self._contents.format, self._names)
        add_episodes(summary.faces, columns, document)
        written = replace(
            summary, document=document | {"warnings": warnings}, player_start_s=start_s
        )
        write_document(written.document, self._partial)
        write_views(written.faces, self._partial)
        if self._contents.pictures:
            write_pictures(written.faces, self._partial)
        write_report(written, self._partial / "report.html")
        return written

    def _close_sinks(self) -> None:
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            sink.close()
