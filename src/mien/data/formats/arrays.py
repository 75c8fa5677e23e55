"""Reading npz files without unpickling."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import DataError


def read_arrays(path: str | Path, required: tuple[str, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays of an npz file, read without unpickling; complains in one line if any is missing."""
    file = Path(path)
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    try:
        with file.open("rb") as stream:  # numpy leaves a file that it opens itself open if broken
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            with archive:
                arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        reason = str(broken).splitlines()[0] if str(broken) else type(broken).__name__
        raise DataError(f"{file}: not a readable npz file ({reason})") from broken
    missing = [name for name in required if name not in arrays]
    if missing:
        raise DataError(f"{file}: looked for arrays {missing}, found {sorted(arrays)}")
    return arrays
