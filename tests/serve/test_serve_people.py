"""Who is who, and the study, over REST."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx2", reason="the extra `test` is not installed")
pytest.importorskip("onnx")
from fastapi.testclient import TestClient
from serving import add_result

import mien
from mien.demo import demo_frames
from mien.output.kept.pictures import write_pictures
from mien.serve.settings import Settings
from mien.serve.store import STUDY


def names(people: list[dict[str, Any]]) -> list[str]:
    return [person["name"] for person in people]


def test_persons_are_named_merged_split_and_left_out(
    settings: Settings, saved: Path, client: TestClient
) -> None:
    place = f"/v1/analyses/{add_result(settings.data, saved, 'clip.mp4')}"

    def say(**what: Any) -> list[dict[str, Any]]:
        answer = client.post(f"{place}/people", json=what)
        assert answer.status_code == 200, answer.text
        assert answer.json() == client.get(f"{place}/people").json()
        return list(answer.json())

    before = client.get(f"{place}/people").json()
    assert names(before) == ["Face 0", "Face 1", "Face 2"]
    assert before[0] == {
        "name": "Face 0",
        "faces": [0],
        "first_s": 0.0,
        "last_s": pytest.approx(0.56),
        "frames": 15,
        "excluded": False,
    }
    table = client.get(f"{place}/frames.parquet").content
    assert names(say(do="name", who=["0"], name="Ann <b>\n")) == ["Ann <b>", "Face 1", "Face 2"]
    merged = say(do="merge", who=["Ann <b>", "2"])
    assert names(merged) == ["Ann <b>", "Face 1"] and merged[0]["faces"] == [0, 2]
    assert merged[0]["frames"] == 25
    assert say(do="exclude", who=["1"])[1]["excluded"]
    report = client.get(f"{place}/report")
    assert "Ann &lt;b&gt;" in report.text and "Face 1" not in report.text
    assert "script-src 'sha256-" in report.headers["content-security-policy"]
    assert not say(do="include", who=["1"])[1]["excluded"]
    assert len(say(do="split", who=["Ann <b>"], at_s=1.0)) == 3
    assert client.get(f"{place}/frames.parquet").content == table  # tables stay
    with zipfile.ZipFile(io.BytesIO(client.get(f"{place}/result.zip").content)) as archive:
        assert "people.json" in archive.namelist()


def test_the_pictures_of_a_report_stay(
    settings: Settings, client: TestClient, tmp_path: Path
) -> None:
    result = mien.analyze_frames(list(demo_frames(4))[:8], fps=25, name="clip.mp4")
    write_pictures(result.summaries, result.save(tmp_path / "saved"))
    place = f"/v1/analyses/{add_result(settings.data, tmp_path / 'saved', 'clip.mp4')}"
    before = client.get(f"{place}/report").text.count("data:image/jpeg")
    assert before > 1
    for what in ({"do": "name", "who": ["0"], "name": "Ann"}, {"do": "exclude", "who": ["Ann"]}):
        assert client.post(f"{place}/people", json=what).status_code == 200
    assert "data:image/jpeg" not in client.get(f"{place}/report").text  # nobody is left
    client.post(f"{place}/people", json={"do": "include", "who": ["Ann"]})
    assert client.get(f"{place}/report").text.count("data:image/jpeg") == before


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ({"do": "merge", "who": ["0", "1"]}, 409, "seen together"),
        ({"do": "merge", "who": ["0"]}, 409, "two different persons"),
        ({"do": "name", "who": ["nobody"], "name": "x"}, 409, "no person 'nobody'"),
        ({"do": "name", "who": ["0"]}, 409, "a name is a text"),
        ({"do": "name", "who": ["0"], "name": "7"}, 409, "numbers stand for faces"),
        ({"do": "split", "who": ["0"]}, 409, "cannot be split"),
        ({"do": "delete", "who": ["0"]}, 422, ""),
        ({"do": "name", "who": [], "name": "x"}, 422, ""),
        ({"do": "name", "who": ["0"], "name": "x", "path": "/etc"}, 422, ""),
    ],
)
def test_what_does_not_fit_changes_nothing(
    settings: Settings, saved: Path, client: TestClient, what: Any, status: int, said: str
) -> None:
    key = add_result(settings.data, saved, "clip.mp4")
    answer = client.post(f"/v1/analyses/{key}/people", json=what)
    assert answer.status_code == status
    assert said in str(answer.json()["detail"]) and str(settings.data) not in answer.text
    assert not (settings.data / key / "results" / "people.json").exists()
    evil = {"origin": "https://evil.example"}
    assert client.post(f"/v1/analyses/{key}/people", json=what, headers=evil).status_code == 403


def test_results_become_a_study(settings: Settings, saved: Path, client: TestClient) -> None:
    pytest.importorskip("pandas")
    assert client.get("/v1/study/study.html").status_code == 404
    assert client.get("/v1/study").json() is None
    assert client.delete("/v1/study").status_code == 404
    nothing = client.post("/v1/study")
    assert nothing.status_code == 409 and str(settings.data) not in nothing.text
    keys = [add_result(settings.data, saved, name) for name in ("../a.mp4", "a.mp4", "bé.mp4")]
    client.post(f"/v1/analyses/{keys[0]}/people", json={"do": "name", "who": ["0"], "name": "Ann"})
    made = client.post("/v1/study")
    assert made.status_code == 201, made.text
    assert made.json()["videos"] == 3 and made.json()["people"] >= 3
    page = client.get("/v1/study/study.html")
    assert page.status_code == 200 and "sandbox" in page.headers["content-security-policy"]
    summary = client.get("/v1/study/summary.csv").text
    assert "Ann" in summary and "a_2" in summary and "bé" in summary
    assert client.get("/v1/study/summary.xlsx").content[:2] == b"PK"
    with zipfile.ZipFile(io.BytesIO(client.get("/v1/study/study.zip").content)) as archive:
        assert {"study.html", "summary.csv", "comparison.csv"} < {*archive.namelist()}
        assert not any(str(settings.data).encode() in archive.read(n) for n in archive.namelist())

    with zipfile.ZipFile(io.BytesIO(client.get("/v1/results.zip").content)) as archive:
        inside = {name.split("/")[0] for name in archive.namelist()}
        assert inside == {"a", "a_2", "bé"} and "a/people.json" in archive.namelist()

    table = "video,person,condition\na,Ann,rest\na_2,Ben,film\nbé,Cem,film\n".encode()
    sent = {"participants": ("/etc/passwd", table)}
    assert client.post("/v1/study", files=sent).status_code == 201
    assert "Cem" in client.get("/v1/study/summary.csv").text
    assert client.get("/v1/study").json()["people"] == 3
    told = zipfile.ZipFile(io.BytesIO(client.get("/v1/study/study.zip").content))
    assert b'"participants": "table"' in told.read("study.json")
    assert str(settings.data).encode() not in told.read("study.json")
    wrong = client.post("/v1/study", files={"participants": ("x.csv", b"a,b\n1,2\n")})
    assert wrong.status_code == 409 and str(settings.data) not in wrong.text
    assert "Cem" in client.get("/v1/study/summary.csv").text  # that of before is still there

    assert client.delete(f"/v1/analyses/{keys[0]}").status_code == 204
    assert client.get("/v1/study/study.html").status_code == 404  # it showed what is deleted
    assert not (settings.data / STUDY).exists()
    assert {path.name for path in settings.data.iterdir() if path.is_dir()} == {*keys[1:]}
