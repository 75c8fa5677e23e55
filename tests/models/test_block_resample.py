import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.models.blocks.resample import resample_square, resample_weights
from mien.models.mma import MMAConfig, build_mma


@pytest.mark.parametrize(("source", "target"), [(112, 96), (112, 48), (50, 32), (40, 64)])
def test_it_is_the_usual_antialiased_resampling(source, target):
    image = torch.rand(2, 3, source, source)
    expected = torch.nn.functional.interpolate(
        image, (target, target), mode="bilinear", antialias=True
    )
    torch.testing.assert_close(
        resample_square(image, resample_weights(source, target)), expected, atol=1e-5, rtol=0
    )


@given(st.integers(1, 130), st.integers(1, 130))
def test_every_target_pixel_is_a_mean_of_sources(source, target):
    weights = resample_weights(source, target)
    assert weights.shape == (target, source) and (weights >= 0).all()
    assert not weights.is_floating_point() and (weights.sum(dim=1) > 0).all()
    flat = torch.full((1, 1, source, source), 0.7)
    torch.testing.assert_close(
        resample_square(flat, weights), torch.full((1, 1, target, target), 0.7)
    )


def test_the_weights_of_the_shipped_network_fit_into_bytes():
    assert resample_weights(112, 96).dtype == torch.uint8
    assert resample_weights(1999, 1000).dtype == torch.int32


def test_a_network_with_a_size_of_its_own_shrinks_what_is_larger_and_only_that():
    model = build_mma("compact", widths=(8,), depths=(1,), stem_width=8, inner_px=48).eval()
    large = torch.rand(2, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        small = resample_square(large, resample_weights(112, 48))
        torch.testing.assert_close(model(large).affect(), model(small).affect())
        tiny = model(small[:, :, :32, :32]).affect()
    assert torch.isfinite(tiny).all()
    with pytest.raises(ValueError, match="inner_px is 0 or a multiple of 16, not 50"):
        MMAConfig(inner_px=50)
