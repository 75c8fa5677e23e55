"""What a training says of itself: JSON lines, a table, and TensorBoard where it is installed."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mien.io import write_text


class TrainingLog:
    """One row per epoch in ``log.jsonl`` and ``log.csv``, and in ``tensorboard/`` if possible.

    Both files are written anew from all rows, under another name first, so that a run that was
    killed and resumed has the log of an uninterrupted one.

    Parameters
    ----------
    folder
        The run's folder.
    rows
        Rows of the epochs before, all with the same keys; the key ``epoch`` numbers them.
    """

    def __init__(self, folder: Path, rows: list[dict[str, Any]]) -> None:
        self._folder, self.rows = folder, list(rows)
        self._board: Any = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=len(rows) + 1)

    def add(self, row: dict[str, Any]) -> None:
        """Write a row."""
        self.rows.append(row)
        write_text(self._folder / "log.jsonl", "".join(json.dumps(r) + "\n" for r in self.rows))
        table = io.StringIO()
        writer = csv.DictWriter(table, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self._folder / "log.csv", table.getvalue())
        if self._board is not None:
            for name, value in row.items():
                if name != "epoch":
                    self._board.add_scalar(name, value, row["epoch"])

    def close(self) -> None:
        """Finish what TensorBoard holds back."""
        if self._board is not None:
            self._board.close()
