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

_VIDEOS = """
    mp4 mov m4v mkv webm avi flv wmv mpg mpeg mts m2ts ts 3gp ogv
    vob asf divx xvid qt mpe f4v h264 264 avc h265 hevc 265 m1v m2v mpv mp2v m2p m2t tp trp
    mod tod 3g2 mxf nut ivf ogm dv mjpg mjpeg mk3d y4m rm rmvb wtv gxf mp4v insv lrv dvr-ms
"""
_IMAGES = """
    jpg jpeg png bmp webp tif tiff gif heic heif avif
    jfif jpe jif jfi jp2 j2k j2c jpx jpf dib ico apng ppm pgm pbm pnm tga pcx hif avifs
"""
VIDEO_SUFFIXES = frozenset(f".{name}" for name in _VIDEOS.split())
IMAGE_SUFFIXES = frozenset(f".{name}" for name in _IMAGES.split())
"""What a folder is searched for. A file that is named itself is tried whatever its suffix."""

_MOST_NAMED = 3


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
            try:
                place = Path(source).resolve()
                if place not in seen:
                    seen.add(place)
                    yield Job(source, choose_folder(out, source, taken))
            except (OSError, RuntimeError, ValueError) as error:  # such as a loop of links
                message = f"{source}: cannot be looked up ({error}); check the path"
                yield Outcome(source, "failed", message=message)


def find_inputs(name: str, complain: Callable[[object], None]) -> list[str]:
    """The input itself, or the media files below a folder in order of name.

    Left out are mien's own results (an overlay is no recording), and depth and thermal videos
    beside their ``color.*``, which are not for the color models.

    Raises
    ------
    InputError
        If a folder cannot be read or holds no media.
    """
    if not name:
        raise InputError("no file is named: the name is empty; give a video, an image or a folder")
    path = Path(name)
    try:
        if not path.is_dir():
            return [name]
        files = [file for file in sorted(path.rglob("*")) if _may_be_input(file, path)]
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); check the name") from error
    media = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    found = [str(file) for file in files if file.suffix.lower() in media]
    others = [file.name for file in files if file.suffix.lower() not in media]
    passed = _passed_over(others)
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
        raise InputError(
            f"{name}: this folder holds no videos or images{passed and f' ({passed})'}; name the "
            "files instead"
        )
    if passed:
        complain(f"{name}: {passed}")
    return [file for file in found if file not in guides]


def _may_be_input(file: Path, folder: Path) -> bool:
    """Whether it is a visible file that is not of mien."""
    try:
        return not _is_hidden(file, folder) and file.is_file() and not is_result(file)
    except OSError:  # the system does not say: it is tried, and has a line of its own
        return True


def _passed_over(names: Sequence[str]) -> str:
    """Words for files that a search does not take; empty where there are none."""
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    what = "1 file that is" if len(names) == 1 else f"{len(names)} files that are"
    return f"passed over {what} no video or image: {shown}"


def _is_hidden(file: Path, folder: Path) -> bool:
    """Whether it is a file like ``._clip.mp4``, which is no video, or lies in a hidden folder."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
