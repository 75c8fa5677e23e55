"""RAF-DB, basic expressions (Li, Deng & Du, CVPR 2017): web images, each rated by some 40 people.

Layout, in the folder or in ``basic`` below it: ``EmoLabel/list_patition_label.txt`` (its owners'
spelling) with one line for each image, ``train_00001.jpg 5``; images are
``Image/aligned/train_00001_aligned.jpg``. Codes are 1 Surprise, 2 Fear, 3 Disgust, 4 Happiness,
5 Sadness, 6 Anger, 7 Neutral. The beginning of a name says the split.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mien.data.formats.annotations import ImageCorpus, annotation_table, expression_index
from mien.data.formats.text_tables import codes, read_lines
from mien.data.registry import COLLECTED, ON_REQUEST, Corpus, Figure, register_corpus
from mien.errors import DataError

NAME = "raf-db"
EXPRESSION_CODES = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
"""What the numbers 1 to 7 mean."""

_TO_BASIC = [expression_index(name, ()) for name in EXPRESSION_CODES]
_LIST = Path("EmoLabel", "list_patition_label.txt")
_IMAGES = Path("Image", "aligned")
_LINE = re.compile(r"((train|test)_\d+)\.jpg\s+(\S+)")


@register_corpus(
    Corpus(
        name=NAME,
        title="RAF-DB, basic expressions",
        kind="annotations",
        labels="per image: one of the 7 expressions",
        access="from its authors (whdeng.cn/RAF)",
        terms=ON_REQUEST,
        layout=(
            "EmoLabel/list_patition_label.txt, also in basic/: train_00001.jpg 5",
            "Image/aligned/train_00001_aligned.jpg",
        ),
        counts={"train": 12271, "test": 3068},
        counts_source="Li, Deng & Du, CVPR 2017",
        figures=(Figure("accuracy, test", "best", "92.5 %", COLLECTED),),
    )
)
def load_raf_db(root: str | Path) -> ImageCorpus:
    """Read the list and find the aligned images.

    Raises
    ------
    DataError
        If there is no list, a line is not as described above, an image is listed twice, or none is
        there; the message names file and line.
    """
    folder = Path(root)
    base = next((place for place in ("", "basic") if (folder / place / _LIST).is_file()), None)
    if base is None:
        raise DataError(f"{folder}: looked for {_LIST} in it and in basic, found neither")
    path = folder / base / _LIST
    first: dict[str, int] = {}
    splits: list[str] = []
    expressions: list[int] = []
    for number, line in enumerate(read_lines(path), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(
                f"{path}, line {number}: is {line!r}; expected an image and its expression, such "
                "as 'train_00001.jpg 5'"
            )
        name, split, code = match.groups()
        allowed = range(1, len(EXPRESSION_CODES) + 1)
        if code not in map(str, allowed):
            raise DataError(
                f"{path}, line {number}: the expression is {code!r}; expected {codes(allowed)}"
            )
        if first.setdefault(name, number) != number:
            raise DataError(
                f"{path}, line {number}: {name}.jpg is there twice: first on line {first[name]}"
            )
        splits.append(split)
        expressions.append(_TO_BASIC[int(code) - 1])
    names = [Path(base, _IMAGES, f"{name}_aligned.jpg").as_posix() for name in first]
    images = [name if (folder / name).is_file() else None for name in names]
    absent = images.count(None)
    if absent == len(images):
        raise DataError(
            f"{folder / base / _IMAGES}: looked for <name>_aligned.jpg of the {len(images)} images "
            f"that {path.name} lists, found none"
        )
    table = annotation_table(images, splits, expression=np.array(expressions, np.int64))
    notes = (f"{absent} of {len(images)} images are not there",) if absent else ()
    return ImageCorpus(NAME, folder, table, notes)
