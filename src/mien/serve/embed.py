"""What a page of one's own needs to read faces in the tab: scripts, runtime and networks."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import mien
from mien.errors import ConfigError, OutputError
from mien.weights import AFFECT_MODEL, FAST_AFFECT_MODEL, weight_path

RUNTIME = (
    "LICENSE",
    "ThirdPartyNotices.txt",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.wasm.min.mjs",
)
"""Of onnxruntime-web, with its licence."""


def faces_package() -> Path:
    """The package of `js/`: a wheel carries it beside the page, a checkout has it at its root.

    Raises
    ------
    ConfigError
        If this installation has neither.
    """
    package = Path(mien.__file__).parent
    for place in (package / "serve" / "page" / "faces", package.parents[1] / "js" / "src"):
        if place.is_dir():
            return place
    raise ConfigError("this installation lacks the page's scripts; install mien's wheel")


def copy_page_files(folder: str | Path) -> list[Path]:
    """Copy ``faces/``, ``onnxruntime/`` and the networks into the folder of a page.

    Parameters
    ----------
    folder
        Made where it is not there; files of these names are replaced, others stay.

    Returns
    -------
    The files.

    Raises
    ------
    ConfigError
        If this installation lacks the scripts.
    OutputError
        If the folder cannot be written.
    """
    from retinaface.weights import WEIGHTS

    root = Path(folder)
    runtime = Path(str(resources.files("mien.serve").joinpath("page"))) / "onnxruntime"
    sources = {f"faces/{path.name}": path for path in sorted(faces_package().glob("*.js"))}
    sources |= {f"onnxruntime/{name}": runtime / name for name in RUNTIME}
    sources |= {f"{name}.onnx": weight_path(name) for name in (FAST_AFFECT_MODEL, AFFECT_MODEL)}
    try:
        for name, source in sources.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, root / name)
        (root / "detector.onnx").write_bytes(bytes(WEIGHTS))
    except OSError as error:
        raise OutputError(f"{root}: cannot be written to ({error.strerror})") from error
    return [root / name for name in (*sources, "detector.onnx")]
