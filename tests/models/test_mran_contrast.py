"""Features against their mean over the clip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.models.mran import MRAN, MRANConfig
from mien.models.mran.contrast import with_contrast
from mien.models.mran.encoders import Features

SMALL = MRANConfig(
    clip_frames=6,
    size_px=32,
    color_widths=(4, 6, 8, 6),
    guide_widths=(4, 4, 6, 4),
    color_hidden=(6, 6),
    guide_hidden=(4, 4),
    recognition=(8, 8),
    contrast=True,
)


def some_features(present):
    generator = torch.Generator().manual_seed(3)
    sizes = (5, 4, 4), (3, 2, 2)
    there = present[:, :, None, None, None]
    return Features(
        *(torch.randn(*present.shape, *size, generator=generator) * there for size in sizes)
    )


def test_it_is_the_difference_from_the_mean_of_what_is_there():
    present = torch.ones(6, 3)
    present[1:4, 0] = 0
    present[:, 2] = 0  # nothing of this clip
    features = some_features(present)
    found = with_contrast(features, present)
    for part, both in zip(features, found, strict=True):
        assert both.shape[2] == 2 * part.shape[2]
        plain, contrast = (
            both.numpy().astype(np.float64).reshape(*both.shape[:2], 2, -1).swapaxes(0, 2)
        )  # (batch, time, values) each, from (time, batch, 2, values)
        values = part.numpy().astype(np.float64).reshape(6, 3, -1).swapaxes(0, 1)
        np.testing.assert_array_equal(plain.reshape(values.shape), values)
        contrast = contrast.reshape(values.shape)
        for clip, there in enumerate(present.T.numpy().astype(bool)):
            expected = np.zeros_like(values[clip])
            if there.any():
                expected[there] = values[clip, there] - values[clip, there].mean(axis=0)
            np.testing.assert_allclose(contrast[clip], expected, atol=1e-6)


def test_a_face_that_does_not_move_has_no_contrast():
    still = some_features(torch.ones(1, 2))
    clip = Features(*(part.expand(6, -1, -1, -1, -1) for part in still))
    volume = with_contrast(clip, torch.ones(6, 2)).volume
    torch.testing.assert_close(volume[:, :, 5:], torch.zeros(6, 2, 5, 4, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("recurrence", ["guided", "concatenated"])
@torch.no_grad()
def test_later_frames_change_earlier_ones_only_where_they_are_there(recurrence):
    torch.manual_seed(0)
    model = MRAN(replace(SMALL, recurrence=recurrence)).eval()
    streams = {
        n: torch.rand(1, 6, c, 32, 32)
        for n, c in zip(("color", "depth", "thermal"), (3, 1, 1), strict=True)
    }
    changed = {name: clip.clone() for name, clip in streams.items()}
    changed["depth"][:, 5] = 0
    for there in (True, False):
        present = torch.ones(1, 6, 3)
        present[:, 5, 1] = float(there)
        before, after = (model(given, present).affect[0, 0] for given in (streams, changed))
        assert torch.equal(before, after) != there


def test_it_is_refused_frame_by_frame():
    with pytest.raises(ValueError, match="contrast reads the whole clip: not with recurrence"):
        replace(SMALL, recurrence="framewise")
