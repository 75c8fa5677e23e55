import pytest
import torch

from mien.labels import REACTIONS
from mien.models.baselines.clip_cnn import ClipCNN, ClipCNNConfig, sample_clip
from mien.models.baselines.fixed_length import FixedLengthConfig, FixedLengthRNN, kept_frames
from mien.models.baselines.frame_label import FrameLabelConfig, FrameLabelRNN
from mien.models.baselines.lstm import LSTMRegressor, LSTMRegressorConfig
from mien.models.sequence_models import SEQUENCE_PRESETS, build_sequence_model
from mien.training.losses import pearson_loss
from mien.training.optimizers.routed_adam import RoutedAdam

TINY = {
    "fixed-length": lambda: FixedLengthRNN(FixedLengthConfig(positions=8, hidden=6, dense=4)),
    "frame-label": lambda: FrameLabelRNN(FrameLabelConfig(channels=6, hidden=6)),
    "lstm-regressor": lambda: LSTMRegressor(LSTMRegressorConfig(hidden=6, dense=4)),
}


@pytest.fixture(params=sorted(TINY))
def model(request):
    torch.manual_seed(0)
    return TINY[request.param]().eval()


def test_padding_further_changes_no_bit_and_nan_in_it_reaches_nothing(model):
    affect, lengths = torch.randn(3, 10, 26), torch.tensor([10, 4, 7])
    padded = torch.cat([affect, torch.full((3, 5, 26), torch.nan)], dim=1)
    padded[1, 4:] = torch.nan
    with torch.no_grad():
        assert torch.equal(model(affect, lengths), model(padded, lengths))


def test_a_batch_says_what_its_members_say_alone(model):
    affect, lengths = torch.randn(4, 12, 26), torch.tensor([12, 3, 8, 1])
    with torch.no_grad():
        together = model(affect, lengths)
        alone = [model(affect[i : i + 1], lengths[i : i + 1]) for i in range(4)]
    assert together.shape == (4, len(REACTIONS))
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


def test_a_tiny_run_overfits(model):
    affect, lengths = torch.randn(6, 12, 26), torch.tensor([12, 9, 5, 12, 7, 3])
    labels = torch.rand(6, len(REACTIONS))
    optimizer = RoutedAdam(model.parameters(), lr=2e-2)
    losses = []
    for _ in range(120):
        loss = pearson_loss(model(affect, lengths), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0]


def test_dropping_and_repeating_spreads_frames_evenly():
    frames = kept_frames(torch.tensor([3, 6, 12]), 6)
    assert frames.tolist() == [[0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 4, 5], [0, 2, 4, 6, 8, 10]]


def test_the_video_is_the_mean_of_its_frames():
    model = TINY["frame-label"]().eval()
    affect, lengths = torch.randn(2, 9, 26), torch.tensor([9, 4])
    with torch.no_grad():
        frames = model.frame_scores(affect, lengths)
        torch.testing.assert_close(model(affect, lengths)[1], frames[1, :4].mean(0))


@pytest.mark.parametrize("preset", sorted(SEQUENCE_PRESETS))
def test_outputs_follow_the_names_that_are_given(preset):
    names = ("joy", "grief")
    small = {"reactions": names, "hidden": 4}
    model = build_sequence_model(preset, small).eval()
    assert model(torch.zeros(1, 5, 26), torch.tensor([5])).shape == (1, 2)
    assert model.describe()["reactions"] == names


def test_the_clip_network_learns_which_clip_brightens():
    torch.manual_seed(0)
    model = ClipCNN(ClipCNNConfig(widths=(4, 8), reactions=("rising",)))
    rising = torch.tensor([1.0, 0, 1, 0, 1, 0, 1, 0])
    ramp = torch.linspace(-0.5, 0.5, 8)[None, None, :, None, None]
    clips = torch.where(rising[:, None, None, None, None] > 0, ramp, -ramp).expand(-1, 3, 8, 16, 16)
    clips = clips + 0.1 * torch.randn(clips.shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        loss = pearson_loss(model(clips), rising[:, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_clips_of_another_shape_are_refused_and_videos_give_clips():
    with pytest.raises(ValueError, match=r"each of the last three 8 or more, got \(1, 3, 4, 16"):
        ClipCNN()(torch.zeros(1, 3, 4, 16, 16))
    video = torch.arange(10.0)[:, None, None, None].expand(10, 3, 4, 4)
    assert sample_clip(video, 5)[0, :, 0, 0].tolist() == [0, 2, 4, 6, 8]


def test_what_a_network_cannot_do_is_said_by_name():
    from mien.models.baselines.lstm import LSTMRegressor

    model = LSTMRegressor()
    assert not model.labels_frames and not model.walks(torch.device("cpu"))
    with pytest.raises(TypeError, match="LSTMRegressor scores whole videos, not single frames"):
        model.frame_scores(torch.zeros(1, 3, 26), torch.tensor([3]))
    with pytest.raises(TypeError, match="LSTMRegressor reads padded sequences only"):
        model.packed_scores(torch.zeros(3, 26), None)
