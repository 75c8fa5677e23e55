"""Models by name, pulled from a folder or a hub (a stub of it), pushed, checked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("onnx")
pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")
from mien.cli import cli
from mien.errors import ModelError
from mien.runtime.collection import find_model, models
from mien.runtime.hub import pull, push
from mien.runtime.models import AffectModel
from mien.weights import SUMS
from tiny_models import tiny_affect, tiny_reactions

COMMIT = "0" * 40


@pytest.fixture(autouse=True)
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "lab-faces"
    folder.mkdir()
    tiny_affect(folder / "lab.onnx")
    (folder / "README.md").write_text("A card.")
    (folder / "evil.pkl").write_bytes(b"cos\nsystem\n")
    return folder


def ran(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["models", *map(str, arguments)])


def sums(folder: Path, text: str | None = None) -> None:
    digest = hashlib.sha256((folder / "lab.onnx").read_bytes()).hexdigest()
    (folder / SUMS).write_text(f"{text or digest}  lab.onnx\n")


def test_a_pulled_folder_is_a_model_by_its_name(repository: Path, own_models: Path) -> None:
    sums(repository)
    [one] = pull(str(repository))
    assert one.path == own_models / "lab-faces" / "lab.onnx"
    assert sorted(p.name for p in one.path.parent.iterdir()) == ["README.md", SUMS, "lab.onnx"]
    assert find_model("lab-faces").path == one.path
    assert (
        AffectModel(Path("lab-faces"), 1).metadata == AffectModel(repository / "lab.onnx").metadata
    )
    tiny_reactions(repository / "moved.onnx")
    (repository / SUMS).unlink()
    assert len(pull(str(repository))) == 2  # what was there is replaced, and names grow
    assert {"lab-faces/lab", "lab-faces/moved"} < {one.name for one in models()}
    with pytest.raises(ModelError, match="lab-faces: no such model file, and no model"):
        find_model("lab-faces")


def test_what_is_damaged_or_no_model_is_not_taken(repository: Path, own_models: Path) -> None:
    sums(repository, "0" * 64)
    with pytest.raises(ModelError, match=f"lab.onnx: its SHA-256 is not the one in {SUMS}"):
        pull(str(repository))
    (repository / SUMS).unlink()
    (repository / "lab.onnx").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"lab\.onnx: it: not a readable ONNX model"):
        pull(str(repository))
    (repository / "lab.onnx").unlink()
    with pytest.raises(ModelError, match="holds no model"):
        pull(str(repository))
    assert not list(own_models.rglob("*"))


def test_push_to_a_folder_and_pull_again(repository: Path, tmp_path: Path) -> None:
    place = tmp_path / "shared" / "drive"
    assert push(repository / "lab.onnx", str(place)) == str(place)
    assert sorted(p.name for p in place.iterdir()) == ["README.md", SUMS, "lab.onnx"]
    card = (place / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: mien\n") and "mien models pull" in card
    assert pull(str(place))[0].fault() is None


def test_the_command_lists_tells_and_checks(repository: Path) -> None:
    assert ran("pull", repository).exit_code == 0
    listed = ran("list").output
    for name in ("extractor", "mran", "reactions-simulated", "lab-faces"):
        assert f"{name} " in listed
    assert "role: mran" in ran("info", "mran").output
    assert json.loads(ran("info", "lab-faces", "--json").output)["role"] == "extractor"
    assert ran("verify").exit_code == 0
    file = find_model("lab-faces").path
    file.write_bytes(file.read_bytes()[:-9])
    found = ran("verify")
    assert isinstance(found.exception, ModelError) and "1 of the models" in str(found.exception)
    assert "damaged" in ran("list").output


class Stub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs."""

    files: dict[str, bytes]

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/api/models/lab/faces/tree/"):
            tree = [
                {"type": "file", "path": file, "size": len(data), "oid": COMMIT}
                for file, data in self.files.items()
            ]
            return self.send(200, json.dumps(tree).encode(), body, {})
        if path.startswith("/api/models/lab/faces"):
            siblings = [{"rfilename": file} for file in self.files]
            told = {"id": "lab/faces", "sha": COMMIT, "siblings": siblings}
            return self.send(200, json.dumps(told).encode(), body, {})
        if path.startswith("/lab/faces/resolve/") and name in self.files:
            data = self.files[name]
            etag = f'"{hashlib.sha1(data).hexdigest()}"'
            return self.send(200, data, body, {"ETag": etag, "X-Repo-Commit": COMMIT})
        return self.send(404, b"{}", body, {"X-Error-Code": "RepoNotFound"})

    def send(self, code: int, data: bytes, body: bool, headers: dict[str, str]) -> None:
        self.send_response(code)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sums(repository)
    Stub.files = {file.name: file.read_bytes() for file in repository.iterdir()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HF_ENDPOINT", there)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield
    server.shutdown()
    server.server_close()


def test_a_repository_of_the_hub_is_pulled(endpoint: None, own_models: Path) -> None:
    [one] = pull("lab/faces")
    assert one.path == own_models / "lab" / "faces" / "lab.onnx"
    assert sorted(p.name for p in one.path.parent.iterdir()) == ["README.md", SUMS, "lab.onnx"]
    assert find_model("lab/faces").fault() is None


def test_what_the_hub_does_not_have_is_one_line(endpoint: None, own_models: Path) -> None:
    with pytest.raises(ModelError, match=r"^nobody/nothing: the hub does not give or take it"):
        pull("nobody/nothing")
    with pytest.raises(ModelError, match=r"^a b/c: the hub does not give or take it"):
        pull("a b/c")
    assert not [p for p in own_models.rglob("*") if p.is_file()]


def test_a_model_is_pushed_with_card_and_checksum(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, Any] = {}

    class Api:
        def create_repo(self, repo_id: str, private: bool, exist_ok: bool) -> None:
            sent["repo"] = repo_id, private

        def upload_folder(self, repo_id: str, folder_path: str) -> str:
            sent["files"] = sorted(p.name for p in Path(folder_path).iterdir())
            return f"hub:{repo_id}"

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    found = ran("push", repository / "lab.onnx", "lab/faces", "--private")
    assert found.output.strip() == "hub:lab/faces"
    assert sent == {"repo": ("lab/faces", True), "files": ["README.md", SUMS, "lab.onnx"]}
