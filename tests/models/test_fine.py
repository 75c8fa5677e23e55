"""The network that places landmarks and reads faces from there."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.labels import EXPRESSION_SLICE
from mien.models.fine import FEATURE, Drawn, FineReader
from mien.models.mma import MMAConfig, build_mma

SMALL = (4, 8, 8, 16)


def reader(seed=0):
    torch.manual_seed(seed)
    return FineReader(SMALL).eval()


@pytest.mark.parametrize("side", [48, 112])
def test_a_map_of_one_cell_places_its_landmark_in_the_middle_of_that_cell(side):
    model, cells = reader(), side // 4
    maps = torch.zeros(1, 42, cells, cells)
    maps[0, 3, 5, 7] = 80.0
    maps[0, 4, 5, 7] = maps[0, 4, 6, 9] = 80.0
    drawn = Drawn(maps, torch.rand(1, 16, cells, cells), torch.rand(1, 16, cells // 4, cells // 4))
    with torch.no_grad():
        places = model.read(drawn).places[0]
    cell = 112 / cells  # pixels of a 112-px crop, whatever side is shown
    one = torch.tensor([7.5 * cell - 0.5, 5.5 * cell - 0.5])
    torch.testing.assert_close(places[3], one)
    torch.testing.assert_close(places[4], one + torch.tensor([cell, cell / 2]))
    torch.testing.assert_close(places[0], torch.full((2,), 55.5))  # a flat map knows nothing


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_reading_equals_a_plain_reference_in_float64(seed):
    model = reader(seed)
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(2, 42, 6, 6)) * 3
    around, whole = rng.uniform(size=(2, 16, 6, 6)), rng.uniform(size=(2, 16, 2, 2))
    norm, even = model.feature[0][1], model.even[1]
    with torch.no_grad():
        for statistic, ends in ((even.running_mean, (-1, 1)), (even.running_var, (0.5, 2))):
            statistic.copy_(torch.linspace(*ends, len(statistic)))
        weight = model.feature[0][0].weight[:, :, 0, 0].double().numpy()
        own = model.even[0].weight[:, 0, 0, 0].double().numpy()
        found = model.read(Drawn(*(torch.tensor(x).float() for x in (maps, around, whole))))
    for face in range(2):
        places, looks = [], []
        for drawn in maps[face]:
            share = np.exp(drawn - drawn.max())
            share /= share.sum()
            y, x = np.mgrid[:6, :6]
            cell = 112 / 6
            places.append([((x + 0.5) * cell - 0.5).ravel() @ share.ravel(),
                           ((y + 0.5) * cell - 0.5).ravel() @ share.ravel()])  # fmt: skip
            looks.append((around[face] * share).sum((1, 2)))
        places = np.array(places)
        marks = places[:26]
        middle = marks.mean(0)
        size = np.sqrt(((marks - middle) ** 2).mean() + 1)
        shape = (places - middle) / size
        read = np.concatenate([shape.ravel(), np.ravel(looks), whole[face].mean((1, 2))])
        mean, variance = even.running_mean.double().numpy(), even.running_var.double().numpy()
        read = (10 * own * read - mean) / np.sqrt(variance + even.eps)
        wanted = np.maximum(weight @ read / np.sqrt(1 + norm.eps), 0)
        np.testing.assert_allclose(found.feature[face], wanted, atol=2e-4)
        np.testing.assert_allclose(found.places[face], marks, atol=2e-4)


def test_it_learns_where_a_dot_is_to_a_fraction_of_its_map_s_cells():
    torch.manual_seed(0)
    model = FineReader(SMALL).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def dots(count, generator):
        at = torch.rand(count, 2, generator=generator) * 32 + 16
        away = (x - at[:, :1, None]) ** 2 + (y - at[:, 1:, None]) ** 2
        return torch.exp(-away / 8)[:, None] * 4, (at + 0.5) * (112 / 64) - 0.5

    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        pictures, places = dots(16, generator)
        loss = (model(pictures).places[:, 0] - places).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pictures, places = dots(64, generator)
    with torch.no_grad():
        missed = (model.eval()(pictures).places[:, 0] - places).abs().mean()
    assert missed < 1.75  # a quarter of a cell (7 px); the middle of all would miss by 14


def test_expressions_do_not_read_it_and_a_batch_says_what_its_members_say_alone():
    torch.manual_seed(0)
    model = build_mma("compact", fine=SMALL).eval()
    faces = torch.rand(3, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        before = model(faces).affect()
        alone = torch.cat([model(face[None]).affect() for face in faces])
        torch.testing.assert_close(before, alone, atol=1e-5, rtol=0)
        assert model.features(faces).shape == (3, 256 + FEATURE)
        model.fine.stem[0].weight.mul_(-1)
        after = model(faces).affect()
    assert torch.equal(after[:, EXPRESSION_SLICE], before[:, EXPRESSION_SLICE])
    assert (after - before)[:, 9:].abs().max() > 1e-5
    assert MMAConfig(inner_px=96, fine=SMALL).full_px == 112
    assert MMAConfig(inner_px=96).full_px == 96 and MMAConfig().full_px == 112


def test_it_calculates_in_float64_where_it_is_asked_to():
    torch.manual_seed(0)
    model = build_mma("compact", fine=SMALL).eval()
    faces = torch.rand(2, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        plain = model(faces)
        exact = model.double()(faces.double())
    assert {x.dtype for x in exact} == {torch.float64}
    for one, other in zip(plain, exact, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-4, rtol=0)


def test_it_sees_single_pixels_and_no_color():
    torch.manual_seed(0)
    model = build_mma("compact", fine=SMALL, luminance=False).eval()
    grey = torch.rand(1, 1, 112, 112) - 0.5
    shift = 0.2 * torch.rand(1, 1, 112, 112)
    colored = torch.cat([grey + shift, grey, grey - shift * 0.299 / 0.114], dim=1)
    with torch.no_grad():
        seen, other = (model.fine(model.detail(x)) for x in (grey.expand(-1, 3, -1, -1), colored))
        torch.testing.assert_close(seen.places, other.places, atol=1e-2, rtol=0)
        torch.testing.assert_close(seen.feature, other.feature, atol=1e-3, rtol=0)
        dotted = grey.expand(-1, 3, -1, -1).clone()
        dotted[:, :, 50, 50] = 0.9
        assert not torch.equal(model.fine(model.detail(dotted)).feature, seen.feature)


@pytest.mark.parametrize("channels", [(8, 8, 8), (8, 8, 8, 0)])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(ValueError, match="fine is empty or four numbers of channels"):
        MMAConfig(fine=channels)
