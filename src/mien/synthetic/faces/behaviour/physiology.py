"""What arousal does to the skin and the breath, as a thermal camera would see it.

Directions follow the literature; **every size and time constant here is an assumption of the
generator**, chosen within what such recordings show, and not a measurement.

- *The tip of the nose cools* when vessels in the skin constrict under stress or fear: Ioannou,
  Gallese & Merla, Psychophysiology 51 (2014), review this; Engert et al., PLoS ONE 9 (2014), see it
  under laboratory stress. Here: at full arousal -1.5 degrees, time constant 7 s, recovery 18 s.
- *The skin around the eyes warms* within seconds of a startle or under stress: Levine, Pavlidis &
  Cooper, Lancet 357 (2001); Pavlidis, Eberhardt & Levine, Nature 415 (2002). Here: +0.6 degrees,
  time constant 2.5 s, recovery 5 s.
- *The forehead* follows no finding: +0.1 degrees, time constant 15 s, the stable part of a face
  that others are compared with, yet not a constant.
- *Breath* warms and cools the nostrils in turn, which thermal cameras count breaths by: Murthy &
  Pavlidis, IEEE Engineering in Medicine and Biology Magazine 25 (2006); Fei & Pavlidis, IEEE
  Transactions on Biomedical Engineering 57 (2010). It quickens with excited emotion: Boiten, Frijda
  & Wientjes, Int. J. Psychophysiology 17 (1994). Here: 0.2-0.28 Hz at rest, up to 0.07 Hz faster
  and deeper in flow with arousal. A person's phase is the integral of the rate.
- *The scene drifts* by a tenth of a degree over minutes, as rooms and uncooled sensors do.

Only arousal above 0 counts. Unpleasantness adds a tenth of its size to it, because most of the
findings above are about stress.

Videos are short against these time constants, so the signals begin in equilibrium with the arousal
of a time before the video (``history``), not at zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.synthetic.faces.behaviour.moment import Physiology
from mien.synthetic.faces.behaviour.profiles import Float64Array, draw_sway
from mien.types import FloatArray

NOSE_TIP_C, NOSE_TIP_SLOWNESS_S = -1.5, (7.0, 18.0)
PERIORBITAL_C, PERIORBITAL_SLOWNESS_S = 0.6, (2.5, 5.0)
FOREHEAD_C, FOREHEAD_SLOWNESS_S = 0.1, (15.0, 15.0)
"""Change at full arousal, and time constants for rising and for falling arousal."""

RESTING_BREATH_HZ = (0.2, 0.28)
BREATH_QUICKENING_HZ = 0.07
DRIFT_C = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PhysiologySignals:
    """`Physiology` over time: float32 (T,) each, in the units given there."""

    nose_tip_c: FloatArray
    periorbital_c: FloatArray
    forehead_c: FloatArray
    drift_c: FloatArray
    breath: FloatArray

    def __len__(self) -> int:
        return len(self.breath)

    def moment(self, k: int) -> Physiology:
        """The signals of frame k."""
        return Physiology(
            float(self.nose_tip_c[k]),
            float(self.periorbital_c[k]),
            float(self.forehead_c[k]),
            float(self.drift_c[k]),
            float(self.breath[k]),
        )

    def at(self, source_s: Float64Array, time_s: Float64Array) -> PhysiologySignals:
        """The signals, known at the times `source_s`, in between at the times `time_s`."""
        names = ("nose_tip_c", "periorbital_c", "forehead_c", "drift_c", "breath")
        values = (np.interp(time_s, source_s, getattr(self, name)) for name in names)
        return PhysiologySignals(*(value.astype(np.float32) for value in values))


def drive(arousal: npt.ArrayLike, valence: npt.ArrayLike) -> Float64Array:
    """What the body responds to, 0 to 1: arousal above 0 and a little unpleasantness.

    >>> drive([-0.5, 0.5, 0.5], [0.8, 0.8, -0.8]).round(2).tolist()
    [0.0, 0.5, 0.58]
    """
    excited = np.maximum(np.asarray(arousal, np.float64), 0)
    unpleasant = np.maximum(-np.asarray(valence, np.float64), 0)
    level: Float64Array = np.clip(excited + 0.1 * unpleasant, 0, 1)
    return level


def lag(
    time_s: Float64Array, target: Float64Array, slowness_s: tuple[float, float], initial: float
) -> Float64Array:
    """First-order response to a drive that is held from each time to the next.

    Parameters
    ----------
    time_s
        (T,) ascending, in seconds, not necessarily even.
    target
        (T,) what the response strives for.
    slowness_s
        Time constants where the target is above and where it is below the response.
    initial
        Response at the first time.

    Returns
    -------
    float64 (T,).

    Examples
    --------
    >>> times = np.arange(0, 20, 0.5)
    >>> up = lag(times, np.ones(len(times)), (5.0, 10.0), 0.0)
    >>> round(float(up[times == 5.0][0]), 3)  # 1 - 1/e after one time constant
    0.632
    """
    steps = np.diff(time_s)
    rising, falling = (np.exp(-steps / slow).tolist() for slow in slowness_s)
    response = np.empty(len(target))
    state = float(initial)
    for k, goal in enumerate(target.tolist()):
        response[k] = state
        if k < len(steps):
            state = goal + (state - goal) * (rising[k] if goal > state else falling[k])
    return response


def physiology_signals(
    time_s: npt.ArrayLike,
    arousal: npt.ArrayLike,
    valence: npt.ArrayLike,
    rng: np.random.Generator,
    history: float | None = None,
) -> PhysiologySignals:
    """Signals of the body that belong to a course of valence and arousal.

    Parameters
    ----------
    time_s
        (T,) ascending, in seconds.
    arousal, valence
        (T,) in [-1, 1].
    rng
        Draws the person's breathing, reactivity (log-normal, deviation 0.25, the sizes above at
        most) and the drift.
    history
        Arousal, 0 to 1, with which the body is in equilibrium at first; None: half of the mean
        drive, and a little that is drawn.

    Returns
    -------
    `PhysiologySignals` of length T.

    Raises
    ------
    ValueError
        If the three do not have the same length, T is 0, or the times do not ascend.
    """
    times = np.asarray(time_s, np.float64)
    level = drive(arousal, valence)
    if times.ndim != 1 or level.shape != times.shape or not len(times):
        raise ValueError(f"times {times.shape} and drive {level.shape} have one length, above 0")
    if np.any(np.diff(times) <= 0):
        raise ValueError("times ascend")
    reactivity = float(min(1.0, 0.75 * np.exp(rng.normal(0, 0.25))))
    drawn = 0.5 * float(level.mean()) + 0.15 * float(rng.beta(1, 3))
    before = min(1.0, drawn) if history is None else float(history)
    nose = lag(times, level, NOSE_TIP_SLOWNESS_S, before)
    eyes = lag(times, level, PERIORBITAL_SLOWNESS_S, before)
    forehead = lag(times, level, FOREHEAD_SLOWNESS_S, before)

    excitement = lag(times, level, (3.0, 6.0), before)
    rate = rng.uniform(*RESTING_BREATH_HZ) + BREATH_QUICKENING_HZ * excitement  # (T,) Hz
    middle = (rate[1:] + rate[:-1]) / 2 * np.diff(times)
    turns = rng.random() + np.concatenate([[0.0], np.cumsum(middle)])
    depth = (0.55 + 0.1 * rng.random()) * (1 + 0.5 * excitement)
    breath = depth.clip(0, 1) * breath_flow(turns)
    drift = draw_sway(rng, [DRIFT_C], 0.003, 0.02)(times)[:, 0]
    signals = (
        NOSE_TIP_C * reactivity * nose,
        PERIORBITAL_C * reactivity * eyes,
        FOREHEAD_C * reactivity * forehead,
        drift,
        breath,
    )
    return PhysiologySignals(*(signal.astype(np.float32) for signal in signals))


def breath_flow(turns: npt.ArrayLike) -> Float64Array:
    """Flow over breaths, -1 (inhaling) to 1 (exhaling); a breath is one turn.

    Exhaling takes 0.6 of it, as at rest it takes longer than inhaling.

    >>> breath_flow([0.0, 0.2, 0.7, 1.0]).round(3).tolist()
    [0.0, -1.0, 1.0, 0.0]
    """
    phase = np.mod(np.asarray(turns, np.float64), 1.0)
    flow: Float64Array = np.where(
        phase < 0.4, -np.sin(np.pi * phase / 0.4), np.sin(np.pi * (phase - 0.4) / 0.6)
    )
    return flow + 0.0


def draw_physiology(rng: np.random.Generator, valence: float, arousal: float) -> Physiology:
    """Physiology of a still, where the past is unknown.

    The emotion has lasted anywhere from a moment to a minute, from a resting body; the breath is at
    any phase and the scene anywhere in its drift.
    """
    lasted = float(np.exp(rng.uniform(np.log(0.5), np.log(60.0))))
    times = np.array([0.0, lasted])
    both = np.ones(2)
    rest = 0.15 * float(rng.beta(1, 3))
    return physiology_signals(times, arousal * both, valence * both, rng, rest).moment(1)
