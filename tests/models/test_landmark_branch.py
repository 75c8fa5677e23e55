"""The landmark branch: places under heatmaps, and one feature for all heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.labels import FACE_LANDMARKS
from mien.models.landmark_branch import FREE_HEATMAPS, BranchMaps, LandmarkBranch, cell_middles
from mien.models.mma import build_mma, without_input_norm

SMALL = {"widths": (8, 12, 16), "depths": (1, 1, 1), "stem_width": 8, "branch": (8, 6)}
HEATMAPS = len(FACE_LANDMARKS) + FREE_HEATMAPS


def small(**changes):
    torch.manual_seed(0)
    return build_mma("landmarks", **{**SMALL, "feature": 20, **changes})


def branch():
    torch.manual_seed(0)
    return LandmarkBranch(8, 12, 16, (8, 6), 20).eval()


def maps_with_peaks(x, y, side=28):
    """One far higher cell per map, at column x and row y."""
    heatmaps = torch.zeros(1, HEATMAPS, side, side)
    heatmaps[0, :, y, x] = 60.0
    return BranchMaps(heatmaps, torch.rand(1, 16, side, side), torch.rand(1, 16))


@pytest.mark.parametrize("side", [14, 20, 28])
def test_cells_cover_the_crop_alike_and_their_middles_are_pixel_centres(side):
    middles = cell_middles(side, torch.zeros(1)).numpy()
    # A crop spans -0.5 to 111.5, as pixel centres are whole numbers.
    edges = np.linspace(-0.5, 111.5, side + 1)
    np.testing.assert_allclose(middles, (edges[:-1] + edges[1:]) / 2, atol=1e-4)


@torch.no_grad()
def test_a_landmark_is_the_mean_place_under_its_map():
    peaks = maps_with_peaks(5, 20)
    _, landmarks = branch().read(peaks)
    assert landmarks.shape == (1, 26, 2)
    # Cells of 4 px: column 5 spans 19.5 to 23.5.
    expected = torch.tensor([21.5, 81.5]).expand(1, 26, 2)
    torch.testing.assert_close(landmarks, expected, atol=1e-3, rtol=0)
    halved = peaks.heatmaps.clone()
    halved[0, 3, 20, 7] = 60.0  # two peaks alike: half way between
    _, landmarks = branch().read(peaks._replace(heatmaps=halved))
    torch.testing.assert_close(landmarks[0, 3], torch.tensor([25.5, 81.5]), atol=1e-3, rtol=0)
    _, flat = branch().read(peaks._replace(heatmaps=torch.zeros_like(halved)))
    torch.testing.assert_close(flat, torch.full((1, 26, 2), 55.5), atol=1e-3, rtol=0)


@torch.no_grad()
def test_the_feature_knows_the_shape_and_not_where_the_face_lies():
    generator = torch.Generator().manual_seed(1)
    columns = torch.randint(4, 20, (HEATMAPS,), generator=generator)
    rows = torch.randint(4, 20, (HEATMAPS,), generator=generator)
    local = torch.rand(1, 16, 1, 1, generator=generator).expand(-1, -1, 28, 28)
    pooled = torch.rand(1, 16, generator=generator)

    def read(x, y):
        heatmaps = torch.zeros(1, HEATMAPS, 28, 28)
        heatmaps[0, torch.arange(HEATMAPS), y, x] = 60.0
        return branch().read(BranchMaps(heatmaps, local, pooled))

    (feature, landmarks), (moved, places) = read(columns, rows), read(columns + 3, rows - 2)
    torch.testing.assert_close(moved, feature, atol=1e-4, rtol=1e-4)
    steps = (places - landmarks).flatten(0, 1)
    torch.testing.assert_close(steps, torch.tensor([12.0, -8.0]).expand(26, 2), atol=1e-3, rtol=0)
    stretched, _ = read(columns, (rows - 4) // 2 + 4)
    assert (stretched - feature).abs().max() > 0.01 and feature.min() >= 0


@torch.no_grad()
def test_all_that_is_said_has_its_shape_and_range():
    model = small().eval()
    output = model(torch.rand(3, 3, 112, 112) * 2 - 1)
    face = output.face
    assert output.affect().shape == (3, 26) and output.feature.shape == (3, 20)
    shapes = {"intensities": (3, 17), "landmarks": (3, 26, 2), "pose_deg": (3, 3)}
    shapes |= {"eye_open": (3, 2), "gaze_deg": (3, 2), "quality": (3,)}
    assert {name: tuple(getattr(face, name).shape) for name in shapes} == shapes
    assert face.heatmaps.shape == (3, 42, 28, 28)
    for name, most in (("intensities", 5), ("eye_open", 1), ("quality", 1), ("landmarks", 111.5)):
        assert getattr(face, name).min() >= -0.5 and getattr(face, name).max() <= most


@torch.no_grad()
def test_heads_read_what_is_read_under_the_landmarks():
    model = small().eval()
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    convolved = model.convolved(model.prepared(faces))
    plain = model.read(convolved)
    other = model.read(convolved._replace(local=torch.rand_like(convolved.local)))
    for before, after in zip(plain[:3], other[:3], strict=True):
        assert (before - after).abs().max() > 1e-4
    torch.testing.assert_close(other.face.landmarks, plain.face.landmarks)
    torch.testing.assert_close(model.features(faces), plain.feature)


@pytest.mark.parametrize("side", [64, 80, 96])
@torch.no_grad()
def test_smaller_crops_work_and_places_are_in_pixels_of_112(side):
    model = small().eval()
    face = model(torch.rand(2, 3, side, side) * 2 - 1).face
    assert face.heatmaps.shape[-1] == side // 4
    assert (face.landmarks > -0.5).all() and (face.landmarks < 111.5).all()


def test_in_bfloat16_places_keep_their_digits():
    model = small().eval()
    prepared = model.prepared(torch.rand(4, 3, 112, 112) * 2 - 1)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        convolved = model.convolved(prepared)
    said = model.read(convolved)
    assert convolved.heatmaps.dtype == torch.bfloat16
    assert said.face.landmarks.dtype == said.feature.dtype == torch.float32
    with torch.no_grad():
        exact = model.read(model.convolved(prepared)).face.landmarks
    assert 0 < (said.face.landmarks - exact).abs().max() < 0.5


def test_gradients_reach_every_parameter_and_are_finite():
    model = small().train()
    output = model(torch.rand(4, 3, 112, 112) * 2 - 1)
    parts = [*output[:3], *output.face[:6]]
    sum(part.square().mean() for part in parts).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # Last normalisations begin at zero, which hides the first convolutions of their blocks.
    assert all(".first." in name or ".second.0." in name for name in missing), missing
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@torch.no_grad()
def test_folding_the_normalisation_before_the_feature_changes_no_answer():
    model = small()
    norm = model.branch.input_norm
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.copy_(torch.randn_like(values))
    norm.running_var.copy_(torch.rand_like(norm.running_var) + 0.5)
    faces = torch.rand(3, 3, 112, 112) * 2 - 1
    folded = without_input_norm(model.eval())
    assert isinstance(folded.branch.input_norm, torch.nn.Identity)
    torch.testing.assert_close(folded(faces).affect(), model(faces).affect(), atol=1e-5, rtol=1e-4)
    assert isinstance(model.branch.input_norm, torch.nn.BatchNorm1d)  # it is another network
    plain = build_mma("compact").eval()
    assert without_input_norm(plain) is plain


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"branch": (8,)}, "branch is empty or two numbers of channels"),
        ({"branch": (8, 0)}, "branch is empty or two numbers of channels"),
        ({"block": "bottleneck"}, "reads three stages of basic blocks"),
        ({"widths": (8, 8, 12, 16), "depths": (1, 1, 1, 1)}, "reads three stages"),
        ({"widths": (8, 12), "depths": (1, 1)}, "reads three stages"),
        ({"feature": 0}, "feature is 1 or more"),
    ],
)
def test_what_a_branch_cannot_be(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)
