"""What a page of one's own gets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mien.errors import OutputError
from mien.serve.embed import copy_page_files

ROOT = Path(__file__).parents[2]


def test_a_page_gets_scripts_networks_and_licences(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    written = {
        str(path.relative_to(tmp_path / "site")) for path in copy_page_files(tmp_path / "site")
    }
    scripts = {f"faces/{path.name}" for path in (ROOT / "js" / "src").glob("*.js")}
    assert scripts | {"detector.onnx", "extractor.onnx", "extractor-int8.onnx"} < written
    assert {"onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"} < written
    sums = (ROOT / "src/mien/weights/SHA256SUMS").read_text(encoding="utf-8")
    for name in ("extractor.onnx", "extractor-int8.onnx"):
        digest = hashlib.sha256((tmp_path / "site" / name).read_bytes()).hexdigest()
        assert digest in sums
    assert (tmp_path / "site" / "index.html").read_text() == "mine"
    copy_page_files(tmp_path / "site")  # once more is no fault


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file in the way")
    with pytest.raises(OutputError, match="site: cannot be written to"):
        copy_page_files(tmp_path / "site")
