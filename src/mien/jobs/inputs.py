"""What one input is: from the names that a person gives to one job each.

A folder stands for the videos and images below it. Every job has a result folder of its own, which
a later run finds again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mien.errors import InputError
from mien.jobs.job import Job, Outcome
from mien.output.folder import choose_folder, is_result

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in "mp4 mov m4v mkv webm avi flv wmv mpg mpeg mts m2ts ts 3gp ogv".split()  # noqa: SIM905
)
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in "jpg jpeg png bmp webp tif tiff gif heic heif avif".split()  # noqa: SIM905
)
"""What a folder is searched for. A file that is named itself is tried whatever its suffix."""


def plan_jobs(
    names: Sequence[str], out: Path, complain: Callable[[object], None]
) -> Iterator[Job | Outcome]:
    """One job per input, in the order of the names; a failure in the place of a name without any.

    Parameters
    ----------
    names
        Files and folders. An input that is named twice is one job.
    out
        Folder of the result folders.
    complain
        Called with a line about what was left out.
    """
    taken: set[str] = set()
    seen: set[Path] = set()
    for name in names:
        try:
            sources = find_inputs(name, complain)
        except InputError as error:
            yield Outcome(name, "failed", message=str(error))
            continue
        for source in sources:
            place = Path(source).resolve()
            if place not in seen:
                seen.add(place)
                yield Job(source, choose_folder(out, source, taken))


def find_inputs(name: str, complain: Callable[[object], None]) -> list[str]:
    """The input itself, or the media files below a folder in order of name.

    Left out are mien's own results (an overlay is no recording), and depth and thermal videos
    beside their ``color.*``, which are not for the color models.

    Raises
    ------
    InputError
        If a folder cannot be read or holds no media.
    """
    path = Path(name)
    try:
        if not path.is_dir():
            return [name]
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); check the name") from error
    found = sorted(
        str(file)
        for file in path.rglob("*")
        if file.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES
        and file.is_file()
        and not _is_hidden(file, path)
        and not is_result(file)
    )
    colored = {Path(file).parent for file in found if Path(file).stem == "color"}
    guides = {
        file
        for file in found
        if Path(file).stem in ("depth", "thermal") and Path(file).parent in colored
    }
    if guides:
        complain(
            f"{name}: left out {len(guides)} depth and thermal video(s) beside a color.*; "
            "give one recording at a time with --depth and --thermal"
        )
    if len(guides) == len(found):
        raise InputError(f"{name}: this folder holds no videos or images; name the files instead")
    return [file for file in found if file not in guides]


def _is_hidden(file: Path, folder: Path) -> bool:
    """Whether it is a file like ``._clip.mp4``, which is no video, or lies in a hidden folder."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
