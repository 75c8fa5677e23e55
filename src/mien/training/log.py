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
        flat = [_flat(row) for row in self.rows]
        writer = csv.DictWriter(table, list(flat[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
        write_text(self._folder / "log.csv", table.getvalue())
        if self._board is not None:
            for name, value in flat[-1].items():
                if name != "epoch" and value is not None:
                    self._board.add_scalar(name, value, row["epoch"])

    def close(self) -> None:
        """Finish what TensorBoard holds back."""
        if self._board is not None:
            self._board.close()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The same with tables inside it (figures of a corpus) as columns ``corpus.figure``."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": figure for inner, figure in value.items()}
        else:
            flat[name] = value
    return flat
