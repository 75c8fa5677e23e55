"""Features against their mean over the clip."""

import numpy as np
import torch

from mien.models.mran.contrast import with_contrast
from mien.models.mran.encoders import Features


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
