from __future__ import annotations

from typing import Any

import cv2
import onnxruntime as ort
import pytest

from mien import sessions
from mien.errors import ModelError
from mien.faces.detectors import DETECTORS, make_detector
from mien.runtime.models import AffectModel, shipped_extractor
from mien.sessions import DEVICES, chosen_device, integers_are_faster, open_session


def only(monkeypatch: pytest.MonkeyPatch, *providers: str) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(providers))


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("CPUExecutionProvider",), "cpu"),
        (("CUDAExecutionProvider", "CPUExecutionProvider"), "cuda"),
        (("DmlExecutionProvider", "CPUExecutionProvider"), "directml"),
        (("CoreMLExecutionProvider", "CPUExecutionProvider"), "cpu"),
    ],
)
def test_auto_takes_what_was_installed_on_purpose(monkeypatch, there, chosen) -> None:
    only(monkeypatch, *there)
    assert chosen_device("auto") == chosen and chosen_device("cpu") == "cpu"


def test_a_device_that_is_not_there_is_one_line_with_what_to_do(monkeypatch) -> None:
    only(monkeypatch, "CPUExecutionProvider")
    with pytest.raises(ModelError, match="device cuda: this ONNX Runtime has cpu only; install on"):
        chosen_device("cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_the_provider_comes_first_and_the_processor_does_the_rest(monkeypatch, device) -> None:
    asked: dict[str, Any] = {}

    def stub(model: object, options: Any, providers: list[str]) -> str:
        asked.update(threads=options.intra_op_num_threads, providers=providers)
        return "session"

    monkeypatch.setattr(ort, "InferenceSession", stub)
    assert open_session(b"", 3, device) == "session"
    assert asked["threads"] == 3
    assert asked["providers"][0] == DEVICES[device]
    assert asked["providers"][-1] == "CPUExecutionProvider"
    assert len(set(asked["providers"])) == len(asked["providers"])


@pytest.mark.parametrize("flag", ["AVX512VNNI", "AVX_VNNI", "AVX2"])
def test_integers_need_products_of_bytes(monkeypatch, flag) -> None:
    names = {5: "AVX2", 6: "AVX512VNNI", 7: "AVX_VNNI"}
    monkeypatch.setattr(cv2, "getHardwareFeatureName", lambda k: names.get(k, ""))
    monkeypatch.setattr(cv2, "checkHardwareSupport", lambda k: names[k] == flag)
    integers_are_faster.cache_clear()
    try:
        assert integers_are_faster() == (flag != "AVX2")
    finally:
        integers_are_faster.cache_clear()


def test_float32_is_read_where_it_is_asked_for_or_faster(monkeypatch) -> None:
    for fast in (True, False):
        monkeypatch.setattr("mien.runtime.models.integers_are_faster", lambda fast=fast: fast)
        name = "extractor-int8.onnx" if fast else "extractor.onnx"
        assert shipped_extractor(False, "cpu") + ".onnx" == name
        assert shipped_extractor(True, "cpu") == "extractor"
        assert shipped_extractor(False, "cuda") == "extractor"


def test_detectors_that_know_no_device_are_not_told(monkeypatch) -> None:
    told: list[dict[str, Any]] = []

    def plain(*, max_side_px, score_threshold, min_face_px, threads) -> Any:
        told.append({"threads": threads})

    def others(**settings: Any) -> Any:
        told.append(settings)

    def knowing(*, device, **settings: Any) -> Any:
        told.append({"device": device})

    for make in (plain, others, knowing):
        monkeypatch.setattr(type(DETECTORS), "__getitem__", lambda *_, make=make: make)
        make_detector("any", threads=2, device="cuda")
    assert told[0] == {"threads": 2}
    assert "device" not in told[1] and told[2] == {"device": "cuda"}


def test_both_extractors_say_the_same_of_themselves() -> None:
    precise, fast = (AffectModel(ships=shipped_extractor(p, "cpu")) for p in (True, False))
    assert fast.labels == precise.labels and fast.details == precise.details
    assert fast.trust == precise.trust and fast.quality_level == precise.quality_level
    assert fast.reads_luma and precise.reads_luma
    if integers_are_faster():
        assert fast.metadata["precision"] == "int8"
    assert sessions.chosen_device("cpu") == "cpu"
