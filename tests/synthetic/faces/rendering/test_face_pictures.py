"""Pictures against the geometry and the truth they were made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.faces.align import TEMPLATE
from mien.labels import ACTION_UNITS
from mien.synthetic.faces import Gaze, HeadModel, HeadPose, draw_identity
from mien.synthetic.faces.appearance.look import draw_look
from mien.synthetic.faces.behaviour.moment import Moment, Physiology
from mien.synthetic.faces.geometry.landmarks import NAMES
from mien.synthetic.faces.rendering.scene import Scene
from mien.synthetic.faces.rendering.shot import Shot
from mien.synthetic.faces.rendering.studio import Studio

NEUTRAL = np.zeros(len(ACTION_UNITS), np.float32)


@pytest.fixture(scope="session")
def studio(head: HeadModel) -> Studio:
    pytest.importorskip("embreex", reason="needs the extra `synthetic`", exc_type=ImportError)
    return Studio(head)


def showing(units: dict[int, float], **more: object) -> Moment:
    values = NEUTRAL.copy()
    for unit, intensity in units.items():
        values[ACTION_UNITS.index(unit)] = intensity
    return Moment(values, **more)  # type: ignore[arg-type]


def exact(scene: Scene) -> Scene:
    """The scene without errors of framing and exposure."""
    return replace(scene, jitter=np.zeros(4, np.float32), exposure_ev=0.0)


def picture(shot: Shot) -> np.ndarray:
    assert shot.color is not None
    return shot.color.astype(float)


def around(image: np.ndarray, point: np.ndarray, half: int) -> np.ndarray:
    x, y = point.round().astype(int)
    return image[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1]


def test_all_modalities_have_the_documented_types(studio: Studio) -> None:
    shot = studio.render(studio.actor(1), studio.scene(1, size_px=64), Moment(NEUTRAL))
    assert shot.color is not None and shot.color.shape == (64, 64, 3)
    assert shot.color.dtype == np.uint8
    assert shot.depth_mm is not None and shot.depth_mm.dtype == np.uint16
    assert shot.thermal_ck is not None and shot.thermal_ck.dtype == np.uint16
    assert shot.depth_mm.shape == shot.thermal_ck.shape == (64, 64)
    assert shot.landmarks.shape == (26, 2) and shot.five_landmarks.shape == (5, 2)


def test_the_same_seeds_give_the_same_bytes(studio: Studio, head: HeadModel) -> None:
    moment = showing({12: 0.7, 6: 0.5}, pose=HeadPose(8, -3, 2))
    one = studio.render(studio.actor(5), studio.scene(6), moment, seed=3)
    other = Studio(head)
    two = other.render(other.actor(5), other.scene(6), moment, seed=3)
    for name in ("color", "depth_mm", "thermal_ck", "landmarks", "box"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_another_noise_seed_changes_pixels_but_not_the_truth(studio: Studio) -> None:
    actor, scene = studio.actor(5), studio.scene(6)
    one = studio.render(actor, scene, Moment(NEUTRAL), seed=0)
    two = studio.render(actor, scene, Moment(NEUTRAL), seed=1)
    assert (picture(one) != picture(two)).any()
    np.testing.assert_array_equal(one.landmarks, two.landmarks)


def test_only_what_is_asked_for_is_made_and_it_is_the_same(studio: Studio) -> None:
    actor, scene = studio.actor(2), studio.scene(3)
    both = studio.render(actor, scene, Moment(NEUTRAL))
    alone = studio.render(actor, scene, Moment(NEUTRAL), modalities=("thermal",))
    assert alone.color is None and alone.depth_mm is None
    np.testing.assert_array_equal(alone.thermal_ck, both.thermal_ck)


def test_unknown_modality_is_refused(studio: Studio) -> None:
    with pytest.raises(ValueError, match="sonar"):
        studio.render(studio.actor(2), studio.scene(3), Moment(NEUTRAL), modalities=("sonar",))


@pytest.mark.parametrize("yaw_deg", [-25.0, 0.0, 25.0])
def test_depth_at_the_nose_tip_is_the_distance_of_the_vertex(
    studio: Studio, yaw_deg: float
) -> None:
    actor, scene = studio.actor(8), studio.scene(8, size_px=224, clean=True)
    moment = Moment(NEUTRAL, pose=HeadPose(yaw_deg), shift_mm=np.array([5, -4, 20], np.float32))
    shot = studio.render(actor, scene, moment, modalities=("depth",))
    assert shot.depth_mm is not None
    body = actor.pose(moment)
    k = NAMES.index("nose_tip")
    wanted = scene.distance_mm - body.landmarks[k, 2] - 20
    seen = around(shot.depth_mm.astype(float), shot.landmarks[k], 1)
    assert np.abs(np.median(seen) - wanted) < 2.5  # the tip is curved: 1 px is about 1 mm


def test_depth_does_not_depend_on_light_or_skin(studio: Studio, head: HeadModel) -> None:
    identity = draw_identity(head.basis, 9)
    look = draw_look(identity, 9)
    scene = studio.scene(9, clean=True)
    shots = [
        studio.render(studio.dressed(identity, replace(look, tone=tone)), scene, Moment(NEUTRAL))
        for tone in (0.1, 0.9)
    ]
    np.testing.assert_array_equal(shots[0].depth_mm, shots[1].depth_mm)
    np.testing.assert_array_equal(shots[0].landmarks, shots[1].landmarks)
    cheek = [around(picture(s), s.landmarks[NAMES.index("cheek_left")], 2).mean() for s in shots]
    assert cheek[0] > 1.3 * cheek[1]


def test_aligned_framing_puts_the_landmarks_on_the_template(studio: Studio) -> None:
    actor = studio.actor(4)
    scene = exact(studio.scene(4, framing="aligned"))
    shot = studio.render(actor, scene, Moment(NEUTRAL, pose=HeadPose(0, 0, 12)))
    assert np.abs(shot.five_landmarks - TEMPLATE).mean() < 4  # faces differ from the template
    eyes = shot.five_landmarks[1] - shot.five_landmarks[0]
    assert abs(np.degrees(np.arctan2(eyes[1], eyes[0]))) < 4  # the roll is taken out


def test_the_box_reaches_from_the_forehead_to_under_the_chin(studio: Studio) -> None:
    shot = studio.render(studio.actor(12), studio.scene(12), Moment(NEUTRAL), modalities=("depth",))
    brow = shot.landmarks[NAMES.index("brow_middle_left"), 1]
    between = np.linalg.norm(shot.five_landmarks[0] - shot.five_landmarks[1])
    assert 0.4 * between < brow - shot.box[1] < 1.0 * between
    chin = shot.landmarks[NAMES.index("chin"), 1]
    assert 0.1 * between < shot.box[1] + shot.box[3] - chin < 0.6 * between


def test_the_box_holds_the_five_landmarks(studio: Studio) -> None:
    for seed in range(6):
        shot = studio.render(
            studio.actor(seed), studio.scene(seed), Moment(NEUTRAL), modalities=("depth",)
        )
        low, high = shot.box[:2], shot.box[:2] + shot.box[2:]
        assert (shot.five_landmarks > low).all() and (shot.five_landmarks < high).all()


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_unit_is_seen_where_it_acts_and_not_in_the_backdrop(
    studio: Studio, unit: int
) -> None:
    actor = studio.actor(12)
    scene = exact(studio.scene(12, light="even", size_px=160, clean=True))
    rest = studio.render(actor, scene, Moment(NEUTRAL), modalities=("color",))
    act = studio.render(actor, scene, showing({unit: 1.0}), modalities=("color",))
    change = np.abs(picture(act) - picture(rest)).mean(axis=2)
    x, y, w, h = rest.box.round().astype(int)
    assert change[y : y + h, x : x + w].max() > 12
    assert change[:8, :8].max() == 0


def test_folds_alone_change_the_picture_of_the_nose_wrinkler(studio: Studio) -> None:
    actor = studio.actor(12)
    scene = exact(studio.scene(12, light="even", size_px=160, clean=True))
    act = studio.render(actor, scene, showing({9: 1.0}), modalities=("color",))
    smooth = studio.dressed(actor.identity, actor.look)
    object.__setattr__(smooth.paint, "fold_gain", 0.0)
    flat = studio.render(smooth, scene, showing({9: 1.0}), modalities=("color",))
    change = np.abs(picture(act) - picture(flat)).mean(axis=2)
    root = (act.five_landmarks[0] + act.five_landmarks[1]) / 2
    assert around(change, root, 8).max() > 5


def test_one_sided_units_act_on_their_side(studio: Studio) -> None:
    actor = studio.actor(12)
    scene = exact(studio.scene(12, light="even", size_px=160, clean=True))
    left_alone = np.zeros(len(ACTION_UNITS), np.float32)
    left_alone[ACTION_UNITS.index(12)] = 1
    rest = studio.render(actor, scene, Moment(NEUTRAL), modalities=("color",))
    act = studio.render(
        actor, scene, showing({12: 0.8}, asymmetry=left_alone), modalities=("color",)
    )
    change = np.abs(picture(act) - picture(rest)).mean(axis=2)
    right, left = (rest.landmarks[NAMES.index(f"mouth_{side}")] for side in ("right", "left"))
    assert around(change, left, 6).mean() > 4 * around(change, right, 6).mean()


def test_gaze_moves_the_iris(studio: Studio) -> None:
    """The dark of the iris lies to the side that the person looks to."""
    actor = studio.actor(12)
    scene = exact(studio.scene(12, light="even", size_px=224, clean=True))
    places = []
    for yaw_deg in (-20.0, 20.0):
        shot = studio.render(
            actor, scene, Moment(NEUTRAL, gaze=Gaze(yaw_deg)), modalities=("color",)
        )
        inner, outer = (shot.landmarks[NAMES.index(f"eye_{k}_left")] for k in ("inner", "outer"))
        y = round(float((inner[1] + outer[1]) / 2)) - 1
        row = picture(shot)[y, round(float(inner[0])) : round(float(outer[0])) + 1].mean(axis=1)
        dark = row.max() - row
        places.append((dark**3 @ np.arange(len(row))) / (dark**3).sum() / len(row))
    assert places[1] - places[0] > 0.1


def test_warmth_follows_physiology(studio: Studio) -> None:
    actor, scene = studio.actor(12), studio.scene(12, size_px=160, clean=True)

    def celsius(**state: float) -> Shot:
        return studio.render(
            actor, scene, Moment(NEUTRAL, physiology=Physiology(**state)), modalities=("thermal",)
        )

    def change(after: Shot, name: str) -> float:
        assert after.thermal_ck is not None and rest.thermal_ck is not None
        difference = (after.thermal_ck.astype(float) - rest.thermal_ck) / 100
        return float(around(difference, rest.landmarks[NAMES.index(name)], 2).mean())

    rest = celsius()
    cold = celsius(nose_tip_c=-1.0)
    assert -1.0 <= change(cold, "nose_tip") < -0.6
    assert abs(change(cold, "brow_outer_left")) < 0.02
    warm = celsius(periorbital_c=0.5)
    assert 0.2 < change(warm, "eye_inner_left") <= 0.5
    assert abs(change(warm, "chin")) < 0.02
    out, into = celsius(breath=1.0), celsius(breath=-1.0)
    assert change(out, "lip_upper_outer") > change(into, "lip_upper_outer")
    drift = celsius(drift_c=0.3)
    assert abs(change(drift, "chin") - 0.3) < 0.02


def test_skin_is_as_warm_as_skin(studio: Studio) -> None:
    for seed in range(5):
        actor = studio.actor(seed)
        shot = studio.render(actor, studio.scene(seed, clean=True), Moment(NEUTRAL))
        assert shot.thermal_ck is not None
        cheek = around(shot.thermal_ck / 100 - 273.15, shot.landmarks[NAMES.index("cheek_left")], 1)
        assert 29 < cheek.mean() < 36


def test_glass_is_opaque_to_the_thermal_camera(studio: Studio, head: HeadModel) -> None:
    identity = draw_identity(head.basis, 3)
    look = replace(draw_look(identity, 3), headwear="none", style="short")
    scene = studio.scene(3, size_px=160, clean=True)
    at_eye = []
    for glasses in ("none", "square"):
        actor = studio.dressed(identity, replace(look, glasses=glasses))
        shot = studio.render(actor, scene, Moment(NEUTRAL), modalities=("thermal",))
        assert shot.thermal_ck is not None
        at_eye.append(around(shot.thermal_ck / 100 - 273.15, shot.five_landmarks[1], 2).mean())
    assert at_eye[0] - at_eye[1] > 4


def test_changing_light_changes_over_time_and_steady_light_does_not(studio: Studio) -> None:
    scenes = [studio.scene(seed, light="harsh", clean=True) for seed in range(12)]
    changing = next(scene for scene in scenes if scene.kind == "changing")
    steady = next(scene for scene in scenes if scene.kind == "harsh")
    actor = studio.actor(2)
    for scene, same in ((changing, False), (steady, True)):
        one, two = (
            studio.render(actor, scene, Moment(NEUTRAL), modalities=("color",), time_s=t)
            for t in (0.0, 0.9)
        )
        assert np.array_equal(picture(one), picture(two)) is same


def test_dark_is_darker_than_even_light(studio: Studio) -> None:
    def brightness(light: str) -> float:
        faces = []
        for seed in range(4):
            scene = studio.scene(seed, light=light)
            shot = studio.render(studio.actor(seed), scene, Moment(NEUTRAL), modalities=("color",))
            faces.append(around(picture(shot), shot.five_landmarks[2], 12).mean())
        return float(np.mean(faces))

    assert brightness("dark") < 0.6 * brightness("even")


@pytest.mark.parametrize(("name", "value"), [("framing", "wide"), ("light", "disco")])
def test_unknown_scene_options_are_refused(studio: Studio, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value):
        studio.scene(0, **{name: value})


def test_absurd_size_is_refused(studio: Studio) -> None:
    with pytest.raises(ValueError, match="size_px is from 32 to 1024, not 5"):
        studio.scene(0, size_px=5)
