"""A hundred damaged media files; `make soak` reads two thousand."""

from __future__ import annotations

import pytest

from soak import soak


@pytest.mark.slow
def test_damaged_files_cost_one_line_each() -> None:
    assert soak(100, seed=1) == []
