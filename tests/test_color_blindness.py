"""The shipped extractor reads luminance: on colored faces, color changes nothing."""

import numpy as np
import pytest
from PIL import Image

from mien.faces.align import to_network
from mien.runtime.models import AffectModel
from mien.synthetic.faces.generation import synthesize_images

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """uint8 (6, 112, 112, 3): six SYNTHETIC people in color."""
    folder = tmp_path_factory.mktemp("colored")
    synthesize_images(
        folder, 6, 3, modalities=("color",), framing="aligned", images_per_person=1, jobs=1
    )
    files = sorted((folder / "color").rglob("*.png"))
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def estimates(faces):
    """Affect (n, 26) of float crops (n, 3, 112, 112), past the rounding to bytes."""
    return AffectModel()._session.run(None, {"faces": np.ascontiguousarray(faces, np.float32)})[0]


@pytest.mark.slow
def test_color_changes_nothing_where_luminance_stays(faces):
    inputs = to_network(faces)  # (n, 3, 112, 112) in [-1, 1]
    grey = np.einsum("nchw,c->nhw", inputs, LUMINANCE)[:, None].repeat(3, axis=1)
    colorfulness = np.abs(inputs - grey).mean(axis=(1, 2, 3))
    assert (colorfulness > 0.02).all()  # these are colored pictures
    seen = estimates(inputs)
    np.testing.assert_allclose(estimates(grey), seen, atol=2e-4)
    np.testing.assert_allclose(estimates(2 * inputs - grey), seen, atol=2e-4)  # twice as colored
    cast = np.stack([grey[:, 0] + 0.3, grey[:, 0], grey[:, 0] - 0.3 * 0.299 / 0.114], axis=1)
    np.testing.assert_allclose(estimates(cast), seen, atol=2e-4)
    assert np.abs(seen - estimates(0.5 * grey**2)).max() > 0.01  # while luminance does


@pytest.mark.slow
def test_grey_pictures_of_whole_numbers_are_read_as_the_colored_ones(faces):
    grey = np.rint(faces @ LUMINANCE).astype(np.uint8)[..., None].repeat(3, axis=3)
    model = AffectModel()
    difference = np.abs(model.predict(grey) - model.predict(faces))
    assert difference.mean() < 0.003 and difference.max() < 0.05  # rounding to bytes is left
