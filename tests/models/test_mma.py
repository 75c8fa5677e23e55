import pytest
import torch

from mien.labels import EXPRESSION_SLICE
from mien.models.mma import PRESETS, MMAConfig, MMAExtractor, build_mma


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_gives_26_numbers_in_range(preset):
    model = build_mma(preset).eval()
    with torch.no_grad():
        affect = model(torch.rand(2, 3, 112, 112) * 2 - 1).affect()
    assert affect.shape == (2, 26) and affect.dtype == torch.float32
    assert affect[:, :2].abs().max() <= 1
    torch.testing.assert_close(affect[:, EXPRESSION_SLICE].sum(1), torch.ones(2))
    assert ((affect[:, 9:] >= 0) & (affect[:, 9:] <= 1)).all()


def test_parameter_counts_are_those_of_the_architectures():
    def millions(preset):
        return sum(p.numel() for p in build_mma(preset).parameters()) / 1e6

    assert millions("compact") < 2.0
    assert millions("landmarks") < 4.0  # 8 MB in half precision
    # torchvision's resnet18 and resnet50 without their 1000-class layers, plus our heads.
    assert millions("resnet18") == pytest.approx(11.177 + 0.013, abs=0.005)
    assert millions("resnet50") == pytest.approx(23.508 + 0.053, abs=0.005)


@pytest.mark.parametrize("preset", ["compact", "landmarks"])
def test_in_evaluation_a_batch_says_what_its_members_say_alone(preset):
    model = build_mma(preset).eval()
    faces = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        together = model(faces).affect()
        alone = torch.cat([model(face[None]).affect() for face in faces])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_compact_preset_cannot_see_colour():
    model = build_mma("compact").eval()
    grey = torch.rand(2, 1, 112, 112) * 1.2 - 0.6
    # Any colour with the same luminance: move red and blue against each other.
    shift = 0.2 * torch.rand(2, 1, 112, 112)
    coloured = torch.cat([grey + shift, grey, grey - shift * 0.299 / 0.114], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(
            model(coloured).affect(), model(grey.expand(-1, 3, -1, -1)).affect(), atol=1e-4, rtol=0
        )


def test_the_papers_network_says_the_26_numbers_and_nothing_else():
    output = build_mma("compact").eval()(torch.zeros(2, 3, 112, 112))
    assert output.face is None and output.feature.shape == (2, 256)
    assert output.expression_logits.shape == (2, 7) and output.au_logits.shape == (2, 17)


def test_a_larger_crop_is_brought_to_the_inner_side():
    model = build_mma("compact", inner_px=96)
    assert model.prepared(torch.rand(1, 3, 112, 112)).shape == (1, 1, 96, 96)
    assert model.prepared(torch.rand(1, 3, 80, 80)).shape == (1, 1, 80, 80)
    assert model.config.full_px == 96 and build_mma("landmarks").config.full_px == 112


def test_standardised_input_takes_out_exposure_and_contrast():
    model = build_mma("compact").eval()
    faces = torch.rand(2, 3, 112, 112) - 0.5
    with torch.no_grad():
        plain, shifted = model(faces).affect(), model(faces + 0.4).affect()
    torch.testing.assert_close(plain, shifted, atol=1e-4, rtol=0)


def test_input_is_unmodified_gradients_finite_and_a_blank_face_is_no_accident():
    model = build_mma("compact")
    faces = torch.rand(4, 3, 80, 80) * 2 - 1
    faces[0] = 0.25
    before = faces.clone()
    model(faces).affect().sum().backward()
    assert torch.equal(faces, before)
    grads = [p.grad for p in model.parameters()]
    assert all(torch.isfinite(g).all() for g in grads if g is not None)
    assert model.action_units.weight.grad.abs().max() > 0


def test_unknown_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="unknown preset 'tiny'"):
        build_mma("tiny")
    with pytest.raises(ValueError, match="stem is 'wide', 'half' or 'resnet', not 'big'"):
        MMAExtractor(MMAConfig(stem="big"))
    with pytest.raises(ValueError, match="block is one of"):
        MMAConfig(block="dense")
    with pytest.raises(ValueError, match="differ in length"):
        MMAConfig(widths=(8,), depths=(1, 1))
