"""A person's own marks over REST: kept beside the result, in its report, in the study."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
pytest.importorskip("onnx")
from fastapi.testclient import TestClient
from serving import add_result, serving

from mien.serve.settings import Settings

SMILE = {"onset": 0.2, "duration": 0.4, "label": "smile"}
LOOK = {"onset": 0.1, "duration": 0.0, "label": "look"}


def test_marks_are_kept_shown_and_taken_away(
    settings: Settings, saved: Path, client: TestClient
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    place = f"/v1/analyses/{key}"
    assert client.get(f"{place}/marks").json() == {"marks": []}
    assert client.get(f"{place}/events.csv").status_code == 404
    answer = client.put(f"{place}/marks", json={"marks": [SMILE, LOOK]})
    assert answer.status_code == 200, answer.text
    assert answer.json() == client.get(f"{place}/marks").json() == {"marks": [LOOK, SMILE]}
    table = client.get(f"{place}/events.csv")
    assert table.text == "onset,duration,label\r\n0.100,0.000,look\r\n0.200,0.400,smile\r\n"
    assert "attachment" in table.headers["content-disposition"]
    assert '"label":"smile"' in client.get(f"{place}/report").text
    client.post(f"{place}/people", json={"do": "name", "who": ["0"], "name": "Ann"})
    report = client.get(f"{place}/report")
    assert '"label":"smile"' in report.text and "Ann" in report.text
    with zipfile.ZipFile(io.BytesIO(client.get(f"{place}/result.zip").content)) as archive:
        assert archive.read("events.csv") == table.content
    assert client.put(f"{place}/marks", json={"marks": []}).json() == {"marks": []}
    assert client.get(f"{place}/events.csv").status_code == 404
    assert "smile" not in client.get(f"{place}/report").text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a\nb", "a b"),
        ("</script><script>alert(1)</script>", "</script><script>alert(1)</script>"),
        (" ", "mark"),
    ],
)
def test_labels_are_texts_on_one_line(
    settings: Settings, saved: Path, client: TestClient, sent: str, kept: str
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    answer = client.put(
        f"/v1/analyses/{key}/marks",
        content=json.dumps({"marks": [{"onset": 1, "label": sent}]}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["marks"] == [{"onset": 1.0, "duration": 0.0, "label": kept}]
    assert "<script>alert" not in client.get(f"/v1/analyses/{key}/report").text


@pytest.mark.parametrize(
    "marks",
    [
        [{"onset": 1, "duration": -1, "label": "a"}],
        [{"onset": 1e9, "label": "a"}],
        [{"onset": 1, "label": ""}],
        [{"onset": 1, "label": "x" * 201}],
        [{"onset": "soon", "label": "a"}],
        [{"onset": 1, "label": "a", "path": "/etc/passwd"}],
        [LOOK] * 1001,
    ],
)
def test_what_is_no_mark_is_refused(
    settings: Settings, saved: Path, client: TestClient, marks: Any
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    client.put(f"/v1/analyses/{key}/marks", json={"marks": [SMILE]})
    assert client.put(f"/v1/analyses/{key}/marks", json={"marks": marks}).status_code == 422
    assert client.get(f"/v1/analyses/{key}/marks").json() == {"marks": [SMILE]}


@pytest.mark.parametrize(
    "text",
    [
        '{"marks": [{"onset": NaN, "label": "a"}]}',
        '{"marks": [{"onset": 1, "duration": Infinity, "label": "a"}]}',
        '{"marks": [{"onset": 1, "label": "\\ud800"}]}',
        '{"marks": [{"onset": 1, "label": "a", "\\ud800": 1}]}',
    ],
)
def test_what_json_cannot_say_again_is_refused(
    settings: Settings, saved: Path, client: TestClient, text: str
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    headers = {"content-type": "application/json"}
    answer = client.put(f"/v1/analyses/{key}/marks", content=text, headers=headers)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][0] == "body"


def test_a_table_that_is_damaged_is_said_without_its_place(
    settings: Settings, saved: Path, client: TestClient
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    (settings.data / key / "results" / "events.csv").write_text("onset,duration,label\nx,1,a\n")
    answer = client.get(f"/v1/analyses/{key}/marks")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "events.csv, line 2: onset is 'x'; give seconds"


def test_others_can_neither_write_nor_frame(
    settings: Settings, saved: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    place = f"/v1/analyses/{key}/marks"
    evil = {"origin": "https://evil.example"}
    assert client.put(place, json={"marks": [SMILE]}, headers=evil).status_code == 403
    page = client.get(f"/results/{key}")
    assert page.status_code == 200 and key not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    rules = client.get(f"/v1/analyses/{key}/report").headers["content-security-policy"]
    assert "frame-ancestors 'self'" in rules and "sandbox allow-scripts" in rules
    assert "allow-same-origin" not in rules + page.text
    for unknown in ("0" * 32, "..%2f..%2fetc", "x"):
        assert client.get(f"/results/{unknown}").status_code == 404
        answer = client.put(f"/v1/analyses/{unknown}/marks", json={"marks": []})
        assert answer.status_code == 404


def test_without_the_token_nothing_is_marked(
    settings: Settings, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.serve.store import Store

    monkeypatch.setattr(Store, "claim", lambda self: None)
    key = add_result(settings.data, saved, "clip.mp4")
    with serving(replace(settings, token="0123456789abcdef-token")) as client:
        for path in (f"/results/{key}", f"/v1/analyses/{key}/marks"):
            assert client.get(path).status_code == 401
        answer = client.put(f"/v1/analyses/{key}/marks", json={"marks": [SMILE]})
        assert answer.status_code == 401
    assert not (settings.data / key / "results" / "events.csv").exists()


def test_marks_are_the_events_of_the_study(
    settings: Settings, saved: Path, client: TestClient
) -> None:
    pytest.importorskip("pandas")
    keys = [add_result(settings.data, saved, name) for name in ("a.mp4", "b.mp4")]
    none = client.post("/v1/study", data={"marks": "true"})
    assert none.status_code == 409 and "no result has a mark" in none.json()["detail"]
    client.put(f"/v1/analyses/{keys[0]}/marks", json={"marks": [SMILE, LOOK]})
    client.put(f"/v1/analyses/{keys[1]}/marks", json={"marks": [{**SMILE, "label": "frown"}]})
    table = {"events": ("e.csv", b"onset,duration,label\n0,1,x\n")}
    both = client.post("/v1/study", data={"marks": "true"}, files=table)
    assert both.status_code == 409 and "not both" in both.json()["detail"]
    made = client.post("/v1/study", data={"marks": "true"})
    assert made.status_code == 201, made.text
    rows = list(csv.DictReader(io.StringIO(client.get("/v1/study/summary.csv").text)))
    assert {(row["video"], row["event"]) for row in rows} == {("a", "smile"), ("b", "frown")}
    assert client.post("/v1/study").status_code == 201
    assert "smile" not in client.get("/v1/study/summary.csv").text
