import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.losses import MMATargets
from mien.training.augment import AugmentConfig
from mien.training.mixup import mixed


def batch(count, seed=0):
    """Faces whose only pixel and whose targets are all the same number, some without labels."""
    generator = torch.Generator().manual_seed(seed)
    value = torch.rand(count, generator=generator)
    known = torch.arange(count) % 3 != 0
    nothing = torch.full((count, 1), math.nan)
    column = value[:, None]
    units = torch.where(known[:, None], column, nothing).repeat(1, 17)
    units[:, 5] = math.nan  # a unit without a teacher
    targets = MMATargets(
        torch.where(known[:, None], column, nothing).repeat(1, 2),
        known,
        torch.where(known[:, None], column, nothing).repeat(1, 7),
        torch.where(known, value, torch.zeros(())),
        units,
        torch.isfinite(units),
        torch.where(known[:, None], column, nothing).repeat(1, 47),
        column[:, :, None].repeat(1, 26, 2),
        column[:, :, None].repeat(1, 26, 2),
    )
    return value.view(-1, 1, 1, 1), targets, known


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 40),
    rate=st.floats(0, 1),
    strength=st.floats(0.05, 3),
    seed=st.integers(0, 99),
)
def test_faces_and_all_their_targets_are_blended_alike(count, rate, strength, seed):
    crops, targets, known = batch(count, seed)
    found, new = mixed(crops, targets, rate, strength, torch.Generator().manual_seed(seed))
    value = found.flatten()
    assert value.min() >= crops.min() - 1e-6 and value.max() <= crops.max() + 1e-6
    for name in ("valence_arousal", "expressions", "action_units", "blendshapes"):
        labels = getattr(new, name)
        before = torch.isfinite(getattr(targets, name))
        assert torch.equal(torch.isfinite(labels), before)  # nothing gained, nothing lost
        torch.testing.assert_close(labels[before], value[:, None].expand_as(labels)[before])
    torch.testing.assert_close(new.expression_weight[known], value[known])
    blended = value != crops.flatten()
    assert new.landmarks[blended].isnan().all()  # of two faces in one nobody can say
    kept = new.landmarks.isfinite().all(2).all(1)
    assert torch.equal(new.landmarks[kept], targets.landmarks[kept])
    torch.testing.assert_close(new.places, new.landmarks, equal_nan=True)
    assert not blended[kept].any() and (rate > 0 or kept.all())
    assert torch.equal(new.valence_arousal_mask, targets.valence_arousal_mask)
    assert torch.equal(new.action_unit_mask, targets.action_unit_mask)


def test_the_rate_is_the_share_of_blended_faces_and_a_face_stays_mostly_itself():
    crops = torch.eye(2000).view(2000, 1, 1, 2000)
    _, targets, _ = batch(2000)
    targets = MMATargets(
        **{f.name: getattr(targets, f.name)[:1].repeat_interleave(2000, 0) for f in fields(targets)}
    )
    found, _ = mixed(crops, targets, 0.5, 0.3, torch.Generator().manual_seed(0))
    own = found.view(2000, 2000).diagonal()
    assert 0.45 < float((own < 1).float().mean()) < 0.55
    assert float(own.min()) >= 0.5
    torch.testing.assert_close(found.view(2000, 2000).sum(1), torch.ones(2000))


def test_without_it_nothing_is_drawn():
    crops, targets, _ = batch(4)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert mixed(crops, targets, 0.0, 0.3, generator) == (crops, targets)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("change", [{"mixup_rate": 1.5}, {"mixup": 0.0}])
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match="mixup_rate lies in"):
        AugmentConfig(**change)
