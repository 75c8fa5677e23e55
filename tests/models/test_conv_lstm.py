import numpy as np
import pytest
import torch

from mien.models.blocks.conv_lstm import ConvLSTM, ConvLSTMCell, run_cell
from mien.models.blocks.ga_lstm import GALSTM, GALSTMCell

STEPS, BATCH, INPUTS, HIDDEN, GUIDANCE, SIDE = 5, 2, 3, 4, 6, 5


def convolved(x, weight):
    """3 x 3 convolution that keeps the size, entry by entry of the kernel, float64."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    side = x.shape[-1]
    out = np.zeros((len(x), len(weight), side, side))
    for dy in range(3):
        for dx in range(3):
            window = padded[:, :, dy : dy + side, dx : dx + side]
            out += np.einsum("bchw,kc->bkhw", window, weight[:, :, dy, dx])
    return out


def reference(cell, x, guidance=None):
    """States of all steps, straight from the equations, in float64."""
    w = {name: value.detach().double().numpy() for name, value in cell.state_dict().items()}
    h = c = np.zeros((x.shape[1], cell.hidden, SIDE, SIDE))
    states = []
    for t, frame in enumerate(x.double().numpy()):
        gates = convolved(frame, w["from_input.weight"]) + w["from_input.bias"][:, None, None]
        if "from_hidden.weight" in w:
            gates = gates + convolved(h, w["from_hidden.weight"])
        else:
            h = c = np.zeros_like(c)
        if guidance is not None:
            gates = gates + convolved(guidance[t].double().numpy(), w["from_guidance.weight"])
        i, f, o, g = np.split(gates, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-v)) for v in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        states.append((h, c))
    return states


@pytest.fixture
def clip():
    torch.manual_seed(0)
    return torch.randn(STEPS, BATCH, INPUTS, SIDE, SIDE)


@pytest.fixture
def guidance():
    torch.manual_seed(1)
    return torch.randn(STEPS, BATCH, GUIDANCE, SIDE, SIDE)


@pytest.mark.parametrize("recurrent", [True, False])
def test_conv_lstm_cell_follows_the_reference_step_by_step(clip, recurrent):
    cell = ConvLSTMCell(INPUTS, HIDDEN, recurrent).double()
    state = None
    for x, (h, c) in zip(clip.double(), reference(cell, clip), strict=True):
        state = cell(x, state)
        np.testing.assert_allclose(state[0].detach().numpy(), h, atol=1e-12)
        np.testing.assert_allclose(state[1].detach().numpy(), c, atol=1e-12)


@pytest.mark.parametrize("recurrent", [True, False])
def test_ga_lstm_cell_follows_the_reference_step_by_step(clip, guidance, recurrent):
    cell = GALSTMCell(INPUTS, HIDDEN, GUIDANCE, recurrent).double()
    state = None
    steps = zip(clip.double(), guidance.double(), reference(cell, clip, guidance), strict=True)
    for x, guide, (h, c) in steps:
        state = cell.guided(x, guide, state)
        np.testing.assert_allclose(state[0].detach().numpy(), h, atol=1e-12)
        np.testing.assert_allclose(state[1].detach().numpy(), c, atol=1e-12)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("recurrent", [True, False])
def test_layers_say_in_float32_what_the_reference_says(clip, guidance, recurrent, grad):
    plain, guided = ConvLSTM(INPUTS, HIDDEN, recurrent), GALSTM(INPUTS, HIDDEN, 6, recurrent)
    with torch.set_grad_enabled(grad):
        found = (
            plain(clip).detach(),
            guided(clip, [guidance[:, :, :2], guidance[:, :, 2:]]).detach(),
        )
    wanted = reference(plain.cell, clip), reference(guided.cell, clip, guidance)
    for states, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(states.numpy(), np.stack([h for h, _ in expected]), atol=2e-6)


def test_without_guidance_weights_it_is_the_plain_conv_lstm_bit_for_bit(clip, guidance):
    guided, plain = GALSTM(INPUTS, HIDDEN, GUIDANCE), ConvLSTM(INPUTS, HIDDEN)
    with torch.no_grad():
        guided.cell.from_guidance.weight.zero_()
    shared = {k: v for k, v in guided.state_dict().items() if "guidance" not in k}
    plain.load_state_dict(shared)
    assert torch.equal(guided(clip, [guidance]), plain(clip))
    with torch.no_grad():
        assert torch.equal(guided(clip, [guidance * 100]), plain(clip))
    grads = []
    for layer, states in ((guided, guided(clip, [guidance])), (plain, plain(clip))):
        states.square().sum().backward()
        grads.append(layer.cell.from_hidden.weight.grad)
    assert torch.equal(grads[0], grads[1])


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_gradients_equal_those_of_the_steps_taken_one_by_one(steps):
    torch.manual_seed(3)
    layer = GALSTM(INPUTS, HIDDEN, GUIDANCE)
    x = torch.randn(steps, BATCH, INPUTS, SIDE, SIDE, requires_grad=True)
    guide = torch.randn(steps, BATCH, GUIDANCE, SIDE, SIDE, requires_grad=True)
    toward = torch.randn(steps, BATCH, HIDDEN, SIDE, SIDE)
    inputs = [x, guide, *layer.parameters()]
    together = torch.autograd.grad((layer(x, [guide]) * toward).sum(), inputs, allow_unused=True)
    state, states = None, []
    for frame, own in zip(x, guide, strict=True):
        state = layer.cell.guided(frame, own, state)
        states.append(state[0])
    single = torch.autograd.grad((torch.stack(states) * toward).sum(), inputs, allow_unused=True)
    for a, b in zip(together, single, strict=True):
        if b is None:  # a clip of one frame never reads the recurrent weights
            assert a is None and steps == 1
        else:
            torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "shape",
    [
        (STEPS - 1, BATCH, SIDE, SIDE),
        (STEPS, BATCH + 1, SIDE, SIDE),
        (STEPS, BATCH, SIDE + 1, SIDE),
    ],
)
def test_guidance_of_another_clip_is_refused(clip, shape):
    layer = GALSTM(INPUTS, HIDDEN, GUIDANCE)
    with pytest.raises(ValueError, match="does not go with frames"):
        layer(clip, [torch.zeros(*shape[:2], GUIDANCE, *shape[2:])])


@pytest.mark.parametrize("grad", [True, False])
def test_a_cell_that_reads_more_or_less_than_it_can_says_so(clip, guidance, grad):
    plain, guided = ConvLSTM(INPUTS, HIDDEN).cell, GALSTM(INPUTS, HIDDEN, GUIDANCE).cell
    with torch.set_grad_enabled(grad):
        with pytest.raises(ValueError, match=r"reads 0 tensor\(s\).* 1 are given"):
            run_cell(plain, clip, guidance)
        with pytest.raises(ValueError, match=r"reads 1 tensor\(s\).* 0 are given"):
            run_cell(guided, clip)


@pytest.mark.parametrize("grad", [True, False])
def test_no_clips_have_no_states(clip, grad):
    with torch.set_grad_enabled(grad):
        states = ConvLSTM(INPUTS, HIDDEN)(clip[:, :0])
    assert states.shape == (STEPS, 0, HIDDEN, SIDE, SIDE)


def test_reduced_precision_is_left_to_torch(clip):
    layer = ConvLSTM(INPUTS, HIDDEN)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = layer(clip.bfloat16())
    torch.testing.assert_close(states.float(), layer(clip), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("grad", [True, False])
def test_a_frame_knows_nothing_of_later_ones_and_frame_by_frame_nothing_of_any(clip, grad):
    layer, alone = ConvLSTM(INPUTS, HIDDEN), ConvLSTM(INPUTS, HIDDEN, recurrent=False)
    changed = clip.clone()
    changed[3] += 1
    with torch.set_grad_enabled(grad):
        assert torch.equal(layer(changed)[:3], layer(clip)[:3])
        assert not torch.equal(layer(changed)[4], layer(clip)[4])
        assert torch.equal(alone(changed)[[0, 1, 2, 4]], alone(clip)[[0, 1, 2, 4]])
