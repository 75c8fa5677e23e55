"""`draw_performance`: a face over time, with the truth of every frame.

What happens is drawn in continuous time (scenario, speech, eyes, head) and then sampled, so the
same seed gives the same movements at any frame rate. The order of things:

1. units = what emotions, habits and rest move, and what talking moves, with saturation; talking
   loosens pressed and tightened lips (24, 23);
2. incompatible units yield (`reconcile`);
3. expressions, valence and arousal are read from these units (`read_affect`);
4. the body follows arousal (`physiology_signals`), computed on steps of `BODY_STEP_S`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mien.labels import ACTION_UNITS
from mien.synthetic.faces.behaviour.affect import read_affect
from mien.synthetic.faces.behaviour.compatibility import reconcile
from mien.synthetic.faces.behaviour.eyes import draw_eyes
from mien.synthetic.faces.behaviour.head_motion import draw_head_motion
from mien.synthetic.faces.behaviour.moment import Moment
from mien.synthetic.faces.behaviour.physiology import PhysiologySignals, physiology_signals
from mien.synthetic.faces.behaviour.profiles import Float64Array, draw_sway
from mien.synthetic.faces.behaviour.scenario import Scenario, draw_scenario
from mien.synthetic.faces.behaviour.speech import Speech, draw_speech
from mien.synthetic.faces.geometry.controls import Blink, Gaze, HeadPose, Jaw
from mien.types import FloatArray, TimeArray

BODY_STEP_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """A face over T frames.

    Attributes
    ----------
    seed
        What it was drawn from.
    timestamps_s
        float64 (T,), from 0.
    action_units, asymmetry
        float32 (T, 17), in the order of `mien.labels.ACTION_UNITS`; see `Moment`.
    expressions
        float32 (T, 7), in the order of `mien.labels.EXPRESSIONS`; rows sum to 1.
    valence, arousal
        float32 (T,), -1 to 1.
    blink
        float32 (T, 2): left, right.
    gaze
        float32 (T, 3): yaw, pitch, vergence in degrees.
    jaw
        float32 (T, 2): sideways, forward.
    pose
        float32 (T, 3): yaw, pitch, roll in degrees.
    shift_mm
        float32 (T, 3): x, y, z.
    physiology
        Signals of length T.
    reactions
        float32 (7,), 0 to 1, in the order of `mien.labels.REACTIONS`: the video's rating
        (`Scenario.ratings`).
    """

    seed: int
    timestamps_s: TimeArray
    action_units: FloatArray
    asymmetry: FloatArray
    expressions: FloatArray
    valence: FloatArray
    arousal: FloatArray
    blink: FloatArray
    gaze: FloatArray
    jaw: FloatArray
    pose: FloatArray
    shift_mm: FloatArray
    physiology: PhysiologySignals
    reactions: FloatArray

    def __len__(self) -> int:
        return len(self.timestamps_s)

    def moment(self, k: int) -> Moment:
        """The truth of frame k.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        return Moment(
            self.action_units[k],
            self.asymmetry[k],
            self.expressions[k],
            float(self.valence[k]),
            float(self.arousal[k]),
            Blink(*self.blink[k].tolist()),
            Gaze(*self.gaze[k].tolist()),
            Jaw(*self.jaw[k].tolist()),
            HeadPose(*self.pose[k].tolist()),
            self.shift_mm[k],
            self.physiology.moment(k),
        )


def draw_performance(seed: int, duration_s: float, fps: float = 25.0) -> Performance:
    """Draw a face over time.

    Parameters
    ----------
    seed
        Non-negative; the same seed and duration give the same movements, whatever the `fps`, and
        with the same `fps` the same arrays bit for bit.
    duration_s
        Above 0.
    fps
        Frames per second, above 0. Frame k is at k / fps; there are round(duration_s x fps), at
        least one.

    Returns
    -------
    `Performance`; memory and time grow linearly with the number of frames.

    Raises
    ------
    ValueError
        If `seed` is negative, or duration or frame rate are not finite and above 0.

    Examples
    --------
    >>> video = draw_performance(seed=1, duration_s=4.0, fps=25.0)
    >>> len(video), video.action_units.shape, video.moment(99).pose == video.moment(-1).pose
    (100, (100, 17), True)
    """
    for name, value in (("duration_s", duration_s), ("fps", fps)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is finite and above 0, not {value!r}")
    if seed < 0:
        raise ValueError(f"seed is 0 or more, not {seed!r}")
    face, mouth, eye, head, body, chin = np.random.default_rng(seed).spawn(6)
    scenario = draw_scenario(face, duration_s)
    speech = draw_speech(mouth, duration_s)
    eyes = draw_eyes(eye, duration_s)
    motion = draw_head_motion(head, duration_s, scenario.movements)
    idle_jaw = draw_sway(chin, [0.02, 0.02], 0.2, 2.0)

    time_s: TimeArray = np.arange(max(1, round(duration_s * fps)), dtype=np.float64) / fps
    units = _units(scenario, speech, time_s)
    affect = read_affect(units)
    pose, shift = motion(time_s)
    jaw = idle_jaw(time_s) * (0.2 + speech.voice(time_s))[:, None]
    jaw[:, 1] = np.maximum(jaw[:, 1], 0)

    steps = np.arange(0, duration_s + BODY_STEP_S, BODY_STEP_S)
    _, valence, arousal = read_affect(_units(scenario, speech, steps))
    signals = physiology_signals(steps, arousal, valence, body)
    return Performance(
        seed,
        time_s,
        units,
        scenario.asymmetry(time_s).astype(np.float32),
        affect.expressions,
        affect.valence,
        affect.arousal,
        eyes.blink(time_s).astype(np.float32),
        eyes.gaze(time_s, pose).astype(np.float32),
        jaw.clip(-1, 1).astype(np.float32),
        pose.astype(np.float32),
        shift.astype(np.float32),
        signals.at(steps, time_s),
        scenario.ratings(duration_s),
    )


def _units(scenario: Scenario, speech: Speech, time_s: Float64Array) -> FloatArray:
    """Units that the face shows at ascending times (T,), float32 (T, 17)."""
    moved = scenario.units(time_s)
    loose = 1 - 0.95 * speech.loosening(time_s)
    for unit in (23, 24):
        moved[:, ACTION_UNITS.index(unit)] *= loose
    return reconcile(1 - (1 - moved) * (1 - speech.units(time_s))).astype(np.float32)
