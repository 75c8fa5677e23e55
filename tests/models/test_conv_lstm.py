import numpy as np
import pytest
import torch

from mien.models.blocks import conv_lstm_walk
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


def test_the_gradient_written_out_by_hand_is_the_gradient():
    torch.manual_seed(2)
    layer = ConvLSTM(2, 2).double()
    x = torch.randn(3, 2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    weights = dict(layer.named_parameters())

    def run(x, *values):
        return torch.func.functional_call(layer, dict(zip(weights, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *weights.values()))


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
        # A clip of one frame never reads the recurrent weights: no gradient, or one of zeros.
        torch.testing.assert_close(
            torch.zeros(()) if a is None else a,
            torch.zeros_like(a) if b is None else b,
            atol=2e-5,
            rtol=1e-4,
        )


def test_compiled_loops_say_what_the_plain_ones_say_bit_for_bit(clip, guidance, monkeypatch):
    layer, found = GALSTM(INPUTS, HIDDEN, GUIDANCE), []
    compiled = conv_lstm_walk._forth, conv_lstm_walk._back
    plain = conv_lstm_walk._forth_loop, conv_lstm_walk._back_loop
    for forth, back in (compiled, compiled, plain):  # a compiled loop may change after it ran
        monkeypatch.setattr(conv_lstm_walk, "_forth", forth)
        monkeypatch.setattr(conv_lstm_walk, "_back", back)
        states = layer(clip, [guidance])
        grads = torch.autograd.grad(states.square().sum(), list(layer.parameters()))
        found.append([states.detach(), *grads])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("size", [(6, 6), (5, 4), (1, 3)])
def test_threads_that_share_a_batch_change_nothing(size):
    torch.manual_seed(4)
    layer = GALSTM(INPUTS, HIDDEN, GUIDANCE).double()
    x = torch.randn(4, 3, INPUTS, *size, dtype=torch.float64, requires_grad=True)
    guide = torch.randn(4, 3, GUIDANCE, *size, dtype=torch.float64, requires_grad=True)
    inputs = [x, guide, *layer.parameters()]
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 8):
            torch.set_num_threads(threads)
            states = layer(x, [guide])
            found.append([states.detach(), *torch.autograd.grad(states.square().sum(), inputs)])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.skipif(not hasattr(torch.jit, "script"), reason="this torch has no TorchScript")
def test_the_loops_are_compiled_where_torch_can_do_so():
    assert conv_lstm_walk._forth is not conv_lstm_walk._forth_loop
    assert conv_lstm_walk._back is not conv_lstm_walk._back_loop


def test_what_the_way_back_needs_is_let_go_after_it(clip):
    states = ConvLSTM(INPUTS, HIDDEN)(clip)
    assert len(states.grad_fn.saved_tensors) > 3
    states.sum().backward()
    with pytest.raises(RuntimeError, match="freed"):
        assert states.grad_fn.saved_tensors


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
