"""CREMA-D (Cao et al., IEEE Trans. Affective Computing 5(4), 2014): actors, rated by crowds.

7,442 clips of 91 actors, open (ODbL). Layout: ``VideoFlash/<clip>.flv`` and
``processedResults/tabulatedVotes.csv``, one row per clip and way of presenting it: the unnamed
first column starts with 1 for the voice, 2 for the face, 3 for both. **Only the face rows are
read**: their raters saw what mien sees.

**Intensity.** Each rater chose one of six emotions and said how strong it was, 0 to 100. The file
gives the number of raters per emotion (``A`` ... ``S``) and their mean level (``meanAngerResp``
..., -1 where nobody chose it). The label of an emotion is what the average rater saw of it, if
whoever chose another emotion saw none::

    intensity = votes / numResponses * mean level / 100        in [0, 1]

**Splits.** The corpus has none. Actors are divided by a hash of their number, the same on every
machine and for any part of the corpus: sha256(actor) mod 100 below 15 is ``test`` (12 actors of
91), below 30 ``valid`` (13), else ``train`` (66).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from mien.data.formats.text_tables import Row, read_rows
from mien.data.registry import Corpus, Figure, register_corpus
from mien.data.videos import Clip, FirstSeen, VideoCorpus
from mien.errors import DataError
from mien.types import FloatArray

NAME = "crema-d"
OUTPUTS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")

# Column of votes and of the mean level of each output.
_COLUMNS = (
    ("A", "meanAngerResp"),
    ("D", "meanDisgustResp"),
    ("F", "meanFearResp"),
    ("H", "meanHappyResp"),
    ("N", "meanNeutralResp"),
    ("S", "meanSadResp"),
)
_TABLE = Path("processedResults", "tabulatedVotes.csv")
_FOLDER = "VideoFlash"
_PRESENTED = re.compile(r"([123])\d+")
_FACE = "2"
# Actor, sentence, emotion, level; one name of the corpus ends in a single X.
_CLIP_NAME = re.compile(r"(\d{4})_[A-Z]{3}_[A-Z]{3}_[A-Z]{1,2}")
_MOST_RATERS = 10_000


_HUMANS = "human ceiling, from the corpus's own ratings"


@register_corpus(
    Corpus(
        name="crema-d",
        title="CREMA-D",
        kind="videos",
        labels="anger, disgust, fear, happiness, neutral, sadness in [0, 1]: what the average "
        "rater of the silent face saw (votes / raters x mean level / 100)",
        access="git clone https://github.com/CheyneyComputerScience/CREMA-D with Git LFS",
        terms="Open Database License 1.0; contents: Database Contents License 1.0",
        layout=(
            "VideoFlash/<clip>.flv",
            "processedResults/tabulatedVotes.csv (rows whose first cell starts with 2: the face)",
        ),
        counts={"videos": 7_442, "people": 91},
        counts_source="Cao et al., IEEE Trans. Affective Computing 5(4), 2014",
        figures=(
            Figure("recognition from the face alone", "one rater", "57.4 %", _HUMANS),
            Figure("recognition from the face alone", "plurality", "66.3 %", _HUMANS),
        ),
    )
)
def load_crema_d(root: str | Path) -> VideoCorpus:
    """Read the ratings of the face alone and the paths of the clips.

    Parameters
    ----------
    root
        The folder that holds ``VideoFlash`` and ``processedResults``.

    Returns
    -------
    A `VideoCorpus` with `OUTPUTS`; ``person`` is the actor's number.

    Raises
    ------
    DataError
        If a file or column is missing, a row contradicts itself, a clip has two face rows, or none
        of the videos is there.
    """
    folder = Path(root)
    if not (folder / _TABLE).is_file():
        raise DataError(f"{folder}: looked for {_TABLE}, found no such file")
    columns = [name for pair in _COLUMNS for name in pair]
    clips = []
    seen = FirstSeen()
    for row in read_rows(folder / _TABLE, ("", "fileName", "numResponses", *columns)):
        presented = _PRESENTED.fullmatch(row.cells[""])
        if presented is None:
            raise row.error(
                f"the first cell is {row.cells['']!r}; expected a number that starts with 1 "
                "(voice), 2 (face) or 3 (both)"
            )
        if presented[1] != _FACE:
            continue
        name = row.cells["fileName"]
        parts = _CLIP_NAME.fullmatch(name)
        if parts is None:
            raise row.error(f"'fileName' is {name!r}; expected a name such as 1001_DFA_ANG_XX")
        seen.add(name, f"the clip {name!r}", row)
        path = folder / _FOLDER / f"{name}.flv"
        clips.append(Clip(name, path, split_of_actor(parts[1]), parts[1], _intensities(row)))
    if not clips:
        raise DataError(f"{folder / _TABLE}: no row is of the face alone (first cell 2...)")
    absent = [clip for clip in clips if not clip.path.is_file()]
    if len(absent) == len(clips):
        raise DataError(
            f"{folder}: looked for {_FOLDER}/{clips[0].id}.flv and {len(clips) - 1} more, found "
            "none of them"
        )
    notes = (f"{len(absent)} of {len(clips)} videos are not there",) if absent else ()
    return VideoCorpus(NAME, OUTPUTS, tuple(clips), notes)


def split_of_actor(actor: str) -> str:
    """The split that an actor's clips are in, from a hash of the number.

    Examples
    --------
    >>> [split_of_actor(str(number)) for number in (1001, 1002, 1003)]
    ['test', 'train', 'valid']
    """
    bucket = int(hashlib.sha256(actor.encode()).hexdigest(), 16) % 100
    if bucket < 15:
        return "test"
    return "valid" if bucket < 30 else "train"


def _intensities(row: Row) -> FloatArray:
    """float32 (6,) in [0, 1]: what the average rater saw of each emotion."""
    votes = np.array([row.number(column, 0, _MOST_RATERS) for column, _ in _COLUMNS])
    raters = row.number("numResponses", 1, _MOST_RATERS)
    if votes.sum() != raters:
        raise row.error(f"'numResponses' is {raters:g}; expected the {votes.sum():g} votes")
    levels = np.zeros(len(_COLUMNS))
    for k, (column, mean) in enumerate(_COLUMNS):
        if votes[k] > 0:
            levels[k] = row.number(mean, 0, 100)
        elif row.number(mean, -1, 100) != -1:
            raise row.error(f"{mean!r} is {row.cells[mean]!r}; expected -1, as {column!r} is 0")
    shares: FloatArray = (votes / raters * levels / 100).astype(np.float32)
    return shares
