"""A server of tests, with a small model and a detector that does what a picture says."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from mien.serve.app import create_app
from mien.serve.settings import Settings
from mien.serve.store import Store, new_key

HOST = "http://127.0.0.1"


@contextmanager
def serving(settings: Settings) -> Iterator[TestClient]:
    app, _ = create_app(settings)
    with TestClient(app, base_url=HOST, follow_redirects=False) as client:
        yield client


def upload(client: TestClient, content: bytes | Path, name: str = "a.png", **headers: str) -> Any:
    data = content.read_bytes() if isinstance(content, Path) else content
    return client.post("/v1/analyses", files={"file": (name, data)}, headers=headers)


def until(look: Callable[[], Any], states: tuple[str, ...], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found["state"] in states:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found}")


def ended(client: TestClient, key: str, seconds: float = 60) -> dict[str, Any]:
    return until(lambda: client.get(f"/v1/analyses/{key}").json(), ("done", "failed"), seconds)


def add_result(data: Path, saved: Path, name: str) -> str:
    """A result as if it had been uploaded and read; its key."""
    store, key = Store(data), new_key()
    store.folder(key).mkdir()
    shutil.copytree(saved, store.folder(key) / "results")
    store.add(key, name, ".mp4", 1, keep=99)
    store._do("UPDATE analyses SET state = 'done', ended_s = 1e12, faces = 2 WHERE id = ?", key)
    store.close()
    return key
