from __future__ import annotations

from typing import Any

import pytest

from mien.pipeline.options import AnalysisOptions


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"faces": "some"}, r"faces is one of \('all', 'largest'\), not 'some'"),
        ({"gaps": "fill"}, "gaps is one of .*not 'fill'"),
        ({"min_score": 0}, r"min_score must lie in \(0, 1\], not 0"),
        ({"min_score": 1.1}, "min_score must lie in"),
        ({"min_score": float("nan")}, "min_score must lie in"),
        ({"min_quality": -0.1}, r"min_quality must lie in \[0, 1\], not -0.1"),
        ({"min_quality": 1.1}, "min_quality must lie in"),
        ({"min_quality": float("nan")}, "min_quality must lie in"),
        ({"extractor": "cleaner"}, r"extractor is one of \('default', 'clean'\), not 'cleaner'"),
        ({"extractor": "clean", "affect_model": "a.onnx"}, "give one of them"),
        ({"columns": "v3"}, r"columns is one of \('v1', 'v2'\), not 'v3'"),
        ({"threads": -1}, "threads must be 0 or more, not -1"),
        ({"stream": -1}, "stream must be 0 or more, not -1"),
        ({"max_pixels": 0}, "max_pixels must be positive, not 0"),
        *(
            ({name: value}, f"{name} must be positive, not {value}")
            for name in ("min_face_px", "detect_side_px", "max_lost_s", "min_reaction_s", "batch")
            for value in (0, -1, float("nan"), float("inf"))
        ),
    ],
)
def test_settings_out_of_range_name_themselves(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        AnalysisOptions(**settings)


def test_defaults_and_bounds_are_allowed() -> None:
    assert AnalysisOptions().batch == 16
    assert AnalysisOptions(min_score=1.0, batch=1, threads=0).min_score == 1.0
