"""The page in a real browser: from an upload to its report to nothing; for everybody's eyes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the extra `browser` is not installed")
pytest.importorskip("fastapi", reason="the extra `serve` is not installed")


def shown(window: Any, text: str) -> bool:
    return text in window.page.inner_text("#list")


def report_in(page: Any) -> Any:
    """The report in its frame, when it is there."""
    page.wait_for_load_state()
    for _ in range(200):
        found = [frame for frame in page.frames if frame.url.endswith("/report")]
        if found:
            found[0].wait_for_load_state()
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError("the report does not come")


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_from_upload_to_report_to_delete(
    open_window: Callable[..., Any], address: str, portrait: Path, screen: str
) -> None:
    window = open_window(address, screen)
    page = window.page
    page.set_input_files("#files", portrait)
    window.wait(lambda: shown(window, "done: 1 person"))
    window.picture(f"serve-{screen}")
    window.no_serious_fault()
    with page.context.expect_page() as opened:
        page.click("#list .open")
    report = report_in(opened.value)
    assert "portrait.mp4" in report.inner_text("h1")
    assert report.locator("svg").count() > 3
    assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.value.close()
    with page.expect_download() as download:
        page.click("#list .zip")
    assert download.value.suggested_filename == "portrait-mien.zip"
    page.click("#list .delete")
    assert page.inner_text("#list .delete") == "Really delete?"
    page.click("#list .delete")
    window.wait(lambda: page.locator("#list li").count() == 0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert window.faults == []
    assert window.origins() == {address}


def test_a_folder_its_people_and_its_study(
    open_window: Callable[..., Any], serve: Callable[..., str], portrait: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pandas", reason="the extra `study` is not installed")
    folder = tmp_path / "session"
    (folder / "second").mkdir(parents=True)
    for name in ("a.mp4", "second/b.mp4"):
        (folder / name).write_bytes(portrait.read_bytes())
    (folder / "notes.txt").write_text("no video")
    window = open_window(address := serve("--jobs", "2"))
    page = window.page
    page.set_input_files("#folder", folder)
    window.wait(lambda: page.inner_text("#list").count("done: 1 person") == 2)
    assert "notes" not in page.inner_text("#list")

    item = page.locator("#list li").filter(has_text="a.mp4").first
    item.locator(".who").click()
    name = item.locator(".persons input[type=text]")
    name.fill("Ann")
    name.press("Enter")
    window.wait(lambda: page.inner_text("#said") == "The report follows what you said.")
    with page.context.expect_page() as opened:
        item.locator(".open").click()
    report = report_in(opened.value)
    assert "Ann" in report.inner_text("body")
    assert report.locator(".strip img").count() > 0  # the upload is gone, its pictures are not
    opened.value.close()

    page.click("#study-make")
    window.wait(lambda: page.is_visible("#study-open"))
    assert page.inner_text("#study-state").startswith("Of 2 results, 2 people.")
    window.picture("people-desktop", whole=True)
    window.no_serious_fault()
    with page.context.expect_page() as opened:
        page.click("#study-open")
    opened.value.wait_for_load_state()
    assert "Ann" in opened.value.inner_text("body")
    opened.value.close()
    name = item.locator(".persons input[type=text]")
    name.fill("7")  # numbers stand for faces
    name.press("Enter")
    window.wait(lambda: item.locator(".people .message").is_visible())
    assert name.input_value() == "Ann"
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.picture("people-phone", whole=True)
    page.click("#study-delete")
    window.wait(lambda: page.is_hidden("#study-open"))
    faults = [fault for fault in window.faults if "409" not in fault]  # the name that was none
    assert faults == [] and window.origins() == {address}


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_marks_are_made_kept_and_seen_again(
    open_window: Callable[..., Any],
    serve: Callable[..., str],
    portrait: Path,
    screen: str,
    tmp_path: Path,
) -> None:
    window = open_window(address := serve(), screen)
    window.page.set_input_files("#files", portrait)
    window.wait(lambda: shown(window, "done: 1 person"))
    page = window.page
    page.goto(address + page.get_attribute("#list .open", "href"))
    report = report_in(page)

    window.wait(lambda: page.evaluate("document.activeElement.id") == "report")  # for its keys
    # By key: begun where the cursor is, ended a little later.
    report.focus(".shared .scrub")
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("m")
    for _ in range(3):
        page.keyboard.press("PageUp")
    page.keyboard.press("m")
    window.wait(lambda: page.inner_text("#state") == "1 mark kept.")
    # By dragging, named at once.
    lane = report.locator(".new .lane")
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 8, steps=4)
    page.mouse.up()
    page.keyboard.type("smile")
    page.keyboard.press("Enter")
    window.wait(lambda: report.locator(".lanes .row").count() == 3)
    assert report.locator(".lanes .row .left").all_inner_texts() == ["", "mark", "smile"]
    # By typing.
    second = report.locator(".noted li").nth(1)
    second.locator(".duration").fill("0.2")
    second.locator(".duration").press("Enter")
    second.locator(".onset").fill("0.6")
    second.locator(".onset").press("Enter")
    table = "fetch(document.getElementById('marks').href).then((answer) => answer.text())"
    window.wait(lambda: "0.600,0.200,smile" in page.evaluate(table))
    window.picture(f"marks-{screen}")
    window.no_serious_fault()
    type(window)(report).no_serious_fault()
    assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")

    with page.expect_download() as download:
        page.click("#marks")
    download.value.save_as(tmp_path / "events.csv")
    kept = (tmp_path / "events.csv").read_text().splitlines()
    assert kept[0] == "onset,duration,label" and kept[2] == "0.600,0.200,smile"
    label, lasts_s = kept[1].split(",")[2], float(kept[1].split(",")[1])
    assert label == "mark" and 0.1 < lasts_s < 0.2  # three twentieths of a second

    page.reload()
    report = report_in(page)
    assert report.locator(".lane .span").count() == 2
    bar = report.get_by_role("button", name="smile, 0.60 s, 0.20 s long", exact=True)
    bar.focus()
    page.keyboard.press("Delete")
    window.wait(lambda: page.inner_text("#state") == "1 mark kept.")
    assert window.faults == [] and window.origins() == {address}


def test_a_report_reads_well(
    open_window: Callable[..., Any], portrait: Path, tmp_path: Path
) -> None:
    import mien

    mien.analyze(portrait).save(tmp_path / "result")
    for screen in ("desktop", "phone"):
        window = open_window((tmp_path / "result" / "report.html").as_uri(), screen)
        window.no_serious_fault()
        assert window.faults == []
        assert len(window.requests) == 1  # it is one file


def test_a_page_of_others_sees_nothing(
    open_window: Callable[..., Any], address: str, serve: Callable[..., str]
) -> None:
    """What another server's page could try: reading, writing, framing."""
    page = open_window(serve()).page  # another origin: another port
    page.context.add_cookies([{"name": "mien_token", "value": "x", "url": address}])
    blocked = page.evaluate(
        """async (place) => {
          const said = [];
          for (const init of [{}, { method: "POST", mode: "no-cors", body: new FormData() }]) {
            try { await fetch(`${place}/v1/analyses`, init); said.push("let through"); }
            catch { said.push("refused"); }
          }
          return said;
        }""",
        address,
    )
    assert blocked == ["refused", "refused"]
