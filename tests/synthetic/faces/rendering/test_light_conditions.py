"""Three lights on one scene: what differs and what must not."""

from __future__ import annotations

import numpy as np
import pytest

from mien.labels import ACTION_UNITS
from mien.synthetic.faces import HeadModel
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.rendering.conditions import CONDITIONS, draw_condition
from mien.synthetic.faces.rendering.lights import Bars, Light, LightPlay
from mien.synthetic.faces.rendering.studio import Studio

SEEDS = range(40)


def scenes(light: str) -> list:
    return [draw_condition(seed, "aligned", 64, light) for seed in SEEDS]


def test_only_light_and_color_differ() -> None:
    colored = {
        "kind", "sky", "ground", "lamps", "play", "change", "backdrop", "exposure_ev", "noise",
    }  # fmt: skip
    for three in zip(*(scenes(light) for light in CONDITIONS), strict=True):
        assert [scene.kind for scene in three] == list(CONDITIONS)
        for name in set(three[0].__slots__) - colored:
            for other in three[1:]:
                np.testing.assert_array_equal(getattr(other, name), getattr(three[0], name), name)
    assert draw_condition(3, "aligned", 64, "dark").attributes["light"] == "dark"
    with pytest.raises(ValueError, match=r"light is one of .* not 'any'"):
        draw_condition(3, "aligned", 64, "any")


def test_harsh_light_changes_within_two_seconds_and_the_others_do_not() -> None:
    times_s = np.arange(24) / 12.5
    plays = {"pulse": 0, "period_s": 0, "bars": 0}
    for scene in scenes("harsh"):
        lights = [scene.lights_at(t)[0] for t in times_s]
        turns = np.array([np.arctan2(light.toward[0], light.toward[2]) for light in lights])
        gains = np.array([light.color.sum() for light in lights])
        phases = [0.0 if light.bars is None else light.bars.phase for light in lights]
        assert np.ptp(np.unwrap(turns)) > 0.02
        assert np.ptp(gains) / gains.max() > 0.05 or np.ptp(phases) > 0.5
        assert all(np.linalg.norm(light.toward) == pytest.approx(1, abs=1e-5) for light in lights)
        assert scene.play is not None
        for name in plays:
            plays[name] += bool(getattr(scene.play, name))
    assert min(plays.values()) > 10
    for light in ("even", "dark"):
        for scene in scenes(light):
            assert scene.lights_at(0.0) is scene.lights_at(1.7) is scene.lamps


def test_dark_is_dark() -> None:
    levels = [scene.exposure_ev for scene in scenes("dark")]
    assert -4.5 <= min(levels) < -4.2 and -3.3 < max(levels) <= -3
    assert all(scene.noise >= 0.08 for scene in scenes("dark"))


def test_a_lamp_is_switched_and_swings() -> None:
    lamp = Light(np.array([0, 0, 1], np.float32), np.ones(3, np.float32), True)
    play = LightPlay(swing=0.5, swing_hz=0.25, pulse=1.0, pulse_hz=0.5, pulse_phase=np.pi / 2)
    later = play.at(lamp, 1.0)
    np.testing.assert_allclose(later.toward, [np.sin(0.5), 0, np.cos(0.5)], atol=1e-6)
    np.testing.assert_allclose(later.color, np.exp(-1), atol=1e-6)
    assert later.casts


def test_bars_let_a_known_share_through() -> None:
    bars = Bars(np.array([1, 0, 0], np.float32), 100.0, 0.0, 6.0, 0.1)
    points = np.array([[25, 7, 3], [75, 0, 0], [125, 0, 9], [0, 0, 0]], np.float32)
    np.testing.assert_allclose(bars.share(points), [1, 0.1, 1, 0.55], atol=1e-4)


@pytest.mark.slow
def test_depth_and_thermal_pictures_do_not_know_the_light(head: HeadModel) -> None:
    pytest.importorskip("embreex", reason="needs the extra `synthetic`", exc_type=ImportError)
    studio = Studio(head)
    actor, moment = studio.actor(4), Moment(np.zeros(len(ACTION_UNITS), np.float32))
    shots = {
        light: studio.render(actor, draw_condition(9, "aligned", 64, light), moment, time_s=0.4)
        for light in CONDITIONS
    }
    for light in ("harsh", "dark"):
        np.testing.assert_array_equal(shots[light].depth_mm, shots["even"].depth_mm)
        np.testing.assert_array_equal(shots[light].thermal_ck, shots["even"].thermal_ck)
        np.testing.assert_array_equal(shots[light].landmarks, shots["even"].landmarks)
    face = np.s_[16:48, 20:44]
    means = {light: shot.color[face].mean() for light, shot in shots.items()}
    assert means["dark"] < 0.45 * means["even"]
    assert np.abs(shots["harsh"].color.astype(int) - shots["even"].color).mean() > 5
    scene = draw_condition(9, "aligned", 64, "harsh")
    later = studio.render(actor, scene, moment, time_s=1.2)
    assert np.abs(later.color.astype(int) - shots["harsh"].color).mean() > 3
