"""The server: every route, what it refuses, and what survives a restart."""

from __future__ import annotations

import io
import json
import socket
import sqlite3
import time
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
pytest.importorskip("onnx")
from fastapi.testclient import TestClient
from serving import HOST, ended, serving, until, upload

import mien.cli.serve
import mien.serve.listen
from fault_detector import picture
from mien.cli import cli
from mien.errors import ConfigError
from mien.serve.app import shown_name
from mien.serve.settings import Settings
from mien.serve.store import Store, new_key

TOKEN = "0123456789abcdef-token"


@contextmanager
def idle(settings: Settings, monkeypatch) -> Iterator[TestClient]:
    """A server that reads nothing, for what is asked of requests alone."""
    monkeypatch.setattr(Store, "claim", lambda self: None)
    with serving(settings) as client:
        yield client


def events(text: str) -> list[Any]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def test_from_upload_to_results_to_delete(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as client:
        answer = upload(client, picture(tmp_path / "x.png"), "my <b>face.png")
        made = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v1/analyses/{made['id']}"
        place = answer.headers["location"]
        told = events(client.get(f"{place}/events").text)
        assert told[-1]["state"] == "done" and told[-1]["faces"] == 1
        assert client.get("/v1/analyses").json() == [told[-1]] == [client.get(place).json()]

        document = client.get(f"{place}/video.json").json()
        assert document["source"]["path"] == "my <b>face.png"
        report = client.get(f"{place}/report")
        assert "my &lt;b&gt;face" in report.text and "<b>face" not in report.text
        assert str(settings.data) not in report.text + json.dumps(document)
        rules = report.headers["content-security-policy"]
        assert "script-src 'sha256-" in rules and "sandbox allow-scripts" in rules
        assert client.get(f"{place}/frames.csv").text.startswith('"frame')
        assert client.get(f"{place}/frames.parquet").content[:4] == b"PAR1"
        packed = client.get(f"{place}/result.zip")
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            assert archive.testzip() is None
            names = {"frames.csv", "frames.parquet", "report.html", "video.json"}
            assert {*archive.namelist()} == names
            assert archive.read("report.html") == report.content
        assert packed.content == client.get(f"{place}/result.zip").content
        folder = settings.data / made["id"]
        assert not list(folder.glob("upload*"))

        assert client.delete(place).status_code == 204
        assert not folder.exists()
        assert client.get(place).status_code == client.delete(place).status_code == 404


def test_the_csv_is_that_of_analyze(settings: Settings, tmp_path: Path) -> None:
    from mien.jobs import Batch, Job, analyze_one
    from mien.output.results import Contents
    from mien.pipeline.analyzer import Analyzer

    source = picture(tmp_path / "x.png")
    batch = Batch(settings.options, Contents("csv"))
    analyze_one(Analyzer(settings.options), Job(str(source), tmp_path / "out"), batch)
    with serving(settings) as client:
        key = upload(client, source).json()["id"]
        ended(client, key)
        given = client.get(f"/v1/analyses/{key}/frames.csv").content
    assert given == (tmp_path / "out" / "frames.csv").read_bytes()


@pytest.mark.parametrize("doing", ["raises", "is killed"])
def test_one_that_goes_wrong_costs_itself_alone(
    settings: Settings, tmp_path: Path, doing: str
) -> None:
    with serving(settings) as client:
        bad = upload(client, picture(tmp_path / "bad.png", doing), "bad one.png").json()["id"]
        good = upload(client, picture(tmp_path / "good.png")).json()["id"]
        failed = ended(client, bad)
        assert failed["state"] == "failed" and failed["message"].startswith("bad one.png: ")
        assert str(settings.data) not in failed["message"]
        assert ended(client, good)["state"] == "done"
        refused = client.get(f"/v1/analyses/{bad}/report")
        assert refused.status_code == 409 and refused.json()["detail"] == failed["message"]
        assert not list((settings.data / bad).iterdir()) or not list(
            (settings.data / bad).glob("upload*")
        )


def test_what_is_no_picture_says_so(settings: Settings) -> None:
    with serving(settings) as client:
        failed = ended(client, upload(client, b"#EXTM3U\n/etc/passwd", "list.m3u8").json()["id"])
        assert failed["state"] == "failed" and failed["message"].startswith("list.m3u8: ")


def test_uploads_at_once_are_all_read(settings: Settings, tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{seed}.png", seed=seed) for seed in range(4)]
    with serving(replace(settings, jobs=2)) as client, ThreadPoolExecutor(4) as pool:
        keys = [answer.json()["id"] for answer in pool.map(lambda f: upload(client, f), files)]
        assert len({*keys}) == 4
        assert {ended(client, key)["state"] for key in keys} == {"done"}


def test_what_was_running_is_read_after_a_restart(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as client:
        key = upload(client, picture(tmp_path / "h.png", "hangs"), "slow.png").json()["id"]
        until(lambda: client.get(f"/v1/analyses/{key}").json(), ("running",))
        assert client.get(f"/v1/analyses/{key}/video.json").status_code == 409
    found = Store(settings.data)
    entry = found.get(key)
    found.close()
    assert entry is not None and entry.state == "queued"
    source = next((settings.data / key).glob("upload*"))
    picture(source)  # no longer one that hangs
    with serving(settings) as client:
        assert ended(client, key)["state"] == "done"


def test_a_killed_server_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    store = Store(settings.data)
    half, waits, tried = new_key(), new_key(), new_key()
    for key in (half, waits, tried):
        store.folder(key).mkdir()
        picture(store.folder(key) / "upload.png")
    (store.folder(waits) / ".mien-somewhere-1-abcdefgh").mkdir()
    for key in (tried, waits):
        store.add(key, f"{key[:4]}.png", ".png", 1, keep=9)
    for _ in range(2):
        assert store.claim() is not None
    store.close()
    with sqlite3.connect(settings.data / "serve.sqlite") as base:
        base.execute("UPDATE analyses SET attempts = 3 WHERE id = ?", (tried,))
    base.close()
    with serving(settings) as client:
        assert ended(client, waits)["state"] == "done"
        assert "three times" in ended(client, tried)["message"]
    assert not (settings.data / half).exists()
    assert {entry.name for entry in (settings.data / waits).iterdir()} <= {"results", "progress"}


def test_one_that_runs_can_be_deleted(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as client:
        key = upload(client, picture(tmp_path / "h.png", "hangs")).json()["id"]
        until(lambda: client.get(f"/v1/analyses/{key}").json(), ("running",))
        assert client.delete(f"/v1/analyses/{key}").status_code == 204
        good = upload(client, picture(tmp_path / "good.png")).json()["id"]
        assert ended(client, good)["state"] == "done"  # its place is free again
        assert not (settings.data / key).exists()


def test_a_bomb_is_refused_before_it_is_decoded(settings: Settings) -> None:
    """A picture of 900 million pixels, and a zip of zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    side = 30_000
    head = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])  # one bit a pixel
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("face.png", bytes(50_000_000))
    with serving(settings) as client:
        for content, name in ((bomb, "bomb.png"), (packed.getvalue(), "bomb.zip")):
            failed = ended(client, upload(client, content, name).json()["id"])
            assert failed["state"] == "failed" and failed["message"].startswith(f"{name}: ")


def test_one_that_takes_too_long_fails(settings: Settings, tmp_path: Path) -> None:
    with serving(replace(settings, max_minutes=0.01)) as client:
        key = upload(client, picture(tmp_path / "h.png", "hangs"), "h.png").json()["id"]
        assert ended(client, key)["message"] == "h.png: took longer than 0.01 minutes"


def test_what_ended_long_ago_is_deleted(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    with serving(settings) as client:
        key = upload(client, picture(tmp_path / "x.png")).json()["id"]
        assert ended(client, key)["state"] == "done"
    with idle(replace(settings, keep_hours=1e-9), monkeypatch) as client:
        waits = upload(client, b"x").json()["id"]  # has no end yet, however old it gets
        kept = [waits, key]
        deadline = time.monotonic() + 20
        while len(kept) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
            kept = [one["id"] for one in client.get("/v1/analyses").json()]
        assert kept == [waits]
    assert not (settings.data / key).exists()
    assert (settings.data / waits).is_dir()


@pytest.mark.parametrize(
    "name",
    ["../../../evil.mp4", "/etc/passwd", "..\\..\\evil.exe", "a/../../b.sqlite", "C:\\x.png", ".."],
)
def test_no_name_of_others_is_a_path(
    settings: Settings, tmp_path: Path, monkeypatch, name: str
) -> None:
    with idle(settings, monkeypatch) as client:
        made = upload(client, b"x", name).json()
        assert not {"/", "\\"} & {*made["name"]}
        inside = {str(p.relative_to(tmp_path)) for p in (tmp_path / "data").rglob("*")}
        files = {Path(p).name for p in inside if made["id"] in p}
        assert files <= {made["id"], "upload", "upload.mp4", "upload.png"}
        assert {p.name for p in tmp_path.iterdir()} == {"data"}


@pytest.mark.parametrize("key", ["0" * 32, "serve.sqlite", "nobody%0a"])
def test_an_unknown_analysis_is_not_found(settings: Settings, monkeypatch, key: str) -> None:
    with idle(settings, monkeypatch) as client:
        for end in ("", "/events", "/report", "/frames.csv", "/video.json", "/result.zip"):
            assert client.get(f"/v1/analyses/{key}{end}").status_code == 404
        assert client.delete(f"/v1/analyses/{key}").status_code in (404, 405)


def test_what_is_too_large_is_refused(settings: Settings, monkeypatch) -> None:
    with idle(replace(settings, max_upload_bytes=10_000), monkeypatch) as client:
        assert upload(client, b"x" * 20_000).status_code == 413

        def pieces() -> Iterator[bytes]:  # chunked: its size is not said
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            for _ in range(20):
                yield b"x" * 1000
            yield b"\r\n--b--\r\n"

        kind = {"content-type": "multipart/form-data; boundary=b"}
        assert client.post("/v1/analyses", content=pieces(), headers=kind).status_code == 413
        assert client.get("/v1/analyses").json() == []
        assert [p for p in settings.data.iterdir() if p.is_dir()] == []


def test_no_more_are_kept_than_allowed(settings: Settings, monkeypatch) -> None:
    with idle(replace(settings, keep=1), monkeypatch) as client:
        assert upload(client, b"x").status_code == 201
        assert upload(client, b"x").status_code == 507


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"--b\r\n"])
def test_a_body_that_is_none_is_refused(settings: Settings, monkeypatch, content: bytes) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    with idle(settings, monkeypatch) as client:
        answer = client.post("/v1/analyses", content=content, headers=kind)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"origin": HOST}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example"}, 421),
        ({"host": "[::1"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:8765"}, 201),
        ({"host": "[::1]:8765"}, 201),
    ],
)
def test_pages_of_others_cannot_write(
    settings: Settings, monkeypatch, headers: dict[str, str], status: int
) -> None:
    with idle(settings, monkeypatch) as client:
        assert upload(client, b"x", **headers).status_code == status
        assert len(client.get("/v1/analyses").json()) == (status == 201)


def test_pages_of_others_cannot_delete_or_read_by_another_name(
    settings: Settings, monkeypatch
) -> None:
    with idle(settings, monkeypatch) as client:
        place = upload(client, b"x").headers["location"]
        evil = {"origin": "https://evil.example"}
        assert client.delete(place, headers=evil).status_code == 403
        assert client.get(place, headers={"host": "evil.example"}).status_code == 421
        assert client.get(place).status_code == 200


def test_without_the_token_nothing_is_said(settings: Settings, monkeypatch) -> None:
    settings = replace(settings, host="0.0.0.0", token=TOKEN)
    with idle(settings, monkeypatch) as client:
        bad = [
            {},
            {"authorization": f"Bearer {TOKEN}x"},
            {"authorization": f"Basic {TOKEN}"},
            {"authorization": "Bearer"},
            {"authorization": "Bearer \u00e9\u00ff".encode("latin-1")},
            {"cookie": "mien_token=wrong"},
            {"cookie": "mien_token"},
        ]
        for path in ("/", "/page.js", "/v1/analyses", "/v1/openapi.json", "/nowhere", "/v1/events"):
            for headers in bad:
                assert client.get(path, headers=headers).status_code == 401
        assert upload(client, b"x").status_code == 401
        assert client.get(f"/?token={TOKEN}x").status_code == 401
        assert client.get(f"/v1/analyses?token={TOKEN}").status_code == 401
        good = {"authorization": f"Bearer {TOKEN}"}
        assert client.get("/v1/analyses", headers=good).status_code == 200
        assert client.get("/v1/analyses", headers={**good, "host": "evil.example"}).is_error
        login = client.get(f"/?token={TOKEN}")
        assert login.status_code == 303 and login.headers["location"] == "/"
        assert "HttpOnly" in login.headers["set-cookie"]
        assert client.get("/v1/analyses").status_code == 200  # by the cookie
        assert upload(client, b"x", origin="https://evil.example").status_code == 403


def test_every_answer_carries_the_rules(settings: Settings, monkeypatch) -> None:
    with idle(settings, monkeypatch) as client:
        answers = [
            client.get(path)
            for path in ("/", "/page.js", "/page.css", "/icon.svg", "/v1/analyses", "/nowhere")
        ]
        answers += [
            client.get("/", headers={"host": "evil.example"}),
            client.post("/"),
            upload(client, b""),
        ]
        for answer in answers:
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers


def test_the_page_asks_nobody_else(settings: Settings, monkeypatch) -> None:
    with idle(settings, monkeypatch) as client:
        for path in ("/", "/page.js", "/people.js", "/study.js", "/page.css"):
            text = client.get(path).text
            assert "http://" not in text and "https://" not in text and "innerHTML" not in text
        page = client.get("/").text
        assert "<style" not in page and "style=" not in page and "onclick" not in page
        assert "not what someone feels" in page


def test_openapi_has_every_route(settings: Settings, monkeypatch) -> None:
    with idle(settings, monkeypatch) as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
        ends = ("", "/events", "/report", "/frames.csv", "/frames.parquet", "/video.json")
        assert {f"/v1/analyses/{{key}}{end}" for end in (*ends, "/result.zip")} < {*paths}
        assert {*paths["/v1/analyses"]} == {"get", "post"}
        assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("", "upload"), ("a\x1b[31m\u202e.mp4", "a\\x1b[31m\\u202e.mp4"), ("x" * 999, "x" * 200)],
)
def test_names_are_shown_on_one_line(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown


def test_the_verb_names_the_extra(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mien.cli.serve, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install '.*\[serve\]'"):
        cli.main(["serve", "--data", str(tmp_path)], standalone_mode=False)


def test_a_host_for_others_gets_a_token(monkeypatch, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    kept: list[Settings] = []
    monkeypatch.setattr(
        "mien.serve.listen.listen", lambda settings, port, say: kept.append(settings)
    )
    for host in ("127.0.0.1", "0.0.0.0"):
        cli.main(["serve", "--data", str(tmp_path), "--host", host], standalone_mode=False)
    assert kept[0].token is None and len(kept[1].token or "") >= 32
    assert not any(tmp_path.iterdir())


def test_results_are_kept_so_long_after_they_are_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    done, waits = new_key(), new_key()
    for key in (done, waits):
        store.folder(key).mkdir()
        store.add(key, "a.png", ".png", 1, keep=9)
    claimed = store.claim()
    assert claimed is not None
    long_ago = time.time() - 7200
    store._do("UPDATE analyses SET created_s = ?", long_ago)
    assert store.expired(time.time() - 3600) == []  # one runs, one waits
    store.done(claimed[0].id, 1, 1)
    assert store.expired(time.time() - 3600) == []  # it was done just now
    assert store.expired(time.time() + 1) == [claimed[0].id]
    store.close()


def test_a_full_disk_for_a_moment_ends_no_worker(
    settings: Settings, tmp_path: Path, monkeypatch
) -> None:
    claim, failures = Store.claim, iter(range(2))

    def full(self: Store) -> object:
        if next(failures, None) is not None:
            raise sqlite3.OperationalError("database or disk is full")
        return claim(self)

    monkeypatch.setattr(Store, "claim", full)
    with serving(settings) as client:
        key = upload(client, picture(tmp_path / "x.png")).json()["id"]
        assert ended(client, key)["state"] == "done"


def test_files_of_the_user_in_the_data_folder_are_left_alone(tmp_path: Path, monkeypatch) -> None:
    import mien.serve.listen as module

    data = tmp_path / "project"
    (data / "tmp").mkdir(parents=True)
    (data / "tmp" / "mine.txt").write_text("mine")
    (data / "incoming").mkdir()
    (data / "incoming" / "half").write_text("left by a killed server")
    monkeypatch.setattr(module._Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("tempfile.tempdir", None)
    module.listen(Settings(data), 0, lambda line: None)
    assert (data / "tmp" / "mine.txt").read_text() == "mine"
    assert not (data / "incoming" / "half").exists()


def test_answers_go_out_at_once() -> None:
    # Else the second part of each waits 40 ms for the other side to confirm the first.
    with (
        mien.serve.listen._socket("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
