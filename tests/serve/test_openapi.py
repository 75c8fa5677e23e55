"""Whatever the OpenAPI allows is answered as it says, and never with a fault of the server.

MIEN_CASES says how many requests are made up (100; `make soak` has 2,000).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("onnx")
pytest.importorskip("schemathesis", reason="the extra `test` is not installed")
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from serving import add_result

import mien
from mien.serve.app import create_app
from mien.serve.settings import Settings
from mien.serve.store import Store

CASES = int(os.environ.get("MIEN_CASES", "100"))
ENDLESS = "/v1/events"  # a line that never ends


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, saved: Path
) -> Iterator[tuple[Any, Path, str]]:
    """The application, its folder, and a result in it; nothing that is uploaded is read."""
    data = tmp_path_factory.mktemp("served")
    key = add_result(data, saved, "clip.mp4")
    shutil.copy(
        mien.read(saved).save(data / "csv", format="csv") / "frames.csv", data / key / "results"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "claim", lambda self: None)
        app, _ = create_app(Settings(data, keep=100_000, max_upload_bytes=1_000_000))
        yield app, data, key


def test_what_the_openapi_allows_is_answered_as_it_says(served: tuple[Any, Path, str]) -> None:
    app, data, key = served
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers={"host": "localhost"})
    operations = [
        found.ok()
        for found in schema.get_all_operations()
        if found.ok().path != ENDLESS and found.ok().label != "DELETE /v1/analyses/{key}"
    ]
    assert len(operations) > 15
    open_ones = [one for one in operations if "{key}" in one.path or one.body]
    each = -(-CASES // len(open_ones))  # the others have hardly anything to be made up
    seen = 0
    for operation in operations:

        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @given(operation.as_strategy(), strategies.booleans())
        def ask(case: Any, known: bool) -> None:
            nonlocal seen
            seen += 1
            if known and "key" in case.path_parameters:
                case.path_parameters["key"] = key
            answer = case.call(headers={"host": "localhost"})
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)
            assert str(data).encode() not in answer.content
            case.validate_response(answer)

        ask()
    assert seen >= CASES
